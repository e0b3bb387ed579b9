"""What the reader makes of a symbol's orders and fills, over real HTTP with real ccxt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from freqtrade_recon_plugin.activity import MOST_PAGES, PAGE, Activity, Source, read_activity
from freqtrade_recon_plugin.domain.model import OrderSide, OrderStatus, TradingMode
from freqtrade_recon_plugin.exchange import ExchangeReader
from freqtrade_recon_plugin.sandbox import FaultKind, ccxt_urls, start_sandbox
from freqtrade_recon_plugin.settings import AccountSettings

FUTURES, SPOT = "BTC/USDT:USDT", "BTC/USDT"
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with start_sandbox(port=0) as running:
        yield running


def trader(sandbox: Any, market_type: str) -> Any:
    keys = sandbox.keys("main")
    api = ccxt.binance(
        {
            "apiKey": keys.key,
            "secret": keys.secret,
            "urls": ccxt_urls(sandbox.url),
            "enableRateLimit": False,
            "options": {"defaultType": market_type},
        }
    )
    api.has["fetchCurrencies"] = False
    return api


def activity(sandbox: Any, symbol: str, days: int = 1) -> Activity:
    keys = sandbox.keys("main")
    account = AccountSettings(
        id="main",
        exchange="binance",
        api_key=keys.read_only_key,
        secret=keys.read_only_secret,
        urls=ccxt_urls(sandbox.url),
    )
    mode = TradingMode.FUTURES if ":" in symbol else TradingMode.SPOT
    reader = ExchangeReader(account, mode, lambda: datetime.now(UTC))
    return reader.activity(symbol, datetime.now(UTC) - timedelta(days=days))


def test_a_triggered_stop_is_tied_to_the_order_that_it_became(sandbox: Any) -> None:
    api = trader(sandbox, "swap")
    api.create_order(FUTURES, "market", "buy", 10)
    stop = api.create_order(
        FUTURES, "market", "sell", 10, None, {"stopLossPrice": 45000, "reduceOnly": True}
    )
    resting = activity(sandbox, FUTURES)
    assert resting.complete
    (waiting,) = [seen.report for seen in resting.orders or () if seen.report.stop]
    assert (waiting.id, waiting.status, waiting.reduce_only) == (
        stop["id"],
        OrderStatus.OPEN,
        True,
    )

    sandbox.controls.set_price(FUTURES, "44000")
    after = activity(sandbox, FUTURES, days=20)  # further back than Binance answers at once
    assert after.complete
    (became,) = [seen.report for seen in after.orders or () if seen.report.parent_id]
    assert became.parent_id == stop["id"]
    assert (became.side, became.filled, became.average) == (OrderSide.SELL, 10, 44000)
    bought, sold = after.fills or ()
    assert (bought.amount, bought.price, bought.fee_currency) == (10, 50000, "USDT")
    assert (sold.order_id, sold.amount, sold.price) == (became.id, 10, 44000)


def test_a_forced_close_is_told_from_a_sale(sandbox: Any) -> None:
    trader(sandbox, "swap").create_order(FUTURES, "market", "buy", 10)
    sandbox.controls.liquidate("main", FUTURES)
    fills = activity(sandbox, FUTURES).fills or ()
    assert [fill.liquidation for fill in fills] == [False, True]


def test_spot_fees_in_the_coin_and_client_ids_are_told(sandbox: Any) -> None:
    trader(sandbox, "spot").create_order(
        SPOT, "market", "buy", 10, None, {"clientOrderId": "x-mine"}
    )
    seen = activity(sandbox, SPOT)
    assert [order.client_id for order in seen.orders or ()] == ["x-mine"]
    (fill,) = seen.fills or ()
    assert (fill.fee_currency, fill.fee_cost) == ("BTC", Decimal("0.01"))


@pytest.mark.parametrize("symbol", [FUTURES, SPOT])
@pytest.mark.parametrize("target", ["orders", "trades"])
@pytest.mark.parametrize(
    "fault",
    [
        FaultKind.ERROR_500,
        FaultKind.RATE_LIMIT,
        FaultKind.GARBAGE,
        FaultKind.EMPTY_OBJECT,
        FaultKind.EMPTY,
        FaultKind.DISCONNECT,
    ],
)
def test_an_answer_that_is_none_is_never_an_empty_history(
    sandbox: Any, symbol: str, target: str, fault: FaultKind
) -> None:
    trader(sandbox, "swap" if symbol == FUTURES else "spot").create_order(
        symbol, "market", "buy", 1
    )
    sandbox.controls.inject(fault, target, times=None)
    seen = activity(sandbox, symbol)
    assert (seen.orders, seen.fills, seen.complete) == (None, None, False)
    assert seen.note
    assert sandbox.keys("main").read_only_secret not in seen.note


def test_a_filled_quantity_that_cannot_be_read_makes_the_order_unknown(sandbox: Any) -> None:
    trader(sandbox, "swap").create_order(FUTURES, "market", "buy", 1)
    sandbox.controls.inject(FaultKind.NULL_QUANTITY, "/fapi/v1/allOrders", times=None)
    seen = activity(sandbox, FUTURES)
    if seen.orders is not None:
        assert [order.report.status for order in seen.orders] == [OrderStatus.UNKNOWN]


# --- pages ----------------------------------------------------------------------------------------


def fill(number: int, at: int) -> dict[str, Any]:
    return {
        "id": str(number),
        "order": "1",
        "side": "buy",
        "amount": "1",
        "price": "2",
        "timestamp": at,
        "info": {},
    }


def asked(items: list[dict[str, Any]], windowed: bool = False) -> tuple[Activity, list[int]]:
    starts: list[int] = []

    def page(start: int, stop: int, limit: int) -> list[dict[str, Any]]:
        starts.append(start)
        return [item for item in items if start <= item["timestamp"] <= stop][:limit]

    source = Source(lambda *_: [], None, page, windowed)
    return read_activity(source, Decimal(1), NOW - timedelta(days=30), NOW), starts


def moment(days_ago: int, more: int = 0) -> int:
    return int((NOW - timedelta(days=days_ago)).timestamp() * 1000) + more


def test_pages_and_windows_give_each_fill_once() -> None:
    items = [fill(number, moment(20, number)) for number in range(PAGE * 2 + 10)]
    for windowed in (False, True):
        seen, starts = asked(items, windowed)
        assert seen.complete
        assert [int(fill.id) for fill in seen.fills or ()] == list(range(len(items)))
        assert len(starts) == len(set(starts))


def test_what_a_bound_cuts_off_is_said() -> None:
    crowd = [fill(number, moment(20)) for number in range(PAGE + 1)]
    assert not asked(crowd)[0].complete  # more at one moment than a page holds
    many = [fill(number, moment(20, number)) for number in range(PAGE * (MOST_PAGES + 2))]
    seen, starts = asked(many)
    assert not seen.complete
    assert seen.note
    assert len(starts) == MOST_PAGES


def test_an_exchange_that_cannot_be_asked_gives_no_history_and_says_so() -> None:
    seen = read_activity(Source(None, None, None, False), Decimal(1), NOW, NOW)
    assert (seen.orders, seen.fills, seen.complete) == (None, None, False)
