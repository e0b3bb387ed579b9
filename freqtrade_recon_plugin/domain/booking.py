"""Splits a divergence into its causes and plans the legs that bring the book to the truth.

Invariants: the parts and `unexplained` add up to the divergence exactly; real legs come before
synthetic ones; a leg never crosses zero (a flip is a close and an open); spot is never booked
below zero; after the legs the book differs from the exchange by the dust and external parts alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from freqtrade_recon_plugin.domain.explain import (
    OrderFamily,
    families,
    rounded_price,
    unbooked_fees,
)
from freqtrade_recon_plugin.domain.ledger import Ledger
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Evidence,
    Leg,
    LegKind,
    Part,
    PartKind,
    TradingMode,
)
from freqtrade_recon_plugin.domain.reads import Statement
from freqtrade_recon_plugin.domain.tolerance import Leave, why_leave


@dataclass(slots=True)
class Plan:
    """What a divergence is made of (`parts`, `rest`) and the legs that correct it (`ledger`).

    `rest` is the signed share that no part explains. `unproven` is what own orders of unknown
    status may explain, by order; it counts as explained only while the bot may still book it.
    """

    ledger: Ledger
    rest: Decimal
    parts: list[Part] = field(default_factory=list)
    own: list[OrderFamily] = field(default_factory=list)
    unproven: list[OrderFamily] = field(default_factory=list)
    foreign: bool = False
    foreign_increase: bool = False
    left: Leave | None = None

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The legs, in the order in which they are booked."""
        return tuple(self.ledger.legs)

    @property
    def phantom(self) -> bool:
        """Whether the bot has booked a fill that was never made."""
        return any(family.phantom for family in self.own)

    @property
    def guessed(self) -> bool:
        """Whether some of the difference has no proven cause."""
        synthetic = any(leg.kind is LegKind.SYNTHETIC for leg in self.ledger.legs)
        return synthetic or bool(self.rest)

    def explain(
        self, kind: PartKind, amount: Decimal, order_id: str | None = None, note: str | None = None
    ) -> None:
        """Adds a part, where it has an amount, and takes it off what is left to explain."""
        if amount:
            self.parts.append(Part(kind, amount, order_id, note))
            self.rest -= amount


def draw_up(evidence: Evidence, statement: Statement) -> Plan:
    """Explains the difference of a statement and books it."""
    spot = evidence.trading_mode is TradingMode.SPOT
    ledger = Ledger(statement.local, statement.open_rate, never_short=spot)
    plan = Plan(ledger=ledger, rest=statement.exchange - statement.local)
    known = families(evidence)
    plan.own = [family for family in known if family.own and family.unbooked]
    plan.unproven = [family for family in known if family.own and family.unproven]
    _book_own(plan, statement.open_rate or evidence.market.price or None)
    if spot:
        _book_fees(plan, evidence)
    foreign = [family for family in known if not family.own and family.unbooked]
    _book_foreign_decreases(plan, foreign)
    _settle_the_rest(plan, evidence, statement, foreign)
    return plan


def _book_own(plan: Plan, price_of_nothing: Decimal | None) -> None:
    """Own fills at their price; a phantom, which has none where nothing was filled, at the book's.

    A real fill without a price waits for it.
    """
    for family in plan.own:
        price = family.price
        if price is None and family.phantom:
            price = price_of_nothing
        plan.explain(_kind_of_own(family), family.unbooked, family.order_id)
        plan.ledger.book(family.unbooked, LegKind.REAL, price, family.order_id)


def _kind_of_own(family: OrderFamily) -> PartKind:
    if family.phantom:
        return PartKind.PHANTOM_FILL
    if family.liquidation:
        return PartKind.LIQUIDATION
    return PartKind.MISSED_FILL if family.complete else PartKind.PARTIAL_FILL


def _book_fees(plan: Plan, evidence: Evidence) -> None:
    """Fees taken in the base coin, never more than what is missing."""
    fees: list[tuple[str | None, Decimal]] = sorted(unbooked_fees(evidence).items())
    fees.append((None, evidence.fee_drains))
    for order_id, fee in fees:
        missing = min(fee, -plan.rest, plan.ledger.position)
        if missing > 0:
            note = None if order_id else "paid for trades in other symbols"
            plan.explain(PartKind.FEE, -missing, order_id, note)
            plan.ledger.book(-missing, LegKind.FEE, ZERO, order_id)


def _book_foreign_decreases(plan: Plan, foreign: list[OrderFamily]) -> None:
    """Decreases that others made, the newest first, never more than what is missing.

    What is chosen is booked oldest first, at the price at which it was made.
    """
    chosen: list[tuple[OrderFamily, Decimal]] = []
    position, rest = plan.ledger.position, plan.rest
    for family in reversed(foreign):
        against = family.unbooked * position < 0
        amount = min(abs(family.unbooked), abs(rest), abs(position))
        if against and rest * family.unbooked > 0 and amount:
            change = amount if family.unbooked > 0 else -amount
            chosen.append((family, change))
            position += change
            rest -= change
    for family, change in reversed(chosen):
        plan.foreign = True
        plan.explain(_kind_of_foreign(family), change, family.order_id)
        plan.ledger.book(change, LegKind.REAL, family.price, family.order_id)


def _kind_of_foreign(family: OrderFamily) -> PartKind:
    return PartKind.LIQUIDATION if family.liquidation else PartKind.FOREIGN_FILL


def _settle_the_rest(
    plan: Plan, evidence: Evidence, statement: Statement, foreign: list[OrderFamily]
) -> None:
    """Leaves dust and external coins alone, and books what remains as a synthetic change."""
    target = statement.exchange
    gap = target - plan.ledger.position
    if not gap:
        return
    if target * plan.ledger.position >= 0:
        plan.left = why_leave(evidence, plan.ledger.position, target)
    if plan.left is not None:
        kind = PartKind.EXTERNAL_HOLDING if plan.left is Leave.EXTERNAL else PartKind.DUST
        plan.explain(kind, gap, note=str(plan.left))
        return
    for family in plan.unproven:
        amount = share(plan.rest, family.unproven)
        plan.explain(PartKind.MISSED_FILL, amount, family.order_id, "status unknown")
    for family in reversed(foreign):
        used = sum((part.amount for part in plan.parts if part.order_id == family.order_id), ZERO)
        amount = share(plan.rest, family.unbooked - used)
        if amount:
            plan.foreign = True
            plan.foreign_increase = True
            plan.explain(_kind_of_foreign(family), amount, family.order_id)
    _book_synthetic(plan.ledger, gap, evidence, statement)


def share(rest: Decimal, amount: Decimal) -> Decimal:
    """As much of an amount as goes the way of the rest and does not go beyond it."""
    if rest * amount <= 0:
        return ZERO
    return amount if abs(amount) < abs(rest) else rest


def _book_synthetic(ledger: Ledger, gap: Decimal, evidence: Evidence, stated: Statement) -> None:
    """Books a gap without a real fill: what closes at the mark price, what opens at the entry's."""
    closing = ledger.closing_share(gap)
    if closing:
        ledger.book(closing, LegKind.SYNTHETIC, evidence.market.price or None)
    growing = gap - closing
    if growing:
        ledger.book(growing, LegKind.SYNTHETIC, _price_of_growth(ledger, growing, evidence, stated))


def _price_of_growth(
    ledger: Ledger, growing: Decimal, evidence: Evidence, stated: Statement
) -> Decimal | None:
    """The price at which an increase makes the average equal the exchange's entry price E.

    (E * new size - average * old size) / increase; where that is unknown or not positive, the
    mark price, then the local open rate.
    """
    if stated.entry_price:
        old, new = abs(ledger.position), abs(ledger.position + growing)
        cost = ledger.average * old if ledger.average is not None else None
        if not old:
            return rounded_price(stated.entry_price)
        if cost is not None:
            price = (stated.entry_price * new - cost) / abs(growing)
            if price > 0:
                return rounded_price(price)
    return evidence.market.price or stated.open_rate
