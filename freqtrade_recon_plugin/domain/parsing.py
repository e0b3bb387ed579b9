"""Reads evidence and verdict documents into value classes, strictly.

A document that is not what its schema promises is refused with the name of the field; nothing is
guessed, and no field is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from freqtrade_recon_plugin.domain.document import EVIDENCE_SCHEMA, VERDICT_SCHEMA
from freqtrade_recon_plugin.domain.errors import EvidenceError, SettingsError
from freqtrade_recon_plugin.domain.model import (
    ONE,
    ZERO,
    Context,
    Decision,
    Evidence,
    ExchangeRead,
    FillReport,
    Grade,
    Leg,
    LegKind,
    LocalRead,
    Market,
    OrderReport,
    OrderSide,
    OrderStatus,
    Part,
    PartKind,
    PositionSide,
    Role,
    Severity,
    TradingMode,
    Verdict,
    VerdictKind,
)
from freqtrade_recon_plugin.domain.policy import Policy

_UNSIGNED = re.compile(r"[0-9]+(\.[0-9]+)?")
_SIGNED = re.compile(r"-?[0-9]+(\.[0-9]+)?")
#: Longer numbers than this are no quantity of anything, and would not stay exact.
_MAX_DIGITS = 60
#: Times outside these are nobody's, and would not bear a subtraction.
_YEARS = range(1970, 9999)
_REQUIRED: Any = object()
_T = TypeVar("_T")
_W = TypeVar("_W", bound=StrEnum)


class _Fields:
    """One JSON object being read; each field is taken once, and what is left is unknown."""

    __slots__ = ("_left", "_path")

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise EvidenceError(f"{path or 'evidence'}: must be an object")
        self._left = dict(value)
        self._path = path

    def name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        value = self._left.pop(key, default)
        if value is _REQUIRED:
            raise EvidenceError(f"{self.name(key)}: is required")
        return value

    def has(self, key: str) -> bool:
        return key in self._left

    def _dropped_null(self, key: str) -> bool:
        if self._left.get(key) is not None:
            return False
        self._left.pop(key, None)
        return True

    def refuse_rest(self) -> None:
        if self._left:
            raise EvidenceError(f"{self.name(min(self._left))}: unknown field")

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        return _text(self.take(key, default), self.name(key))

    def text_or_none(self, key: str) -> str | None:
        return None if self._dropped_null(key) else self.text(key)

    def word(self, key: str, kind: type[_W], default: Any = _REQUIRED) -> _W:
        value = self.take(key, default)
        try:
            return kind(value)
        except ValueError:
            raise EvidenceError(f"{self.name(key)}: must be one of {', '.join(kind)}") from None

    def switch(self, key: str) -> bool:
        value = self.take(key, False)
        if not isinstance(value, bool):
            raise EvidenceError(f"{self.name(key)}: must be true or false")
        return value

    def decimal(
        self, key: str, default: Any = _REQUIRED, pattern: re.Pattern[str] = _UNSIGNED
    ) -> Decimal:
        value = self.take(key, default)
        if value is default and isinstance(default, Decimal):
            return default
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise EvidenceError(f'{self.name(key)}: must be a decimal as text, such as "1.5"')
        if len(value) > _MAX_DIGITS:
            raise EvidenceError(f"{self.name(key)}: has more than {_MAX_DIGITS} digits")
        return Decimal(value)

    def decimal_or_none(self, key: str) -> Decimal | None:
        return None if self._dropped_null(key) else self.decimal(key)

    def signed_or_none(self, key: str) -> Decimal | None:
        return None if self._dropped_null(key) else self.decimal(key, pattern=_SIGNED)

    def time(self, key: str) -> datetime:
        value = self.text(key)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise EvidenceError(f"{self.name(key)}: must be an ISO 8601 time in UTC") from None
        if moment.tzinfo is None or moment.year not in _YEARS:
            raise EvidenceError(f"{self.name(key)}: must be an ISO 8601 time in UTC")
        return moment.astimezone(UTC)

    def time_or_none(self, key: str) -> datetime | None:
        return None if self._dropped_null(key) else self.time(key)

    def items(self, key: str, default: Any, read: Callable[[Any, str], _T]) -> tuple[_T, ...]:
        value = self.take(key, default)
        if not isinstance(value, (list, tuple)):
            raise EvidenceError(f"{self.name(key)}: must be a list")
        return tuple(read(item, f"{self.name(key)}[{at}]") for at, item in enumerate(value))


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise EvidenceError(f"{path}: must be text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise EvidenceError(f"{path}: must be text that UTF-8 can hold") from None
    return value


def _market(value: Any, path: str) -> Market:
    take = _Fields(value, path)
    market = Market(
        base=take.text("base"),
        quote=take.text("quote"),
        contract_size=take.decimal("contract_size", ONE),
        amount_step=take.decimal_or_none("amount_step"),
        min_amount=take.decimal_or_none("min_amount"),
        min_cost=take.decimal_or_none("min_cost"),
        price=take.decimal_or_none("price"),
    )
    take.refuse_rest()
    return market


def _local_read(value: Any, path: str) -> LocalRead:
    take = _Fields(value, path)
    stop_expected = take.take("stop_expected", None)
    if stop_expected is not None and not isinstance(stop_expected, bool):
        raise EvidenceError(f"{path}.stop_expected: must be true, false or null")
    read = LocalRead(
        at=take.time("at"),
        side=take.word("side", PositionSide),
        amount=take.decimal("amount"),
        open_rate=take.decimal_or_none("open_rate"),
        open_entry_filled=take.decimal("open_entry_filled", ZERO),
        open_exit_filled=take.decimal("open_exit_filled", ZERO),
        last_activity_at=take.time_or_none("last_activity_at"),
        known_order_ids=take.items("known_order_ids", (), _text),
        stop_expected=stop_expected,
    )
    take.refuse_rest()
    if read.side is PositionSide.FLAT and read.amount + read.open_entry_filled:
        raise EvidenceError(f"{path}.side: is flat beside an amount that is not zero")
    return read


def _exchange_read(value: Any, path: str) -> ExchangeRead:
    take = _Fields(value, path)
    read = ExchangeRead(
        at=take.time("at"),
        grade=take.word("grade", Grade),
        side=take.word("side", PositionSide, PositionSide.FLAT),
        amount=take.decimal("amount", ZERO),
        entry_price=take.decimal_or_none("entry_price"),
    )
    take.refuse_rest()
    if read.amount and read.grade is Grade.ABSENT_CONFIRMED:
        raise EvidenceError(f"{path}.grade: is absent_confirmed beside an amount that is not zero")
    if read.amount and read.grade is Grade.EXPLICIT and read.side is PositionSide.FLAT:
        raise EvidenceError(f"{path}.side: is flat beside an amount that is not zero")
    return read


def _order(value: Any, path: str) -> OrderReport:
    take = _Fields(value, path)
    order = OrderReport(
        id=take.text("id"),
        side=take.word("side", OrderSide),
        status=take.word("status", OrderStatus),
        amount=take.decimal("amount"),
        filled=take.decimal("filled"),
        average=take.decimal_or_none("average"),
        stop=take.switch("stop"),
        reduce_only=take.switch("reduce_only"),
        own=take.switch("own"),
        booked_filled=take.decimal("booked_filled", ZERO),
        at=take.time_or_none("at"),
        parent_id=take.text_or_none("parent_id"),
        close_position=take.switch("close_position"),
    )
    take.refuse_rest()
    return order


def _fill(value: Any, path: str) -> FillReport:
    take = _Fields(value, path)
    fill = FillReport(
        id=take.text("id"),
        order_id=take.text("order_id"),
        side=take.word("side", OrderSide),
        amount=take.decimal("amount"),
        price=take.decimal("price"),
        fee_currency=take.text_or_none("fee_currency"),
        fee_cost=take.decimal_or_none("fee_cost"),
        liquidation=take.switch("liquidation"),
        booked=take.switch("booked"),
        at=take.time_or_none("at"),
        fee_booked=take.switch("fee_booked"),
    )
    take.refuse_rest()
    return fill


def _context(value: Any, path: str) -> Context:
    take = _Fields(value, path)
    count = take.take("auto_corrections_last_hour", 0)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise EvidenceError(f"{path}.auto_corrections_last_hour: must be a whole number")
    context = Context(
        auto_corrections_last_hour=count,
        auto_corrected_pct_last_day=take.decimal("auto_corrected_pct_last_day", ZERO),
        in_flight_since=take.time_or_none("in_flight_since"),
        no_evidence_since=take.time_or_none("no_evidence_since"),
        other_bots=take.decimal("other_bots", ZERO, _SIGNED),
        now=take.time_or_none("now"),
    )
    take.refuse_rest()
    return context


def evidence_from(document: Any) -> Evidence:
    """Reads one evidence document.

    :raises EvidenceError: a field is missing, unknown or of the wrong kind; names the field.
    """
    take = _Fields(document, "")
    schema = take.text("schema")
    if schema != EVIDENCE_SCHEMA:
        raise EvidenceError(f"schema: must be {EVIDENCE_SCHEMA}, not {schema}")
    try:
        policy = Policy.from_mapping(take.take("policy", {}))
    except SettingsError as error:
        raise EvidenceError(str(error)) from None
    evidence = Evidence(
        bot_id=take.text("bot_id"),
        account_id=take.text("account_id"),
        exchange=take.text("exchange"),
        trading_mode=take.word("trading_mode", TradingMode),
        symbol=take.text("symbol"),
        market=_market(take.take("market"), "market"),
        local_reads=take.items("local_reads", _REQUIRED, _local_read),
        exchange_reads=take.items("exchange_reads", _REQUIRED, _exchange_read),
        policy=policy,
        context=_context(take.take("context", {}), "context"),
        orders=take.items("orders", (), _order) if take.has("orders") else None,
        fills=take.items("fills", (), _fill),
        external_holding=take.decimal("external_holding", ZERO),
        fee_drains=take.decimal("fee_drains", ZERO),
    )
    take.refuse_rest()
    if not evidence.local_reads:
        raise EvidenceError("local_reads: must hold at least one read")
    return evidence


def _part(value: Any, path: str) -> Part:
    take = _Fields(value, path)
    part = Part(
        kind=take.word("kind", PartKind),
        amount=take.decimal("amount", pattern=_SIGNED),
        order_id=take.text_or_none("order_id"),
        note=take.text_or_none("note"),
    )
    take.refuse_rest()
    return part


def leg_from(value: Any, path: str = "leg") -> Leg:
    """Reads one leg of a booking.

    :raises EvidenceError: names the field.
    """
    take = _Fields(value, path)
    leg = Leg(
        side=take.word("side", OrderSide),
        amount=take.decimal("amount"),
        role=take.word("role", Role),
        kind=take.word("kind", LegKind),
        price=take.decimal_or_none("price"),
        order_id=take.text_or_none("order_id"),
    )
    take.refuse_rest()
    return leg


def verdict_from(document: Any) -> Verdict:
    """Reads one verdict document.

    :raises EvidenceError: a field is missing, unknown or of the wrong kind; names the field.
    """
    take = _Fields(document, "")
    schema = take.text("schema")
    if schema != VERDICT_SCHEMA:
        raise EvidenceError(f"schema: must be {VERDICT_SCHEMA}, not {schema}")
    verdict = Verdict(
        verdict=take.word("verdict", VerdictKind),
        severity=take.word("severity", Severity),
        decision=take.word("decision", Decision),
        reason=take.text("reason"),
        local=take.signed_or_none("local"),
        exchange=take.signed_or_none("exchange"),
        divergence=take.signed_or_none("divergence"),
        divergence_pct=take.decimal_or_none("divergence_pct"),
        explanation=take.items("explanation", _REQUIRED, _part),
        unexplained=take.decimal("unexplained", pattern=_SIGNED),
        booking=take.items("booking", _REQUIRED, leg_from),
        final_local=take.signed_or_none("final_local"),
    )
    take.text("evidence_hash")
    take.refuse_rest()
    return verdict
