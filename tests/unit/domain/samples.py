"""Evidence to judge, said in as few words as a test needs; every field may be said otherwise.

`judge` is `compare` with everything checked that holds for any verdict.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from freqtrade_recon_plugin.domain.compare import EXACT, compare
from freqtrade_recon_plugin.domain.document import (
    evidence_document,
    hash_document,
    verdict_document,
)
from freqtrade_recon_plugin.domain.model import (
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
    PartKind,
    Role,
    TradingMode,
    Verdict,
    VerdictKind,
    side_of,
)
from freqtrade_recon_plugin.domain.parsing import evidence_from, verdict_from
from freqtrade_recon_plugin.domain.policy import Policy

HERE = Path(__file__).parent
START = datetime(2026, 1, 5, 10, tzinfo=UTC)
LONG_AGO = -3600
#: Parts that are left alone and get no leg.
LEFT_ALONE = frozenset({PartKind.DUST, PartKind.EXTERNAL_HOLDING})


def schema(name: str) -> Draft202012Validator:
    """A validator of one of the two contracts."""
    return Draft202012Validator(json.loads((HERE / "schemas" / f"{name}.schema.json").read_text()))


EVIDENCE_CONTRACT = schema("evidence")
VERDICT_CONTRACT = schema("verdict")


def moment(seconds: float) -> datetime:
    """A time so many seconds after the first exchange read; the last one is at 5."""
    return START + timedelta(seconds=seconds)


def local_read(quantity: str, seconds: float = 1, **said: Any) -> LocalRead:
    """A read of the book, from a signed quantity."""
    number = Decimal(quantity)
    read = LocalRead(
        at=moment(seconds),
        side=side_of(number),
        amount=number.copy_abs(),
        open_rate=Decimal(50000) if number else None,
        last_activity_at=moment(LONG_AGO),
        known_order_ids=("1001",),
    )
    return replace(read, **said)


def exchange_read(quantity: str | None, seconds: float = 0, **said: Any) -> ExchangeRead:
    """A read of the exchange, from a signed quantity; None is a read that found nothing."""
    if quantity is None:
        return replace(ExchangeRead(moment(seconds), Grade.ABSENT), **said)
    number = Decimal(quantity)
    read = ExchangeRead(moment(seconds), Grade.EXPLICIT, side_of(number), number.copy_abs())
    return replace(read, **said)


def market(**said: Any) -> Market:
    """BTC in steps of 0.001 at 50000; a fill worth less than 5 is dust."""
    return replace(
        Market(
            base="BTC",
            quote="USDT",
            amount_step=Decimal("0.001"),
            min_amount=Decimal("0.001"),
            min_cost=Decimal(5),
            price=Decimal(50000),
        ),
        **said,
    )


def order(name: str, side: str, amount: str, filled: str | None = None, **said: Any) -> OrderReport:
    """A closed order, placed long ago and filled wholly unless said otherwise."""
    report = OrderReport(
        id=name,
        side=OrderSide(side),
        status=OrderStatus.CLOSED,
        amount=Decimal(amount),
        filled=Decimal(amount if filled is None else filled),
        average=Decimal(50000),
        at=moment(LONG_AGO),
    )
    return replace(report, **said)


def own(name: str, side: str, amount: str, filled: str | None = None, **said: Any) -> OrderReport:
    """An order of the bot's."""
    return order(name, side, amount, filled, **{"own": True, **said})


def stop(name: str, amount: str, **said: Any) -> OrderReport:
    """An open stop of the bot's that protects a long position."""
    kind = {"status": OrderStatus.OPEN, "stop": True, "reduce_only": True}
    side, filled = said.pop("side", "sell"), said.pop("filled", "0")
    return own(name, side, amount, filled, **{**kind, **said})


def fill(name: str, order_id: str, side: str, amount: str, **said: Any) -> FillReport:
    """A fill of long ago at 50000."""
    report = FillReport(
        id=name,
        order_id=order_id,
        side=OrderSide(side),
        amount=Decimal(amount),
        price=Decimal(50000),
        at=moment(LONG_AGO),
    )
    return replace(report, **said)


def evidence(local: str = "100", exchange: str | None = "100", **said: Any) -> Evidence:
    """Futures, two reads of each side that agree; `policy` and `context` may be mappings."""
    said = dict(said)
    policy = said.pop("policy", {})
    context = said.pop("context", {})
    if context and "now" not in context:
        context["now"] = None
    built = Evidence(
        bot_id="demo",
        account_id="main",
        exchange="binance",
        trading_mode=TradingMode(said.pop("mode", "futures")),
        symbol="BTC/USDT:USDT",
        market=said.pop("market", None) or market(),
        local_reads=(local_read(local, 1), local_read(local, 4)),
        exchange_reads=(exchange_read(exchange, 0), exchange_read(exchange, 5)),
        policy=Policy.from_mapping(policy),
        context=Context(**context),
    )
    return replace(built, **said)


def spot(local: str = "100", exchange: str | None = "100", **said: Any) -> Evidence:
    """The same on spot."""
    return evidence(local, exchange, mode="spot", **said)


def with_local(subject: Evidence, **said: Any) -> Evidence:
    """The evidence with every local read changed alike."""
    return replace(subject, local_reads=tuple(replace(r, **said) for r in subject.local_reads))


def with_exchange(subject: Evidence, **said: Any) -> Evidence:
    """The evidence with every exchange read changed alike."""
    reads = tuple(replace(read, **said) for read in subject.exchange_reads)
    return replace(subject, exchange_reads=reads)


def judge(subject: Evidence) -> Verdict:
    """The verdict, after checking all that holds for any verdict and for both documents."""
    document = json.loads(json.dumps(evidence_document(subject)))
    EVIDENCE_CONTRACT.validate(document)
    assert evidence_from(document) == subject
    verdict = compare(subject)
    answer = json.loads(json.dumps(verdict_document(verdict, hash_document(document))))
    VERDICT_CONTRACT.validate(answer)
    assert replace(verdict_from(answer), counts_against_budget=True) == replace(
        verdict, counts_against_budget=True
    )
    with localcontext(EXACT):
        _check(verdict)
    return verdict


def _check(verdict: Verdict) -> None:
    explained = sum((part.amount for part in verdict.explanation), ZERO)
    assert explained + verdict.unexplained == (verdict.divergence or ZERO)
    assert verdict.reason.endswith(".")
    if verdict.verdict is VerdictKind.NO_EVIDENCE:
        assert verdict.exchange is verdict.divergence is verdict.divergence_pct is None
        assert verdict.decision in {Decision.WAIT, Decision.HALT}
    if verdict.verdict is not VerdictKind.DIVERGENT:
        assert verdict.booking == ()
        assert verdict.decision is not Decision.AUTO_CORRECT
        return
    assert verdict.local is not None
    assert verdict.exchange is not None
    assert verdict.decision in {Decision.AUTO_CORRECT, Decision.HALT}
    position = verdict.local
    for leg in verdict.booking:
        _check_leg(leg, position)
        position += leg.signed_amount
    assert position == verdict.final_local
    kinds = [leg.kind is LegKind.SYNTHETIC for leg in verdict.booking]
    assert kinds == sorted(kinds), "a synthetic leg before a real one"
    if verdict.decision is Decision.AUTO_CORRECT:
        left = sum((p.amount for p in verdict.explanation if p.kind in LEFT_ALONE), ZERO)
        assert position == verdict.exchange - left


def _check_leg(leg: Leg, position: Decimal) -> None:
    after = position + leg.signed_amount
    assert leg.amount > 0
    assert position * after >= 0, "a leg crosses zero"
    expected = {
        Role.OPEN: not position,
        Role.INCREASE: bool(position) and abs(after) > abs(position),
        Role.DECREASE: bool(after) and abs(after) < abs(position),
        Role.CLOSE: bool(position) and not after,
    }
    assert expected[leg.role], f"{leg.role} from {position} to {after}"


def numbers(verdict: Verdict) -> list[tuple[str, str, str]]:
    """The parts of a verdict in short: kind, amount, order."""
    return [(str(p.kind), str(p.amount), p.order_id or "") for p in verdict.explanation]


def legs(verdict: Verdict) -> list[tuple[str, str, str, str, str | None]]:
    """The legs of a verdict in short: side, amount, role, kind, price."""
    return [
        (
            leg.side,
            str(leg.amount),
            leg.role,
            leg.kind,
            None if leg.price is None else f"{leg.price:f}",
        )
        for leg in verdict.booking
    ]
