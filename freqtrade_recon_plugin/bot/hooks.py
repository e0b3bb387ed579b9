"""Puts the guard around the seams, on the instances, so that no override in a strategy avoids it.

Each function wraps one seam. What the guard refuses leaves as the exception or the return value
that freqtrade handles there (`DependencyException`, `False`, no exit), and before freqtrade has
cancelled anything for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from freqtrade.exceptions import DependencyException, ExchangeError
from freqtrade.rpc.rpc import RPCException

from freqtrade_recon_plugin.bot.guard import Guard
from freqtrade_recon_plugin.bot.marking import Marking

logger = logging.getLogger(__name__)


def guard_orders(exchange: Any, guard: Guard) -> None:
    """Refuses every order that increases exposure, at the last line before the exchange."""
    original = exchange.create_order

    @wraps(original)
    def create_order(*args: Any, **kwargs: Any) -> Any:
        if guard.increases(kwargs.get("side"), kwargs.get("reduceOnly")):
            refusal = guard.refuses_increase(str(kwargs.get("pair")))
            if refusal is not None:
                raise DependencyException(refusal.text)
        return original(*args, **kwargs)

    exchange.create_order = create_order


def guard_stops(exchange: Any, guard: Guard) -> None:
    """Refuses a stop for a position that is confirmed flat; the exchange would refuse it too.

    Its refusal would be an InvalidOrderException, which freqtrade answers by an emergency exit;
    this ExchangeError is logged, and the loop goes on.
    """
    original = exchange.create_stoploss

    @wraps(original)
    def create_stoploss(*args: Any, **kwargs: Any) -> Any:
        refusal = guard.refuses_stop(str(kwargs.get("pair", args[0] if args else None)))
        if refusal is not None:
            raise ExchangeError(refusal)
        return original(*args, **kwargs)

    exchange.create_stoploss = create_stoploss


def mark_orders(exchange: Any, guard: Guard, marking: Marking) -> None:
    """Writes every order down before it leaves, and gives it the bot's client order id."""
    place, place_stop = exchange.create_order, exchange.create_stoploss
    params_of, stop_params_of = exchange._get_params, exchange._get_stop_params

    @wraps(place)
    def create_order(*args: Any, **kwargs: Any) -> Any:
        side = kwargs["side"]
        must = guard.increases(side, kwargs.get("reduceOnly"))
        with marking.order(
            kwargs["pair"], side, kwargs["amount"], conditional=False, must=must
        ) as intent:
            order = place(*args, **kwargs)
        marking.answered(intent, str(order["id"]))
        return order

    @wraps(place_stop)
    def create_stoploss(pair: str, amount: float, *args: Any, **kwargs: Any) -> Any:
        side = kwargs["side"]
        with marking.order(pair, side, amount, conditional=True, must=False) as intent:
            order = place_stop(pair, amount, *args, **kwargs)
        marking.answered(intent, str(order["id"]))
        return order

    @wraps(params_of)
    def get_params(*args: Any, **kwargs: Any) -> Any:
        return {**params_of(*args, **kwargs), **marking.params()}

    @wraps(stop_params_of)
    def get_stop_params(*args: Any, **kwargs: Any) -> Any:
        return {**stop_params_of(*args, **kwargs), **marking.params()}

    exchange.create_order, exchange.create_stoploss = create_order, create_stoploss
    exchange._get_params, exchange._get_stop_params = get_params, get_stop_params


def guard_entries(strategy: Any, guard: Guard) -> None:
    """Answers freqtrade's question about a new trade; an error in there would allow it."""
    original = strategy.confirm_trade_entry

    @wraps(original)
    def confirm_trade_entry(*args: Any, **kwargs: Any) -> Any:
        pair = kwargs.get("pair", args[0] if args else None)
        if guard.refuses_increase(str(pair)) is not None:
            return False
        return original(*args, **kwargs)

    strategy.confirm_trade_entry = confirm_trade_entry


def guard_adjustments(strategy: Any, guard: Guard) -> None:
    """Drops a position adjustment before freqtrade cancels the trade's open orders or its stop."""
    original = strategy._adjust_trade_position_internal

    @wraps(original)
    def adjust(*args: Any, **kwargs: Any) -> Any:
        answer = original(*args, **kwargs)
        stake = answer[0]
        if not stake:
            return answer
        trade: Any = kwargs["trade"] if "trade" in kwargs else args[0]
        if stake > 0:
            dropped = guard.refuses_increase(trade.pair) is not None
        else:
            dropped = guard.holds_exits(trade.pair)
        return (None, "") if dropped else answer

    strategy._adjust_trade_position_internal = adjust


def hold_exits(strategy: Any, guard: Guard) -> None:
    """Holds discretionary exits back, before freqtrade cancels the stop on the exchange."""
    original = strategy.should_exit

    @wraps(original)
    def should_exit(*args: Any, **kwargs: Any) -> Any:
        exits = original(*args, **kwargs)
        if not exits:
            return exits
        trade: Any = kwargs["trade"] if "trade" in kwargs else args[0]
        return guard.passing_exits(trade.pair, exits)

    strategy.should_exit = should_exit


def explain_forced_entries(rpc: Any, guard: Guard) -> None:
    """Tells a person why their forced entry is refused; `create_order` refuses it in any case."""
    original = rpc._rpc_force_entry

    @wraps(original)
    def force_entry(pair: str, *args: Any, **kwargs: Any) -> Any:
        refusal = guard.refuses_increase(pair)
        if refusal is not None:
            raise RPCException(f"Forced entry refused: {refusal.text}")
        return original(pair, *args, **kwargs)

    rpc._rpc_force_entry = force_entry


def before_each_loop(strategy: Any, hook: Callable[[], None]) -> None:
    """Runs the hook at the start of each loop, then the strategy's own `bot_loop_start`."""
    original = strategy.bot_loop_start

    @wraps(original)
    def bot_loop_start(*args: Any, **kwargs: Any) -> Any:
        hook()
        return original(*args, **kwargs)

    strategy.bot_loop_start = bot_loop_start


def while_stopped(bot: Any, hook: Callable[[], None]) -> None:
    """Runs the hook in each round in which the bot is stopped."""
    original = bot.process_stopped

    @wraps(original)
    def process_stopped(*args: Any, **kwargs: Any) -> Any:
        hook()
        return original(*args, **kwargs)

    bot.process_stopped = process_stopped


def answer_for_made_up_orders(exchange: Any, find: Callable[[str, str], Any]) -> None:
    """Answers for orders that exist in the book alone; the exchange would not know their ids.

    :param find: takes an order id and a pair; gives such an order as ccxt has it, or None.
    """
    original = exchange.fetch_order

    @wraps(original)
    def fetch_order(order_id: str, pair: str, *args: Any, **kwargs: Any) -> Any:
        known = find(order_id, pair)
        if known is not None:
            return known
        return original(order_id, pair, *args, **kwargs)

    exchange.fetch_order = fetch_order
