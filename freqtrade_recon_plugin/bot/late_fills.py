"""Takes synthetic orders back as far as the real fills that they stood for have turned up.

A synthetic order covers whatever had happened by the time it was booked. So a fill of the same
trade and side that was not in the book then, and that is no younger, replaces as much of it,
whoever booked it: a command, freqtrade's own start, or a person with /reload_trade. What was in the
book at the time is written down with the synthetic order, in the same commit, so that nothing is
taken back twice.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from freqtrade.persistence import KeyValueStore, Order, Trade
from sqlalchemy import select

from freqtrade_recon_plugin.bot.booking import latest_trades
from freqtrade_recon_plugin.bot.made_up import TAG, is_made_up, is_synthetic
from freqtrade_recon_plugin.bot.positions import exact
from freqtrade_recon_plugin.bot.real_booking import reopen
from freqtrade_recon_plugin.bot.real_orders import RealOrder, parts_of
from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.model import ZERO

logger = logging.getLogger(__name__)

#: How long the trade of a made-up order is looked after once it is closed.
_KEPT = timedelta(days=1)
#: freqtrade's column takes no more.
_MOST = 255


def watched_trades() -> set[int]:
    """The ids of the trades that hold made-up orders and are open, or closed a short while ago."""
    since = datetime.now(UTC).replace(tzinfo=None) - _KEPT
    found = Trade.session.execute(
        select(Trade.id)
        .join(Order, Order.ft_trade_id == Trade.id)
        .where(Order.ft_order_tag.startswith(TAG))
        .where(Trade.is_open.is_(True) | (Trade.close_date > since))
    )
    return {trade_id for (trade_id,) in found}


def stop_watching(trade: Any) -> bool:
    """Whether a trade has been closed for long; what was written down of it goes, too."""
    if trade.is_open or datetime.now(UTC) - trade.close_date_utc < _KEPT:
        return False
    KeyValueStore.delete_value(_key(trade))
    return True


@dataclass(frozen=True, slots=True)
class _Before:
    """What was in the book of a trade when its synthetic orders were booked.

    :ivar oldest, newest: row numbers of orders; older ones are settled, newer ones were not there.
    :ivar filled: row number to what was booked, base coin.
    :ivar resting: row numbers of those that were still open.
    """

    oldest: int
    newest: int
    filled: Mapping[int, Decimal]
    resting: Collection[int]

    def news(self, order: Any) -> Decimal:
        """What has been booked of an order since."""
        if order.id < self.oldest:
            return ZERO
        return exact(order.filled) - self.filled.get(order.id, ZERO)

    def happened_at(self, order: Any) -> datetime | None:
        """When that was filled; None for long ago.

        An order that had ended had filled before. freqtrade dates its late news by the day it
        hears of them.
        """
        if order.id <= self.newest and order.id not in self.resting:
            return None
        return order.order_filled_utc or datetime.now(UTC)


def remember_booked(trade: Any) -> None:
    """Writes down what is in the book beside the synthetic orders of a trade, as of now.

    All orders must have been flushed. Held in one text of limited length: orders older than the
    oldest in it are taken for settled.
    """
    orders = sorted(trade.orders, key=lambda order: -order.id)
    entries: list[str] = []
    oldest, left = 0, _MOST - 24
    for order in orders:
        if is_synthetic(order) or not (order.filled or order.ft_is_open):
            continue
        rests = "+" if order.ft_is_open else ""
        entry = f",{order.id}:{decimal_text(exact(order.filled))}{rests}"
        if len(entry) > left:
            oldest = order.id + 1
            break
        left -= len(entry)
        entries.append(entry)
    text = f"{oldest}-{orders[0].id}{''.join(entries)}"
    KeyValueStore.store_value(_key(trade), text)


def replace_covered(trade: Any) -> Decimal:
    """Takes back what newly booked orders of a trade have replaced.

    :return: how much is gone, base coin; the caller commits.
    """
    gone = _without_parts(trade)
    synthetic = [order for order in trade.orders if is_synthetic(order) and order.filled]
    if synthetic:
        before = _booked_before(trade)
        real = [] if before is None else [one for one in trade.orders if not is_synthetic(one)]
        for order in real:
            if before is not None and (news := before.news(order)) > 0:
                gone += _take_off(synthetic, order.side, news, before.happened_at(order))
    if gone:
        was_open = trade.is_open
        trade.recalc_trade_from_orders(is_closing=not was_open)
        Trade.session.flush()
        remember_booked(trade)
        logger.info(
            "Real fills of %s have turned up; %s of synthetic ones are taken back",
            trade.pair,
            decimal_text(gone),
        )
    return gone


def make_room(symbol: str, order: RealOrder, amount: Decimal) -> Any:
    """Takes synthetic orders back for a real one that is about to be booked in their place.

    :param amount: of the real order, base coin.
    :return: the trade that held them, open again if they had closed it; None, and nothing done,
        where there are not enough of them.
    """
    side = str(order.report["side"])
    for trade in latest_trades(symbol):
        synthetic = [one for one in trade.orders if is_synthetic(one) and one.filled]
        covering = [one for one in synthetic if _covers(one, side, order.filled_at)]
        if sum((exact(one.filled) for one in covering), ZERO) >= amount:
            _take_off(synthetic, side, amount, order.filled_at)
            reopen(trade)
            return trade
    return None


def _take_off(synthetic: Iterable[Any], side: str, amount: Decimal, at: datetime | None) -> Decimal:
    """Reduces synthetic orders, the oldest first; gives the amount that went."""
    left = amount
    for order in synthetic:
        if left > 0 and _covers(order, side, at):
            taken = min(left, exact(order.filled))
            _shrink(order, exact(order.filled) - taken)
            left -= taken
    return amount - left


def _covers(order: Any, side: str, at: datetime | None) -> bool:
    return bool(order.side == side and (at is None or at <= order.order_date_utc))


def _shrink(order: Any, filled: Decimal) -> None:
    order.filled = float(filled)
    order.cost = order.filled * order.safe_price
    if not filled:
        order.status = "canceled"


def _without_parts(trade: Any) -> Decimal:
    """Whole orders that freqtrade has adopted, less what is booked of them in parts already.

    Nothing is left of one in a trade that holds a part of it: the command has said how much.
    """
    gone = ZERO
    for order in trade.orders:
        if is_made_up(order) or not order.filled:
            continue
        parts = parts_of(order.order_id, trade.pair)
        whole = exact(order.amount) - exact(order.remaining)
        if not parts or whole < max(exact(part.ft_amount) for part in parts):
            continue  # as much of it as was booked before the parts were
        before = exact(order.filled)
        here = any(part.ft_trade_id == trade.id for part in parts)
        rest = whole - sum((exact(part.filled) for part in parts), ZERO)
        _shrink(order, ZERO if here else min(before, max(rest, ZERO)))
        gone += before - exact(order.filled)
    return gone


def _booked_before(trade: Any) -> _Before | None:
    text = KeyValueStore.get_string_value(_key(trade))
    if text is None:
        return None
    span, *entries = text.split(",")
    oldest, newest = (int(number) for number in span.split("-"))
    pairs = [entry.split(":") for entry in entries]
    return _Before(
        oldest=oldest,
        newest=newest,
        filled={int(number): Decimal(filled.rstrip("+")) for number, filled in pairs},
        resting={int(number) for number, filled in pairs if filled.endswith("+")},
    )


def _key(trade: Any) -> str:
    return f"recon_booked_{trade.id}"
