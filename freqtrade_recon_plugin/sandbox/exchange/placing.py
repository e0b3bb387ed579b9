"""Taking orders from customers. Callers hold the venue's lock."""

from decimal import ROUND_DOWN, Decimal

from freqtrade_recon_plugin.sandbox.exchange.account import Account
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO
from freqtrade_recon_plugin.sandbox.exchange.book import crosses
from freqtrade_recon_plugin.sandbox.exchange.checks import (
    OrderRequest,
    require_new_client_id,
    require_valid,
)
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError, would_trigger
from freqtrade_recon_plugin.sandbox.exchange.execution import arrive, require_cover
from freqtrade_recon_plugin.sandbox.exchange.lifecycle import new_order
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.orders import (
    FUTURES_ALGO_TYPES,
    FUTURES_PLAIN_TYPES,
    MARKET_TYPES,
    SPOT_PLAIN_TYPES,
    SPOT_STOP_TYPES,
    AlgoOrder,
    Order,
    OrderType,
    triggers,
)
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue


def place(venue: Venue, account: Account, market: Market, request: OrderRequest) -> Order:
    """Take an order, match it, and return it as it then stands.

    :raises ApiError: when Binance would refuse it; nothing has changed then
    """
    book = venue.books[market.symbol]
    plain, stops = (
        (SPOT_PLAIN_TYPES, SPOT_STOP_TYPES)
        if market.kind is Kind.SPOT
        else (FUTURES_PLAIN_TYPES, frozenset())
    )
    is_stop = request.type in stops
    if request.type not in plain and not is_stop:
        raise ApiError(-4120, "Order type not supported for this endpoint. Use the Algo Order API.")
    require_valid(market, request, book.price)
    require_new_client_id(account, market, request.client_order_id)
    order = new_order(venue, market, request)
    if request.quote_budget is not None:
        order.amount = _down(request.quote_budget / book.price, market.amount_step)
    if is_stop and triggers(order.side, order.type, order.stop_price, book.price):
        raise ApiError(-2010, "Stop price would trigger immediately.")
    order.working = not is_stop
    post_only = order.type is OrderType.LIMIT_MAKER or order.time_in_force == "GTX"
    if post_only and crosses(order, book.price):
        if market.kind is Kind.SPOT:
            raise ApiError(-2010, "Order would immediately match and take.")
        raise ApiError(-5022, "The Post Only order could not be executed as maker.")
    require_cover(venue, account, order)
    account.orders[order.order_id] = order
    if order.working:
        arrive(venue, account, order)
    return order


def place_algo(venue: Venue, account: Account, market: Market, request: OrderRequest) -> AlgoOrder:
    """Take a conditional futures order. No margin is checked before it triggers.

    :raises ApiError: -2021 when it would go off at once, -4120 for a type that is not conditional
    """
    if request.type not in FUTURES_ALGO_TYPES:
        raise ApiError(-4120, "Order type not supported for this endpoint.")
    book = venue.books[market.symbol]
    require_valid(market, request, book.price)
    require_new_client_id(account, market, request.client_order_id)
    if triggers(request.side, request.type, request.stop_price, book.price):
        raise would_trigger()
    now = venue.now_ms()
    algo = AlgoOrder(
        algo_id=venue.next_id(),
        client_algo_id=request.client_order_id,
        market=market,
        side=request.side,
        type=request.type,
        amount=request.amount,
        price=ZERO if request.type in MARKET_TYPES else request.price,
        trigger_price=request.stop_price,
        created_ms=now,
        updated_ms=now,
        time_in_force=request.time_in_force,
        reduce_only=request.reduce_only,
        close_position=request.close_position,
        working_type=request.working_type,
    )
    account.algo_orders[algo.algo_id] = algo
    return algo


def _down(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).to_integral_value(rounding=ROUND_DOWN) * step
