"""Signed USD-M futures endpoints about orders and fills (`/fapi/v1`)."""

from freqtrade_recon_plugin.sandbox.exchange import lifecycle, placing
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO
from freqtrade_recon_plugin.sandbox.exchange.checks import OrderRequest
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError, order_not_found, unknown_order
from freqtrade_recon_plugin.sandbox.exchange.history import Page, newest_by_client_id, page_of
from freqtrade_recon_plugin.sandbox.exchange.interventions import LIQUIDATION_MARK
from freqtrade_recon_plugin.sandbox.exchange.market import Kind
from freqtrade_recon_plugin.sandbox.exchange.orders import (
    MARKET_TYPES,
    AlgoOrder,
    AlgoStatus,
    Order,
    OrderStatus,
    OrderType,
    Side,
)
from freqtrade_recon_plugin.sandbox.exchange.request import Request
from freqtrade_recon_plugin.sandbox.exchange.routing import Group, Route
from freqtrade_recon_plugin.sandbox.exchange.views import (
    Json,
    algo_order,
    futures_fill,
    futures_order,
    income,
)

FUTURES = Kind.FUTURES


def create_order(request: Request) -> Json:
    kind = request.choice("type", OrderType)
    order = placing.place(
        request.venue,
        request.account,
        request.market(FUTURES),
        OrderRequest(
            side=request.choice("side", Side),
            type=kind,
            client_order_id=request.text("newClientOrderId", f"auto_{request.venue.next_id()}"),
            amount=request.positive("quantity"),
            price=ZERO if kind in MARKET_TYPES else request.positive("price"),
            time_in_force=request.text("timeInForce", "GTC"),
            reduce_only=request.flag("reduceOnly"),
        ),
    )
    request.order_id = order.order_id
    return futures_order(order)


def get_order(request: Request) -> Json:
    order = _find(request)
    if order is None:
        raise order_not_found()
    return futures_order(order)


def get_open_order(request: Request) -> Json:
    order = _find(request)
    if order is None or not order.is_open:
        raise order_not_found()
    return futures_order(order)


def cancel_order(request: Request) -> Json:
    order = _find(request)
    if order is None:
        raise unknown_order()
    lifecycle.close(request.venue, order, OrderStatus.CANCELED)
    request.order_id = order.order_id
    return futures_order(order)


def cancel_open_orders(request: Request) -> Json:
    market = request.market(FUTURES)
    for order in request.account.open_orders(FUTURES, market.symbol):
        lifecycle.close(request.venue, order, OrderStatus.CANCELED)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_orders(request: Request) -> list[Json]:
    market = request.optional_market(FUTURES)
    orders = request.account.open_orders(FUTURES, market.symbol if market else None)
    return [futures_order(order) for order in orders]


def all_orders(request: Request) -> list[Json]:
    return [futures_order(order) for order in _history(request)]


def force_orders(request: Request) -> list[Json]:
    """Liquidations of the account, newest last."""
    return [
        futures_order(order)
        for order in _history(request)
        if order.client_order_id.startswith(LIQUIDATION_MARK)
    ]


def user_trades(request: Request) -> list[Json]:
    market = request.market(FUTURES)
    order_id = request.integer("orderId")
    fills = [
        fill
        for fill in request.account.fills
        if fill.symbol == market.symbol and order_id in (None, fill.order_id)
    ]
    page = Page.from_request(request, first_id="fromId")
    rows = page_of(fills, page, lambda fill: (fill.trade_id, fill.time_ms))
    return [futures_fill(fill, market) for fill in rows]


def incomes(request: Request) -> list[Json]:
    market = request.optional_market(FUTURES)
    kind = request.params.get("incomeType")
    rows = [
        row
        for row in request.account.income
        if (market is None or row.symbol == market.symbol) and kind in (None, "", row.kind)
    ]
    page = Page.from_request(request, first_id="tranId")
    found = page_of(rows, page, lambda row: (row.transfer_id, row.time_ms))
    return [income(row, request.venue.markets[row.symbol].id) for row in found]


def create_algo(request: Request) -> Json:
    market = request.market(FUTURES)
    if request.text("algoType").upper() != "CONDITIONAL":
        raise ApiError(-1130, "Data sent for parameter 'algoType' is not valid.")
    kind = request.choice("type", OrderType)
    close_position = request.flag("closePosition")
    if close_position and (request.params.get("quantity") or kind not in MARKET_TYPES):
        raise ApiError(-4136, "Target strategy invalid for orderType and closePosition.")
    algo = placing.place_algo(
        request.venue,
        request.account,
        market,
        OrderRequest(
            side=request.choice("side", Side),
            type=kind,
            client_order_id=request.text("clientAlgoId", f"auto_{request.venue.next_id()}"),
            amount=ZERO if close_position else request.positive("quantity"),
            price=ZERO if kind in MARKET_TYPES else request.positive("price"),
            stop_price=request.positive("triggerPrice"),
            time_in_force=request.text("timeInForce", "GTC"),
            reduce_only=request.flag("reduceOnly"),
            close_position=close_position,
            working_type=request.text("workingType", "CONTRACT_PRICE"),
        ),
    )
    request.order_id = algo.algo_id
    return algo_order(request.account, algo)


def get_algo(request: Request) -> Json:
    algo = _find_algo(request)
    if algo is None:
        raise order_not_found()
    return algo_order(request.account, algo)


def cancel_algo(request: Request) -> Json:
    algo = _find_algo(request)
    if algo is None:
        raise unknown_order()
    lifecycle.close_algo(request.venue, algo, AlgoStatus.CANCELED)
    request.order_id = algo.algo_id
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "code": "200",
        "msg": "success",
    }


def cancel_open_algos(request: Request) -> Json:
    market = request.market(FUTURES)
    for algo in request.account.open_algo_orders(market.symbol):
        lifecycle.close_algo(request.venue, algo, AlgoStatus.CANCELED)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_algos(request: Request) -> list[Json]:
    market = request.optional_market(FUTURES)
    orders = request.account.open_algo_orders(market.symbol if market else None)
    return [algo_order(request.account, algo) for algo in orders]


def all_algos(request: Request) -> list[Json]:
    market = request.market(FUTURES)
    orders = [o for o in request.account.algo_orders.values() if o.market == market]
    page = Page.from_request(request, first_id="algoId")
    found = page_of(orders, page, lambda algo: (algo.algo_id, algo.created_ms))
    return [algo_order(request.account, algo) for algo in found]


def _history(request: Request) -> list[Order]:
    market = request.optional_market(FUTURES)
    orders = [
        order
        for order in request.account.orders.values()
        if order.market.kind is FUTURES and (market is None or order.market == market)
    ]
    page = Page.from_request(request, first_id="orderId")
    return page_of(orders, page, lambda order: (order.order_id, order.created_ms))


def _find(request: Request) -> Order | None:
    market = request.market(FUTURES)
    order_id = request.integer("orderId")
    client_id = request.params.get("origClientOrderId")
    if order_id is not None:
        order = request.account.orders.get(order_id)
        return order if order and order.market == market else None
    if not client_id:
        raise ApiError(-1102, "Either 'orderId' or 'origClientOrderId' must be sent.")
    return newest_by_client_id(request.account.orders.values(), market, client_id)


def _find_algo(request: Request) -> AlgoOrder | None:
    algo_id = request.integer("algoId")
    client_id = request.params.get("clientAlgoId")
    if algo_id is not None:
        return request.account.algo_orders.get(algo_id)
    if not client_id:
        raise ApiError(-1102, "Either 'algoId' or 'clientAlgoId' must be sent.")
    found = None
    for algo in request.account.algo_orders.values():
        if algo.client_algo_id == client_id:
            found = algo
    return found


ROUTES: tuple[Route, ...] = (
    Route("POST", "/fapi/v1/order", create_order, Group.ORDER_CREATE),
    Route("GET", "/fapi/v1/order", get_order, Group.ORDERS),
    Route("DELETE", "/fapi/v1/order", cancel_order, Group.ORDER_CANCEL),
    Route("GET", "/fapi/v1/openOrder", get_open_order, Group.ORDERS),
    Route("GET", "/fapi/v1/openOrders", open_orders, Group.ORDERS),
    Route("GET", "/fapi/v1/allOrders", all_orders, Group.ORDERS),
    Route("DELETE", "/fapi/v1/allOpenOrders", cancel_open_orders, Group.ORDER_CANCEL),
    Route("GET", "/fapi/v1/userTrades", user_trades, Group.TRADES),
    Route("GET", "/fapi/v1/forceOrders", force_orders, Group.HISTORY),
    Route("GET", "/fapi/v1/income", incomes, Group.HISTORY),
    Route("POST", "/fapi/v1/algoOrder", create_algo, Group.ORDER_CREATE),
    Route("GET", "/fapi/v1/algoOrder", get_algo, Group.ORDERS),
    Route("DELETE", "/fapi/v1/algoOrder", cancel_algo, Group.ORDER_CANCEL),
    Route("DELETE", "/fapi/v1/algoOpenOrders", cancel_open_algos, Group.ORDER_CANCEL),
    Route("GET", "/fapi/v1/openAlgoOrders", open_algos, Group.ORDERS),
    Route("GET", "/fapi/v1/allAlgoOrders", all_algos, Group.ORDERS),
)
