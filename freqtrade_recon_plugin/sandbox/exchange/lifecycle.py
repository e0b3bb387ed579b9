"""How an order begins, and how it ends without a fill. Callers hold the venue's lock."""

from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO
from freqtrade_recon_plugin.sandbox.exchange.checks import OrderRequest
from freqtrade_recon_plugin.sandbox.exchange.errors import unknown_order
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.orders import (
    MARKET_TYPES,
    SPOT_MARKET_TYPES,
    AlgoOrder,
    AlgoStatus,
    Order,
    OrderStatus,
)
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue


def new_order(venue: Venue, market: Market, request: OrderRequest) -> Order:
    """An order of this request, in nobody's book yet."""
    now = venue.now_ms()
    limitless = SPOT_MARKET_TYPES if market.kind is Kind.SPOT else MARKET_TYPES
    return Order(
        order_id=venue.next_id(),
        client_order_id=request.client_order_id,
        market=market,
        side=request.side,
        type=request.type,
        amount=request.amount,
        price=ZERO if request.type in limitless else request.price,
        created_ms=now,
        updated_ms=now,
        time_in_force=request.time_in_force,
        stop_price=request.stop_price,
        reduce_only=request.reduce_only,
        close_position=request.close_position,
        quote_budget=request.quote_budget,
    )


def close(venue: Venue, order: Order, status: OrderStatus) -> None:
    """End an open order without a fill.

    :raises ApiError: -2011 when it is not open
    """
    if not order.is_open:
        raise unknown_order()
    order.status = status
    order.updated_ms = venue.now_ms()


def close_algo(venue: Venue, algo: AlgoOrder, status: AlgoStatus) -> None:
    """:raises ApiError: -2011 when it has triggered or ended already"""
    if algo.status is not AlgoStatus.NEW:
        raise unknown_order()
    algo.status = status
    algo.updated_ms = venue.now_ms()
