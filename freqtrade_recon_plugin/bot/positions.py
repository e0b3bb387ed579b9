"""freqtrade's trades as the book that is published: exact, signed, with the ids of their orders.

Amounts are base coin. `Trade.amount` counts finished orders only, so the filled parts of open
ones stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.bot.made_up import whole_of
from freqtrade_recon_plugin.domain.model import ZERO, PositionSide, side_of, signed
from freqtrade_recon_plugin.store.rows import PositionRow


def exact(number: float | None) -> Decimal:
    """A number of freqtrade's as the decimal that it prints as; None is zero."""
    return Decimal(str(number)) if number else ZERO


def book_of(trades: Iterable[Any]) -> Decimal:
    """The signed position of one symbol's open trades, filled parts of open orders included."""
    return sum((_quantity(trade) for trade in trades), ZERO)


@dataclass(slots=True)
class BookedOrders:
    """What the book holds of a symbol's orders, by order id and in base coin.

    What is booked in parts counts for the order that they are parts of; whose order that is, the
    book does not say, so its id is none of `known`.
    """

    known: dict[str, None] = field(default_factory=dict)
    fills: dict[str, Decimal] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)

    def add(self, order: Any) -> None:
        """Takes one row of freqtrade's orders in."""
        self.known[order.order_id] = None
        order_id = whole_of(order) or order.order_id
        for amounts, number in ((self.fills, order.filled), (self.fees, order.ft_fee_base)):
            if number:
                amounts[order_id] = amounts.get(order_id, ZERO) + exact(number)

    def copy(self) -> BookedOrders:
        """The same, to be added to."""
        return BookedOrders(dict(self.known), dict(self.fills), dict(self.fees))


@dataclass(frozen=True, slots=True)
class PastOrders:
    """What is kept of a symbol's closed trades: their orders, and the last activity."""

    booked: BookedOrders = field(default_factory=BookedOrders)
    last_activity_at: datetime | None = None


def position_of(
    bot_id: str,
    symbol: str,
    trades: list[Any],
    past: PastOrders,
    *,
    stops_expected: bool,
    client_ids: Mapping[str, str],
    at: datetime,
) -> PositionRow:
    """The book of one symbol.

    :param trades: its open trades, newest last (freqtrade keeps to one per pair).
    :param stops_expected: whether the strategy keeps its stop on the exchange.
    :param client_ids: order id to client order id, where known; they are known as well.
    """
    side, amount = _booked(trades)
    newest = trades[-1] if trades else None
    orders = [order for trade in trades for order in trade.orders]
    booked = past.booked.copy()
    for order in orders:
        booked.add(order)
    named = [client_ids[order_id] for order_id in booked.known if order_id in client_ids]
    times = [time for order in orders for time in _times(order)]
    if past.last_activity_at is not None:
        times.append(past.last_activity_at)
    return PositionRow(
        bot_id=bot_id,
        symbol=symbol,
        trade_id=None if newest is None else newest.id,
        side=side,
        amount=amount,
        open_rate=exact(newest.open_rate) if newest is not None and amount else None,
        open_entry_filled=sum((_filled_open(trade, entries=True) for trade in trades), ZERO),
        open_exit_filled=sum((_filled_open(trade, entries=False) for trade in trades), ZERO),
        last_activity_at=max(times, default=None),
        known_order_ids=(*booked.known, *named),
        booked_fills=booked.fills,
        stop_expected=(stops_expected and amount > 0) if trades else None,
        trade_opened_at=None if newest is None else newest.open_date_utc,
        at=at,
        booked_fees=booked.fees,
    )


def _booked(trades: list[Any]) -> tuple[PositionSide, Decimal]:
    if len(trades) == 1:  # a trade whose first entry is still open has a side, and no amount
        side = PositionSide.SHORT if trades[0].is_short else PositionSide.LONG
        return side, exact(trades[0].amount)
    total = sum((signed(_side(trade), exact(trade.amount)) for trade in trades), ZERO)
    return side_of(total), abs(total)


def _side(trade: Any) -> PositionSide:
    return PositionSide.SHORT if trade.is_short else PositionSide.LONG


def _quantity(trade: Any) -> Decimal:
    filled = _filled_open(trade, entries=True) - _filled_open(trade, entries=False)
    return signed(_side(trade), exact(trade.amount) + filled)


def _filled_open(trade: Any, *, entries: bool) -> Decimal:
    """The filled part of the trade's open entries, or of all its other open orders."""
    return sum(
        (
            exact(order.filled)
            for order in trade.orders
            if order.ft_is_open and (order.ft_order_side == trade.entry_side) is entries
        ),
        ZERO,
    )


def _times(order: Any) -> list[datetime]:
    """When the order was placed and filled; a stop is activity when it fills, not when it moves.

    freqtrade also notes each look at an order, which is no activity.
    """
    placed = None if order.ft_order_side == "stoploss" else order.order_date
    return [time.replace(tzinfo=UTC) for time in (placed, order.order_filled_date) if time]
