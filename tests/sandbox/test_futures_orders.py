"""Orders and positions on the futures side, as real ccxt sees them."""

import asyncio
from decimal import Decimal

import ccxt
import ccxt.async_support
import pytest

from freqtrade_recon_plugin.sandbox import AccountKeys, Sandbox
from tests.sandbox.conftest import FUTURES, Connect, client_options


def test_a_limit_order_that_crosses_fills_at_once_and_makes_a_position(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    order = futures.create_order(FUTURES, "limit", "buy", 100, 50_010)
    assert (order["status"], order["filled"], order["average"]) == ("closed", 100, 50_000)
    position = futures.fetch_positions()[0]
    assert (position["side"], position["contracts"]) == ("long", 100)
    assert position["entryPrice"] == 50_000
    assert position["marginMode"] == "isolated"
    assert position["initialMargin"] == 250_000
    fills = futures.fetch_my_trades(FUTURES)
    assert [fill["order"] for fill in fills] == [order["id"]]
    assert fills[0]["fee"] == {"cost": 2500.0, "currency": "USDT"}
    balance = futures.fetch_balance()["USDT"]
    assert balance["total"] == 100_000_000 - 2500
    assert balance["used"] == 250_000
    assert balance["free"] == 100_000_000 - 2500 - 250_000
    assert sandbox.controls.position("main", FUTURES) == 100


def test_a_position_of_200_btc_fits_at_the_default_leverage(futures: ccxt.binance) -> None:
    futures.create_order(FUTURES, "market", "buy", 200)
    assert futures.fetch_positions()[0]["contracts"] == 200


def test_an_order_rests_without_liquidity_and_fills_in_parts(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    control = sandbox.controls
    control.set_liquidity(FUTURES, "buy", 0)
    order = futures.create_order(FUTURES, "limit", "buy", 10, 50_000)
    assert (order["status"], order["filled"]) == ("open", 0)
    assert futures.fetch_open_orders(FUTURES)[0]["id"] == order["id"]
    assert futures.fetch_balance()["USDT"]["used"] == 25_000
    control.fill_order("main", order["id"], "4")
    partly = futures.fetch_order(order["id"], FUTURES)
    assert (partly["status"], partly["filled"], partly["remaining"]) == ("open", 4, 6)
    control.set_liquidity(FUTURES, "buy", "1.5")
    assert futures.fetch_order(order["id"], FUTURES)["filled"] == 5.5
    control.set_liquidity(FUTURES, "buy", None)
    assert futures.fetch_order(order["id"], FUTURES)["status"] == "closed"
    assert futures.fetch_positions()[0]["contracts"] == 10


def test_an_order_below_the_market_waits_for_its_price(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    order = futures.create_order(FUTURES, "limit", "buy", 1, 49_000)
    sandbox.controls.set_price(FUTURES, "49000.1")
    assert futures.fetch_order(order["id"], FUTURES)["status"] == "open"
    sandbox.controls.set_price(FUTURES, 48_900)
    done = futures.fetch_order(order["id"], FUTURES)
    assert (done["status"], done["average"]) == ("closed", 49_000)
    assert futures.fetch_my_trades(FUTURES)[0]["takerOrMaker"] == "maker"


def test_cancel_and_look_up_by_client_id(futures: ccxt.binance) -> None:
    order = futures.create_order(
        FUTURES, "limit", "buy", 1, 49_000, {"newClientOrderId": "recon-1"}
    )
    found = futures.fetch_order("", FUTURES, {"origClientOrderId": "recon-1"})
    assert (found["id"], found["clientOrderId"]) == (order["id"], "recon-1")
    with pytest.raises(ccxt.ExchangeError, match="-4116"):
        futures.create_order(FUTURES, "limit", "buy", 1, 49_000, {"newClientOrderId": "recon-1"})
    assert futures.cancel_order(order["id"], FUTURES)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        futures.cancel_order(order["id"], FUTURES)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        futures.fetch_order("4711", FUTURES)
    assert [o["status"] for o in futures.fetch_orders(FUTURES)] == ["canceled"]


def test_the_average_entry_price_and_the_realised_profit_are_exact(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    futures.create_order(FUTURES, "market", "buy", 100)
    sandbox.controls.set_price(FUTURES, 50_150)
    futures.create_order(FUTURES, "market", "buy", 50)
    position = futures.fetch_positions()[0]
    assert (position["contracts"], position["entryPrice"]) == (150, 50_050)
    assert position["unrealizedPnl"] == 15_000
    sandbox.controls.set_price(FUTURES, 51_050)
    futures.create_order(FUTURES, "market", "sell", 150, None, {"reduceOnly": True})
    assert futures.fetch_positions() == []
    incomes = futures.fapiprivate_get_income({"incomeType": "REALIZED_PNL"})
    assert [row["income"] for row in incomes] == ["150000"]
    fees = Decimal("0.0005") * (100 * 50_000 + 50 * 50_150 + 150 * 51_050)
    wallet = Decimal(sandbox.controls.state("main")["futures_wallet"])
    assert wallet == 100_000_000 + 150_000 - fees


def test_reducing_a_position_releases_its_margin_in_proportion(futures: ccxt.binance) -> None:
    futures.create_order(FUTURES, "market", "buy", 10)
    assert futures.fetch_positions()[0]["info"]["isolatedWallet"] == "25000"
    futures.create_order(FUTURES, "market", "sell", 4)
    assert futures.fetch_positions()[0]["info"]["isolatedWallet"] == "15000"
    futures.create_order(FUTURES, "market", "sell", 6)
    fees = Decimal("0.0005") * 50_000 * 20
    assert futures.fetch_balance()["USDT"]["free"] == 100_000_000 - fees


def test_a_sale_through_zero_turns_the_position(futures: ccxt.binance) -> None:
    futures.create_order(FUTURES, "market", "buy", 3)
    futures.create_order(FUTURES, "market", "sell", 5)
    position = futures.fetch_positions()[0]
    assert (position["side"], position["contracts"]) == ("short", 2)


def test_a_reduce_only_order_never_turns_the_position(futures: ccxt.binance) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        futures.create_order(FUTURES, "market", "sell", 1, None, {"reduceOnly": True})
    futures.create_order(FUTURES, "market", "buy", 3)
    order = futures.create_order(FUTURES, "market", "sell", 5, None, {"reduceOnly": True})
    assert (order["filled"], order["status"]) == (3, "expired")
    assert futures.fetch_positions() == []


def test_resting_reduce_only_orders_expire_with_the_position(futures: ccxt.binance) -> None:
    futures.create_order(FUTURES, "market", "buy", 3)
    resting = futures.create_order(FUTURES, "limit", "sell", 3, 60_000, {"reduceOnly": True})
    futures.create_order(FUTURES, "market", "sell", 3)
    assert futures.fetch_order(resting["id"], FUTURES)["status"] == "expired"


def test_orders_that_break_a_rule_of_the_market_are_refused(futures: ccxt.binance) -> None:
    def place(**over: str) -> object:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1"}
        return futures.fapiprivate_post_order(
            order | {"price": "50000", "timeInForce": "GTC"} | over
        )

    for over, code in (
        ({"quantity": "0.0005"}, "-1111"),
        ({"price": "50000.05"}, "-1111"),
        ({"quantity": "0.001", "price": "4000"}, "-4164"),
        ({"quantity": "0"}, "-1102"),
        ({"quantity": "ten"}, "-1130"),
        ({"symbol": "NOPE"}, "-1121"),
        ({"side": "HOLD"}, "-1130"),
        ({"type": "STOP_MARKET", "stopPrice": "40000"}, "-4120"),
        ({"quantity": "50000"}, "-2019"),
        ({"timeInForce": "GTX"}, "-5022"),
        ({"newClientOrderId": "x" * 37}, "-1100"),
    ):
        with pytest.raises(ccxt.BaseError, match=code):
            place(**over)
    assert futures.fetch_orders(FUTURES) == []


def test_ioc_fok_and_market_orders_do_not_rest(futures: ccxt.binance, sandbox: Sandbox) -> None:
    sandbox.controls.set_liquidity(FUTURES, "buy", "3")
    fok = futures.create_order(FUTURES, "limit", "buy", 5, 50_000, {"timeInForce": "FOK"})
    assert (fok["filled"], fok["status"]) == (0, "expired")
    ioc = futures.create_order(FUTURES, "limit", "buy", 2, 50_000, {"timeInForce": "IOC"})
    assert (ioc["filled"], ioc["status"]) == (2, "closed")
    market = futures.create_order(FUTURES, "market", "buy", 2)
    assert (market["filled"], market["status"]) == (1, "expired")


def test_leverage_and_margin_type_follow_the_rules(futures: ccxt.binance) -> None:
    with pytest.raises(ccxt.BaseError, match="-4046"):
        futures.fapiprivate_post_margintype({"symbol": "BTCUSDT", "marginType": "ISOLATED"})
    futures.create_order(FUTURES, "market", "buy", 1)
    with pytest.raises(ccxt.BaseError, match="-4161"):
        futures.set_leverage(5, FUTURES)
    with pytest.raises(ccxt.BaseError, match="-4048"):
        futures.set_margin_mode("cross", FUTURES)
    assert futures.fetch_margin_mode(FUTURES)["marginMode"] == "isolated"


def test_version_3_lists_only_symbols_with_a_position_or_an_order(futures: ccxt.binance) -> None:
    assert futures.fapiprivatev3_get_positionrisk() == []
    every = futures.fapiprivatev2_get_positionrisk()
    assert {row["symbol"] for row in every} == {"BTCUSDT", "ETHUSDT", "DOGEUSDT"}
    futures.create_order(FUTURES, "limit", "buy", 1, 49_000)
    rows = futures.fapiprivatev3_get_positionrisk()
    assert [(row["symbol"], row["positionAmt"]) for row in rows] == [("BTCUSDT", "0")]
    assert futures.fetch_positions() == []


def test_both_ways_in_which_ccxt_reads_positions_agree(futures: ccxt.binance) -> None:
    futures.create_order(FUTURES, "market", "sell", "1.5")
    for params in ({}, {"useV2": True}, {"method": "account", "useV2": True}):
        position = futures.fetch_positions(None, params)[0]
        assert (position["side"], position["contracts"]) == ("short", 1.5)


def test_the_async_client_reads_the_same(
    futures: ccxt.binance, sandbox: Sandbox, keys: AccountKeys
) -> None:
    futures.create_order(FUTURES, "market", "buy", 100)

    async def read() -> tuple[float, float]:
        options = client_options(sandbox.url, "swap", keys, read_only=True)
        client = ccxt.async_support.binance(options)
        try:
            positions, balance = await asyncio.gather(
                client.fetch_positions(), client.fetch_balance()
            )
        finally:
            await client.close()
        return positions[0]["contracts"], balance["USDT"]["total"]

    assert asyncio.run(read()) == (100, 100_000_000 - 2500)


def test_histories_are_cut_by_time_and_id(futures: ccxt.binance) -> None:
    first = futures.create_order(FUTURES, "market", "buy", 1)
    second = futures.create_order(FUTURES, "market", "buy", 2)
    assert [t["amount"] for t in futures.fetch_my_trades(FUTURES, limit=1)] == [2]
    later = futures.milliseconds() + 60_000
    assert futures.fetch_my_trades(FUTURES, since=later) == []
    rows = futures.fapiprivate_get_usertrades({"symbol": "BTCUSDT", "orderId": first["id"]})
    assert [row["qty"] for row in rows] == ["1"]
    rows = futures.fapiprivate_get_allorders({"symbol": "BTCUSDT", "orderId": second["id"]})
    assert [row["origQty"] for row in rows] == ["2"]


def test_public_data_follow_the_price(connect: Connect, sandbox: Sandbox) -> None:
    client = connect("swap")
    sandbox.controls.set_price(FUTURES, "51000.5")
    candles = client.fetch_ohlcv(FUTURES, "5m", limit=10)
    assert len(candles) == 10
    assert all(candle[1:5] == [51_000.5] * 4 for candle in candles)
    assert client.milliseconds() - candles[-1][0] <= 5 * 60_000
    book = client.fetch_order_book(FUTURES, 5)
    assert book["bids"][0][0] == book["asks"][0][0] == 51_000.5
    assert client.fetch_ticker(FUTURES)["last"] == 51_000.5
    assert client.fetch_funding_rate(FUTURES)["markPrice"] == 51_000.5
    assert client.fetch_funding_history(FUTURES) == []
    tier = client.fetch_leverage_tiers([FUTURES])[FUTURES][0]
    assert tier["maxLeverage"] == 125
    market = client.market(FUTURES)
    assert (market["precision"]["amount"], market["limits"]["cost"]["min"]) == (0.001, 5)


def test_a_market_added_later_can_be_traded(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.controls.add_market("SOL/USDT:USDT", 150, amount_step="0.1", price_tick="0.01")
    client = connect("swap")
    order = client.create_order("SOL/USDT:USDT", "market", "buy", 2.5)
    assert (order["filled"], order["average"]) == (2.5, 150)
