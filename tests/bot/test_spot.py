"""A guarded spot bot: bookings against balances, where coins beyond the book are no trouble."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

import pytest

from freqtrade_recon_plugin.bot.sync_plan import synthetic_id
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from tests.bot.rig import ACCOUNT, Rig, complaints, leg, running_rig, spot_pair

pytestmark = pytest.mark.bot

NAMES = ("MORE", "LESS", "SOLD", "HELD")

#: A stop on a spot exchange holds the coins, so that nobody could sell them behind the bot's back.
_STOPS_ON_REQUEST = """
    def bot_loop_start(self, current_time, **kwargs):
        stops = (Path(self.config["user_data_dir"]) / "stops").exists()
        self.order_types["stoploss_on_exchange"] = stops
"""


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("spot")
    with running_rig(directory, "spot", NAMES, extra=_STOPS_ON_REQUEST) as rig:
        rig.controls.deposit(ACCOUNT, "BNB", 100000)
        rig.controls.set_bnb_fees(ACCOUNT, enabled=True)
        yield rig


def enter(rig: Rig, pair: str) -> None:
    rig.wish(pair, enter="long")
    rig.until(lambda: rig.trade(pair).get("amount") == 100, f"the entry of {pair}")
    rig.wish(pair)


def owned(rig: Rig, coin: str) -> Decimal:
    return Decimal(rig.controls.state(ACCOUNT)["spot"][coin]["total"])


def test_a_missed_buy_is_booked_the_stop_renewed_and_all_of_it_sold(spot: Rig) -> None:
    pair = spot_pair("MORE")
    (spot.bot.directory / "stops").touch()
    enter(spot, pair)
    spot.until(lambda: spot.stops(pair) == [Decimal(100)], "the stop for 100")
    spot.controls.missed_fill(ACCOUNT, "50", symbol=pair, side="buy")

    done = spot.sync(pair, "100", "150", leg("buy", "50", "increase"))

    assert done.result == {"local": "150", "orders": [synthetic_id(done.action_id, 1)]}
    spot.until(lambda: spot.stops(pair) == [Decimal(150)], "the stop for 150")
    spot.wish(pair, exit=True)
    spot.until(lambda: owned(spot, "MORE") == 0, "the sale")
    spot.until(lambda: spot.closed_trades(pair), "the end of the trade")
    assert spot.asked_for(done.result["orders"]) == []
    (spot.bot.directory / "stops").unlink()
    spot.loops(2)


def test_a_missed_sale_is_booked_once_the_coins_are_gone(spot: Rig) -> None:
    pair = spot_pair("LESS")
    enter(spot, pair)
    refused = spot.sync(pair, "100", "60", leg("sell", "40", "decrease"))
    assert refused.result == {"reason": "the bot itself still reads 100 LESS, nothing is missing"}
    spot.controls.manual_trade(ACCOUNT, pair, "sell", "40")

    done = spot.sync(pair, "100", "60", leg("sell", "40", "decrease"))

    assert done.result == {"local": "60", "orders": [synthetic_id(done.action_id, 1)]}
    assert spot.trade(pair)["amount"] == 60
    spot.wish(pair, exit=True)
    spot.until(lambda: owned(spot, "LESS") == 0, "the sale of the rest")
    spot.until(lambda: spot.closed_trades(pair), "the end of the trade")
    assert spot.asked_for(done.result["orders"]) == []


def test_coins_that_are_all_gone_close_the_trade(spot: Rig) -> None:
    pair = spot_pair("SOLD")
    enter(spot, pair)
    spot.controls.manual_trade(ACCOUNT, pair, "sell", "100", price=48000)

    done = spot.sync(pair, "100", "0", leg("sell", "100", "close", "48000"))

    assert done.status is CommandStatus.DONE
    closed = spot.closed_trades(pair)[-1]
    assert (closed["exit_reason"], closed["close_rate"]) == ("reconciliation", 48000)
    assert closed["profit_abs"] < -100 * 2000
    assert spot.asked_for(done.result["orders"]) == []


def test_coins_that_are_somebody_elses_do_not_stand_in_the_way(spot: Rig) -> None:
    pair = spot_pair("HELD")
    spot.controls.deposit(ACCOUNT, "HELD", "500")
    done = spot.sync(pair, "0", "50", leg("buy", "50", "open"))
    assert done.result == {"local": "50", "orders": [synthetic_id(done.action_id, 1)]}
    trade = spot.trade(pair)
    assert (trade["amount"], trade["enter_tag"], trade["leverage"]) == (50, "reconciliation", 1)
    refused = spot.sync(pair, "50", "1000", leg("buy", "950", "increase"))
    assert refused.result == {"reason": "the bot itself reads 500 HELD, not 1000"}


def test_a_restart_after_all_that_finds_nothing_wrong(spot: Rig) -> None:
    before = {trade["pair"]: trade["amount"] for trade in spot.bot.open_trades()}
    spot.controls.clear_requests()
    assert complaints(spot.restart()) == []
    assert {trade["pair"]: trade["amount"] for trade in spot.bot.open_trades()} == before
    with sqlite3.connect(spot.bot.db_path) as connection:
        query = "SELECT order_id FROM orders WHERE ft_order_tag LIKE 'reconciliation%'"
        made_up = [row[0] for row in connection.execute(query)]
    assert made_up != []
    assert spot.asked_for(made_up) == []
