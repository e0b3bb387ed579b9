"""Changes behind the bot's back, over the control API as another process would use it."""

from decimal import Decimal

import ccxt
import pytest

from freqtrade_recon_plugin.sandbox import ControlError, Sandbox, SandboxClient
from tests.sandbox.conftest import FUTURES, SPOT


@pytest.fixture
def control(sandbox: Sandbox) -> SandboxClient:
    return SandboxClient(sandbox.url)


def test_a_late_fill_of_an_ended_order_is_seen_in_order_fills_and_position(
    futures: ccxt.binance, control: SandboxClient
) -> None:
    order = futures.create_order(FUTURES, "limit", "buy", 100, 50_000)
    control.missed_fill("main", 50, order_id=order["id"], price=50_300)
    late = futures.fetch_order(order["id"], FUTURES)
    assert (late["filled"], late["status"], late["average"]) == (150, "closed", 50_100)
    assert (late["amount"], late["remaining"]) == (150, 0)
    assert [fill["amount"] for fill in futures.fetch_my_trades(FUTURES)] == [100, 50]
    position = futures.fetch_positions()[0]
    assert (position["contracts"], position["entryPrice"]) == (150, 50_100)


def test_a_late_fill_of_a_cancelled_order_leaves_it_cancelled(
    futures: ccxt.binance, control: SandboxClient
) -> None:
    order = futures.create_order(FUTURES, "limit", "buy", 10, 49_000)
    futures.cancel_order(order["id"], FUTURES)
    control.missed_fill("main", 4, order_id=order["id"])
    late = futures.fetch_order(order["id"], FUTURES)
    assert (late["filled"], late["status"], late["amount"]) == (4, "canceled", 10)
    assert control.position("main", FUTURES) == 4


def test_a_missed_order_carries_the_mark_of_the_bot_and_a_manual_one_does_not(
    futures: ccxt.binance, control: SandboxClient
) -> None:
    own = control.missed_fill("main", 50, symbol=FUTURES, side="buy", price=50_100)
    named = control.missed_fill("main", 1, symbol=FUTURES, side="buy", client_order_id="recon-9")
    manual = control.manual_trade("main", FUTURES, "sell", 20)
    assert own["clientOrderId"].startswith("x-cvBPrNm9")
    assert named["clientOrderId"] == "recon-9"
    assert manual["clientOrderId"].startswith("web_")
    assert control.position("main", FUTURES) == 31
    orders = {order["id"]: order for order in futures.fetch_orders(FUTURES)}
    assert orders[str(own["orderId"])]["filled"] == 50
    assert orders[str(manual["orderId"])]["side"] == "sell"


def test_a_liquidation_is_an_autoclose_order_and_ends_all_orders(
    futures: ccxt.binance, control: SandboxClient
) -> None:
    futures.create_order(FUTURES, "market", "buy", 10)
    stop = futures.create_order(FUTURES, "stop_market", "sell", 10, None, {"stopPrice": 45_000})
    resting = futures.create_order(FUTURES, "limit", "buy", 1, 45_000)
    control.liquidate("main", FUTURES, amount=4)
    assert control.position("main", FUTURES) == 6
    assert futures.fetch_order(resting["id"], FUTURES)["status"] == "canceled"
    assert futures.fetch_order(stop["id"], FUTURES, {"stop": True})["status"] == "canceled"
    control.liquidate("main", FUTURES)
    assert futures.fetch_positions() == []
    forced = futures.fetch_my_liquidations(FUTURES)
    assert [row["info"]["executedQty"] for row in forced] == ["4", "6"]
    assert all(row["info"]["clientOrderId"].startswith("autoclose-") for row in forced)


def test_a_price_past_the_liquidation_price_liquidates(
    futures: ccxt.binance, control: SandboxClient
) -> None:
    futures.create_order(FUTURES, "market", "buy", 10)
    price = Decimal(futures.fetch_positions()[0]["info"]["liquidationPrice"])
    control.set_price(FUTURES, price + 1)
    assert control.position("main", FUTURES) == 10
    control.set_price(FUTURES, price - 1)
    assert control.position("main", FUTURES) == 0
    assert len(futures.fetch_my_liquidations(FUTURES)) == 1


def test_the_exchange_ends_orders_by_itself(futures: ccxt.binance, control: SandboxClient) -> None:
    order = futures.create_order(FUTURES, "limit", "buy", 1, 49_000)
    stop = futures.create_order(FUTURES, "stop_market", "sell", 1, None, {"stopPrice": 45_000})
    control.end_order("main", order["id"], expired=True)
    control.end_order("main", stop["id"])
    assert futures.fetch_order(order["id"], FUTURES)["status"] == "expired"
    assert futures.fetch_order(stop["id"], FUTURES, {"stop": True})["status"] == "canceled"


def test_spot_coins_come_and_go(spot: ccxt.binance, control: SandboxClient) -> None:
    control.deposit("main", "BTC", "2.5")
    control.deposit("main", "LDBTC", 1)
    control.withdraw("main", "BTC", "0.5")
    sale = control.manual_trade("main", SPOT, "sell", 1)
    balance = spot.fetch_balance()
    assert (balance["BTC"]["total"], balance["LDBTC"]["total"]) == (1, 1)
    assert spot.fetch_order(str(sale["orderId"]), SPOT)["filled"] == 1


def test_impossible_wishes_are_refused_in_words_and_change_nothing(
    control: SandboxClient, futures: ccxt.binance
) -> None:
    order = futures.create_order(FUTURES, "limit", "buy", 1, 49_000)
    before = control.state("main")
    for wish, words in (
        (lambda: control.set_price("NOPE/USDT", 1), "no market 'NOPE/USDT'"),
        (lambda: control.set_price(FUTURES, 0), "above zero"),
        (lambda: control.call("set_price", {"symbol": FUTURES, "price": "ten"}), "is no number"),
        (lambda: control.call("set_price", {"symbol": FUTURES}), "price"),
        (lambda: control.call("set_price", {"symbol": FUTURES, "price": None}), "null"),
        (lambda: control.call("dance", {}), "no command 'dance'"),
        (lambda: control.state("nobody"), "no account 'nobody'"),
        (lambda: control.manual_trade("main", SPOT, "sell", 1), "0 BTC free, not 1"),
        (lambda: control.manual_trade("main", FUTURES, "hold", 1), "neither buy nor sell"),
        (lambda: control.manual_trade("main", FUTURES, "buy", "0.0001"), "not a multiple"),
        (lambda: control.withdraw("main", "BTC", 1), "0 BTC free"),
        (lambda: control.liquidate("main", FUTURES), "holds 0"),
        (lambda: control.liquidate("main", SPOT), "spot market"),
        (lambda: control.fill_order("main", 4711), "no order 4711"),
        (lambda: control.fill_order("main", order["id"], 2), "has 1 left"),
        (lambda: control.fill_order("main", order["id"], 1, 49_500), "is worse"),
        (lambda: control.missed_fill("main", 1), "needs an order_id, or a symbol"),
        (lambda: control.create_account("main"), "taken"),
        (lambda: control.add_market("BTCUSDT", 1), "neither BASE/QUOTE"),
        (lambda: control.inject("explode", "all"), "explode"),
        (lambda: control.inject("empty", "nothing"), "neither a path nor one of"),
        (lambda: control.inject("empty", "all", times=0), "at least 1"),
        (lambda: control.inject("empty", "all", volume=11), "volume"),
        (lambda: control.requests(colour="red"), "colour"),
    ):
        with pytest.raises(ControlError, match=words):
            wish()
    assert control.state("main") == before


def test_a_client_without_a_sandbox_says_so(sandbox: Sandbox) -> None:
    control = SandboxClient(sandbox.url)
    sandbox.stop()
    with pytest.raises(ControlError, match="no sandbox at"):
        control.overview()
