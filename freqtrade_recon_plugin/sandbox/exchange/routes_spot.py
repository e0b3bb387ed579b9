"""Signed spot endpoints (`/api/v3`) and the wallet endpoints (`/sapi/v1`) that readers need."""

from typing import Any

from freqtrade_recon_plugin.sandbox.exchange import lifecycle, placing
from freqtrade_recon_plugin.sandbox.exchange.account import Account
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, text
from freqtrade_recon_plugin.sandbox.exchange.checks import OrderRequest
from freqtrade_recon_plugin.sandbox.exchange.errors import (
    ApiError,
    missing_parameter,
    order_not_found,
    unknown_order,
)
from freqtrade_recon_plugin.sandbox.exchange.exchange_info import coin, coins_of
from freqtrade_recon_plugin.sandbox.exchange.history import Page, newest_by_client_id, page_of
from freqtrade_recon_plugin.sandbox.exchange.market import Kind
from freqtrade_recon_plugin.sandbox.exchange.orders import (
    SPOT_MARKET_TYPES,
    SPOT_STOP_TYPES,
    Order,
    OrderStatus,
    OrderType,
    Side,
)
from freqtrade_recon_plugin.sandbox.exchange.request import Request
from freqtrade_recon_plugin.sandbox.exchange.routes_public import empty
from freqtrade_recon_plugin.sandbox.exchange.routing import Group, Route
from freqtrade_recon_plugin.sandbox.exchange.views import (
    Json,
    spot_fill,
    spot_order,
    spot_order_placed,
)

SPOT = Kind.SPOT


def account(request: Request) -> Json:
    owner = request.account
    rates = owner.spot_fees
    omit_zero = request.flag("omitZeroBalances")
    coins = sorted(set(coins_of(request.venue)) | set(owner.spot))
    return {
        "makerCommission": int(rates.maker * 10_000),
        "takerCommission": int(rates.taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "brokered": False,
        "accountType": "SPOT",
        "updateTime": request.venue.now_ms(),
        "balances": [
            {"asset": asset, "free": text(owner.free(asset)), "locked": text(owner.locked(asset))}
            for asset in coins
            if not omit_zero or owner.spot.get(asset, ZERO)
        ],
        "permissions": ["SPOT"],
    }


def create_order(request: Request) -> Json:
    order = _create(request)
    request.order_id = order.order_id
    return spot_order_placed(order)


def _create(request: Request) -> Order:
    market = request.market(SPOT)
    kind = request.choice("type", OrderType)
    limitless = kind in SPOT_MARKET_TYPES
    budget = request.number("quoteOrderQty", ZERO) or None
    if budget is not None and kind is not OrderType.MARKET:
        raise missing_parameter("quantity")
    order_id_text = request.text("newClientOrderId", f"auto_{request.venue.next_id()}")
    return placing.place(
        request.venue,
        request.account,
        market,
        OrderRequest(
            side=request.choice("side", Side),
            type=kind,
            client_order_id=order_id_text,
            amount=ZERO if budget else request.positive("quantity"),
            price=ZERO if limitless else request.positive("price"),
            stop_price=request.positive("stopPrice") if kind in SPOT_STOP_TYPES else ZERO,
            time_in_force=request.text("timeInForce", "GTC"),
            quote_budget=budget,
        ),
    )


def get_order(request: Request) -> Json:
    order = _find(request)
    if order is None:
        raise order_not_found()
    return spot_order(order)


def cancel_order(request: Request) -> Json:
    order = _find(request)
    if order is None:
        raise unknown_order()
    return _cancelled(request, order)


def cancel_open_orders(request: Request) -> list[Json]:
    market = request.market(SPOT)
    orders = request.account.open_orders(SPOT, market.symbol)
    if not orders:
        raise unknown_order()
    return [_cancelled(request, order) for order in orders]


def _cancelled(request: Request, order: Order) -> Json:
    lifecycle.close(request.venue, order, OrderStatus.CANCELED)
    request.order_id = order.order_id
    return spot_order(order) | {
        "origClientOrderId": order.client_order_id,
        "clientOrderId": f"auto_{request.venue.next_id()}",
        "transactTime": order.updated_ms,
    }


def open_orders(request: Request) -> list[Json]:
    market = request.optional_market(SPOT)
    orders = request.account.open_orders(SPOT, market.symbol if market else None)
    return [spot_order(order) for order in orders]


def all_orders(request: Request) -> list[Json]:
    market = request.market(SPOT)
    orders = [o for o in request.account.orders.values() if o.market == market]
    page = Page.from_request(request, first_id="orderId")
    return [spot_order(o) for o in page_of(orders, page, lambda o: (o.order_id, o.created_ms))]


def my_trades(request: Request) -> list[Json]:
    market = request.market(SPOT)
    order_id = request.integer("orderId")
    fills = [
        fill
        for fill in request.account.fills
        if fill.symbol == market.symbol and order_id in (None, fill.order_id)
    ]
    page = Page.from_request(request, first_id="fromId")
    return [spot_fill(f, market) for f in page_of(fills, page, lambda f: (f.trade_id, f.time_ms))]


def _find(request: Request) -> Order | None:
    """The order by id or client id, of this symbol and this side of the exchange."""
    market = request.market(SPOT)
    order_id = request.integer("orderId")
    client_id = request.params.get("origClientOrderId")
    if order_id is None and not client_id:
        raise ApiError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent.")
    if order_id is not None:
        order = request.account.orders.get(order_id)
        return order if order and order.market == market else None
    return newest_by_client_id(request.account.orders.values(), market, client_id or "")


def coins(request: Request) -> list[Json]:
    owner: Account = request.account
    return [
        coin(asset, text(owner.free(asset)), text(owner.locked(asset)))
        for asset in coins_of(request.venue)
    ]


def api_restrictions(request: Request) -> Json:
    """What the asking key may do: the way to see that it cannot trade."""
    assert request.key is not None, "the endpoint is signed"
    can_trade = request.key.can_trade
    return {
        "ipRestrict": False,
        "createTime": request.account.created_ms,
        "enableReading": True,
        "enableSpotAndMarginTrading": can_trade,
        "enableFutures": can_trade,
        "enableMargin": False,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


def trade_fees(request: Request) -> list[Json]:
    rates = request.account.spot_fees
    return [
        {
            "symbol": market.id,
            "makerCommission": text(rates.maker),
            "takerCommission": text(rates.taker),
        }
        for market in request.venue.markets_of(SPOT)
    ]


def bnb_burn(request: Request) -> Json:
    return {"spotBNBBurn": request.account.fees_in_bnb, "interestBNBBurn": False}


def none_found(_request: Request) -> dict[str, Any]:
    return {"rows": [], "total": 0}


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v3/account", account, Group.BALANCE),
    Route("POST", "/api/v3/order", create_order, Group.ORDER_CREATE),
    Route("GET", "/api/v3/order", get_order, Group.ORDERS),
    Route("DELETE", "/api/v3/order", cancel_order, Group.ORDER_CANCEL),
    Route("DELETE", "/api/v3/openOrders", cancel_open_orders, Group.ORDER_CANCEL),
    Route("GET", "/api/v3/openOrders", open_orders, Group.ORDERS),
    Route("GET", "/api/v3/allOrders", all_orders, Group.ORDERS),
    Route("GET", "/api/v3/myTrades", my_trades, Group.TRADES),
    Route("GET", "/sapi/v1/capital/config/getall", coins, Group.MARKETS),
    Route("GET", "/sapi/v1/margin/allPairs", empty, Group.MARKETS),
    Route("GET", "/sapi/v1/margin/isolated/allPairs", empty, Group.MARKETS),
    Route("GET", "/sapi/v1/account/apiRestrictions", api_restrictions, Group.SETTINGS),
    Route("GET", "/sapi/v1/asset/tradeFee", trade_fees, Group.MARKETS),
    Route("GET", "/sapi/v1/bnbBurn", bnb_burn, Group.SETTINGS),
    Route("GET", "/sapi/v1/margin/forceLiquidationRec", none_found, Group.HISTORY),
    Route("GET", "/sapi/v1/spot/delist-schedule", empty, Group.MARKETS),
)
