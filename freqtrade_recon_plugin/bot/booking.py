"""Books legs into freqtrade's own model: filled orders, and trades opened and closed by them.

Nothing here commits; the caller commits all legs at once or rolls them back. What freqtrade asks
the exchange for about its newest filled order is filled in, so that it never asks for an id that
only the book knows (fee currency of the side, time of the fill, not open).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from freqtrade.exchange import timeframe_to_minutes
from freqtrade.leverage.liquidation_price import update_liquidation_prices
from freqtrade.persistence import Order, Trade
from sqlalchemy import select

from freqtrade_recon_plugin.bot.made_up import SYNTHETIC, TAG
from freqtrade_recon_plugin.bot.sync_plan import Step
from freqtrade_recon_plugin.domain.model import Role
from freqtrade_recon_plugin.errors import BookingRefused


def open_trades(symbol: str) -> list[Any]:
    """The open trades of a symbol, oldest first; freqtrade keeps to one."""
    query = Trade.get_trades([Trade.pair == symbol, Trade.is_open.is_(True)])
    return sorted(query.all(), key=lambda trade: trade.id)


def latest_trades(symbol: str) -> list[Any]:
    """The newest two trades of a symbol, open or not, newest first."""
    query = select(Trade).where(Trade.pair == symbol).order_by(Trade.id.desc()).limit(2)
    return list(Trade.session.scalars(query).all())


def book(bot: Any, trade: Any, step: Step, leverage: float) -> Any:
    """Books one step.

    :param trade: the open trade of the symbol, None where there is none. One whose first entry
        is still resting takes the leg that opens the position, too.
    :param leverage: of the position on the exchange, for a trade that is opened.
    :return: the trade that the leg went to.
    :raises BookingRefused: the open trade is of the other side.
    """
    if trade is None:
        return _adopt(bot, step, leverage)
    if step.leg.role is Role.OPEN and trade.entry_side != step.leg.side:
        raise BookingRefused("an entry order of the other side is open")
    order = _filled_order(step, datetime.now(UTC))
    order.funding_fee = running_funding(bot, trade)
    trade.orders.append(order)
    if step.leg.role is Role.CLOSE:
        _close(bot, trade, step)
        return trade
    if step.leg.role in (Role.OPEN, Role.INCREASE):
        trade.fee_open_currency = trade.fee_open_currency or bot.config["stake_currency"]
    trade.recalc_trade_from_orders()
    update_liquidation_price(bot, trade)
    return trade


def update_liquidation_price(bot: Any, trade: Any) -> None:
    """Asks the exchange where the position would be liquidated, as freqtrade does after a fill.

    freqtrade logs a failure and keeps the old price.
    """
    update_liquidation_prices(
        trade,
        exchange=bot.exchange,
        wallets=bot.wallets,
        stake_currency=bot.config["stake_currency"],
        dry_run=False,
    )


def _filled_order(step: Step, at: datetime) -> Any:
    amount, price, side = float(step.leg.amount), float(step.price), str(step.leg.side)
    return Order(
        order_id=step.order_id,
        ft_order_side=side,
        ft_pair=step.symbol,
        symbol=step.symbol,
        ft_is_open=False,
        ft_amount=amount,
        ft_price=price,
        ft_order_tag=SYNTHETIC,
        status="closed",
        order_type="market",
        side=side,
        price=price,
        average=price,
        amount=amount,
        filled=amount,
        remaining=0.0,
        cost=amount * price,
        order_date=at,
        order_filled_date=at,
        order_update_date=at,
        funding_fee=0.0,
    )


def new_trade(bot: Any, step: Step, leverage: float, at: datetime) -> Any:
    """A trade that a leg opens, as freqtrade makes them, with its stop and without orders yet.

    :param at: when it was opened.
    """
    exchange, strategy = bot.exchange, bot.strategy
    symbol, amount, price = step.symbol, float(step.leg.amount), float(step.price)
    fee = exchange.get_fee(symbol=symbol, taker_or_maker="maker")
    trade = Trade(
        pair=symbol,
        base_currency=exchange.get_pair_base_currency(symbol),
        stake_currency=bot.config["stake_currency"],
        stake_amount=amount * price / leverage,
        amount=amount,
        amount_requested=amount,
        is_open=True,
        fee_open=fee,
        fee_close=fee,
        open_rate=price,
        open_rate_requested=price,
        open_date=at,
        exchange=exchange.id,
        strategy=strategy.get_strategy_name(),
        enter_tag=TAG,
        timeframe=timeframe_to_minutes(bot.config["timeframe"]),
        leverage=leverage,
        is_short=step.after < 0,
        trading_mode=bot.trading_mode,
        funding_fees=0.0,
        amount_precision=exchange.get_precision_amount(symbol),
        price_precision=exchange.get_precision_price(symbol),
        precision_mode=exchange.precisionMode,
        precision_mode_price=exchange.precision_mode_price,
        contract_size=exchange.get_contract_size(symbol),
    )
    trade.adjust_stop_loss(trade.open_rate, strategy.stoploss, initial=True)
    return trade


def running_funding(bot: Any, trade: Any) -> float:
    """The funding fees since the last fill; they go with the new order, as freqtrade has it."""
    trade.set_funding_fees(
        bot.exchange.get_funding_fees(
            pair=trade.pair,
            amount=trade.amount,
            is_short=trade.is_short,
            open_date=trade.date_last_filled_utc,
        )
    )
    running = trade.funding_fee_running or 0.0
    trade.funding_fee_running = 0.0
    return float(running)


def _close(bot: Any, trade: Any, step: Step) -> None:
    trade.close_rate_requested = float(step.price)
    trade.exit_reason = TAG
    trade.fee_close_currency = trade.fee_close_currency or bot.config["stake_currency"]
    trade.close(float(step.price))


def _adopt(bot: Any, step: Step, leverage: float) -> Any:
    """A trade for a position that the exchange has and the book has not."""
    now = datetime.now(UTC)
    trade = new_trade(bot, step, leverage, now)
    trade.fee_open_currency = bot.config["stake_currency"]
    trade.orders.append(_filled_order(step, now))
    trade.recalc_trade_from_orders()
    update_liquidation_price(bot, trade)
    Trade.session.add(trade)
    return trade
