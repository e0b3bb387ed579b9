"""The guard's decisions by themselves: what is an increase, and what an error of ours does."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from freqtrade.enums import ExitCheckTuple, ExitType
from freqtrade.exceptions import DependencyException, ExchangeError, InvalidOrderException

from freqtrade_recon_plugin.bot import hooks
from freqtrade_recon_plugin.bot.guard import Guard, Refused
from freqtrade_recon_plugin.domain.lifecycle import BreakerReason
from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.metrics import Metrics

SYMBOL = "BTC/USDT:USDT"
OPEN = (True, BreakerReason.DIVERGENCE, "a1")


@dataclass
class Answer:
    """What the store would say; an exception is raised."""

    answer: Any = None
    asked: int = 0
    flat: Any = False

    def blocking(self, bot_id: str, symbol: str) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def saw_flat(self, action_id: str) -> bool:
        assert action_id == OPEN[2]
        if isinstance(self.flat, Exception):
            raise self.flat
        return bool(self.flat)


@dataclass
class Sent:
    """A statsd client that keeps what it is given."""

    names: list[str] = field(default_factory=list)

    def incr(self, stat: str, count: int = 1) -> None:
        self.names.append(stat)

    def gauge(self, stat: str, value: Any) -> None:
        self.names.append(stat)

    def timing(self, stat: str, delta: Any) -> None:
        self.names.append(stat)


def guard_with(answer: Any, mode: TradingMode | None = TradingMode.FUTURES, **policy: Any) -> Guard:
    sent = Sent()
    guard = Guard("bot", mode, Policy.from_mapping(policy), Answer(answer), Metrics(sent))
    guard.sent = sent  # type: ignore[attr-defined]
    return guard


@pytest.mark.parametrize(
    ("mode", "side", "reduce_only", "increases"),
    [
        (TradingMode.FUTURES, "buy", False, True),
        (TradingMode.FUTURES, "sell", False, True),
        (TradingMode.FUTURES, "sell", True, False),
        (TradingMode.FUTURES, "buy", True, False),
        (TradingMode.SPOT, "buy", False, True),
        (TradingMode.SPOT, "sell", False, False),
        (TradingMode.SPOT, None, False, True),
        (TradingMode.FUTURES, "sell", None, True),
        (TradingMode.FUTURES, "sell", "yes", True),
        (None, "sell", False, True),
    ],
)
def test_whatever_cannot_be_told_apart_counts_as_an_increase(
    mode: TradingMode | None, side: Any, reduce_only: Any, increases: bool
) -> None:
    assert guard_with(None, mode).increases(side, reduce_only) is increases


def test_an_open_breaker_refuses_an_increase_and_is_measured() -> None:
    guard = guard_with(OPEN)
    refusal = guard.refuses_increase(SYMBOL)
    assert refusal is not None
    assert refusal.reason is Refused.BREAKER
    assert refusal.text == f"the breaker of {SYMBOL} is open (divergence, action a1)"
    assert guard.sent.names == [  # type: ignore[attr-defined]
        "guard_check.bot",
        "orders_blocked.bot.BTC_USDT_USDT.breaker",
    ]


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), KeyError("?"), RuntimeError("!")])
def test_a_store_that_cannot_be_read_refuses_increases_and_lets_exits_pass(
    error: Exception,
) -> None:
    guard = guard_with(error)
    refusal = guard.refuses_increase(SYMBOL)
    assert refusal is not None
    assert refusal.reason is Refused.STORE_UNAVAILABLE
    exits = [ExitCheckTuple(ExitType.EXIT_SIGNAL)]
    assert guard.passing_exits(SYMBOL, exits) == exits


def test_an_answer_of_another_shape_refuses_increases_and_lets_exits_pass() -> None:
    guard = guard_with(("nonsense",))
    assert guard.refuses_increase(SYMBOL) is not None
    assert not guard.holds_exits(SYMBOL)


@pytest.mark.parametrize("kind", list(ExitType))
def test_exits_that_protect_or_that_a_person_made_are_never_held(kind: ExitType) -> None:
    protective = {
        ExitType.STOP_LOSS,
        ExitType.STOPLOSS_ON_EXCHANGE,
        ExitType.TRAILING_STOP_LOSS,
        ExitType.LIQUIDATION,
        ExitType.EMERGENCY_EXIT,
        ExitType.FORCE_EXIT,
    }
    exits = [ExitCheckTuple(kind)]
    assert guard_with(OPEN).passing_exits(SYMBOL, exits) == (exits if kind in protective else [])
    assert guard_with(OPEN, halt_exits="none").passing_exits(SYMBOL, exits) == exits
    assert guard_with(None).passing_exits(SYMBOL, exits) == exits


def test_a_protective_exit_beside_a_discretionary_one_goes_ahead() -> None:
    stop = ExitCheckTuple(ExitType.STOP_LOSS)
    exits = [ExitCheckTuple(ExitType.EXIT_SIGNAL), stop, ExitCheckTuple(ExitType.ROI)]
    assert guard_with(OPEN).passing_exits(SYMBOL, exits) == [stop]


def test_a_protective_exit_costs_no_read() -> None:
    answer = Answer(OPEN)
    guard = Guard("bot", TradingMode.FUTURES, Policy(), answer, Metrics(None))
    guard.passing_exits(SYMBOL, [ExitCheckTuple(ExitType.STOP_LOSS)])
    assert answer.asked == 0


def test_a_refusal_is_said_once_per_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    answer = Answer(OPEN)
    guard = Guard("bot", TradingMode.FUTURES, Policy(), answer, Metrics(None))
    for _ in range(3):
        guard.refuses_increase(SYMBOL)
    assert len(caplog.records) == 1
    answer.answer = StoreUnavailable("gone")
    guard.refuses_increase(SYMBOL)
    assert len(caplog.records) == 2
    answer.answer = None
    assert guard.refuses_increase(SYMBOL) is None
    answer.answer = OPEN
    guard.refuses_increase(SYMBOL)
    assert len(caplog.records) == 3


def test_shadow_mode_refuses_for_a_person_alone() -> None:
    shadow = Policy.from_mapping({"mode": "shadow"})
    answer = Answer(OPEN)
    guard = Guard("bot", TradingMode.FUTURES, shadow, answer, Metrics(None))
    assert guard.refuses_increase(SYMBOL) is None
    answer.answer = (True, BreakerReason.MANUAL, None)
    assert guard.refuses_increase(SYMBOL) is not None


class Exchange:
    """The part of freqtrade's exchange that is wrapped."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def create_order(self, *, pair: str, side: str, amount: float, reduceOnly: bool = False) -> str:
        self.sent.append(side)
        return "order"


def test_a_refused_order_is_an_error_that_freqtrade_handles_and_never_one_about_a_stop() -> None:
    exchange = Exchange()
    hooks.guard_orders(exchange, guard_with(OPEN))
    with pytest.raises(DependencyException) as caught:
        exchange.create_order(pair=SYMBOL, side="buy", amount=1)
    assert not isinstance(caught.value, InvalidOrderException)
    assert exchange.create_order(pair=SYMBOL, side="sell", amount=1, reduceOnly=True) == "order"
    assert exchange.sent == ["sell"]


class Strategy:
    """The part of a strategy that is wrapped."""

    def __init__(self, stake: Any) -> None:
        self.stake = stake

    def confirm_trade_entry(self, pair: str, **kwargs: Any) -> bool:
        return True

    def _adjust_trade_position_internal(self, trade: Any, **kwargs: Any) -> Any:
        return self.stake, "tag"


@dataclass
class Trade:
    pair: str = SYMBOL


def test_an_entry_is_confirmed_by_the_strategy_only_where_the_guard_allows_it() -> None:
    for answer, allowed in ((OPEN, False), (None, True), (StoreUnavailable("gone"), False)):
        strategy = Strategy(None)
        hooks.guard_entries(strategy, guard_with(answer))
        assert strategy.confirm_trade_entry(pair=SYMBOL) is allowed


@pytest.mark.parametrize(
    ("stake", "answer", "passes"),
    [
        (10.0, OPEN, False),
        (-10.0, OPEN, False),
        (None, OPEN, True),
        (10.0, None, True),
        (-10.0, None, True),
        (10.0, StoreUnavailable("gone"), False),
        (-10.0, StoreUnavailable("gone"), True),
    ],
)
def test_an_adjustment_is_dropped_where_it_may_not_be_made(
    stake: float | None, answer: Any, passes: bool
) -> None:
    strategy = Strategy(stake)
    hooks.guard_adjustments(strategy, guard_with(answer))
    expected = (stake, "tag") if passes else (None, "")
    assert strategy._adjust_trade_position_internal(trade=Trade()) == expected


@pytest.mark.parametrize(
    ("answer", "flat", "refused"),
    [
        (OPEN, True, True),
        (OPEN, False, False),
        (None, True, False),
        ((True, BreakerReason.MANUAL, None), True, False),
        (StoreUnavailable("gone"), True, False),
        (OPEN, StoreUnavailable("gone"), False),
    ],
)
def test_a_stop_is_refused_only_where_the_exchange_is_confirmed_to_hold_nothing(
    answer: Any, flat: Any, refused: bool
) -> None:
    reads = Answer(answer, flat=flat)
    guard = Guard("bot", TradingMode.FUTURES, Policy(), reads, Metrics(None))
    assert (guard.refuses_stop(SYMBOL) is not None) is refused


def test_a_refused_stop_is_no_error_that_makes_freqtrade_sell() -> None:
    class Exchange:
        def create_stoploss(self, pair: str, **kwargs: Any) -> str:
            return f"placed for {pair}"

    exchange, reads = Exchange(), Answer(OPEN, flat=True)
    hooks.guard_stops(exchange, Guard("bot", TradingMode.FUTURES, Policy(), reads, Metrics(None)))
    with pytest.raises(ExchangeError) as refusal:
        exchange.create_stoploss(pair=SYMBOL)
    assert not isinstance(refusal.value, InvalidOrderException)
    reads.flat = False
    assert exchange.create_stoploss(pair=SYMBOL) == f"placed for {SYMBOL}"
