"""Tells whose each order and fill of a symbol is, and what the bot has booked of it.

An order is the bot's if its id or client id is known to the bot (from its database, or from the
intents that it wrote before placing orders), or carries the bot's mark; what it turned into is the
bot's too. What belongs to another bot of the account is taken out: that bot answers for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from freqtrade_recon_plugin.activity import Activity, SeenOrder
from freqtrade_recon_plugin.domain.model import ZERO, FillReport, OrderReport
from freqtrade_recon_plugin.order_mark import carries_mark


@dataclass(frozen=True, slots=True)
class Claim:
    """What one bot says of its orders in a symbol.

    :param ids: order ids and client ids that it knows.
    :param booked: order id to the filled quantity that it holds for it, base coin.
    :param fees: order id to the fee in the base coin that is off its amount already.
    """

    bot_id: str
    ids: Collection[str] = frozenset()
    booked: Mapping[str, Decimal] | None = None
    fees: Mapping[str, Decimal] | None = None

    def owns(self, order: SeenOrder) -> bool:
        """Whether the order is this bot's by its own ids or mark."""
        known = order.report.id in self.ids or order.client_id in self.ids
        return known or carries_mark(order.client_id, self.bot_id)


def attribute(
    activity: Activity, mine: Claim, others: Sequence[Claim]
) -> tuple[tuple[OrderReport, ...] | None, tuple[FillReport, ...]]:
    """Orders and fills as one bot's evidence has them.

    :returns: orders (None where they could not be asked) and fills, other bots' taken out.
    """
    seen = activity.orders
    theirs = _ids_of(seen or (), lambda order: any(other.owns(order) for other in others))
    theirs |= {order_id for other in others for order_id in other.ids}
    own = _ids_of(seen or (), mine.owns)
    theirs -= own | set(mine.ids)
    orders = None
    if seen is not None:
        orders = tuple(
            replace(
                order.report,
                own=order.report.id in own,
                booked_filled=(mine.booked or {}).get(order.report.id, ZERO),
            )
            for order in seen
            if order.report.id not in theirs
        )
    fills = [fill for fill in activity.fills or () if fill.order_id not in theirs]
    return orders, _with_bookings(fills, mine)


def _ids_of(orders: Sequence[SeenOrder], belongs: Callable[[SeenOrder], bool]) -> set[str]:
    """Ids of the orders that belong to somebody, with what they have turned into."""
    found = {order.report.id for order in orders if belongs(order)}
    found |= {order.report.id for order in orders if order.report.parent_id in found}
    parents = {order.report.parent_id for order in orders if order.report.id in found}
    return found | {parent for parent in parents if parent is not None}


def _with_bookings(fills: Sequence[FillReport], mine: Claim) -> tuple[FillReport, ...]:
    """The fills, each marked as booked as far as what is booked of its order reaches."""
    booked, fees = dict(mine.booked or {}), dict(mine.fees or {})
    return tuple(
        replace(
            fill,
            booked=_covered(booked, fill.order_id, fill.amount),
            fee_booked=_covered(fees, fill.order_id, fill.fee_cost or ZERO),
        )
        for fill in fills
    )


def _covered(left: dict[str, Decimal], order_id: str, amount: Decimal) -> bool:
    """Takes an amount from what is left for an order; False, taking nothing, where it is short."""
    if left.get(order_id, ZERO) < amount:
        return False
    left[order_id] = left.get(order_id, ZERO) - amount
    return True
