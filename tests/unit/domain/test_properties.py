"""What holds for any evidence: sums, a second comparison, mirrors, scales, shuffled reports.

A world is what really happened on the exchange and what the bot has booked of it; evidence is made
from the world, so that the right answer is known.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from freqtrade_recon_plugin.domain.document import evidence_document, hash_document
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Context,
    Decision,
    Evidence,
    ExchangeRead,
    FillReport,
    Grade,
    LegKind,
    LocalRead,
    OrderReport,
    OrderSide,
    OrderStatus,
    PartKind,
    PositionSide,
    TradingMode,
    Verdict,
    VerdictKind,
    side_of,
)
from freqtrade_recon_plugin.domain.policy import Policy
from tests.unit.domain.samples import LEFT_ALONE, evidence, judge, local_read, market, moment

FAST = settings(max_examples=120, deadline=None, derandomize=True, database=None)
D = Decimal

quantities = st.integers(0, 3_000).map(lambda thousandths: D(thousandths) / 1000)
signed_quantities = st.integers(-3_000, 3_000).map(lambda thousandths: D(thousandths) / 1000)
prices = st.integers(1, 90_000).map(D)
ages = st.sampled_from([2, 30, 59, 61, 4000])
statuses = st.sampled_from(list(OrderStatus))


@dataclass(frozen=True)
class Deal:
    """One order of a world with its fills, and how much of it the bot has booked."""

    order: OrderReport
    fills: tuple[FillReport, ...]


@st.composite
def deals(draw: st.DrawFn, number: int, spot: bool) -> Deal:
    name, side = f"o{number}", draw(st.sampled_from(OrderSide))
    own = draw(st.booleans())
    sizes = draw(st.lists(quantities.filter(bool), max_size=3))
    filled = sum(sizes, ZERO)
    at = moment(5 - draw(ages))
    booked = draw(st.sampled_from([ZERO, filled])) if draw(st.booleans()) else draw(quantities)
    fee = draw(st.sampled_from([None, D("0.001"), D("0.01")])) if spot else None
    fills = tuple(
        FillReport(
            id=f"t{number}{n}",
            order_id=name,
            side=side,
            amount=size,
            price=draw(prices),
            fee_currency="BTC" if fee else None,
            fee_cost=fee,
            fee_booked=draw(st.booleans()),
            liquidation=draw(st.integers(0, 9)) == 0,
            at=draw(st.sampled_from([at, None])),
        )
        for n, size in enumerate(sizes)
    )
    report = OrderReport(
        id=name,
        side=side,
        status=draw(statuses),
        amount=filled + draw(quantities),
        filled=draw(st.sampled_from([filled, filled, ZERO])) if sizes else draw(quantities),
        average=draw(st.none() | prices),
        own=own,
        booked_filled=booked if own else ZERO,
        at=draw(st.sampled_from([at, None])),
    )
    return Deal(report, fills if draw(st.integers(0, 4)) else ())


@st.composite
def worlds(draw: st.DrawFn, mode: str | None = None) -> Evidence:
    """Evidence with orders and fills that explain all, some or nothing of a difference."""
    spot = (mode or draw(st.sampled_from(["spot", "futures"]))) == "spot"
    happened = [draw(deals(number, spot)) for number in range(draw(st.integers(0, 4)))]
    local = draw(quantities if spot else signed_quantities)
    drift = draw(st.sampled_from([ZERO, D("0.0004"), D("-0.0004")]) | signed_quantities)
    exchange = local + drift
    for deal in draw(st.sampled_from([happened, [], happened[:1]])):
        sign = 1 if deal.order.side is OrderSide.BUY else -1
        exchange += sign * (deal.order.filled - deal.order.booked_filled)
    exchange = max(exchange, ZERO) if spot else exchange
    switches = {
        "exclusive_account": draw(st.booleans()),
        "book_own_fills": draw(st.booleans()),
        "dust_notional": draw(st.sampled_from([None, "0", "10", "200"])),
        "auto_correct_below_pct": draw(st.sampled_from(["5", "50", "100"])),
        "max_auto_corrected_pct_per_day": "1000",
    }
    entry = draw(st.none() | prices)
    other = ZERO if spot else draw(st.sampled_from([ZERO, ZERO, D(1), D(-1)]))
    held = exchange + other
    return evidence(
        mode="spot" if spot else "futures",
        local_reads=tuple(
            local_read(str(local), at, open_rate=draw(st.none() | prices)) for at in (1, 4)
        ),
        exchange_reads=tuple(
            ExchangeRead(moment(at), Grade.EXPLICIT, side_of(held), abs(held), entry)
            for at in (0, 5)
        ),
        orders=tuple(deal.order for deal in happened),
        fills=tuple(part for deal in happened for part in deal.fills),
        policy=switches,
        context={"other_bots": other},
        market=market(
            amount_step=draw(st.sampled_from([None, D("0.001")])),
            price=draw(st.none() | prices),
        ),
        fee_drains=draw(st.sampled_from([ZERO, ZERO, D("0.02")])) if spot else ZERO,
    )


def left_alone(verdict: Verdict) -> Decimal:
    return sum((part.amount for part in verdict.explanation if part.kind in LEFT_ALONE), ZERO)


def overdrawn(verdict: Verdict) -> bool:
    return "more is gone" in verdict.reason


# --- sums ---------------------------------------------------------------------------------------


@FAST
@given(worlds())
def test_parts_and_the_unexplained_add_up_and_legs_take_the_book_to_the_exchange(
    subject: Evidence,
) -> None:
    verdict = judge(subject)  # which checks the sums of any verdict
    if verdict.verdict is VerdictKind.DIVERGENT:
        assert verdict.final_local is not None
        assert verdict.exchange is not None
        if subject.trading_mode is TradingMode.SPOT:
            assert verdict.final_local >= 0
        assert verdict.final_local == verdict.exchange - left_alone(verdict)


@FAST
@given(worlds())
def test_a_large_divergence_is_corrected_only_by_real_fills_and_only_where_the_policy_says(
    subject: Evidence,
) -> None:
    verdict = judge(subject)
    if verdict.severity == "large" and verdict.decision is Decision.AUTO_CORRECT:
        assert subject.policy.book_own_fills
        assert {leg.kind for leg in verdict.booking} <= {LegKind.REAL, LegKind.FEE}
        assert {part.kind for part in verdict.explanation} <= {
            PartKind.MISSED_FILL,
            PartKind.PARTIAL_FILL,
            PartKind.FEE,
        }
        assert abs(verdict.final_local or ZERO) <= abs(verdict.local or ZERO)


# --- a second comparison ------------------------------------------------------------------------


def booked(subject: Evidence, verdict: Verdict) -> Evidence:
    """The evidence of the next cycle, once all legs are in the bot's book."""
    change: dict[str | None, Decimal] = defaultdict(Decimal)
    paid: set[str | None] = set()
    for leg in verdict.booking:
        if leg.kind is LegKind.REAL:
            change[leg.order_id] += leg.signed_amount
        if leg.kind is LegKind.FEE:
            paid.add(leg.order_id)
    orders = tuple(
        replace(
            report,
            booked_filled=report.booked_filled
            + change[report.id] * (1 if report.side is OrderSide.BUY else -1),
        )
        for report in subject.orders or ()
    )
    return replace(
        subject,
        local_reads=tuple(
            replace(read, side=side_of(final), amount=abs(final))
            for read in subject.local_reads
            for final in [verdict.final_local or ZERO]
        ),
        orders=orders,
        fills=tuple(
            replace(part, fee_booked=part.fee_booked or part.order_id in paid)
            for part in subject.fills
        ),
    )


@FAST
@given(worlds())
def test_a_second_comparison_after_the_booking_finds_nothing_to_correct(subject: Evidence) -> None:
    verdict = judge(subject)
    assume(verdict.verdict is VerdictKind.DIVERGENT and not overdrawn(verdict))
    again = judge(booked(subject, verdict))
    if again.verdict is VerdictKind.IN_FLIGHT:
        # A surplus on spot that an order of unknown status may turn out to have bought.
        assert {part.note for part in again.explanation} == {"a spot surplus that is not the bot's"}
        return
    assert again.verdict in {
        VerdictKind.IN_SYNC,
        VerdictKind.WITHIN_TOLERANCE,
        VerdictKind.EXTERNAL,
    }
    assert again.decision is Decision.NONE


# --- shuffled, doubled, dropped -----------------------------------------------------------------


@FAST
@given(worlds(), st.integers())
def test_shuffled_and_doubled_reports_change_nothing(subject: Evidence, seed: int) -> None:
    random = Random(seed)
    orders, fills = list(subject.orders or ()), list(subject.fills)
    orders += random.sample(orders, random.randint(0, len(orders)))
    fills += random.sample(fills, random.randint(0, len(fills)))
    random.shuffle(orders)
    random.shuffle(fills)
    mixed = replace(subject, orders=tuple(orders), fills=tuple(fills))
    assert judge(mixed) == judge(subject)


def unbooked_of(subject: Evidence) -> dict[str, Decimal]:
    """How much of each order was filled at most and is not booked, or is booked too much."""
    of_fills: dict[str, Decimal] = defaultdict(Decimal)
    for part in subject.fills:
        of_fills[part.order_id] += part.amount
    return {
        report.id: max(
            max(report.filled, of_fills[report.id]) - report.booked_filled, report.booked_filled
        )
        for report in subject.orders or ()
    }


@FAST
@given(worlds(), st.data())
def test_dropped_reports_never_book_a_fill_twice(subject: Evidence, data: st.DataObject) -> None:
    names = sorted(report.id for report in subject.orders or () if report.own)
    kept_orders = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set()))
    dropped = set(names) - kept_orders
    fewer = replace(
        subject,
        orders=tuple(report for report in subject.orders or () if report.id not in dropped),
        fills=tuple(part for part in subject.fills if data.draw(st.booleans())),
        # The bot knows its orders also where the exchange does not report them.
        local_reads=tuple(
            replace(read, known_order_ids=tuple(names)) for read in subject.local_reads
        ),
    )
    verdict = judge(fewer)
    limits = unbooked_of(subject)
    real: dict[str | None, Decimal] = defaultdict(Decimal)
    for leg in verdict.booking:
        if leg.kind is LegKind.REAL:
            real[leg.order_id] += leg.amount
    assert not real.keys() & dropped
    assert all(amount <= limits[name or ""] for name, amount in real.items())


@st.composite
def blinded(draw: st.DrawFn) -> Evidence:
    """A world whose reads state nothing."""
    subject = draw(worlds())
    assume(any(read.quantity for read in subject.local_reads))
    grades = draw(st.sampled_from([["failed"] * 2, ["absent"] * 2, ["malformed", "explicit"]]))
    reads = zip(subject.exchange_reads, grades, strict=True)
    return replace(
        subject, exchange_reads=tuple(replace(read, grade=Grade(grade)) for read, grade in reads)
    )


@FAST
@given(blinded(), st.data())
def test_no_orders_and_fills_turn_no_evidence_into_an_action(
    subject: Evidence, data: st.DataObject
) -> None:
    fewer = replace(
        subject,
        orders=data.draw(st.sampled_from([subject.orders, (subject.orders or ())[:1], None])),
        fills=data.draw(st.sampled_from([subject.fills, subject.fills[:1], ()])),
    )
    for blind in (subject, fewer):
        verdict = judge(blind)
        assert (verdict.verdict, verdict.decision) == (VerdictKind.NO_EVIDENCE, Decision.WAIT)


# --- mirrors and scales -------------------------------------------------------------------------

OTHER_SIDE = {
    PositionSide.LONG: PositionSide.SHORT,
    PositionSide.SHORT: PositionSide.LONG,
    PositionSide.FLAT: PositionSide.FLAT,
}
OTHER_WAY = {OrderSide.BUY: OrderSide.SELL, OrderSide.SELL: OrderSide.BUY}


def mirror(subject: Evidence) -> Evidence:
    """The same with long and short, buy and sell exchanged."""

    def turned(reads: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(replace(read, side=OTHER_SIDE[read.side]) for read in reads)

    def other_way(reports: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(replace(report, side=OTHER_WAY[report.side]) for report in reports)

    return replace(
        subject,
        local_reads=turned(subject.local_reads),
        exchange_reads=turned(subject.exchange_reads),
        orders=other_way(subject.orders or ()),
        fills=other_way(subject.fills),
        context=replace(subject.context, other_bots=-subject.context.other_bots),
    )


@FAST
@given(worlds(mode="futures"))
def test_long_and_short_mirror_each_other(subject: Evidence) -> None:
    one, other = judge(subject), judge(mirror(subject))
    assert (one.verdict, one.severity, one.decision) == (
        other.verdict,
        other.severity,
        other.decision,
    )
    assert one.divergence_pct == other.divergence_pct
    assert one.counts_against_budget == other.counts_against_budget
    if one.local is not None:
        assert one.local == -(other.local or ZERO)
    assert one.unexplained == -other.unexplained
    assert one.explanation == tuple(replace(p, amount=-p.amount) for p in other.explanation)
    assert one.booking == tuple(replace(leg, side=OTHER_WAY[leg.side]) for leg in other.booking)


@FAST
@given(worlds(), st.sampled_from([D("0.001"), D("0.1"), D(10), D(1000)]))
def test_the_size_of_a_contract_changes_nothing(subject: Evidence, size: Decimal) -> None:
    sized = replace(subject, market=replace(subject.market, contract_size=size))
    assert judge(sized) == judge(subject)


def scaled(subject: Evidence, by: Decimal) -> Evidence:
    """The same counted in a coin so many times smaller: more of it, and cheaper by as much."""
    names_of_prices = {"price", "open_rate", "entry_price", "average"}
    names_of_amounts = {
        *("amount", "open_entry_filled", "open_exit_filled", "filled", "booked_filled"),
        *("amount_step", "min_amount", "other_bots", "fee_cost", "external_holding", "fee_drains"),
    }

    def scale(value: Any, name: str = "") -> Any:
        if isinstance(value, Decimal):
            if name in names_of_prices:
                return value / by
            return value * by if name in names_of_amounts else value
        if isinstance(value, tuple):
            return tuple(scale(item) for item in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, Policy):
            changes = {
                f.name: scale(getattr(value, f.name), f.name) for f in dataclasses.fields(value)
            }
            return replace(value, **changes)  # type: ignore[type-var]
        return value

    return scale(subject)


@FAST
@given(worlds(), st.sampled_from([D("0.001"), D("0.1"), D(10), D(1000)]))
def test_the_unit_in_which_amounts_are_counted_changes_nothing(
    subject: Evidence, by: Decimal
) -> None:
    one, other = judge(subject), judge(scaled(subject, by))
    assert (one.verdict, one.severity, one.decision) == (
        other.verdict,
        other.severity,
        other.decision,
    )
    assert one.divergence_pct == other.divergence_pct
    assert other.unexplained == one.unexplained * by
    assert [(p.kind, p.amount * by) for p in one.explanation] == [
        (p.kind, p.amount) for p in other.explanation
    ]
    for leg, twin in zip(one.booking, other.booking, strict=True):
        assert (twin.side, twin.role, twin.kind) == (leg.side, leg.role, leg.kind)
        assert (twin.amount, twin.order_id) == (leg.amount * by, leg.order_id)
        assert (leg.price is None) == (twin.price is None)
        if leg.price is not None and twin.price is not None:
            assert abs(twin.price * by - leg.price) < D("1e-12")


# --- no float, no surprise ----------------------------------------------------------------------


def floats_in(value: Any) -> list[float]:
    """Every float in an object, however deep."""
    if isinstance(value, float):
        return [value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [n for f in dataclasses.fields(value) for n in floats_in(getattr(value, f.name))]
    if isinstance(value, dict):
        return floats_in(list(value.items()))
    if isinstance(value, (list, tuple)):
        return [number for item in value for number in floats_in(item)]
    return []


@FAST
@given(worlds(), st.integers(0, 800).map(lambda eighths: eighths / 8))
def test_there_is_no_float_anywhere(subject: Evidence, percent: float) -> None:
    policy = Policy.from_mapping({"auto_correct_below_pct": percent, "max_position": {"X": 1.5}})
    subject = replace(subject, policy=policy)
    assert floats_in((subject, judge(subject), evidence_document(subject))) == []
    assert floats_in({"a": [1.5]}) == [1.5]


@FAST
@given(worlds())
def test_the_same_evidence_has_the_same_verdict_and_hash(subject: Evidence) -> None:
    assert judge(subject) == judge(subject)
    twin = replace(subject)
    assert hash_document(evidence_document(twin)) == hash_document(evidence_document(subject))


amounts = st.decimals(0, 10**12, allow_nan=False, places=6)
times = st.integers(-60_000, 60_000).map(lambda ms: moment(ms / 1000))
names = st.sampled_from(["1", "2", "3", "4"])


@st.composite
def anything(draw: st.DrawFn) -> Evidence:
    """Any evidence that the schema allows, however little sense it makes."""
    sides = st.sampled_from([PositionSide.LONG, PositionSide.SHORT])
    maybe = st.none() | amounts
    local = st.builds(
        LocalRead,
        at=times,
        side=sides,
        amount=amounts,
        open_rate=maybe,
        open_entry_filled=amounts,
        open_exit_filled=amounts,
        last_activity_at=st.none() | times,
        known_order_ids=st.lists(names).map(tuple),
        stop_expected=st.none() | st.booleans(),
    )
    exchange = st.builds(
        ExchangeRead,
        at=times,
        grade=st.sampled_from(Grade).filter(lambda grade: grade is not Grade.ABSENT_CONFIRMED),
        side=sides,
        amount=amounts,
        entry_price=maybe,
    )
    order = st.builds(
        OrderReport,
        id=names,
        side=st.sampled_from(OrderSide),
        status=statuses,
        amount=amounts,
        filled=amounts,
        average=maybe,
        stop=st.booleans(),
        reduce_only=st.booleans(),
        own=st.booleans(),
        booked_filled=amounts,
        at=st.none() | times,
        parent_id=st.none() | names,
        close_position=st.booleans(),
    )
    part = st.builds(
        FillReport,
        id=names,
        order_id=names,
        side=st.sampled_from(OrderSide),
        amount=amounts,
        price=amounts,
        fee_currency=st.sampled_from([None, "BTC", "BNB"]),
        fee_cost=maybe,
        liquidation=st.booleans(),
        booked=st.booleans(),
        at=st.none() | times,
        fee_booked=st.booleans(),
    )
    return replace(
        evidence(mode=draw(st.sampled_from(["spot", "futures"]))),
        local_reads=tuple(draw(st.lists(local, min_size=1, max_size=3))),
        exchange_reads=tuple(draw(st.lists(exchange, max_size=3))),
        orders=draw(st.none() | st.lists(order, max_size=5).map(tuple)),
        fills=tuple(draw(st.lists(part, max_size=5))),
        market=market(amount_step=draw(maybe), min_cost=draw(maybe), price=draw(maybe)),
        context=Context(
            other_bots=draw(st.just(ZERO) | amounts),
            now=draw(st.none() | times),
            in_flight_since=draw(st.none() | times),
            no_evidence_since=draw(st.none() | times),
        ),
        external_holding=draw(st.just(ZERO) | amounts),
        fee_drains=draw(st.just(ZERO) | amounts),
    )


@FAST
@given(anything())
def test_any_evidence_has_a_verdict_that_the_contract_allows(subject: Evidence) -> None:
    judge(subject)
