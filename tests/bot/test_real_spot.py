"""Real fills and fees that a live spot bot has missed, booked as a twin that saw them has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.order_mark import carries_mark
from freqtrade_recon_plugin.sandbox import FaultKind
from tests.bot.rig import (
    ACCOUNT,
    BOT,
    TWIN,
    Rig,
    closed,
    complaints,
    fee,
    market_id,
    newest_order,
    now,
    real,
    resting,
    running_rig,
    running_twin,
    same_trade,
    spot_pair,
)

pytestmark = pytest.mark.bot

NAMES = ("COIN", "LOSTCOIN", "EATEN", "STOPPED")

#: Stops on the exchange while a file is there; without them the bot does not look at them either.
_STOPS_ON_REQUEST = """
    def bot_loop_start(self, current_time, **kwargs):
        stops = (Path(self.config["user_data_dir"]) / "stops").exists()
        self.order_types["stoploss_on_exchange"] = stops
"""


@pytest.fixture(scope="module")
def bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, Rig]]:
    directory = tmp_path_factory.mktemp("realspot")
    with (
        running_rig(directory, "spot", NAMES, extra=_STOPS_ON_REQUEST) as rig,
        running_twin(directory, rig, NAMES, extra=_STOPS_ON_REQUEST) as twin,
    ):
        yield rig, twin


def enter(rig: Rig, pair: str, amount: float = 99.9) -> None:
    """Of 100 coins bought, the exchange keeps 0.1."""
    rig.wish(pair, enter="long")
    rig.until(lambda: rig.trade(pair).get("amount") == amount, f"the entry of {pair}")
    rig.wish(pair)


def leave_both(bots: tuple[Rig, Rig], pair: str) -> None:
    for rig in bots:
        rig.wish(pair, exit=True)
    same_trade(closed(bots[0], pair), closed(bots[1], pair))


def test_a_fee_in_the_coin_comes_with_its_late_fill(bots: tuple[Rig, Rig]) -> None:
    rig, twin = bots
    pair = spot_pair("COIN")
    for one in bots:
        enter(one, pair)
    rig.controls.set_liquidity(pair, "buy", 0)
    for one in bots:
        one.wish(pair, target=149.9)
    ids = [resting(one, pair) for one in bots]
    for one in bots:
        one.wish(pair)
    twin.controls.missed_fill(TWIN, "30", order_id=ids[1])
    for one in bots:
        one.bot.api(f"trades/{one.trade(pair)['trade_id']}/open-order", "DELETE")
    rig.until(lambda: not rig.trade(pair)["has_open_orders"], "the cancellation")
    rig.controls.missed_fill(ACCOUNT, "30", order_id=ids[0])
    rig.controls.set_liquidity(pair, "buy", None)

    done = rig.sync(
        pair, "99.9", "129.87", real(ids[0], "buy", "30", "increase"), fee(ids[0], "0.03")
    )

    assert done.result == {"local": "129.87", "orders": [ids[0]]}
    twin.until(lambda: twin.trade(pair)["amount"] == 129.87, "the twin's fee")
    rig.loops(2)
    same_trade(rig.trade(pair), twin.trade(pair))
    row = rig.published(pair)
    assert str(row.booked_fills[ids[0]]) == "30"
    assert str(row.booked_fees[ids[0]]) == "0.03"
    leave_both(bots, pair)


def test_an_entry_whose_answer_was_lost_is_adopted_less_its_fee(bots: tuple[Rig, Rig]) -> None:
    rig, twin = bots
    pair = spot_pair("LOSTCOIN")
    enter(twin, pair)
    trading = {"key": f"{ACCOUNT}/trading", "symbol": market_id(pair)}
    rig.controls.inject(FaultKind.ANSWER_LOST, "order_create", times=1, **trading)
    rig.controls.inject(FaultKind.API_ERROR, "order_create", times=None, **trading)
    since = now()
    rig.wish(pair, enter="long")
    rig.until(lambda: newest_order(rig, pair), "the entry at the exchange")
    rig.wish(pair)
    rig.loops(2)
    rig.controls.clear_faults()
    order = newest_order(rig, pair)
    assert carries_mark(order["clientOrderId"], BOT)
    with rig.store.reading() as tx:
        intents = tx.intents.of(BOT, pair, since)
    assert order["clientOrderId"] in {intent.client_id for intent in intents}

    done = rig.sync(
        pair,
        "0",
        "99.9",
        real(order, "buy", "100", "open"),
        fee(str(order["orderId"]), "0.1"),
    )

    assert done.result == {"local": "99.9", "orders": [str(order["orderId"])]}
    rig.loops(2)
    same_trade(rig.trade(pair), twin.trade(pair))
    leave_both(bots, pair)


def test_a_fee_that_was_taken_for_dust_comes_off_once_it_is_missing(
    bots: tuple[Rig, Rig],
) -> None:
    rig, twin = bots
    pair = spot_pair("EATEN")
    rig.controls.deposit(ACCOUNT, "EATEN", 200)  # freqtrade "eats" the fee into these
    enter(rig, pair, 100)
    enter(twin, pair)
    rig.controls.withdraw(ACCOUNT, "EATEN", 200)
    entry = rig.trade(pair)["orders"][0]["order_id"]

    done = rig.sync(pair, "100", "99.9", fee(entry, "0.1"))

    assert done.status is CommandStatus.DONE
    rig.loops(2)
    same_trade(rig.trade(pair), twin.trade(pair))
    assert str(rig.published(pair).booked_fees[entry]) == "0.1"
    leave_both(bots, pair)


def test_a_stop_that_filled_unseen_closes_the_trade_as_a_stop(bots: tuple[Rig, Rig]) -> None:
    rig, twin = bots
    pair = spot_pair("STOPPED")
    for one in bots:
        (one.bot.directory / "stops").touch()
        enter(one, pair)
    for one in bots:
        one.until(lambda one=one: one.stops(pair), "the stop")
    (rig.bot.directory / "stops").unlink()
    rig.loops(2)
    rig.controls.set_price(pair, 44800)
    rig.controls.set_price(pair, 50000)
    stop = newest_order(rig, pair)

    done = rig.sync(pair, "99.9", "0", real(stop, "sell", "99.9", "close", "44800"))

    assert done.status is CommandStatus.DONE
    ours = closed(rig, pair)
    assert ours["exit_reason"] == "stoploss_on_exchange"
    same_trade(ours, closed(twin, pair))


def test_a_restart_after_all_that_finds_nothing_wrong(bots: tuple[Rig, Rig]) -> None:
    rig, _ = bots
    for name in NAMES:
        rig.wish(spot_pair(name))
    assert complaints(rig.restart()) == []
    assert rig.bot.open_trades() == []
