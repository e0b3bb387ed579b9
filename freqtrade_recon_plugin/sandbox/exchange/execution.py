"""Orders meet the book: filling, resting, triggering.

Every fill of the sandbox, whatever brought it about, goes through `execute`. Callers hold the
venue's lock.
"""

from decimal import Decimal

from freqtrade_recon_plugin.sandbox.exchange import futures_ledger, spot_ledger
from freqtrade_recon_plugin.sandbox.exchange.account import Account, Income
from freqtrade_recon_plugin.sandbox.exchange.book import Match, match
from freqtrade_recon_plugin.sandbox.exchange.checks import OrderRequest
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError, reduce_only_rejected
from freqtrade_recon_plugin.sandbox.exchange.lifecycle import close, close_algo, new_order
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.orders import (
    MARKET_TYPES,
    AlgoOrder,
    AlgoStatus,
    Fill,
    Order,
    OrderStatus,
    OrderType,
    triggers,
)
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue


def execute(venue: Venue, account: Account, order: Order, found: Match) -> Fill:
    """Book one fill: coins or position, fee, income, the order's status, what hangs on it."""
    market = order.market
    now = venue.now_ms()
    trade_id = venue.next_id()
    if market.kind is Kind.SPOT:
        fill = spot_ledger.book_fill(
            account,
            order,
            found,
            trade_id=trade_id,
            now_ms=now,
            bnb_price=venue.price_of("BNB", market.quote),
        )
    else:
        fill = futures_ledger.book_fill(account, order, found, trade_id=trade_id, now_ms=now)
        _note_income(venue, account, fill)
    order.fills.append(fill)
    order.updated_ms = now
    account.fills.append(fill)
    if order.is_open:
        done = order.remaining == 0
        order.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
    if market.kind is Kind.FUTURES:
        _drop_what_closes_nothing(venue, account, market)
    return fill


def sweep(venue: Venue, market: Market) -> None:
    """Let the book act on everybody's orders after its price or liquidity changed."""
    for account in venue.accounts.values():
        sweep_account(venue, account, market)


def sweep_account(venue: Venue, account: Account, market: Market) -> None:
    """Triggers first, then the resting orders, oldest first."""
    book = venue.books[market.symbol]
    for algo in account.open_algo_orders(market.symbol):
        if triggers(algo.side, algo.type, algo.trigger_price, book.price):
            trigger(venue, account, algo)
    for order in account.open_orders(market.kind, market.symbol):
        if not order.is_open:  # an earlier one closed the position it would reduce
            continue
        if order.working:
            _match_once(venue, account, order, arriving=False)
        elif triggers(order.side, order.type, order.stop_price, book.price):
            order.working = True
            arrive(venue, account, order)


def trigger(venue: Venue, account: Account, algo: AlgoOrder) -> Order | None:
    """Turn a conditional order into a real one; None when the matching engine refuses it: without
    margin, or with nothing left to close."""
    market = algo.market
    held = account.position(market.symbol).amount
    now = venue.now_ms()
    algo.updated_ms = algo.triggered_ms = now
    limitless = algo.type in MARKET_TYPES
    order = new_order(
        venue,
        market,
        OrderRequest(
            side=algo.side,
            type=OrderType.MARKET if limitless else OrderType.LIMIT,
            client_order_id=algo.client_algo_id,
            amount=abs(held) if algo.close_position else algo.amount,
            price=algo.price,
            stop_price=algo.trigger_price,
            time_in_force=algo.time_in_force,
            reduce_only=algo.reduce_only or algo.close_position,
        ),
    )
    order.original_type = algo.type
    try:
        require_cover(venue, account, order)
    except ApiError:
        algo.status = AlgoStatus.REJECTED
        return None
    algo.status = AlgoStatus.TRIGGERED
    algo.actual_order_id = order.order_id
    account.orders[order.order_id] = order
    arrive(venue, account, order)
    return order


def require_cover(venue: Venue, account: Account, order: Order) -> None:
    """:raises ApiError: when coins, margin or a position to reduce are missing"""
    price = venue.books[order.market.symbol].price
    if order.market.kind is Kind.SPOT:
        spot_ledger.require_funds(account, order, price)
        return
    if order.reduce_only and futures_ledger.reducible(account, order) == 0:
        raise reduce_only_rejected()
    available = futures_ledger.totals(account, venue.books, venue.markets).available
    futures_ledger.require_margin(account, order, price, available)


def arrive(venue: Venue, account: Account, order: Order) -> None:
    """Match an order that has just begun to work; what may not rest expires."""
    if order.time_in_force == "FOK" and not _fills_whole(venue, account, order):
        close(venue, order, OrderStatus.EXPIRED)
        return
    _match_once(venue, account, order, arriving=True)
    may_rest = order.has_limit and order.time_in_force not in ("IOC", "FOK")
    if order.is_open and not may_rest:
        close(venue, order, OrderStatus.EXPIRED)


def _match_once(venue: Venue, account: Account, order: Order, *, arriving: bool) -> None:
    book = venue.books[order.market.symbol]
    found = match(order, book, wanted=_wanted(account, order), arriving=arriving)
    if found is None:
        return
    book.take(order.side, found.amount)
    execute(venue, account, order, found)
    if order.reduce_only and order.is_open and not futures_ledger.reducible(account, order):
        close(venue, order, OrderStatus.EXPIRED)


def _wanted(account: Account, order: Order) -> Decimal:
    if order.reduce_only:
        return min(order.remaining, futures_ledger.reducible(account, order))
    return order.remaining


def _fills_whole(venue: Venue, account: Account, order: Order) -> bool:
    book = venue.books[order.market.symbol]
    found = match(order, book, wanted=_wanted(account, order), arriving=True)
    return found is not None and found.amount == order.amount


def _drop_what_closes_nothing(venue: Venue, account: Account, market: Market) -> None:
    """With the position flat, resting reduce-only orders and close-position stops expire.

    Other reduce-only stops stay, as on Binance; they find nothing to close when they trigger.
    """
    if account.position(market.symbol).amount != 0:
        return
    for order in account.open_orders(Kind.FUTURES, market.symbol):
        if order.reduce_only:
            close(venue, order, OrderStatus.EXPIRED)
    for algo in account.open_algo_orders(market.symbol):
        if algo.close_position:
            close_algo(venue, algo, AlgoStatus.EXPIRED)


def _note_income(venue: Venue, account: Account, fill: Fill) -> None:
    for kind, amount in (("REALIZED_PNL", fill.realized_pnl), ("COMMISSION", -fill.fee)):
        if amount:
            account.income.append(
                Income(
                    symbol=fill.symbol,
                    kind=kind,
                    amount=amount,
                    asset=fill.fee_asset,
                    time_ms=fill.time_ms,
                    transfer_id=venue.next_id(),
                    trade_id=fill.trade_id,
                )
            )
