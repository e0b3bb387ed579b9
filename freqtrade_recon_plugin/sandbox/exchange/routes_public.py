"""Endpoints that need no key: time, markets, prices, candles, order book.

Candles and tickers are made from the current price: there is no price history here.
"""

from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.sandbox.exchange.amounts import text
from freqtrade_recon_plugin.sandbox.exchange.exchange_info import exchange_info
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.request import Request
from freqtrade_recon_plugin.sandbox.exchange.routing import Group, Handler, Route, public

Json = dict[str, Any]

MINUTE_MS = 60_000
INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
    "3d": 3 * 1440 * MINUTE_MS,
    "1w": 7 * 1440 * MINUTE_MS,
}
MAX_CANDLES = 1500
DEPTH_LEVELS = 20
LEVEL_AMOUNT = "1000000"
CANDLE_VOLUME = "1000"
FUNDING_INTERVAL_MS = 8 * 60 * MINUTE_MS


def ping(_request: Request) -> Json:
    return {}


def server_time(request: Request) -> Json:
    return {"serverTime": request.venue.now_ms()}


def no_markets(request: Request) -> Json:
    return {"timezone": "UTC", "serverTime": request.venue.now_ms(), "symbols": []}


def empty(_request: Request) -> list[Json]:
    return []


def klines(request: Request, kind: Kind) -> list[list[Any]]:
    market = request.market(kind)
    interval = INTERVALS_MS.get(request.text("interval"), MINUTE_MS)
    limit = min(request.integer("limit", 500) or 500, MAX_CANDLES)
    now = request.venue.now_ms()
    end = min(request.integer("endTime", now) or now, now)
    last = end - end % interval
    first = last - (limit - 1) * interval
    start = request.integer("startTime")
    if start is not None:
        first = max(-(-start // interval) * interval, 0)
        last = min(last, first + (limit - 1) * interval)
    price = text(request.venue.books[market.symbol].price)
    rest = ["50000000", 100, "500", "25000000", "0"]
    return [
        [opened, price, price, price, price, CANDLE_VOLUME, opened + interval - 1, *rest]
        for opened in range(first, last + 1, interval)
    ]


def depth(request: Request, kind: Kind) -> Json:
    market = request.market(kind)
    price = request.venue.books[market.symbol].price
    levels = min(request.integer("limit", DEPTH_LEVELS) or DEPTH_LEVELS, DEPTH_LEVELS)
    now = request.venue.now_ms()

    def side(direction: int) -> list[list[str]]:
        prices = (price + direction * level * market.price_tick for level in range(levels))
        return [[text(level_price), LEVEL_AMOUNT] for level_price in prices if level_price > 0]

    return {"lastUpdateId": now, "E": now, "T": now, "bids": side(-1), "asks": side(1)}


def ticker(request: Request, market: Market) -> Json:
    price = text(request.venue.books[market.symbol].price)
    now = request.venue.now_ms()
    return {
        "symbol": market.id,
        "priceChange": "0",
        "priceChangePercent": "0",
        "weightedAvgPrice": price,
        "lastPrice": price,
        "lastQty": "1",
        "openPrice": price,
        "highPrice": price,
        "lowPrice": price,
        "bidPrice": price,
        "bidQty": LEVEL_AMOUNT,
        "askPrice": price,
        "askQty": LEVEL_AMOUNT,
        "volume": CANDLE_VOLUME,
        "quoteVolume": "50000000",
        "openTime": now - 86_400_000,
        "closeTime": now,
        "price": price,
        "time": now,
    }


def premium_index(request: Request, market: Market) -> Json:
    price = text(request.venue.books[market.symbol].price)
    now = request.venue.now_ms()
    return {
        "symbol": market.id,
        "markPrice": price,
        "indexPrice": price,
        "estimatedSettlePrice": price,
        "lastFundingRate": text(Decimal(0)),
        "interestRate": "0.0001",
        "nextFundingTime": now - now % FUNDING_INTERVAL_MS + FUNDING_INTERVAL_MS,
        "time": now,
    }


def _of(kind: Kind, handler: Any) -> Handler:
    return lambda request: handler(request, kind)


def _one_or_all(kind: Kind, make: Any) -> Handler:
    """One row for a named symbol, all rows without one, as Binance answers."""

    def answer(request: Request) -> Any:
        market = request.optional_market(kind)
        if market is not None:
            return make(request, market)
        return [make(request, each) for each in request.venue.markets_of(kind)]

    return answer


def _information(kind: Kind) -> Handler:
    return lambda request: exchange_info(request.venue, kind)


SPOT, FUTURES = Kind.SPOT, Kind.FUTURES

ROUTES: tuple[Route, ...] = (
    public("/api/v3/ping", ping, Group.SERVER),
    public("/api/v3/time", server_time, Group.SERVER),
    public("/fapi/v1/ping", ping, Group.SERVER),
    public("/fapi/v1/time", server_time, Group.SERVER),
    public("/api/v3/exchangeInfo", _information(SPOT), Group.MARKETS),
    public("/fapi/v1/exchangeInfo", _information(FUTURES), Group.MARKETS),
    public("/dapi/v1/exchangeInfo", no_markets, Group.MARKETS),
    public("/eapi/v1/exchangeInfo", no_markets, Group.MARKETS),
    public("/fapi/v1/fundingInfo", empty, Group.MARKETS),
    public("/fapi/v1/fundingRate", empty, Group.HISTORY),
    public("/api/v3/klines", _of(SPOT, klines), Group.PRICES),
    public("/fapi/v1/klines", _of(FUTURES, klines), Group.PRICES),
    public("/fapi/v1/markPriceKlines", _of(FUTURES, klines), Group.PRICES),
    public("/fapi/v1/premiumIndexKlines", empty, Group.PRICES),
    public("/api/v3/depth", _of(SPOT, depth), Group.PRICES),
    public("/fapi/v1/depth", _of(FUTURES, depth), Group.PRICES),
    public("/api/v3/ticker/24hr", _one_or_all(SPOT, ticker), Group.PRICES),
    public("/api/v3/ticker/price", _one_or_all(SPOT, ticker), Group.PRICES),
    public("/api/v3/ticker/bookTicker", _one_or_all(SPOT, ticker), Group.PRICES),
    public("/fapi/v1/ticker/24hr", _one_or_all(FUTURES, ticker), Group.PRICES),
    public("/fapi/v1/ticker/price", _one_or_all(FUTURES, ticker), Group.PRICES),
    public("/fapi/v2/ticker/price", _one_or_all(FUTURES, ticker), Group.PRICES),
    public("/fapi/v1/ticker/bookTicker", _one_or_all(FUTURES, ticker), Group.PRICES),
    public("/fapi/v1/premiumIndex", _one_or_all(FUTURES, premium_index), Group.PRICES),
    public("/api/v3/trades", empty, Group.PRICES),
    public("/api/v3/aggTrades", empty, Group.PRICES),
    public("/fapi/v1/trades", empty, Group.PRICES),
    public("/fapi/v1/aggTrades", empty, Group.PRICES),
)
