"""Whether an order may stand in the book: steps, minimum cost, client ids.

The codes are those that Binance sends for the same mistakes, which differ between its exchanges.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from freqtrade_recon_plugin.sandbox.exchange.account import Account
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, is_multiple
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.orders import OrderType, Side

CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as the customer sends it. Zero means "not given" for amounts and prices."""

    side: Side
    type: OrderType
    client_order_id: str
    amount: Decimal = ZERO
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    time_in_force: str = "GTC"
    reduce_only: bool = False
    close_position: bool = False
    quote_budget: Decimal | None = None
    working_type: str = "CONTRACT_PRICE"


def require_valid(market: Market, request: OrderRequest, price: Decimal) -> None:
    """Check amount and prices against the market.

    :param price: the market price, for orders without a limit
    :raises ApiError: naming the filter that failed
    """
    if request.close_position or request.quote_budget is not None:
        return
    for value in (request.price, request.stop_price):
        if not is_multiple(value, market.price_tick):
            raise _failure(market, "PRICE_FILTER")
    if request.amount <= 0:
        raise ApiError(-4003, "Quantity less than or equal to zero.")
    if not is_multiple(request.amount, market.amount_step) or request.amount > market.max_amount:
        raise _failure(market, "LOT_SIZE")
    cost = request.amount * (request.price or request.stop_price or price)
    if cost < market.min_cost and not request.reduce_only:
        if market.kind is Kind.FUTURES:
            raise ApiError(
                -4164,
                f"Order's notional must be no smaller than {market.min_cost} "
                "(unless you choose reduce only).",
            )
        raise _failure(market, "NOTIONAL")


def require_new_client_id(account: Account, market: Market, client_id: str) -> None:
    """Check that the client id is well formed and no open order of the symbol has it.

    :raises ApiError: -1100 for a bad one; -4116 on futures, -2010 on spot for one that is taken
    """
    if not CLIENT_ID.fullmatch(client_id):
        raise ApiError(
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; "
            f"legal range is '{CLIENT_ID.pattern}'.",
        )
    taken = {order.client_order_id for order in account.open_orders(market.kind, market.symbol)} | {
        order.client_algo_id for order in account.open_algo_orders(market.symbol)
    }
    if client_id not in taken:
        return
    if market.kind is Kind.FUTURES:
        raise ApiError(-4116, "ClientOrderId is duplicated.")
    raise ApiError(-2010, "Duplicate order sent.")


def _failure(market: Market, name: str) -> ApiError:
    if market.kind is Kind.FUTURES:
        what = "price" if name == "PRICE_FILTER" else "quantity"
        return ApiError(-1111, f"Precision is over the maximum defined for this asset: {what}.")
    return ApiError(-1013, f"Filter failure: {name}")
