"""What happens to an account without its bot: late fills, manual trades, liquidations, deposits.

These go round the checks that an order from a customer meets, but never round the ledger: every
change of a position is a fill of an order that can be queried. Callers hold the venue's lock.
"""

import secrets
from decimal import Decimal

from freqtrade_recon_plugin.sandbox.exchange import futures_ledger
from freqtrade_recon_plugin.sandbox.exchange.account import Account, MarginType
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, is_multiple, text
from freqtrade_recon_plugin.sandbox.exchange.book import Match, crosses
from freqtrade_recon_plugin.sandbox.exchange.checks import OrderRequest
from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError
from freqtrade_recon_plugin.sandbox.exchange.execution import execute, sweep
from freqtrade_recon_plugin.sandbox.exchange.lifecycle import close, close_algo, new_order
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.orders import (
    AlgoOrder,
    AlgoStatus,
    Order,
    OrderStatus,
    OrderType,
    Side,
)
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue

# Binance marks orders that its web page and its liquidation engine make by these client ids.
MANUAL_MARK = "web_"
LIQUIDATION_MARK = "autoclose-"
# ccxt's own mark, which an order of the bot carries when the bot names none.
BOT_MARKS = {Kind.SPOT: "x-TKT5PX2F", Kind.FUTURES: "x-cvBPrNm9"}


def find_order(account: Account, order_id: int) -> Order:
    """:raises ControlError: when the account has no such order"""
    try:
        return account.orders[order_id]
    except KeyError:
        raise ControlError(f"account {account.name} has no order {order_id}") from None


def fill_order(
    venue: Venue,
    account: Account,
    order_id: int,
    *,
    amount: Decimal | None = None,
    price: Decimal | None = None,
) -> Order:
    """Fill an open order, or part of it, whatever the book says.

    :param amount: base coins; the whole rest when None
    :param price: the order's limit when None, else the market price
    :raises ControlError: when the order is not open or has less left
    """
    order = find_order(account, order_id)
    if not order.is_open:
        raise ControlError(f"order {order_id} is {order.status}; only open orders can be filled")
    amount = order.remaining if amount is None else amount
    if not ZERO < amount <= order.remaining:
        raise ControlError(f"order {order_id} has {order.remaining} left, not {amount}")
    price = price or order.price or venue.books[order.market.symbol].price
    if not crosses(order, price):
        raise ControlError(f"order {order_id} has the limit {order.price}: {price} is worse")
    order.working = True
    execute(venue, account, order, Match(price=price, amount=amount, maker=True))
    return order


def late_fill(
    venue: Venue, account: Account, order_id: int, *, amount: Decimal, price: Decimal | None = None
) -> Order:
    """An order of the account fills by more than was reported: also one that had ended.

    The order's amount grows when the fill does not fit into it; its status stays.
    """
    order = find_order(account, order_id)
    _require_amount(order.market, amount)
    price = price or order.price or venue.books[order.market.symbol].price
    if not order.is_open:  # an open one has its coins locked
        _require_coins(account, order.market, order.side, amount, price)
    if order.remaining < amount:
        order.amount = order.filled + amount
    execute(venue, account, order, Match(price=price, amount=amount, maker=False))
    return order


def outside_trade(
    venue: Venue,
    account: Account,
    market: Market,
    *,
    side: Side,
    amount: Decimal,
    price: Decimal | None = None,
    client_order_id: str | None = None,
    mark: str = MANUAL_MARK,
) -> Order:
    """A filled market order that did not come through the API of the bot.

    :param client_order_id: its client id; by default `mark` and random characters
    :raises ControlError: on spot, when the account does not own what it would pay with
    """
    _require_amount(market, amount)
    price = price or venue.books[market.symbol].price
    _require_coins(account, market, side, amount, price)
    return _filled(
        venue,
        account,
        market,
        OrderRequest(
            side=side,
            type=OrderType.MARKET,
            client_order_id=client_order_id or mark + secrets.token_hex(11),
            amount=amount,
        ),
        price,
    )


def liquidate(
    venue: Venue,
    account: Account,
    market: Market,
    *,
    amount: Decimal | None = None,
    price: Decimal | None = None,
) -> Order:
    """The exchange takes over a position, or part of it: all orders of the symbol are cancelled
    and a limit order with a client id `autoclose-…` closes it.

    :param amount: base coins, unsigned; the whole position when None
    :raises ControlError: when the market is spot or the position is smaller
    """
    if market.kind is not Kind.FUTURES:
        raise ControlError(f"{market.symbol} is a spot market; only positions are liquidated")
    held = account.position(market.symbol).amount
    amount = abs(held) if amount is None else amount
    if not ZERO < amount <= abs(held):
        raise ControlError(f"{account.name} holds {held} of {market.symbol}, not {amount}")
    for order in account.open_orders(Kind.FUTURES, market.symbol):
        close(venue, order, OrderStatus.CANCELED)
    for algo in account.open_algo_orders(market.symbol):
        close_algo(venue, algo, AlgoStatus.CANCELED)
    price = price or venue.books[market.symbol].price
    return _filled(
        venue,
        account,
        market,
        OrderRequest(
            side=Side.SELL if held > 0 else Side.BUY,
            type=OrderType.LIMIT,
            client_order_id=f"{LIQUIDATION_MARK}{venue.next_id()}",
            amount=amount,
            price=price,
            time_in_force="IOC",
        ),
        price,
    )


def end_order(venue: Venue, account: Account, order_id: int, *, expired: bool) -> Order | AlgoOrder:
    """The exchange cancels an open order or conditional order, or lets it expire.

    :raises ControlError: when there is none, or it has ended
    """
    algo = account.algo_orders.get(order_id)
    if algo is not None:
        if algo.status is not AlgoStatus.NEW:
            raise ControlError(f"conditional order {order_id} is {algo.status} already")
        close_algo(venue, algo, AlgoStatus.EXPIRED if expired else AlgoStatus.CANCELED)
        return algo
    order = find_order(account, order_id)
    if not order.is_open:
        raise ControlError(f"order {order_id} is {order.status} already")
    close(venue, order, OrderStatus.EXPIRED if expired else OrderStatus.CANCELED)
    return order


def move_coins(account: Account, asset: str, amount: Decimal) -> Decimal:
    """Deposit coins into the spot wallet (above zero) or withdraw them; returns the new total.

    :raises ControlError: when more is withdrawn than is free
    """
    if amount < 0:
        _require_free(account, asset, -amount)
    account.spot[asset] = account.spot.get(asset, ZERO) + amount
    return account.spot[asset]


def set_price(venue: Venue, market: Market, price: Decimal) -> None:
    """Move the market (last, mark and index price alike); orders and liquidations follow."""
    if price <= 0:
        raise ControlError("a price must be above zero")
    venue.books[market.symbol].price = price
    sweep(venue, market)
    if market.kind is Kind.FUTURES and venue.auto_liquidation:
        for account in venue.accounts.values():
            if _is_bankrupt(venue, account, market):
                liquidate(venue, account, market)


def set_liquidity(venue: Venue, market: Market, side: Side, amount: Decimal | None) -> None:
    """What orders of this side can still get at the market price; None is "without limit"."""
    liquidity = venue.books[market.symbol].liquidity
    if amount is None:
        liquidity.pop(side, None)
    elif amount < 0:
        raise ControlError("liquidity cannot be below zero")
    else:
        liquidity[side] = amount
    sweep(venue, market)


def _is_bankrupt(venue: Venue, account: Account, market: Market) -> bool:
    position = account.position(market.symbol)
    if position.amount == 0:
        return False
    price = venue.books[market.symbol].price
    if account.setting(market.symbol).margin_type is MarginType.ISOLATED:
        balance = position.margin + position.unrealized(price)
        needed = futures_ledger.maintenance_margin(market, position.amount, price)
        return balance <= needed
    wallet = futures_ledger.totals(account, venue.books, venue.markets)
    return wallet.cross_wallet + wallet.cross_unrealized <= wallet.maintenance


def _filled(
    venue: Venue, account: Account, market: Market, request: OrderRequest, price: Decimal
) -> Order:
    order = new_order(venue, market, request)
    account.orders[order.order_id] = order
    execute(venue, account, order, Match(price=price, amount=order.amount, maker=False))
    return order


def _require_coins(
    account: Account, market: Market, side: Side, amount: Decimal, price: Decimal
) -> None:
    if market.kind is Kind.SPOT:
        selling = side is Side.SELL
        _require_free(
            account,
            market.base if selling else market.quote,
            amount if selling else amount * price,
        )


def _require_free(account: Account, asset: str, needed: Decimal) -> None:
    if account.free(asset) < needed:
        raise ControlError(
            f"{account.name} has {text(account.free(asset))} {asset} free, not {text(needed)}"
        )


def _require_amount(market: Market, amount: Decimal) -> None:
    if amount <= 0 or not is_multiple(amount, market.amount_step):
        raise ControlError(
            f"amount {amount} of {market.symbol} is not a multiple of {market.amount_step} above 0"
        )
