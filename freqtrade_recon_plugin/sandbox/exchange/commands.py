"""The control commands: one function each, under its own name. Callers hold the venue's lock."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.sandbox.exchange import interventions
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, text
from freqtrade_recon_plugin.sandbox.exchange.application import Application
from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError
from freqtrade_recon_plugin.sandbox.exchange.exchange_info import coins_of
from freqtrade_recon_plugin.sandbox.exchange.faults import Fault, FaultKind
from freqtrade_recon_plugin.sandbox.exchange.futures_ledger import totals
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, make_market
from freqtrade_recon_plugin.sandbox.exchange.orders import AlgoOrder, Order, Side
from freqtrade_recon_plugin.sandbox.exchange.views import (
    Json,
    algo_order,
    futures_fill,
    futures_order,
    position_risk,
    spot_fill,
    spot_order,
)


def create_account(
    app: Application,
    *,
    name: str,
    spot: dict[str, Decimal] | None = None,
    futures_wallet: Decimal | None = None,
    fees_in_bnb: bool = False,
) -> Json:
    wallet = {} if futures_wallet is None else {"futures_wallet": futures_wallet}
    app.venue.add_account(name, spot=spot, fees_in_bnb=fees_in_bnb, **wallet)
    return keys(app, name=name)


def keys(app: Application, *, name: str) -> Json:
    account = app.venue.account(name)
    return {
        "name": account.name,
        "key": account.trading.key,
        "secret": account.trading.secret,
        "read_only_key": account.read_only.key,
        "read_only_secret": account.read_only.secret,
    }


def add_market(
    app: Application,
    *,
    symbol: str,
    price: Decimal,
    amount_step: Decimal,
    price_tick: Decimal,
    min_cost: Decimal,
) -> Json:
    market = make_market(
        symbol, price, amount_step=amount_step, price_tick=price_tick, min_cost=min_cost
    )
    app.venue.add_market(market)
    return {"symbol": market.symbol, "id": market.id}


def set_price(app: Application, *, symbol: str, price: Decimal) -> Json:
    interventions.set_price(app.venue, app.venue.market(symbol), price)
    return {"symbol": symbol, "price": text(price)}


def set_liquidity(
    app: Application, *, symbol: str, side: Side, amount: Decimal | None = None
) -> Json:
    interventions.set_liquidity(app.venue, app.venue.market(symbol), side, amount)
    left = app.venue.books[symbol].available(side)
    return {"symbol": symbol, "side": side, "amount": None if left is None else text(left)}


def fill_order(
    app: Application,
    *,
    account: str,
    order_id: int,
    amount: Decimal | None = None,
    price: Decimal | None = None,
) -> Json:
    owner = app.venue.account(account)
    return _order(interventions.fill_order(app.venue, owner, order_id, amount=amount, price=price))


def end_order(app: Application, *, account: str, order_id: int, expired: bool = False) -> Json:
    owner = app.venue.account(account)
    ended = interventions.end_order(app.venue, owner, order_id, expired=expired)
    return algo_order(owner, ended) if isinstance(ended, AlgoOrder) else _order(ended)


def missed_fill(
    app: Application,
    *,
    account: str,
    symbol: str | None = None,
    side: Side | None = None,
    amount: Decimal,
    price: Decimal | None = None,
    order_id: int | None = None,
    client_order_id: str | None = None,
) -> Json:
    owner = app.venue.account(account)
    if order_id is not None:
        return _order(
            interventions.late_fill(app.venue, owner, order_id, amount=amount, price=price)
        )
    if symbol is None or side is None:
        raise ControlError("missed_fill needs an order_id, or a symbol and a side")
    market = app.venue.market(symbol)
    return _order(
        interventions.outside_trade(
            app.venue,
            owner,
            market,
            side=side,
            amount=amount,
            price=price,
            client_order_id=client_order_id,
            mark=interventions.BOT_MARKS[market.kind],
        )
    )


def manual_trade(
    app: Application,
    *,
    account: str,
    symbol: str,
    side: Side,
    amount: Decimal,
    price: Decimal | None = None,
    client_order_id: str | None = None,
) -> Json:
    return _order(
        interventions.outside_trade(
            app.venue,
            app.venue.account(account),
            app.venue.market(symbol),
            side=side,
            amount=amount,
            price=price,
            client_order_id=client_order_id,
        )
    )


def liquidate(
    app: Application,
    *,
    account: str,
    symbol: str,
    amount: Decimal | None = None,
    price: Decimal | None = None,
) -> Json:
    owner = app.venue.account(account)
    market = app.venue.market(symbol)
    return _order(interventions.liquidate(app.venue, owner, market, amount=amount, price=price))


def deposit(app: Application, *, account: str, asset: str, amount: Decimal) -> Json:
    total = interventions.move_coins(app.venue.account(account), asset, amount)
    return {"asset": asset, "total": text(total)}


def withdraw(app: Application, *, account: str, asset: str, amount: Decimal) -> Json:
    return deposit(app, account=account, asset=asset, amount=-amount)


def set_bnb_fees(app: Application, *, account: str, enabled: bool) -> Json:
    app.venue.account(account).fees_in_bnb = enabled
    return {"account": account, "fees_in_bnb": enabled}


def set_clock_offset(app: Application, *, milliseconds: int) -> Json:
    app.venue.clock_offset_ms = milliseconds
    return {"milliseconds": app.venue.clock_offset_ms}


def inject(app: Application, *, kind: str, target: str, **options: Any) -> Json:
    try:
        fault = Fault(app.venue.next_id(), FaultKind(kind), target, **options)
    except (ValueError, TypeError) as error:
        raise ControlError(f"inject: {error}") from None
    app.faults.add(fault)
    return {"fault_id": fault.fault_id}


def faults(app: Application) -> list[Json]:
    return [
        {
            "fault_id": fault.fault_id,
            "kind": fault.kind,
            "target": fault.target,
            "key": fault.key,
            "times": fault.times,
            "hits": fault.hits,
        }
        for fault in app.faults.arranged
    ]


def clear_faults(app: Application, *, fault_id: int | None = None) -> Json:
    app.faults.clear(fault_id)
    return {"left": len(app.faults.arranged)}


def requests(
    app: Application,
    *,
    method: str | None = None,
    path: str | None = None,
    group: str | None = None,
    key: str | None = None,
    after: int = 0,
) -> list[Json]:
    return app.log.read(method=method, path=path, group=group, key=key, after=after)


def clear_requests(app: Application) -> Json:
    app.log.clear()
    return {}


def state(app: Application, *, account: str) -> Json:
    """Everything of an account, by unified symbols."""
    venue, owner = app.venue, app.venue.account(account)
    wallet = totals(owner, venue.books, venue.markets)
    return {
        "account": owner.name,
        "spot": {
            asset: {
                "total": text(owner.spot.get(asset, ZERO)),
                "free": text(owner.free(asset)),
                "locked": text(owner.locked(asset)),
            }
            for asset in sorted(set(coins_of(venue)) | set(owner.spot))
        },
        "futures_wallet": text(wallet.wallet),
        "futures_available": text(wallet.available),
        "positions": {
            symbol: position_risk(venue, owner, venue.markets[symbol], v2=True)
            for symbol, position in owner.positions.items()
            if position.amount != 0
        },
        "orders": [_order(order) for order in owner.orders.values()],
        "algo_orders": [
            algo_order(owner, algo) | {"unified_symbol": algo.market.symbol}
            for algo in owner.algo_orders.values()
        ],
        "fills": [
            (spot_fill if market.kind is Kind.SPOT else futures_fill)(fill, market)
            | {"unified_symbol": fill.symbol}
            for fill in owner.fills
            for market in (venue.markets[fill.symbol],)
        ],
    }


def overview(app: Application) -> Json:
    venue = app.venue
    return {
        "accounts": sorted(venue.accounts),
        "prices": {symbol: text(book.price) for symbol, book in venue.books.items()},
        "liquidity": {
            symbol: {side: text(amount) for side, amount in book.liquidity.items()}
            for symbol, book in venue.books.items()
        },
    }


def _order(order: Order) -> Json:
    make = spot_order if order.market.kind is Kind.SPOT else futures_order
    return make(order) | {"unified_symbol": order.market.symbol}


COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        add_market,
        clear_faults,
        clear_requests,
        create_account,
        deposit,
        end_order,
        faults,
        fill_order,
        inject,
        keys,
        liquidate,
        manual_trade,
        missed_fill,
        overview,
        requests,
        set_bnb_fees,
        set_clock_offset,
        set_liquidity,
        set_price,
        state,
        withdraw,
    )
}
