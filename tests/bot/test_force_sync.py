"""ForceSync in a live futures bot: what it books, what it refuses, and what the bot does then."""

from __future__ import annotations

from decimal import Decimal

import pytest

from freqtrade_recon_plugin.bot.sync_plan import synthetic_id
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.domain.model import PositionSide
from freqtrade_recon_plugin.sandbox import FaultKind
from tests.bot.rig import ACCOUNT, Rig, complaints, futures_pair, leg

pytestmark = pytest.mark.bot


def leave(rig: Rig, pair: str) -> dict[str, object]:
    """Lets the strategy exit, and gives the closed trade."""
    number = len(rig.closed_trades(pair))
    rig.wish(pair, exit=True)
    rig.until(lambda: len(rig.closed_trades(pair)) > number, f"the exit of {pair}")
    rig.wish(pair)
    return rig.closed_trades(pair)[-1]


def test_a_missed_buy_is_booked_and_the_bot_goes_on_with_it(futures: Rig) -> None:
    pair = futures_pair("GROW")
    futures.enter(pair)
    futures.controls.missed_fill(ACCOUNT, "50", symbol=pair, side="buy", price=51000)

    done = futures.sync(pair, "100", "150", leg("buy", "50", "increase", "51000"))

    ids = [synthetic_id(done.action_id, 1)]
    assert done.status is CommandStatus.DONE
    assert done.result == {"local": "150", "orders": ids}
    trade = futures.trade(pair)
    assert trade["amount"] == 150
    assert trade["open_rate"] == pytest.approx(50333.3)
    assert trade["is_open"]
    assert trade["nr_of_successful_entries"] == 2
    futures.until(lambda: futures.stops(pair) == [Decimal(150)], "the stop for 150")
    assert futures.published(pair).amount == 150

    log = futures.restart()

    assert complaints(log) == []
    assert futures.trade(pair)["amount"] == 150
    assert futures.stops(pair) == [Decimal(150)]
    sent = futures.last_request()
    closed = leave(futures, pair)
    assert closed["amount"] == 150
    assert futures.position(pair) == 0
    assert [order["params"]["quantity"] for order in futures.orders_sent(pair, sent)] == ["150"]
    assert futures.asked_for(ids) == []


def test_a_missed_sale_is_booked_with_its_profit(futures: Rig) -> None:
    pair = futures_pair("SHRINK")
    futures.enter(pair)
    futures.controls.manual_trade(ACCOUNT, pair, "sell", "40", price=52000)

    done = futures.sync(pair, "100", "60", leg("sell", "40", "decrease", "52000"))

    assert done.result == {"local": "60", "orders": [synthetic_id(done.action_id, 1)]}
    trade = futures.trade(pair)
    assert (trade["amount"], trade["open_rate"]) == (60, 50000)
    gross = 40 * (52000 - 50000)
    fees = 0.0005 * 40 * (52000 + 50000)
    assert trade["realized_profit"] == pytest.approx(gross - fees, rel=1e-3)
    futures.until(lambda: futures.stops(pair) == [Decimal(60)], "the stop for 60")
    assert leave(futures, pair)["amount"] == 60
    assert futures.position(pair) == 0
    assert futures.asked_for(done.result["orders"]) == []


def test_a_position_that_is_gone_closes_its_trade_and_leaves_no_stop(futures: Rig) -> None:
    pair = futures_pair("GONE")
    futures.enter(pair)
    futures.controls.manual_trade(ACCOUNT, pair, "sell", "100", price=49000)

    done = futures.sync(pair, "100", "0", leg("sell", "100", "close", "49000"))

    assert done.result == {"local": "0", "orders": [synthetic_id(done.action_id, 1)]}
    assert futures.trade(pair) == {}
    closed = futures.closed_trades(pair)[-1]
    assert closed["exit_reason"] == "reconciliation"
    assert closed["close_rate"] == 49000
    assert closed["fee_close_currency"] == "USDT"
    loss = 100 * (49000 - 50000) - 0.0005 * 100 * (49000 + 50000)
    assert closed["profit_abs"] == pytest.approx(loss, rel=1e-3)
    assert futures.stops(pair) == []
    row = futures.published(pair)
    assert row.side is PositionSide.FLAT
    assert done.result["orders"][0] in row.known_order_ids
    futures.loops(2)
    assert futures.asked_for(done.result["orders"]) == []


def test_a_liquidated_position_closes_its_trade_for_good(futures: Rig) -> None:
    pair = futures_pair("WIPED")
    futures.enter(pair)
    futures.controls.liquidate(ACCOUNT, pair)

    done = futures.sync(pair, "100", "0", leg("sell", "100", "close", "45000"))

    assert done.status is CommandStatus.DONE
    assert futures.trade(pair) == {}
    assert futures.closed_trades(pair)[-1]["exit_reason"] == "reconciliation"
    assert futures.stops(pair) == []
    assert futures.asked_for(done.result["orders"]) == []


def test_an_exit_that_still_rests_is_cancelled_before_its_trade_is_closed(futures: Rig) -> None:
    pair = futures_pair("BUSY")
    futures.enter(pair)
    futures.controls.set_liquidity(pair, "sell", 0)
    futures.wish(pair, exit=True)
    futures.until(lambda: futures.trade(pair)["has_open_orders"], "the resting exit")
    futures.controls.manual_trade(ACCOUNT, pair, "sell", "100", price=49000)
    futures.wish(pair)

    done = futures.sync(pair, "100", "0", leg("sell", "100", "close", "49000"))

    assert done.status is CommandStatus.DONE
    assert futures.closed_trades(pair)[-1]["close_rate"] == 49000
    rests = [
        order
        for order in futures.controls.state(ACCOUNT)["orders"]
        if order["unified_symbol"] == pair and order["status"] in ("NEW", "PARTIALLY_FILLED")
    ]
    assert rests == []
    assert futures.stops(pair) == []


@pytest.mark.parametrize(
    ("name", "side", "target", "exit_side"),
    [("FOUND", "buy", "50", "sell"), ("SHORT", "sell", "-50", "buy")],
)
def test_a_position_without_a_trade_is_adopted_with_a_stop(
    futures: Rig, name: str, side: str, target: str, exit_side: str
) -> None:
    pair = futures_pair(name)
    futures.controls.manual_trade(ACCOUNT, pair, side, "50", price=50000)

    done = futures.sync(pair, "0", target, leg(side, "50", "open"))

    assert done.result == {"local": target, "orders": [synthetic_id(done.action_id, 1)]}
    trade = futures.trade(pair)
    assert (trade["amount"], trade["open_rate"]) == (50, 50000)
    assert trade["leverage"] == 20  # what the account has in a market that nobody has set up
    assert trade["is_short"] is (side == "sell")
    assert trade["enter_tag"] == "reconciliation"
    stop = 50250 if side == "sell" else 49750  # 10 % of the margin
    assert trade["stop_loss_abs"] == pytest.approx(stop, abs=0.1)
    futures.until(lambda: futures.stops(pair) == [Decimal(50)], "the stop for 50")
    sent = futures.last_request()
    assert leave(futures, pair)["amount"] == 50
    assert futures.position(pair) == 0
    assert [order["params"]["side"] for order in futures.orders_sent(pair, sent)] == [
        exit_side.upper()
    ]
    assert futures.asked_for(done.result["orders"]) == []


def test_a_flip_closes_the_trade_and_opens_one_of_the_other_side(futures: Rig) -> None:
    pair = futures_pair("FLIP")
    before = futures.enter(pair)
    futures.controls.manual_trade(ACCOUNT, pair, "sell", "150", price=51000)

    done = futures.sync(
        pair,
        "100",
        "-50",
        leg("sell", "100", "close", "51000"),
        leg("sell", "50", "open", "51000"),
    )

    assert done.result["local"] == "-50"
    assert done.result["orders"] == [synthetic_id(done.action_id, n) for n in (1, 2)]
    trade = futures.trade(pair)
    assert trade["trade_id"] != before["trade_id"]
    assert (trade["is_short"], trade["amount"], trade["open_rate"]) == (True, 50, 51000)
    assert futures.closed_trades(pair)[-1]["trade_id"] == before["trade_id"]
    futures.until(lambda: futures.stops(pair) == [Decimal(50)], "the stop of the short")
    assert leave(futures, pair)["amount"] == 50
    assert futures.position(pair) == 0


def test_a_book_that_is_not_as_expected_is_left_as_it_is(futures: Rig) -> None:
    pair = futures_pair("MOVED")
    futures.enter(pair)
    before = futures.trade(pair)

    refused = futures.sync(pair, "90", "150", leg("buy", "60", "increase"))

    assert refused.status is CommandStatus.REFUSED
    assert refused.result == {"reason": "the book has moved: it is 100, not 90"}
    assert futures.trade(pair)["orders"] == before["orders"]
    assert futures.stops(pair) == [Decimal(100)]


def test_what_the_bot_reads_itself_has_the_last_word(futures: Rig) -> None:
    pair = futures_pair("OTHER")
    futures.enter(pair)

    refused = futures.sync(pair, "100", "150", leg("buy", "50", "increase"))

    assert refused.status is CommandStatus.REFUSED
    assert refused.result == {"reason": "the bot itself reads a position of 100, not 150"}
    refused = futures.sync(pair, "100", "0", leg("sell", "100", "close"))
    assert refused.result == {"reason": "the bot itself reads a position of 100, not 0"}
    futures.loops(2)
    assert futures.trade(pair)["amount"] == 100
    assert futures.stops(pair) == [Decimal(100)]


def test_a_late_or_a_senseless_command_books_nothing(futures: Rig) -> None:
    pair = futures_pair("LATE")
    late = futures.queue_sync(pair, "0", "50", leg("buy", "50", "open"), ttl_s=-1)
    futures.until(lambda: futures.command(late).status is CommandStatus.WITHDRAWN, "the withdrawal")
    refused = futures.sync(pair, "0", "60", leg("buy", "50", "open"))
    assert refused.result == {"reason": "the legs lead to 50, the target is 60"}
    refused = futures.sync(pair, "0", "50", leg("buy", "50", "open", price=None))
    assert refused.result == {"reason": "leg 1: no price is known"}
    assert futures.trade(pair) == {}


def test_a_command_waits_while_the_exchange_does_not_answer(futures: Rig) -> None:
    pair = futures_pair("AWAY")
    futures.enter(pair)
    futures.controls.missed_fill(ACCOUNT, "50", symbol=pair, side="buy")
    fault = futures.controls.inject(
        FaultKind.ERROR_500, "positions", times=None, key=f"{ACCOUNT}/trading"
    )
    command = futures.queue_sync(pair, "100", "150", leg("buy", "50", "increase"))
    futures.loops(3)
    assert futures.command(command).status is CommandStatus.QUEUED
    assert futures.bot.log.count(f"ForceSync of {pair} waits") == 1

    futures.controls.clear_faults(fault)

    assert futures.ended(command).status is CommandStatus.DONE
    assert futures.trade(pair)["amount"] == 150


def test_an_entry_that_fills_after_a_booking_makes_the_bot_ask_for_nothing_made_up(
    futures: Rig,
) -> None:
    pair = futures_pair("OLDER")
    futures.enter(pair)
    futures.controls.set_liquidity(pair, "buy", 0)
    futures.wish(pair, target=150)
    futures.until(lambda: futures.trade(pair)["has_open_orders"], "the resting entry")
    futures.wish(pair)
    (order_id,) = (
        order["order_id"]
        for order in futures.trade(pair)["orders"]
        if order["is_open"] and order["ft_order_side"] == "buy"
    )
    futures.controls.missed_fill(ACCOUNT, "25", symbol=pair, side="buy")
    done = futures.sync(pair, "100", "125", leg("buy", "25", "increase"))
    assert done.status is CommandStatus.DONE
    mark = len(futures.bot.log)

    # freqtrade looks for the fee of its newest filled entry now, which is the made-up one.
    futures.controls.fill_order(ACCOUNT, order_id)

    futures.until(lambda: futures.trade(pair)["amount"] == 175, "the fill of the older order")
    futures.until(lambda: futures.stops(pair) == [Decimal(175)], "the stop for 175")
    futures.loops(2)
    assert futures.trade(pair)["fee_open_currency"] == "USDT"
    assert complaints(futures.bot.log[mark:]) == []
    assert futures.asked_for(done.result["orders"]) == []


def test_a_stopped_bot_goes_on_publishing_and_leaves_commands_for_later(futures: Rig) -> None:
    pair = futures_pair("STOP")
    futures.enter(pair)
    futures.controls.missed_fill(ACCOUNT, "50", symbol=pair, side="buy")
    futures.bot.api("stop", "POST")
    futures.until(lambda: futures.state() == "stopped", "the stop")
    command = futures.queue_sync(pair, "100", "150", leg("buy", "50", "increase"))
    futures.loops(2)
    assert futures.command(command).status is CommandStatus.QUEUED
    assert futures.stops(pair) == [Decimal(100)]
    futures.bot.api("start", "POST")
    assert futures.ended(command).status is CommandStatus.DONE
    assert futures.state() == "running"


def test_adopted_and_closed_trades_outlive_a_restart(futures: Rig) -> None:
    found, wiped = futures_pair("KEPT"), futures_pair("ENDED")
    futures.controls.manual_trade(ACCOUNT, found, "sell", "50")
    futures.enter(wiped)
    futures.controls.liquidate(ACCOUNT, wiped)
    adopted = futures.sync(found, "0", "-50", leg("sell", "50", "open"))
    closed = futures.sync(wiped, "100", "0", leg("sell", "100", "close", "45000"))
    futures.until(lambda: futures.stops(found) == [Decimal(50)], "the stop of the adopted trade")
    before = futures.trade(found), futures.closed_trades(wiped)

    assert complaints(futures.restart()) == []

    assert futures.stops(found) == [Decimal(50)]
    assert futures.stops(wiped) == []
    assert futures.closed_trades(wiped) == before[1]
    for key in ("amount", "open_rate", "stop_loss_abs", "is_short", "enter_tag"):
        assert futures.trade(found)[key] == before[0][key]
    assert leave(futures, found)["amount"] == 50
    assert futures.position(found) == 0
    assert futures.asked_for([*adopted.result["orders"], *closed.result["orders"]]) == []
