"""A position being booked leg by leg: its size, its average price, and the role of each leg."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from freqtrade_recon_plugin.domain.model import ZERO, Leg, LegKind, OrderSide, Role


@dataclass(slots=True)
class Ledger:
    """The book while legs are added to it; signed, base coin, `average` in quote coin.

    `never_short` (spot) stops at zero; `overdrawn` says that a leg was cut short there.
    """

    position: Decimal
    average: Decimal | None
    never_short: bool = False
    overdrawn: bool = False
    legs: list[Leg] = field(default_factory=list)

    def closing_share(self, change: Decimal) -> Decimal:
        """The share of a signed change that takes the position towards zero."""
        if self.position * change >= 0:
            return ZERO
        return change if abs(change) <= abs(self.position) else -self.position

    def book(
        self, change: Decimal, kind: LegKind, price: Decimal | None, order_id: str | None = None
    ) -> None:
        """Adds the leg of a signed change; two legs where it crosses zero."""
        closing = self.closing_share(change)
        if closing:
            role = Role.CLOSE if not self.position + closing else Role.DECREASE
            self._add(closing, role, kind, price, order_id)
        growing = change - closing
        if growing < 0 and self.never_short:
            self.overdrawn = True
        elif growing:
            role = Role.INCREASE if self.position else Role.OPEN
            self.average = self._average_with(growing, price)
            self._add(growing, role, kind, price, order_id)

    def _average_with(self, growing: Decimal, price: Decimal | None) -> Decimal | None:
        if price is None or not self.position:
            return price
        if self.average is None:
            return None
        old, new = abs(self.position), abs(self.position + growing)
        return (self.average * old + price * abs(growing)) / new

    def _add(
        self,
        change: Decimal,
        role: Role,
        kind: LegKind,
        price: Decimal | None,
        order_id: str | None,
    ) -> None:
        side = OrderSide.BUY if change > 0 else OrderSide.SELL
        self.legs.append(Leg(side, abs(change), role, kind, price, order_id))
        self.position += change
