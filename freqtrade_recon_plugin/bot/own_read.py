"""What the bot reads itself before it books: does the exchange contradict the target?

The reconciliation has decided on evidence of its own; this is the last look, with the bot's key,
at the moment of booking. A read that shows nothing at all is no agreement.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from freqtrade.exchange.exchange_utils import DECIMAL_PLACES, TICK_SIZE

from freqtrade_recon_plugin.bot.positions import exact
from freqtrade_recon_plugin.bot.sync_plan import SyncPlan
from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    PositionSide,
    TradingMode,
    signed,
)
from freqtrade_recon_plugin.errors import BookingRefused
from freqtrade_recon_plugin.settings import BotSettings


def refuse_contradiction(
    bot: Any,
    plan: SyncPlan,
    settings: BotSettings,
    mode: TradingMode | None,
    learned: Mapping[str, Decimal],
) -> None:
    """Compares the target with the wallets, which the caller has just refreshed.

    :param learned: spot: coins on the account that were found not to be the bot's; a configured
        amount goes before a learned one.
    :raises BookingRefused: they do not agree, or do not say anything.
    """
    if bot.config["stake_currency"] not in bot.wallets.get_all_balances():
        raise BookingRefused("the bot's own read of its balance is empty")
    if mode is TradingMode.FUTURES:
        _check_position(bot, plan, settings)
    elif mode is TradingMode.SPOT:
        _check_balance(bot, plan, settings, {**learned, **settings.external_holdings})
    else:
        raise BookingRefused(f"bookings in trading mode {bot.trading_mode} are not known")


def leverage_of_position(bot: Any, symbol: str, price: Decimal) -> float:
    """The leverage of the position on the exchange: as reported, else from its margin, else 1."""
    position = bot.wallets.get_all_positions().get(symbol)
    if position is None:
        return 1.0
    if position.leverage:
        return max(float(position.leverage), 1.0)
    if not position.collateral:
        return 1.0
    worth = exact(position.position) * price
    return max(float(round(worth / exact(position.collateral))), 1.0)


def amount_step(exchange: Any, symbol: str) -> Decimal:
    """The quantity step of a market in base coin; 0 where it has none that is known."""
    precision = exchange.get_precision_amount(symbol)
    if precision is None:
        return ZERO
    size = exact(exchange.get_contract_size(symbol)) or Decimal(1)
    if exchange.precisionMode == TICK_SIZE:
        return exact(precision) * size
    if exchange.precisionMode == DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(precision)) * size
    return ZERO


def _check_position(bot: Any, plan: SyncPlan, settings: BotSettings) -> None:
    position = bot.wallets.get_all_positions().get(plan.symbol)
    held = ZERO
    if position is not None:
        held = signed(PositionSide(position.side), exact(position.position))
    difference = abs(held - plan.target)
    if held * plan.target > 0 and difference < _tolerated(bot, plan, settings):
        return
    surplus = held * plan.target >= 0 and abs(held) > abs(plan.target)
    if not difference or (surplus and difference * plan.price < _dust(bot, plan, settings)):
        return
    raise BookingRefused(
        f"the bot itself reads a position of {decimal_text(held)}, not {decimal_text(plan.target)}"
    )


def _check_balance(
    bot: Any, plan: SyncPlan, settings: BotSettings, external: Mapping[str, Decimal]
) -> None:
    """Spot: what is there beyond the target may be somebody else's; what is missing may not."""
    coin = bot.exchange.get_pair_base_currency(plan.symbol)
    balance = bot.wallets.get_all_balances().get(coin)
    total = exact(balance.total) if balance is not None else ZERO
    held = total - external.get(coin, ZERO)
    if held < plan.target and plan.target - held >= _tolerated(bot, plan, settings):
        raise BookingRefused(
            f"the bot itself reads {decimal_text(held)} {coin}, not {decimal_text(plan.target)}"
        )
    if plan.target < plan.expected_local and held >= plan.expected_local:
        raise BookingRefused(
            f"the bot itself still reads {decimal_text(held)} {coin}, nothing is missing"
        )


def _tolerated(bot: Any, plan: SyncPlan, settings: BotSettings) -> Decimal:
    return settings.policy.amount_tolerance_steps * amount_step(bot.exchange, plan.symbol)


def _dust(bot: Any, plan: SyncPlan, settings: BotSettings) -> Decimal:
    if settings.policy.dust_notional is not None:
        return settings.policy.dust_notional
    limits = bot.exchange.markets.get(plan.symbol, {}).get("limits", {})
    return exact((limits.get("cost") or {}).get("min"))
