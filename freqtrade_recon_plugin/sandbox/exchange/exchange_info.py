"""What the exchange says about its markets, coins and brackets, in Binance's JSON."""

from typing import Any

from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, text
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market, Tier
from freqtrade_recon_plugin.sandbox.exchange.orders import (
    FUTURES_ALGO_TYPES,
    FUTURES_PLAIN_TYPES,
    SPOT_PLAIN_TYPES,
    SPOT_STOP_TYPES,
)
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue

Json = dict[str, Any]

ONBOARDED_MS = 1_569_398_400_000
# What Binance gives as the delivery date of a perpetual.
NEVER_MS = 4_133_404_800_000
PRECISION = 8


def spot_symbol(market: Market) -> Json:
    return {
        "symbol": market.id,
        "status": "TRADING",
        "baseAsset": market.base,
        "baseAssetPrecision": PRECISION,
        "quoteAsset": market.quote,
        "quotePrecision": PRECISION,
        "quoteAssetPrecision": PRECISION,
        "orderTypes": sorted(SPOT_PLAIN_TYPES | SPOT_STOP_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            *_steps(market),
            {
                "filterType": "NOTIONAL",
                "minNotional": text(market.min_cost),
                "applyMinToMarket": True,
                "maxNotional": "9000000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
    }


def futures_symbol(market: Market) -> Json:
    return {
        "symbol": market.id,
        "pair": market.id,
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_MS,
        "onboardDate": ONBOARDED_MS,
        "status": "TRADING",
        "baseAsset": market.base,
        "quoteAsset": market.quote,
        "marginAsset": market.quote,
        "pricePrecision": _digits(market.price_tick),
        "quantityPrecision": _digits(market.amount_step),
        "baseAssetPrecision": PRECISION,
        "quotePrecision": PRECISION,
        "underlyingType": "COIN",
        "filters": [
            *_steps(market),
            {"filterType": "MIN_NOTIONAL", "notional": text(market.min_cost)},
        ],
        "orderTypes": sorted(FUTURES_PLAIN_TYPES | FUTURES_ALGO_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def brackets(market: Market) -> Json:
    rows = []
    floor = ZERO
    for number, tier in enumerate(market.tiers, start=1):
        rows.append(_bracket(number, floor, tier))
        floor = tier.notional_cap
    return {"symbol": market.id, "notionalCoef": 1, "brackets": rows}


def coin(asset: str, free: str, locked: str) -> Json:
    return {
        "coin": asset,
        "depositAllEnable": True,
        "withdrawAllEnable": True,
        "name": asset,
        "free": free,
        "locked": locked,
        "freeze": "0",
        "withdrawing": "0",
        "ipoing": "0",
        "ipoable": "0",
        "storage": "0",
        "isLegalMoney": False,
        "trading": True,
        "networkList": [],
    }


def coins_of(venue: Venue) -> list[str]:
    """Every coin that some market trades, in order of the alphabet."""
    markets = venue.markets.values()
    return sorted({m.base for m in markets} | {m.quote for m in markets})


def exchange_info(venue: Venue, kind: Kind) -> Json:
    make = spot_symbol if kind is Kind.SPOT else futures_symbol
    return {
        "timezone": "UTC",
        "serverTime": venue.now_ms(),
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [make(market) for market in venue.markets_of(kind)],
    }


def _steps(market: Market) -> list[Json]:
    tick, step, most = map(text, (market.price_tick, market.amount_step, market.max_amount))
    lot = {"minQty": step, "maxQty": most, "stepSize": step}
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000", "tickSize": tick},
        {"filterType": "LOT_SIZE"} | lot,
        {"filterType": "MARKET_LOT_SIZE"} | lot,
    ]


def _bracket(number: int, floor: object, tier: Tier) -> Json:
    return {
        "bracket": number,
        "initialLeverage": tier.max_leverage,
        "notionalCap": int(tier.notional_cap),
        "notionalFloor": int(str(floor)),
        "maintMarginRatio": float(tier.maintenance_rate),
        "cum": float(tier.maintenance_deduction),
    }


def _digits(step: object) -> int:
    return len(str(step).partition(".")[2])
