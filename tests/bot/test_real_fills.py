"""Real fills that a live futures bot has missed, booked as a twin that saw them has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

import pytest

from freqtrade_recon_plugin.bot.sync_plan import synthetic_id
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.sandbox import FaultKind
from tests.bot.rig import (
    ACCOUNT,
    TWIN,
    Rig,
    closed,
    complaints,
    futures_pair,
    leg,
    market_id,
    newest_order,
    real,
    resting,
    running_rig,
    running_twin,
    same_trade,
)

pytestmark = pytest.mark.bot

NAMES = (
    *("STOPPED", "PARTIAL", "LOST", "LIQUID", "MANUAL", "TURNED", "REFUSED", "PHANTOM"),
    *("RELOAD", "LATER", "AFTER"),
)

#: While a file is there, the bot looks at no stop: as good as one whose answers do not arrive.
_BLIND = """
    def bot_loop_start(self, current_time, **kwargs):
        blind = (Path(self.config["user_data_dir"]) / "blind").exists()
        self.order_types["stoploss_on_exchange"] = not blind
"""


@pytest.fixture(scope="module")
def pair_of_bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, Rig]]:
    directory = tmp_path_factory.mktemp("real")
    with (
        running_rig(directory, "futures", NAMES, extra=_BLIND) as rig,
        running_twin(directory, rig, NAMES) as twin,
    ):
        yield rig, twin


def enter_both(bots: tuple[Rig, Rig], pair: str) -> None:
    for rig in bots:
        rig.wish(pair, enter="long")
    for rig in bots:
        rig.enter(pair)


def test_a_stop_that_filled_unseen_closes_the_trade_as_a_stop(
    pair_of_bots: tuple[Rig, Rig],
) -> None:
    rig, twin = pair_of_bots
    pair = futures_pair("STOPPED")
    enter_both(pair_of_bots, pair)
    blind = rig.bot.directory / "blind"
    blind.touch()
    rig.loops(2)
    rig.controls.set_price(pair, 44000)
    rig.controls.set_price(pair, 50000)
    stop = newest_order(rig, pair)
    assert rig.position(pair) == 0
    rig.loops(1)
    assert rig.trade(pair)["amount"] == 100
    sent = rig.last_request()

    done = rig.sync(pair, "100", "0", real(stop, "sell", "100", "close", stop["avgPrice"]))

    blind.unlink()
    assert done.status is CommandStatus.DONE
    ours = closed(rig, pair)
    assert ours["exit_reason"] == "stoploss_on_exchange"
    same_trade(ours, closed(twin, pair))
    assert rig.orders_sent(pair, sent) == []
    rig.loops(2)


def test_an_entry_cancelled_while_it_filled_in_part_is_booked_with_what_it_filled(
    pair_of_bots: tuple[Rig, Rig],
) -> None:
    rig, twin = pair_of_bots
    pair = futures_pair("PARTIAL")
    enter_both(pair_of_bots, pair)
    rig.controls.set_liquidity(pair, "buy", 0)
    for one in pair_of_bots:
        one.wish(pair, target=150)
    ids = [resting(one, pair) for one in pair_of_bots]
    for one in pair_of_bots:
        one.wish(pair)
    twin.controls.missed_fill(TWIN, "30", order_id=ids[1])  # as a taker, as ours will be
    for one in pair_of_bots:
        one.bot.api(f"trades/{one.trade(pair)['trade_id']}/open-order", "DELETE")
    rig.until(lambda: not rig.trade(pair)["has_open_orders"], "the cancellation")
    rig.controls.missed_fill(ACCOUNT, "30", order_id=ids[0])
    rig.loops(2)
    assert rig.trade(pair)["amount"] == 100

    done = rig.sync(pair, "100", "130", real(ids[0], "buy", "30", "increase"))

    assert done.result == {"local": "130", "orders": [ids[0]]}
    twin.until(lambda: twin.trade(pair)["amount"] == 130, "the twin's partial fill")
    rig.until(lambda: rig.stops(pair) == [Decimal(130)], "the stop for 130")
    twin.until(lambda: twin.stops(pair) == [Decimal(130)], "the twin's stop for 130")
    rig.loops(2)
    same_trade(rig.trade(pair), twin.trade(pair))
    rig.controls.set_liquidity(pair, "buy", None)
    for one in pair_of_bots:
        one.wish(pair, exit=True)
    same_trade(closed(rig, pair), closed(twin, pair))


def test_an_entry_whose_answer_was_lost_is_adopted_with_its_order(
    pair_of_bots: tuple[Rig, Rig],
) -> None:
    rig, twin = pair_of_bots
    pair = futures_pair("LOST")
    twin.enter(pair)
    trading = {"key": f"{ACCOUNT}/trading", "symbol": market_id(pair)}
    rig.controls.inject(FaultKind.ANSWER_LOST, "order_create", times=1, **trading)
    rig.controls.inject(FaultKind.API_ERROR, "order_create", times=None, **trading)
    rig.wish(pair, enter="long")
    rig.until(lambda: rig.position(pair) == 100, "the entry at the exchange")
    rig.wish(pair)
    rig.loops(2)
    rig.controls.clear_faults()
    assert rig.trade(pair) == {}
    order = newest_order(rig, pair)

    done = rig.sync(pair, "0", "100", real(order, "buy", "100", "open"))

    assert done.result == {"local": "100", "orders": [str(order["orderId"])]}
    rig.until(lambda: rig.stops(pair) == [Decimal(100)], "the stop")
    rig.loops(2)
    same_trade(rig.trade(pair), twin.trade(pair))
    for one in pair_of_bots:
        one.wish(pair, exit=True)
    same_trade(closed(rig, pair), closed(twin, pair))


def test_a_liquidation_closes_the_trade_as_one(pair_of_bots: tuple[Rig, Rig]) -> None:
    rig, twin = pair_of_bots
    pair = futures_pair("LIQUID")
    enter_both(pair_of_bots, pair)
    rig.controls.set_price(pair, 46000)
    order = rig.controls.liquidate(ACCOUNT, pair)

    done = rig.sync(pair, "100", "0", real(order, "sell", "100", "close", "46000"))

    twin.wish(pair, exit=True)
    assert done.result == {"local": "0", "orders": [str(order["orderId"])]}
    ours = closed(rig, pair)
    assert ours["exit_reason"] == "liquidation"
    same_trade(ours, closed(twin, pair), but=("exit_reason",))
    assert rig.stops(pair) == []


def test_a_manual_partial_close_is_booked_at_its_price(pair_of_bots: tuple[Rig, Rig]) -> None:
    rig, twin = pair_of_bots
    pair = futures_pair("MANUAL")
    enter_both(pair_of_bots, pair)
    order = rig.controls.manual_trade(ACCOUNT, pair, "sell", "40")

    done = rig.sync(pair, "100", "60", real(order, "sell", "40", "decrease"))

    twin.wish(pair, target=60)
    twin.until(lambda: twin.trade(pair)["amount"] == 60, "the twin's partial exit")
    twin.wish(pair)
    assert done.result == {"local": "60", "orders": [str(order["orderId"])]}
    rig.loops(2)
    same_trade(rig.trade(pair), twin.trade(pair), but=("exit_reason",))
    rig.controls.set_price(pair, 52000)
    for one in pair_of_bots:
        one.wish(pair, exit=True)
    same_trade(closed(rig, pair), closed(twin, pair))


def test_a_flip_closes_with_a_part_of_the_order_and_opens_the_rest(
    pair_of_bots: tuple[Rig, Rig],
) -> None:
    rig, twin = pair_of_bots
    pair = futures_pair("TURNED")
    enter_both(pair_of_bots, pair)
    rig.controls.set_price(pair, 51000)
    order = rig.controls.manual_trade(ACCOUNT, pair, "sell", "150")

    done = rig.sync(
        pair,
        "100",
        "-50",
        real(order, "sell", "100", "close", "51000"),
        leg("sell", "50", "open", "51000"),
    )

    twin.wish(pair, exit=True)
    ids = [synthetic_id(done.action_id, number) for number in (1, 2)]
    assert done.result == {"local": "-50", "orders": ids}
    same_trade(closed(rig, pair), closed(twin, pair), but=("exit_reason",))
    short = rig.trade(pair)
    assert (short["is_short"], short["amount"], short["open_rate"]) == (True, 50, 51000)
    row = rig.published(pair)
    assert str(order["orderId"]) not in row.known_order_ids
    assert row.booked_fills[str(order["orderId"])] == 100
    rig.loops(2)
    assert rig.asked_for(ids) == []

    # A person who reloads the trades makes freqtrade adopt all of the order, twice.
    before = closed(rig, pair)
    for trade in (before, short):
        rig.bot.api(f"trades/{trade['trade_id']}/reload", "POST")
        rig.loops(2)
        assert rig.trade(pair)["amount"] == 50
        after = closed(rig, pair)
        assert {key: after[key] for key in ("profit_abs", "close_rate", "amount")} == {
            key: before[key] for key in ("profit_abs", "close_rate", "amount")
        }
    rig.wish(pair, exit=True)
    rig.until(lambda: rig.position(pair) == 0, "the end of the short")


def test_what_does_not_agree_with_the_exchange_is_refused(pair_of_bots: tuple[Rig, Rig]) -> None:
    rig, _ = pair_of_bots
    pair = futures_pair("REFUSED")
    rig.enter(pair)
    before = rig.trade(pair)
    order = rig.controls.manual_trade(ACCOUNT, pair, "sell", "40")
    number = str(order["orderId"])

    refused = rig.sync(pair, "100", "50", real(number, "sell", "50", "decrease"))
    assert refused.result == {
        "reason": f"of order {number} (sell) 40 is filled and not booked, not 50"
    }
    refused = rig.sync(pair, "100", "140", real(number, "buy", "40", "increase"))
    assert refused.result == {
        "reason": f"of order {number} (sell) 0 is booked beyond what was filled, not 40"
    }
    assert rig.trade(pair)["orders"] == before["orders"]

    done = rig.sync(pair, "100", "60", real(number, "sell", "40", "decrease"))
    assert done.status is CommandStatus.DONE
    again = rig.sync(pair, "60", "20", real(number, "sell", "40", "decrease"))
    assert again.result == {
        "reason": f"of order {number} (sell) 0 is filled and not booked, not 40"
    }
    rig.controls.manual_trade(ACCOUNT, pair, "sell", "60")
    rig.sync(pair, "60", "0", leg("sell", "60", "close"))


def test_a_fill_that_never_was_is_taken_back(pair_of_bots: tuple[Rig, Rig]) -> None:
    rig, _ = pair_of_bots
    pair = futures_pair("PHANTOM")
    rig.enter(pair)
    rig.controls.set_liquidity(pair, "buy", 0)
    rig.wish(pair, target=150)
    order_id = resting(rig, pair)
    rig.wish(pair)
    rig.controls.fill_order(ACCOUNT, order_id, "30")
    rig.bot.api(f"trades/{rig.trade(pair)['trade_id']}/open-order", "DELETE")
    rig.until(lambda: rig.trade(pair)["amount"] == 130, "the partial fill")
    rig.controls.set_liquidity(pair, "buy", None)
    rig.until(lambda: rig.trade(pair)["fee_open_currency"], "the fee of the partial fill")
    truth = rig.trade(pair)
    with sqlite3.connect(rig.bot.db_path, timeout=30) as connection:
        connection.execute("UPDATE orders SET filled = 50 WHERE order_id = ?", [order_id])
        connection.execute("UPDATE trades SET amount = 150 WHERE pair = ? AND is_open", [pair])

    done = rig.sync(pair, "150", "130", real(order_id, "sell", "20", "decrease"))

    assert done.result == {"local": "130", "orders": [order_id]}
    rig.loops(2)
    trade = rig.trade(pair)
    for key in ("amount", "open_rate", "stake_amount", "realized_profit", "is_open"):
        assert trade[key] == truth[key]
    assert rig.published(pair).booked_fills[order_id] == 30
    rig.wish(pair, exit=True)
    rig.until(lambda: rig.position(pair) == 0, "the exit")


def late_second_entry(rig: Rig, pair: str) -> str:
    """A second entry that is cancelled, fills 30 too late, and is booked as something synthetic."""
    rig.enter(pair)
    rig.controls.set_liquidity(pair, "buy", 0)
    rig.wish(pair, target=150)
    order_id = resting(rig, pair)
    rig.wish(pair)
    rig.bot.api(f"trades/{rig.trade(pair)['trade_id']}/open-order", "DELETE")
    rig.until(lambda: not rig.trade(pair)["has_open_orders"], "the cancellation")
    rig.controls.set_liquidity(pair, "buy", None)
    rig.controls.missed_fill(ACCOUNT, "30", order_id=order_id, price=49000)
    rig.sync(pair, "100", "130", leg("buy", "30", "increase", "50000"))
    assert rig.trade(pair)["amount"] == 130
    return order_id


def test_a_real_fill_that_a_person_reloads_replaces_the_synthetic_one(
    pair_of_bots: tuple[Rig, Rig],
) -> None:
    rig, _ = pair_of_bots
    pair = futures_pair("RELOAD")
    order_id = late_second_entry(rig, pair)

    rig.bot.api(f"trades/{rig.trade(pair)['trade_id']}/reload", "POST")

    rig.until(
        lambda: (
            rig.published(pair).booked_fills.get(order_id) == 30
            and rig.published(pair).amount == 130
        ),
        "the replacement",
    )
    trade = rig.trade(pair)
    assert trade["amount"] == 130
    assert trade["open_rate"] == pytest.approx((100 * 50000 + 30 * 49000) / 130, abs=0.1)
    rig.bot.api(f"trades/{trade['trade_id']}/reload", "POST")
    rig.loops(3)
    assert rig.trade(pair)["amount"] == 130
    rig.until(lambda: rig.stops(pair) == [Decimal(130)], "the stop for 130")
    rig.wish(pair, exit=True)
    rig.until(lambda: rig.position(pair) == 0, "the exit")


def test_a_real_fill_that_a_command_brings_replaces_the_synthetic_one(
    pair_of_bots: tuple[Rig, Rig],
) -> None:
    rig, _ = pair_of_bots
    pair = futures_pair("LATER")
    order_id = late_second_entry(rig, pair)

    done = rig.sync(
        pair,
        "130",
        "130",
        real(order_id, "buy", "30", "increase", "49000"),
        leg("sell", "30", "decrease", "50000"),
    )

    assert done.result == {"local": "130", "orders": [order_id]}
    trade = rig.trade(pair)
    assert trade["amount"] == 130
    assert trade["open_rate"] == pytest.approx((100 * 50000 + 30 * 49000) / 130, abs=0.1)
    assert trade["realized_profit"] == 0
    rig.wish(pair, exit=True)
    rig.until(lambda: rig.position(pair) == 0, "the exit")


def test_a_real_close_that_turns_up_replaces_the_synthetic_one(
    pair_of_bots: tuple[Rig, Rig],
) -> None:
    rig, twin = pair_of_bots
    pair = futures_pair("AFTER")
    enter_both(pair_of_bots, pair)
    rig.controls.set_price(pair, 51000)
    order = rig.controls.manual_trade(ACCOUNT, pair, "sell", "100")
    rig.sync(pair, "100", "0", leg("sell", "100", "close", "48000"))
    assert closed(rig, pair)["close_rate"] == 48000

    done = rig.sync(
        pair,
        "0",
        "0",
        real(order, "sell", "100", "open", "51000"),
        leg("buy", "100", "close", "51000"),
    )

    twin.wish(pair, exit=True)
    assert done.result == {"local": "0", "orders": [str(order["orderId"])]}
    assert len(rig.closed_trades(pair)) == 1
    same_trade(closed(rig, pair), closed(twin, pair), but=("exit_reason",))


def test_a_restart_after_all_that_finds_nothing_wrong(pair_of_bots: tuple[Rig, Rig]) -> None:
    rig, _ = pair_of_bots
    for name in NAMES:
        rig.wish(futures_pair(name))
    before = {trade["pair"]: trade["amount"] for trade in rig.bot.open_trades()}
    assert complaints(rig.restart()) == []
    assert {trade["pair"]: trade["amount"] for trade in rig.bot.open_trades()} == before
