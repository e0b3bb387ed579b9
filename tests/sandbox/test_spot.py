"""Orders, coins and fees on the spot side, as real ccxt sees them."""

from decimal import Decimal

import ccxt
import pytest

from freqtrade_recon_plugin.sandbox import Sandbox
from tests.sandbox.conftest import SPOT


def test_a_buy_pays_its_fee_in_the_coin_bought(spot: ccxt.binance) -> None:
    order = spot.create_order(SPOT, "limit", "buy", 100, 50_000)
    assert (order["status"], order["filled"]) == ("closed", 100)
    assert order["fee"] == {"cost": 0.1, "currency": "BTC"}
    balance = spot.fetch_balance()
    assert balance["BTC"] == {"free": 99.9, "used": 0.0, "total": 99.9}
    assert balance["USDT"]["total"] == 95_000_000
    fill = spot.fetch_my_trades(SPOT)[0]
    assert (fill["order"], fill["amount"], fill["side"]) == (order["id"], 100, "buy")
    assert fill["fee"] == {"cost": 0.1, "currency": "BTC"}


def test_a_sale_pays_its_fee_in_usdt(spot: ccxt.binance, sandbox: Sandbox) -> None:
    sandbox.controls.deposit("main", "BTC", 3)
    order = spot.create_order(SPOT, "market", "sell", 2)
    assert order["fee"] == {"cost": 100.0, "currency": "USDT"}
    assert spot.fetch_balance()["USDT"]["total"] == 100_000_000 + 100_000 - 100


def test_bnb_pays_while_there_is_some(spot: ccxt.binance, sandbox: Sandbox) -> None:
    sandbox.controls.set_bnb_fees("main", enabled=True)
    sandbox.controls.deposit("main", "BNB", "0.08")
    # 50 USDT of fee less a quarter are 37.5 USDT, at 500 a BNB.
    order = spot.create_order(SPOT, "limit", "buy", 1, 50_000)
    assert order["fee"] == {"cost": 0.075, "currency": "BNB"}
    assert spot.fetch_balance()["BTC"]["total"] == 1
    order = spot.create_order(SPOT, "limit", "buy", 1, 50_000)
    assert order["fee"]["currency"] == "BTC"
    assert spot.fetch_balance()["BNB"]["total"] == 0.005


def test_an_open_order_locks_what_it_would_spend(spot: ccxt.binance, sandbox: Sandbox) -> None:
    buy = spot.create_order(SPOT, "limit", "buy", 2, 40_000)
    balance = spot.fetch_balance()["USDT"]
    assert (balance["used"], balance["total"]) == (80_000, 100_000_000)
    sandbox.controls.fill_order("main", buy["id"], "0.5")
    assert spot.fetch_balance()["USDT"]["used"] == 60_000
    cancelled = spot.cancel_order(buy["id"], SPOT)
    assert (cancelled["status"], cancelled["filled"]) == ("canceled", 0.5)
    assert spot.fetch_balance()["USDT"]["used"] == 0
    sale = spot.create_order(SPOT, "limit", "sell", "0.4", 60_000)
    assert spot.fetch_balance()["BTC"] == {"free": 0.0995, "used": 0.4, "total": 0.4995}
    sandbox.controls.fill_order("main", sale["id"], "0.1")
    assert spot.fetch_balance()["BTC"] == {"free": 0.0995, "used": 0.3, "total": 0.3995}


def test_nobody_spends_coins_that_are_locked_or_not_there(
    spot: ccxt.binance, sandbox: Sandbox
) -> None:
    sandbox.controls.deposit("main", "BTC", 1)
    spot.create_order(SPOT, "limit", "sell", "0.6", 60_000)
    with pytest.raises(ccxt.InsufficientFunds):
        spot.create_order(SPOT, "market", "sell", "0.5")
    with pytest.raises(ccxt.InsufficientFunds):
        spot.create_order(SPOT, "limit", "buy", 3000, 50_000)


def test_a_market_buy_by_cost_spends_no_more_than_that(spot: ccxt.binance) -> None:
    order = spot.create_market_buy_order_with_cost(SPOT, 1000)
    assert (order["filled"], order["cost"], order["status"]) == (0.02, 1000, "closed")


def test_orders_that_break_a_rule_of_the_market_are_refused(spot: ccxt.binance) -> None:
    def place(**over: str) -> object:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1"}
        return spot.private_post_order(order | {"price": "50000", "timeInForce": "GTC"} | over)

    for over, code in (
        ({"quantity": "0.000005"}, "LOT_SIZE|lot size"),
        ({"price": "50000.005"}, "PRICE_FILTER|price is invalid"),
        ({"quantity": "0.0001", "price": "40000"}, "NOTIONAL"),
        ({"type": "LIMIT_MAKER"}, "would immediately match"),
        ({"type": "STOP_MARKET"}, "-4120"),
        ({"symbol": "NOPE"}, "-1121"),
    ):
        with pytest.raises(ccxt.BaseError, match=code):
            place(**over)
    assert spot.fetch_orders(SPOT) == []


def test_orders_are_found_by_client_id_and_listed(spot: ccxt.binance) -> None:
    order = spot.create_order(SPOT, "limit", "buy", 1, 49_000, {"newClientOrderId": "recon-7"})
    assert spot.fetch_order("", SPOT, {"origClientOrderId": "recon-7"})["id"] == order["id"]
    with pytest.raises(ccxt.BaseError, match="-2010"):
        spot.create_order(SPOT, "limit", "buy", 1, 49_000, {"newClientOrderId": "recon-7"})
    assert [o["id"] for o in spot.fetch_open_orders()] == [order["id"]]
    spot.cancel_all_orders(SPOT)
    assert [o["status"] for o in spot.fetch_orders(SPOT)] == ["canceled"]
    with pytest.raises(ccxt.OrderNotFound):
        spot.fetch_order("4711", SPOT)


def test_every_coin_is_exact_after_many_trades(spot: ccxt.binance, sandbox: Sandbox) -> None:
    for number in range(1, 20):
        spot.create_order(SPOT, "market", "buy", f"0.1{number:04d}")
    bought = sum((Decimal(f"0.1{number:04d}") for number in range(1, 20)), Decimal(0))
    state = sandbox.controls.state("main")["spot"]
    assert Decimal(state["BTC"]["total"]) == bought * Decimal("0.999")
    assert Decimal(state["USDT"]["total"]) == 100_000_000 - bought * 50_000
