"""Books real fills through freqtrade's own `update_trade_state`, as if the bot had seen them.

Nothing here commits or reaches out: the caller wraps it in `one_commit`. An order goes into the
book under its own id when all of it is the bot's to book; a part of an order goes under a made-up
id, so that freqtrade never reads the whole order into the trade.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from freqtrade.enums import ExitType
from freqtrade.persistence import Order, Trade

from freqtrade_recon_plugin.bot.booking import new_trade, running_funding
from freqtrade_recon_plugin.bot.made_up import TAG, part_tag
from freqtrade_recon_plugin.bot.positions import exact
from freqtrade_recon_plugin.bot.real_orders import RealOrder, is_phantom
from freqtrade_recon_plugin.bot.sync_plan import Step
from freqtrade_recon_plugin.domain.model import ZERO
from freqtrade_recon_plugin.errors import BookingRefused

_STOP = "stoploss"


def book_real(
    bot: Any, trade: Any, step: Step, order: RealOrder, leverage: float, *, alone: bool
) -> Any:
    """Books one leg of a real order.

    :param trade: the open trade of the symbol, None where there is none.
    :param leverage: of the position on the exchange, for a trade that is opened.
    :param alone: no other leg names the order.
    :return: the trade that is open afterwards; None where there is none.
    :raises BookingRefused: the order and the book do not fit together.
    """
    if is_phantom(step, order):
        return _take_back(trade, step, order)
    if not step.price:
        step = replace(step, price=exact(order.report.get("average") or order.report.get("price")))
    row, report = _row_for(trade, step, order, alone=alone)
    if trade is None:
        trade = new_trade(bot, step, leverage, order.at)
        Trade.session.add(trade)
    elif row.ft_trade_id is None and row.ft_order_side != _STOP:
        row.funding_fee = running_funding(bot, trade)
    if row not in trade.orders:
        trade.orders.append(row)
    if row.ft_order_side != trade.entry_side:
        _say_why(trade, row, order)
    _update(bot, trade, row, report)
    return trade if trade.is_open else None


def stop_rows(orders: dict[str, RealOrder]) -> list[Any]:
    """The rows of stops on the exchange among the orders."""
    rows = (order.row for order in orders.values())
    return [row for row in rows if row is not None and row.ft_order_side == _STOP]


def tell_of_stop(bot: Any, row: Any) -> None:
    """What freqtrade does when it finds a stop on the exchange filled, once it is booked."""
    trade = row.trade
    bot._notify_exit(trade, _STOP, True)
    if not trade.is_open:
        bot.handle_protections(trade.pair, trade.trade_direction)


def _row_for(
    trade: Any, step: Step, order: RealOrder, *, alone: bool
) -> tuple[Any, dict[str, Any]]:
    """The row that the leg is booked on, the bot's own or a new one, and what it is told."""
    row = order.row
    if alone and step.leg.amount == order.unbooked and not order.in_parts:
        if row is None and (order.own or not order.is_open):
            return _new_row(step, order.report, order.order_id), order.report
        if row is not None and (row.trade is trade or not exact(row.filled)):
            if row.trade is not trade and row.ft_order_side == _STOP:
                row.ft_order_side = str(step.leg.side)
            return row, order.report
    if order.is_open and order.own:
        raise BookingRefused(f"order {order.order_id} is still filling")
    report = _part_of(step, order)
    part = _new_row(step, report, step.order_id)
    part.ft_order_tag = part_tag(order.order_id)
    part.ft_amount = float(order.filled)
    return part, report


def _new_row(step: Step, report: dict[str, Any], order_id: str) -> Any:
    price = report.get("average") or report.get("price") or float(step.price)
    return Order.parse_from_ccxt_object(
        {**report, "id": order_id},
        step.symbol,
        str(step.leg.side),
        report.get("amount") or report.get("filled"),
        price,
    )


def _part_of(step: Step, order: RealOrder) -> dict[str, Any]:
    """The report of an order, cut down to the leg; fees are cut down with it."""
    report, amount = order.report, step.leg.amount
    price = report.get("average") or report.get("price") or float(step.price)
    share = float(amount / order.filled)

    def cut(fee: dict[str, Any] | None) -> dict[str, Any] | None:
        if not fee or fee.get("cost") is None:
            return fee
        return {**fee, "cost": float(fee["cost"]) * share}

    trades = [
        {
            **fill,
            "amount": float(fill["amount"]) * share,
            "cost": float(fill["cost"]) * share,
            "fee": cut(fill.get("fee")),
            "fees": [cut(fee) for fee in fill.get("fees") or []],
        }
        for fill in report.get("trades") or []
        if fill.get("amount") is not None and fill.get("cost") is not None
    ]
    return {
        **report,
        "id": step.order_id,
        "status": "closed",
        "amount": float(amount),
        "filled": float(amount),
        "remaining": 0.0,
        "average": price,
        "cost": float(amount) * price,
        "fee": cut(report.get("fee")),
        "fees": [cut(fee) for fee in report.get("fees") or []],
        "trades": trades,
    }


def _say_why(trade: Any, row: Any, order: RealOrder) -> None:
    """The exit reason that the trade would have; freqtrade sets that of its stops itself."""
    if row.ft_order_side == _STOP:
        return
    if order.forced:
        reason = ExitType.LIQUIDATION.value
    elif order.row is not None:  # freqtrade notes on the order why it exits
        reason = order.row.ft_order_tag or trade.exit_reason or TAG
    elif order.report.get("stopPrice") or "stop" in str(order.report.get("type")):
        reason = ExitType.STOPLOSS_ON_EXCHANGE.value
    else:
        reason = TAG if order.own else ExitType.SOLD_ON_EXCHANGE.value
    trade.exit_reason = reason
    row.ft_order_tag = row.ft_order_tag or reason
    trade.close_rate_requested = trade.close_rate_requested or row.ft_price


def _update(bot: Any, trade: Any, row: Any, report: dict[str, Any]) -> None:
    entry = row.ft_order_side == trade.entry_side
    fee_before = row.ft_fee_base
    if not entry and row.filled and not row.ft_is_open:
        # freqtrade takes the order's whole amount for what is still to come off the trade.
        row.filled = 0.0
        trade.recalc_trade_from_orders()
    bot.update_trade_state(trade, row.order_id, report, stoploss_order=row.ft_order_side == _STOP)
    if entry and row.ft_fee_base != fee_before:
        # How much of a fee is missing from the account, the command says by legs of its own.
        row.ft_fee_base = fee_before
        trade.recalc_trade_from_orders()


def _take_back(trade: Any, step: Step, order: RealOrder) -> Any:
    """Brings what is booked of an order down to what was filled, at the price it is booked at."""
    row = order.row
    if row is None:
        raise BookingRefused(f"order {order.order_id} is not in the book, nothing to take back")
    owner, report = row.trade, order.report
    if trade is not None and owner is not trade:
        raise BookingRefused(f"order {order.order_id} belongs to another trade")
    truth = exact(row.filled) - step.leg.amount
    row.filled = float(truth)
    row.remaining = max(row.safe_amount - row.filled, 0.0)
    row.cost = row.filled * row.safe_price
    row.status, row.ft_is_open = report["status"], order.is_open
    if row.ft_fee_base and not truth:
        row.ft_fee_base = None
    if not any(exact(one.filled) for one in owner.orders):
        # As freqtrade does with a trade whose first entry has never filled.
        for one in owner.orders:
            Order.session.delete(one)
        Trade.session.delete(owner)
        return None
    reopen(owner)
    return owner


def reopen(trade: Any) -> None:
    """Works a trade out anew, less what is no longer booked; open if anything is left of it."""
    if not trade.is_open:
        trade.exit_reason = trade.close_rate_requested = trade.fee_close_currency = None
    trade.is_open = True
    trade.close_rate = trade.close_date = trade.close_profit = trade.close_profit_abs = None
    trade.exit_order_status = None
    trade.realized_profit = 0.0
    trade.amount = float(ZERO)
    trade.recalc_trade_from_orders()
