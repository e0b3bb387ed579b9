"""Signed USD-M futures endpoints about the account: wallet, positions, leverage, modes."""

from freqtrade_recon_plugin.sandbox.exchange import futures_ledger
from freqtrade_recon_plugin.sandbox.exchange.account import MarginType
from freqtrade_recon_plugin.sandbox.exchange.amounts import rounded, text
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError
from freqtrade_recon_plugin.sandbox.exchange.exchange_info import brackets
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.request import Request
from freqtrade_recon_plugin.sandbox.exchange.routing import Group, Route
from freqtrade_recon_plugin.sandbox.exchange.views import Json, position_risk

FUTURES = Kind.FUTURES
SETTLE = "USDT"


def account_v3(request: Request) -> Json:
    return _account(request, v2=False)


def account_v2(request: Request) -> Json:
    return _account(request, v2=True)


def _account(request: Request, *, v2: bool) -> Json:
    venue, owner = request.venue, request.account
    wallet = futures_ledger.totals(owner, venue.books, venue.markets)
    numbers = {
        "WalletBalance": rounded(wallet.wallet),
        "UnrealizedProfit": rounded(wallet.unrealized),
        "MarginBalance": rounded(wallet.margin_balance),
        "MaintMargin": rounded(wallet.maintenance),
        "InitialMargin": rounded(wallet.initial_margin),
        "PositionInitialMargin": rounded(wallet.position_margin),
        "OpenOrderInitialMargin": rounded(wallet.order_margin),
        "CrossWalletBalance": rounded(wallet.cross_wallet),
        "CrossUnPnl": rounded(wallet.cross_unrealized),
    }
    available = {
        "availableBalance": rounded(wallet.available),
        "maxWithdrawAmount": rounded(wallet.available),
    }
    asset = {name[0].lower() + name[1:]: value for name, value in numbers.items()}
    answer: Json = (
        {f"total{name}": value for name, value in numbers.items()}
        | available
        | {
            "assets": [
                # An update time of zero would make ccxt skip the coin.
                asset | available | {"asset": SETTLE, "updateTime": venue.now_ms()}
            ],
            "positions": [
                _account_position(request, market, v2=v2)
                for market in _listed(request, everything=v2)
            ],
        }
    )
    if v2:
        answer |= {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True}
        answer |= {"updateTime": 0, "multiAssetsMargin": False, "tradeGroupId": -1}
    return answer


def _account_position(request: Request, market: Market, *, v2: bool) -> Json:
    row = position_risk(request.venue, request.account, market, v2=False)
    kept = (
        "symbol",
        "positionSide",
        "positionAmt",
        "isolatedMargin",
        "isolatedWallet",
        "notional",
        "initialMargin",
        "maintMargin",
        "updateTime",
    )
    answer = {name: row[name] for name in kept} | {"unrealizedProfit": row["unRealizedProfit"]}
    if v2:
        setting = request.account.setting(market.symbol)
        answer |= {
            "leverage": str(setting.leverage),
            "isolated": setting.margin_type is MarginType.ISOLATED,
            "entryPrice": row["entryPrice"],
            "breakEvenPrice": row["breakEvenPrice"],
            "maxNotional": text(futures_ledger.max_notional(market, setting.leverage)),
            "positionInitialMargin": row["positionInitialMargin"],
            "openOrderInitialMargin": row["openOrderInitialMargin"],
            "bidNotional": "0",
            "askNotional": "0",
        }
    return answer


def positions_v3(request: Request) -> list[Json]:
    return [
        position_risk(request.venue, request.account, market, v2=False)
        for market in _listed(request, everything=False)
    ]


def positions_v2(request: Request) -> list[Json]:
    return [
        position_risk(request.venue, request.account, market, v2=True)
        for market in _listed(request, everything=True)
    ]


def _listed(request: Request, *, everything: bool) -> list[Market]:
    """Markets that an answer names: version 3 leaves out those without position and order."""
    only = request.optional_market(FUTURES)
    owner = request.account
    return [
        market
        for market in request.venue.markets_of(FUTURES)
        if only in (None, market)
        and (
            everything
            or owner.position(market.symbol).amount != 0
            or owner.open_orders(FUTURES, market.symbol)
        )
    ]


def balances(request: Request) -> list[Json]:
    venue, owner = request.venue, request.account
    wallet = futures_ledger.totals(owner, venue.books, venue.markets)
    return [
        {
            "accountAlias": owner.name,
            "asset": SETTLE,
            "balance": rounded(wallet.wallet),
            "crossWalletBalance": rounded(wallet.cross_wallet),
            "crossUnPnl": rounded(wallet.cross_unrealized),
            "availableBalance": rounded(wallet.available),
            "maxWithdrawAmount": rounded(wallet.available),
            "marginAvailable": True,
            "updateTime": venue.now_ms(),
        }
    ]


def leverage_bracket(request: Request) -> list[Json]:
    only = request.optional_market(FUTURES)
    markets = [only] if only else request.venue.markets_of(FUTURES)
    return [brackets(market) for market in markets]


def set_leverage(request: Request) -> Json:
    market = request.market(FUTURES)
    wanted = request.integer("leverage") or 0
    setting = request.account.setting(market.symbol)
    held = request.account.position(market.symbol).amount
    if not 1 <= wanted <= max(tier.max_leverage for tier in market.tiers):
        raise ApiError(-4028, f"Leverage {wanted} is not valid")
    if held and setting.margin_type is MarginType.ISOLATED and wanted < setting.leverage:
        raise ApiError(
            -4161,
            "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
        )
    notional = abs(held) * request.venue.books[market.symbol].price
    if notional > futures_ledger.max_notional(market, wanted):
        raise ApiError(-2027, "Exceeded the maximum allowable position at current leverage.")
    setting.leverage = wanted
    return {
        "symbol": market.id,
        "leverage": wanted,
        "maxNotionalValue": text(futures_ledger.max_notional(market, wanted)),
    }


def set_margin_type(request: Request) -> Json:
    market = request.market(FUTURES)
    wanted = request.choice("marginType", MarginType)
    setting = request.account.setting(market.symbol)
    if wanted is setting.margin_type:
        raise ApiError(-4046, "No need to change margin type.")
    if request.account.position(market.symbol).amount != 0:
        raise ApiError(-4048, "Margin type cannot be changed if there exists position.")
    if request.account.open_orders(FUTURES, market.symbol):
        raise ApiError(-4047, "Margin type cannot be changed if there exists open orders.")
    setting.margin_type = wanted
    return {"code": 200, "msg": "success"}


def symbol_config(request: Request) -> list[Json]:
    only = request.optional_market(FUTURES)
    markets = [only] if only else request.venue.markets_of(FUTURES)
    rows = []
    for market in markets:
        setting = request.account.setting(market.symbol)
        rows.append(
            {
                "symbol": market.id,
                "marginType": setting.margin_type,
                "isAutoAddMargin": False,
                "leverage": setting.leverage,
                "maxNotionalValue": text(futures_ledger.max_notional(market, setting.leverage)),
            }
        )
    return rows


def account_config(_request: Request) -> Json:
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def commission_rate(request: Request) -> Json:
    rates = request.account.futures_fees
    return {
        "symbol": request.market(FUTURES).id,
        "makerCommissionRate": text(rates.maker),
        "takerCommissionRate": text(rates.taker),
    }


def position_mode(_request: Request) -> Json:
    return {"dualSidePosition": False}


def set_position_mode(request: Request) -> Json:
    if request.flag("dualSidePosition"):
        raise ApiError(-4061, "The sandbox knows the one-way mode only.")
    raise ApiError(-4059, "No need to change position side.")


def asset_mode(_request: Request) -> Json:
    return {"multiAssetsMargin": False}


ROUTES: tuple[Route, ...] = (
    Route("GET", "/fapi/v3/account", account_v3, Group.BALANCE),
    Route("GET", "/fapi/v2/account", account_v2, Group.BALANCE),
    Route("GET", "/fapi/v1/account", account_v2, Group.BALANCE),
    Route("GET", "/fapi/v3/balance", balances, Group.BALANCE),
    Route("GET", "/fapi/v2/balance", balances, Group.BALANCE),
    Route("GET", "/fapi/v3/positionRisk", positions_v3, Group.POSITIONS),
    Route("GET", "/fapi/v2/positionRisk", positions_v2, Group.POSITIONS),
    Route("GET", "/fapi/v1/leverageBracket", leverage_bracket, Group.MARKETS),
    Route("POST", "/fapi/v1/leverage", set_leverage, Group.SETTINGS),
    Route("POST", "/fapi/v1/marginType", set_margin_type, Group.SETTINGS),
    Route("GET", "/fapi/v1/symbolConfig", symbol_config, Group.SETTINGS),
    Route("GET", "/fapi/v1/accountConfig", account_config, Group.SETTINGS),
    Route("GET", "/fapi/v1/commissionRate", commission_rate, Group.MARKETS),
    Route("GET", "/fapi/v1/positionSide/dual", position_mode, Group.SETTINGS),
    Route("POST", "/fapi/v1/positionSide/dual", set_position_mode, Group.SETTINGS),
    Route("GET", "/fapi/v1/multiAssetsMargin", asset_mode, Group.SETTINGS),
)
