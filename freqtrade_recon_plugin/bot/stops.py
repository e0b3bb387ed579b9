"""The orders that rest on the exchange for a trade whose book ForceSync changes."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from freqtrade.exceptions import InvalidOrderException
from freqtrade.persistence import Trade

from freqtrade_recon_plugin.bot.positions import exact
from freqtrade_recon_plugin.errors import BookingRefused

logger = logging.getLogger(__name__)

REASON = "cancelled by reconciliation"


def renew_stops(bot: Any, trade: Any) -> None:
    """Cancels the trade's stop on the exchange where it is for another amount.

    freqtrade places it anew for the trade's amount in the same loop, a moment later.

    :raises ExchangeError: the exchange does not answer; the stop may still be there.
    """
    if any(exact(stop.ft_amount) != exact(trade.amount) for stop in trade.open_sl_orders):
        bot.cancel_stoploss_on_exchange(trade)
        Trade.commit()


def release_orders(bot: Any, trade: Any, keep: Collection[str] = ()) -> None:
    """Leaves nothing of a trade on the exchange, whose position there is gone.

    A fill that turns up on the way is booked as what it is, by freqtrade itself. What the exchange
    does not know any more is closed in the book: freqtrade would ask for it at each start.

    :param keep: ids of orders that are left alone, since what they did is about to be booked.
    :raises BookingRefused: an order could not be cancelled.
    :raises ExchangeError: the exchange does not answer.
    """
    if _resting(trade, keep):
        sides = [trade.entry_side, trade.exit_side]
        bot.cancel_open_orders_of_trade(trade, sides, REASON)
        if _resting(trade, keep):
            raise BookingRefused("an open order of the trade could not be cancelled")
    for stop in [stop for stop in trade.open_sl_orders if stop.order_id not in keep]:
        report = _cancelled(bot, trade, stop)
        if report is not None and report["status"] == "open":
            raise BookingRefused("the stop on the exchange could not be cancelled")
        if report is not None:
            bot.update_trade_state(trade, stop.order_id, report, stoploss_order=True)
        if stop.ft_is_open:
            stop.ft_is_open, stop.status, stop.ft_cancel_reason = False, "canceled", REASON
    Trade.commit()


def _resting(trade: Any, keep: Collection[str]) -> list[Any]:
    return [order for order in trade.open_orders if order.order_id not in keep]


def _cancelled(bot: Any, trade: Any, stop: Any) -> Any:
    """What the exchange says of a stop after its cancellation; None where it does not know it."""
    exchange, order_id, pair = bot.exchange, stop.order_id, trade.pair
    try:
        return exchange.cancel_stoploss_order_with_result(order_id, pair, trade.amount)
    except InvalidOrderException:
        logger.info("The stop %s of %s is no longer there to be cancelled", order_id, pair)
    try:
        return exchange.fetch_stoploss_order(order_id, pair)
    except InvalidOrderException:
        return None
