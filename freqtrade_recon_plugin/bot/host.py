"""The freqtrade bot around the plugin: how it is reached, and what of it is relied on.

freqtrade promises none of these names to plugins. They are checked at every start, so that a
version that has changed one of them refuses to start instead of trading without a guard.
"""

from __future__ import annotations

import inspect
from importlib import metadata
from typing import Any

from freqtrade import __version__ as freqtrade_version
from freqtrade.persistence import KeyValueStore, Order, PairLocks, Trade

from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.errors import UnsupportedHost

#: What the plugin calls or wraps, and the parameters that it relies on. Dots lead from the bot.
_SEAMS: dict[str, tuple[str, ...]] = {
    "_exit_lock": (),
    "state": (),
    "active_pair_whitelist": (),
    "process_stopped": (),
    "cancel_stoploss_on_exchange": ("trade",),
    "cancel_open_orders_of_trade": ("trade", "sides", "reason"),
    "handle_cancel_enter": ("trade", "order", "order_obj", "reason"),
    "handle_protections": ("pair", "side"),
    "update_trade_state": ("trade", "order_id", "action_order", "stoploss_order"),
    "_update_trade_after_fill": ("trade", "order", "send_msg"),
    "order_close_notify": ("trade", "order", "stoploss_order", "send_msg"),
    "_notify_exit": ("trade", "order_type", "fill"),
    "update_all_liquidation_prices": (),
    "exchange.create_order": ("pair", "side", "amount", "reduceOnly"),
    "exchange.create_stoploss": ("pair", "amount", "side"),
    "exchange._get_params": ("side", "ordertype"),
    "exchange._get_stop_params": ("side", "ordertype"),
    "exchange._api": (),
    "exchange.cancel_stoploss_order_with_result": ("order_id", "pair", "amount"),
    "exchange.fetch_order": ("order_id", "pair", "params"),
    "exchange.fetch_order_or_stoploss_order": ("order_id", "pair", "stoploss_order"),
    "exchange.fetch_stoploss_order": ("order_id", "pair"),
    "exchange.get_trades_for_order": ("order_id", "pair", "since"),
    "exchange.order_has_fee": ("order",),
    "exchange.get_fee": ("symbol", "taker_or_maker"),
    "exchange.get_funding_fees": ("pair", "amount", "is_short", "open_date"),
    "exchange.get_precision_amount": ("pair",),
    "exchange.get_contract_size": ("pair",),
    "strategy.bot_loop_start": (),
    "strategy.confirm_trade_entry": (),
    "strategy.order_filled": (),
    "strategy.should_exit": ("trade",),
    "strategy._adjust_trade_position_internal": ("trade",),
    "wallets.update": (),
    "wallets.get_all_positions": (),
    "wallets.get_all_balances": (),
    "rpc.send_msg": ("msg",),
    "rpc._rpc._rpc_force_entry": ("pair",),
}
_MODEL_SEAMS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "Trade.recalc_trade_from_orders": (Trade, ("is_closing",)),
    "Trade.close": (Trade, ("rate", "show_msg")),
    "Trade.adjust_stop_loss": (Trade, ("current_price", "stoploss", "initial")),
    "Trade.set_funding_fees": (Trade, ("funding_fee",)),
    "Order.parse_from_ccxt_object": (Order, ("order", "pair", "side", "amount", "price")),
    "Order.order_by_id": (Order, ("order_id", "pair")),
    "KeyValueStore.store_value": (KeyValueStore, ("key", "value")),
    "KeyValueStore.delete_value": (KeyValueStore, ("key",)),
    "KeyValueStore.get_string_value": (KeyValueStore, ("key",)),
    "PairLocks.lock_pair": (PairLocks, ("pair", "until", "reason")),
    "PairLocks.unlock_reason": (PairLocks, ("reason",)),
}


def find_bot(strategy: Any) -> Any:
    """The bot that a strategy runs in.

    :raises UnsupportedHost: the way to it is not there any more.
    """
    try:
        return strategy.dp._DataProvider__rpc._rpc._freqtrade
    except AttributeError as error:
        raise _unsupported(f"the way from the data provider to the bot ({error})") from None


def check_seams(bot: Any) -> None:
    """Refuses a freqtrade in which a name or parameter that the plugin relies on is gone.

    :raises UnsupportedHost: names the version and the seam.
    """
    for path, parameters in _SEAMS.items():
        found = bot
        for name in path.split("."):
            if not hasattr(found, name):
                raise _unsupported(path)
            found = getattr(found, name)
        _check_parameters(path, found, parameters)
    for path, (owner, parameters) in _MODEL_SEAMS.items():
        found = getattr(owner, path.partition(".")[2], None)
        if found is None:
            raise _unsupported(path)
        _check_parameters(path, found, parameters)


def trading_mode(bot: Any) -> TradingMode | None:
    """Spot or futures; None for any other, where no order can be told apart."""
    try:
        return TradingMode(str(bot.trading_mode.value))
    except ValueError:
        return None


def versions() -> str:
    """The versions of plugin and host, for the store."""
    return f"{metadata.version('freqtrade-recon-plugin')}, freqtrade {freqtrade_version}"


def _check_parameters(path: str, found: Any, parameters: tuple[str, ...]) -> None:
    if not parameters:
        return
    taken = inspect.signature(found).parameters
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())
    for parameter in parameters:
        if parameter not in taken and not takes_any:
            raise _unsupported(f"{path}(… {parameter} …)")


def _unsupported(seam: str) -> UnsupportedHost:
    return UnsupportedHost(
        f"freqtrade {freqtrade_version} lacks {seam}, which the guard needs; "
        "trade with a version that this plugin supports"
    )
