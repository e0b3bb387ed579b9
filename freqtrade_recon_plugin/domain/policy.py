"""The policy: every number and switch that a decision depends on, with its default.

One policy belongs to one bot. The bot's settings, the store and recorded evidence all carry it by
the same names and read it through `Policy.from_mapping`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from freqtrade_recon_plugin.domain.errors import SettingsError

#: Powers of ten beyond which a number is a slip of the pen.
_MAX_MAGNITUDE = 30
_MAX_SECONDS = Decimal(100 * 365 * 86_400)


class HaltExits(StrEnum):
    """Which exits an open breaker holds back; protective ones always pass."""

    DISCRETIONARY = "discretionary"
    NONE = "none"
    ALL = "all"


class Mode(StrEnum):
    """`enforce` acts on decisions; `shadow` records and measures them and changes nothing."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite():
        raise ValueError("must be a finite number")
    if abs(number.adjusted()) > _MAX_MAGNITUDE:
        raise ValueError("is out of range")
    return number


def _amount(value: Any) -> Decimal:
    number = _decimal(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _percent(value: Any) -> Decimal:
    number = _amount(value)
    if number > 100:
        raise ValueError("must be a percentage between 0 and 100")
    return number


def _seconds(value: Any) -> Decimal:
    number = _amount(value)
    if number > _MAX_SECONDS:
        raise ValueError("must be at most 100 years")
    return number


def _amount_or_none(value: Any) -> Decimal | None:
    return None if value is None else _amount(value)


def _count(value: Any) -> int:
    number = _amount(value)
    if number != number.to_integral_value():
        raise ValueError("must be a whole number")
    return int(number)


def _reads(value: Any) -> int:
    number = _count(value)
    if number < 2:
        raise ValueError("must be at least 2: one read alone confirms nothing")
    return number


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must hold names")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be text that UTF-8 can hold") from None
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError("must be a list of names")
    return tuple(_name(name) for name in value)


def _amounts(value: Any) -> Mapping[str, Decimal]:
    if not isinstance(value, Mapping):
        raise ValueError("must map symbols to amounts")
    amounts = {}
    for symbol, amount in value.items():
        try:
            amounts[_name(symbol)] = _amount(amount)
        except ValueError as error:
            raise ValueError(f"[{symbol}] {error}") from None
    return amounts


def _word(kind: type[StrEnum]) -> Callable[[Any], StrEnum]:
    def read(value: Any) -> StrEnum:
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"must be one of {', '.join(kind)}") from None

    return read


def _setting(default: Any, read: Callable[[Any], Any]) -> Any:
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"read": read})
    return field(default=default, metadata={"read": read})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy of one bot. Seconds end in `_s`, percentages in `_pct`.

    :param auto_correct_below_pct: percent of the exchange's position; a divergence below it is
        small, one at or above it large.
    :param amount_tolerance_steps: quantity steps of the market; a difference of fewer is tolerated.
    :param dust_notional: quote coin; a surplus worth less is dust. None: the market's `min_cost`.
    :param confirm_reads: how many exchange reads must agree before anything is stated.
    :param confirm_delay_s: seconds between the first and last of them for a large divergence.
    :param settle_s: seconds without activity of the bot before a difference is believed.
    :param in_flight_grace_s: seconds that the bot has to book its own fill itself.
    :param snapshot_max_age_s: seconds after which a read is stale.
    :param no_evidence_alert_after_s: seconds without usable evidence before an alert.
    :param no_evidence_halt_after_s: seconds without usable evidence before the symbol halts.
    :param max_auto_corrections_per_hour: corrections without a person, per bot and symbol.
    :param max_auto_corrected_pct_per_day: sum of their percentages in 24 hours.
    :param book_own_fills: correct a large divergence without a person when the bot's own real
        fills explain it wholly and it does not grow the position.
    :param exclusive_account: spot: every coin on the account is the bot's.
    :param halt_exits: which exits an open breaker holds back.
    :param max_position: base coin per symbol; the exchange's position may not grow past it.
    :param dead_man_s: seconds without a successful outside reconciliation before new exposure is
        refused, once there has been one.
    :param auto_resume: close a breaker by itself when both sides agree again.
    :param mode: `enforce` or `shadow`.
    :param approvers: names that may approve; empty means any identified person.
    :param require_two_approvers: a large correction needs two different people.
    :param approval_ttl_s: seconds until a pending approval expires.
    """

    auto_correct_below_pct: Decimal = _setting(Decimal(5), _percent)
    amount_tolerance_steps: Decimal = _setting(Decimal(1), _amount)
    dust_notional: Decimal | None = _setting(None, _amount_or_none)
    confirm_reads: int = _setting(2, _reads)
    confirm_delay_s: Decimal = _setting(Decimal(2), _seconds)
    settle_s: Decimal = _setting(Decimal(5), _seconds)
    in_flight_grace_s: Decimal = _setting(Decimal(60), _seconds)
    snapshot_max_age_s: Decimal = _setting(Decimal(30), _seconds)
    no_evidence_alert_after_s: Decimal = _setting(Decimal(180), _seconds)
    no_evidence_halt_after_s: Decimal = _setting(Decimal(900), _seconds)
    max_auto_corrections_per_hour: int = _setting(10, _count)
    max_auto_corrected_pct_per_day: Decimal = _setting(Decimal(10), _amount)
    book_own_fills: bool = _setting(False, _switch)
    exclusive_account: bool = _setting(False, _switch)
    halt_exits: HaltExits = _setting(HaltExits.DISCRETIONARY, _word(HaltExits))
    max_position: Mapping[str, Decimal] = _setting({}, _amounts)
    dead_man_s: Decimal = _setting(Decimal(900), _seconds)
    auto_resume: bool = _setting(False, _switch)
    mode: Mode = _setting(Mode.ENFORCE, _word(Mode))
    approvers: tuple[str, ...] = _setting((), _names)
    require_two_approvers: bool = _setting(False, _switch)
    approval_ttl_s: Decimal = _setting(Decimal(86400), _seconds)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str = "policy") -> Policy:
        """Reads overrides of the defaults, by their names.

        :param values: numbers as text, whole numbers or what a JSON reader made of them.
        :param where: how error messages name the section.
        :raises SettingsError: unknown key, wrong type or out of range; names the key.
        """
        if not isinstance(values, Mapping):
            raise SettingsError(f"{where}: must be an object")
        known = {setting.name: setting for setting in fields(cls)}
        read = {}
        for key, value in values.items():
            if key not in known:
                raise SettingsError(f"{where}.{key}: unknown setting")
            try:
                read[key] = known[key].metadata["read"](value)
            except ValueError as error:
                raise SettingsError(f"{where}.{key}: {error} (got {value!r})") from None
        return cls(**read)

    def to_mapping(self) -> dict[str, Any]:
        """The settings that differ from the defaults, ready for JSON; decimals as text."""
        return {
            name: _plain(value)
            for name, default in _DEFAULTS.items()
            if (value := getattr(self, name)) != default
        }


_DEFAULTS = {setting.name: getattr(Policy(), setting.name) for setting in fields(Policy)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
