"""Books fees that were taken in the base coin and that the book does not know.

They go into freqtrade's own field for them on an entry order, so that the trade's amount stays
down whenever freqtrade works it out anew from its orders.
"""

from __future__ import annotations

from typing import Any

from freqtrade_recon_plugin.bot.made_up import TAG, whole_of
from freqtrade_recon_plugin.bot.positions import exact
from freqtrade_recon_plugin.bot.sync_plan import Step
from freqtrade_recon_plugin.domain.model import Role
from freqtrade_recon_plugin.errors import BookingRefused


def book_fee(trade: Any, step: Step) -> Any:
    """Takes a fee off the entry that paid it, or off the newest one where that is not told.

    :return: the trade, None where nothing is left of it.
    :raises BookingRefused: no entry has as much.
    """
    entry = _entry(trade, step)
    fee = exact(entry.ft_fee_base) + step.leg.amount
    if fee > exact(entry.filled):
        raise BookingRefused(f"order {entry.order_id} has less than a fee of {fee}")
    entry.ft_fee_base = float(fee)
    if step.leg.role is not Role.CLOSE:
        trade.recalc_trade_from_orders()
        return trade
    exits = trade.select_filled_orders(trade.exit_side)
    trade.exit_reason = trade.exit_reason or TAG
    trade.fee_close_currency = trade.fee_close_currency or trade.stake_currency
    trade.close(exits[-1].safe_price if exits else trade.open_rate)
    return None


def _entry(trade: Any, step: Step) -> Any:
    entries = [] if trade is None else trade.select_filled_orders(trade.entry_side)
    if not entries:
        raise BookingRefused("no entry is booked that could have paid a fee")
    paid = step.leg.order_id
    named = [order for order in entries if paid and paid in (order.order_id, whole_of(order))]
    return (named or entries)[-1]
