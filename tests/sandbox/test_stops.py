"""Conditional orders: futures algo orders and spot stops, resting, triggering, cancelled."""

import ccxt
import pytest

from freqtrade_recon_plugin.sandbox import Sandbox
from tests.sandbox.conftest import FUTURES, SPOT

STOP = {"stop": True}


def stop_market(client: ccxt.binance, amount: float, price: float, side: str = "sell") -> dict:
    params = {"stopPrice": price, "reduceOnly": True}
    return client.create_order(FUTURES, "stop_market", side, amount, None, params)


def test_a_stop_is_kept_apart_from_the_orders_until_it_triggers(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    futures.create_order(FUTURES, "market", "buy", 100)
    stop = stop_market(futures, 100, 49_000)
    assert (stop["status"], stop["triggerPrice"], stop["reduceOnly"]) == ("open", 49_000, True)
    assert futures.fetch_open_orders(FUTURES) == []
    assert [o["id"] for o in futures.fetch_open_orders(FUTURES, params=STOP)] == [stop["id"]]
    with pytest.raises(ccxt.OrderNotFound):
        futures.fetch_order(stop["id"], FUTURES)

    sandbox.controls.set_price(FUTURES, 48_990)
    triggered = futures.fetch_order(stop["id"], FUTURES, STOP)
    assert triggered["status"] == "closed"
    assert triggered["info"]["algoStatus"] == "FINISHED"
    real = futures.fetch_order(triggered["info"]["actualOrderId"], FUTURES)
    assert (real["status"], real["filled"], real["average"]) == ("closed", 100, 48_990)
    assert futures.fetch_positions() == []
    assert futures.fetch_open_orders(FUTURES, params=STOP) == []
    assert [o["id"] for o in futures.fetch_orders(FUTURES, params=STOP)] == [stop["id"]]


def test_a_stop_limit_that_finds_no_buyer_rests_as_triggered(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    futures.create_order(FUTURES, "market", "buy", 1)
    params = {"stopPrice": 49_000, "reduceOnly": True}
    stop = futures.create_order(FUTURES, "stop", "sell", 1, 48_500, params)
    sandbox.controls.set_price(FUTURES, 48_400)
    info = futures.fetch_order(stop["id"], FUTURES, STOP)["info"]
    assert info["algoStatus"] == "TRIGGERED"
    real = futures.fetch_order(info["actualOrderId"], FUTURES)
    assert (real["status"], real["price"], real["clientOrderId"]) == (
        "open",
        48_500,
        stop["clientOrderId"],
    )
    sandbox.controls.set_price(FUTURES, 48_600)
    assert futures.fetch_order(stop["id"], FUTURES, STOP)["info"]["algoStatus"] == "FINISHED"


def test_a_stop_of_a_short_triggers_upwards_and_a_take_profit_the_other_way(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    futures.create_order(FUTURES, "market", "sell", 2)
    stop = stop_market(futures, 1, 51_000, side="buy")
    profit = futures.create_order(
        FUTURES, "take_profit_market", "buy", 1, None, {"takeProfitPrice": 49_000}
    )
    sandbox.controls.set_price(FUTURES, 49_000)
    assert futures.fetch_order(profit["id"], FUTURES, STOP)["status"] == "closed"
    assert futures.fetch_order(stop["id"], FUTURES, STOP)["status"] == "open"
    sandbox.controls.set_price(FUTURES, 51_000)
    assert futures.fetch_order(stop["id"], FUTURES, STOP)["status"] == "closed"
    assert futures.fetch_positions() == []


def test_a_stop_that_would_trigger_at_once_is_refused(futures: ccxt.binance) -> None:
    with pytest.raises(ccxt.BaseError, match="-2021"):
        stop_market(futures, 1, 50_000)


def test_a_stop_can_be_cancelled_once(futures: ccxt.binance) -> None:
    stop = stop_market(futures, 1, 49_000)
    futures.cancel_order(stop["id"], FUTURES, STOP)
    assert futures.fetch_order(stop["id"], FUTURES, STOP)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        futures.cancel_order(stop["id"], FUTURES, STOP)


def test_a_reduce_only_stop_outlives_its_position_and_is_rejected_when_it_triggers(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    stop = stop_market(futures, 1, 49_000)
    sandbox.controls.set_price(FUTURES, 48_000)
    order = futures.fetch_order(stop["id"], FUTURES, STOP)
    assert order["status"] == "rejected"
    assert order["info"]["actualOrderId"] == ""
    assert futures.fetch_positions() == []


def test_a_close_position_stop_closes_all_and_goes_with_the_position(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    params = {"stopPrice": 49_000, "closePosition": True}
    futures.create_order(FUTURES, "market", "buy", 5)
    stop = futures.create_order(FUTURES, "stop_market", "sell", 1, None, params)
    sandbox.controls.set_price(FUTURES, 48_900)
    actual = futures.fetch_order(stop["id"], FUTURES, STOP)["info"]["actualOrderId"]
    assert futures.fetch_order(actual, FUTURES)["filled"] == 5

    sandbox.controls.set_price(FUTURES, 50_000)
    futures.create_order(FUTURES, "market", "buy", 5)
    stop = futures.create_order(FUTURES, "stop_market", "sell", 1, None, params)
    futures.create_order(FUTURES, "market", "sell", 5)
    assert futures.fetch_order(stop["id"], FUTURES, STOP)["status"] == "expired"


def test_a_stop_is_found_by_its_client_id(futures: ccxt.binance) -> None:
    stop = futures.create_order(
        FUTURES, "stop_market", "sell", 1, None, {"stopPrice": 49_000, "clientAlgoId": "recon-s1"}
    )
    found = futures.fetch_order("", FUTURES, STOP | {"clientAlgoId": "recon-s1"})
    assert found["id"] == stop["id"]


def test_a_spot_stop_locks_its_coins_and_sells_when_triggered(
    spot: ccxt.binance, sandbox: Sandbox
) -> None:
    sandbox.controls.deposit("main", "BTC", 2)
    stop = spot.create_order(SPOT, "stop_loss_limit", "sell", 2, 48_500, {"stopPrice": 49_000})
    assert stop["status"] == "open"
    assert spot.fetch_balance()["BTC"] == {"free": 0.0, "used": 2.0, "total": 2.0}
    assert [o["id"] for o in spot.fetch_open_orders(SPOT)] == [stop["id"]]
    sandbox.controls.set_price(SPOT, 49_500)
    assert spot.fetch_order(stop["id"], SPOT)["info"]["isWorking"] is False
    sandbox.controls.set_price(SPOT, 48_900)
    done = spot.fetch_order(stop["id"], SPOT)
    assert (done["status"], done["filled"], done["average"]) == ("closed", 2, 48_900)
    assert spot.fetch_balance()["BTC"]["total"] == 0


def test_a_spot_stop_above_the_market_is_refused(spot: ccxt.binance, sandbox: Sandbox) -> None:
    sandbox.controls.deposit("main", "BTC", 2)
    with pytest.raises(ccxt.BaseError, match="trigger immediately"):
        spot.create_order(SPOT, "stop_loss_limit", "sell", 2, 50_000, {"stopPrice": 51_000})
