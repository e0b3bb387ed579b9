"""The market's side of a trade: one price, and how much of it can be had there.

The book is locked (bid = ask = price), so that fills are exact. Liquidity is unlimited unless it
was limited for one side of takers; then what is taken is gone until more is added.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO
from freqtrade_recon_plugin.sandbox.exchange.orders import Order, Side


@dataclass(frozen=True, slots=True)
class Match:
    """What the book gives for an order right now. `maker` if the order had been resting."""

    price: Decimal
    amount: Decimal
    maker: bool


@dataclass(slots=True)
class Book:
    """State of one market. `liquidity` maps the side of the *taker* (the customer's order) to
    what is left for it in base coins; a side that is not named has no limit."""

    price: Decimal
    liquidity: dict[Side, Decimal] = field(default_factory=dict)

    def available(self, side: Side) -> Decimal | None:
        return self.liquidity.get(side)

    def take(self, side: Side, amount: Decimal) -> None:
        if side in self.liquidity:
            self.liquidity[side] = max(self.liquidity[side] - amount, ZERO)


def crosses(order: Order, price: Decimal) -> bool:
    """Whether an order of this limit trades at this price; a market order always does."""
    if not order.has_limit:
        return True
    return order.price >= price if order.side is Side.BUY else order.price <= price


def match(order: Order, book: Book, *, wanted: Decimal, arriving: bool) -> Match | None:
    """What the book gives to an order that wants `wanted` base coins.

    An arriving order takes the book's price, as good or better than its limit; a resting one is
    hit at its own limit.
    """
    if wanted <= 0 or not crosses(order, book.price):
        return None
    available = book.available(order.side)
    amount = wanted if available is None else min(wanted, available)
    if amount <= 0:
        return None
    price = book.price if arriving or not order.has_limit else order.price
    return Match(price=price, amount=amount, maker=not arriving)
