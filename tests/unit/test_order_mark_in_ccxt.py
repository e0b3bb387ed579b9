"""The client order id gets through the installed ccxt, to each exchange and in the right field."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

import ccxt
import pytest

from freqtrade_recon_plugin.order_mark import client_id_params, new_client_id
from tests.unit.test_order_mark import EACH

#: What freqtrade 2026.9 gives `create_order` for a stop.
STOP_PARAMS = {
    "binance": {"stopPrice": 90.0},
    "bybit": {"triggerPrice": 90.0},
    "htx": {"stopPrice": 90.0, "operator": "lte"},
    "hyperliquid": {"stopPrice": 90.0},
    "kraken": {"stopLossPrice": 90.0},
    "krakenfutures": {"triggerPrice": 90.0, "triggerSignal": "last"},
    "kucoin": {"stopPrice": 90.0, "stop": "loss"},
    "okx": {"stopLossPrice": 90.0, "tdMode": "isolated"},
    "bitvavo": {"stopPrice": 90.0},
}


class Sent(Exception):
    """The request that ccxt was about to send."""


def client(exchange: str, mode: str) -> Any:
    """A ccxt client with one market and no network: a request ends it."""
    made = getattr(ccxt, exchange)(
        {
            "apiKey": "00000000-0000-0000-0000-000000000000",
            "secret": base64.b64encode(b"secret" * 10).decode(),
            "password": "p",
            "uid": "u",
            "walletAddress": "0x" + "1" * 40,
            "privateKey": "0x" + "2" * 64,
            "options": {"operatorId": 1, "unified": True},
        }
    )
    futures = mode == "futures"
    market = made.safe_market_structure(
        {
            "id": "BTCUSDT",
            "symbol": "BTC/USDT:USDT" if futures else "BTC/USDT",
            "base": "BTC",
            "quote": "USDT",
            "settle": "USDT" if futures else None,
            "baseId": "0",
            "quoteId": "USDT",
            "settleId": "usdt" if futures else None,
            "type": "swap" if futures else "spot",
            "spot": not futures,
            "swap": futures,
            "future": False,
            "option": False,
            "contract": futures,
            "linear": True if futures else None,
            "inverse": False if futures else None,
            "contractSize": 1.0 if futures else None,
            "precision": {"amount": 0.001, "price": 0.1},
            "info": {
                "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "STOP_LOSS_LIMIT"],
                "triggerTypes": ["lastPrice"],
                "unifiedMarginTrading": True,
            },
        }
    )
    made.set_markets([market])

    def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if method == "GET" or "order" not in f"{url} {body}".lower():
            return {}
        raise Sent(unquote(f"{url} {body}"))

    made.fetch = fetch
    made.accounts = [{"id": "1", "type": "spot"}]
    return made


def sent(exchange: str, mode: str, params: dict[str, Any], kind: str = "limit") -> str:
    symbol = "BTC/USDT:USDT" if mode == "futures" else "BTC/USDT"
    with pytest.raises(Sent) as request:
        client(exchange, mode).create_order(symbol, kind, "sell", 1.0, 100.0, params)
    return str(request.value)


@pytest.mark.parametrize(("exchange", "mode"), EACH)
def test_ccxt_sends_the_id_that_it_is_given(exchange: str, mode: str) -> None:
    options = client(exchange, mode).options
    made = new_client_id(exchange, "btc-1", "t", mode, options=options)
    assert made is not None
    params = client_id_params(exchange, made, options=options)
    request = sent(exchange, mode, params)
    assert request.count(made) == 1, request
    assert ("tag" in params) is ('"tag"' in sent(exchange, mode, {})), "as ccxt itself does"


@pytest.mark.parametrize(("exchange", "mode"), [one for one in EACH if one[0] in STOP_PARAMS])
def test_ccxt_sends_the_id_of_a_stop(exchange: str, mode: str) -> None:
    made = new_client_id(exchange, "btc-1", "t", mode, conditional=True)
    assert made is not None
    params = client_id_params(exchange, made, conditional=True)
    stop = STOP_PARAMS[exchange]
    if (exchange, mode) == ("bybit", "futures"):
        stop = stop | {"triggerDirection": "descending"}
    request = sent(exchange, mode, stop | params)
    assert request.count(made) == 1, request


def test_a_stop_on_okx_has_the_mark_as_its_algo_id_and_ccxts_broker_beside_it() -> None:
    made = new_client_id("okx", "btc-1", "t", "futures", conditional=True)
    params = client_id_params("okx", made, conditional=True)
    body = json.loads(sent("okx", "futures", STOP_PARAMS["okx"] | params).partition(" ")[2])
    body = body[0] if isinstance(body, list) else body
    assert body["algoClOrdId"] == made
    assert body["clOrdId"].startswith(body["tag"])
    assert body["clOrdId"] != made
