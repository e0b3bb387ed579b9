"""The futures wallet: margins, and what a fill does to a one-way position.

The wallet changes by realised profit and fees only. Increasing moves margin into the position,
reducing releases it pro rata, and a fill through zero does both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from freqtrade_recon_plugin.sandbox.exchange.account import Account, MarginType, Position
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, eight_digits
from freqtrade_recon_plugin.sandbox.exchange.book import Book, Match
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError, insufficient_margin
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.orders import Fill, Order


@dataclass(frozen=True, slots=True)
class Totals:
    """The futures wallet in numbers, all in the settle coin."""

    wallet: Decimal
    unrealized: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    cross_wallet: Decimal
    cross_unrealized: Decimal
    available: Decimal

    @property
    def margin_balance(self) -> Decimal:
        return self.wallet + self.unrealized

    @property
    def initial_margin(self) -> Decimal:
        return self.position_margin + self.order_margin


def reducible(account: Account, order: Order) -> Decimal:
    """How much of the position this order's side can close, in base coins."""
    amount = account.position(order.market.symbol).amount
    return max(-order.side.sign * amount, ZERO)


def order_margin(account: Account, order: Order) -> Decimal:
    """Margin that an open order holds; a reducing order holds none."""
    if order.reduce_only or order.close_position:
        return ZERO
    increase = max(order.remaining - reducible(account, order), ZERO)
    return increase * order.price / account.setting(order.market.symbol).leverage


def position_margin(account: Account, symbol: str, price: Decimal) -> Decimal:
    """Initial margin of a position at the mark price."""
    notional = abs(account.position(symbol).amount) * price
    return notional / account.setting(symbol).leverage


def maintenance_margin(market: Market, amount: Decimal, price: Decimal) -> Decimal:
    notional = abs(amount) * price
    tier = market.tier(notional)
    return max(notional * tier.maintenance_rate - tier.maintenance_deduction, ZERO)


def totals(account: Account, books: Mapping[str, Book], markets: Mapping[str, Market]) -> Totals:
    """Work out the wallet from the positions and open orders."""
    unrealized = in_positions = maintenance = isolated = ZERO
    cross_unrealized = cross_margin = ZERO
    for symbol, position in account.positions.items():
        if position.amount == 0:
            continue
        price = books[symbol].price
        profit = position.unrealized(price)
        unrealized += profit
        needed = position_margin(account, symbol, price)
        in_positions += needed
        maintenance += maintenance_margin(markets[symbol], position.amount, price)
        if account.setting(symbol).margin_type is MarginType.ISOLATED:
            isolated += position.margin
        else:
            cross_unrealized += profit
            cross_margin += needed
    in_orders = sum(
        (order_margin(account, order) for order in account.open_orders(Kind.FUTURES)), ZERO
    )
    cross_wallet = account.futures_wallet - isolated
    return Totals(
        wallet=account.futures_wallet,
        unrealized=unrealized,
        position_margin=in_positions,
        order_margin=in_orders,
        maintenance=maintenance,
        cross_wallet=cross_wallet,
        cross_unrealized=cross_unrealized,
        available=max(cross_wallet + cross_unrealized - cross_margin - in_orders, ZERO),
    )


def require_margin(account: Account, order: Order, price: Decimal, available: Decimal) -> None:
    """Check that the wallet covers the order, which is not yet among the account's.

    :param price: what an order without a limit is reckoned at
    :raises ApiError: -2019 without enough margin, -2027 past the bracket of the leverage
    """
    increase = order.amount - reducible(account, order)
    if order.reduce_only or increase <= 0:
        return
    leverage = account.setting(order.market.symbol).leverage
    cost = increase * (order.price or price)
    if cost / leverage > available:
        raise insufficient_margin()
    position = account.position(order.market.symbol).amount
    grown = abs(position + order.side.sign * order.amount) * price
    if grown > max_notional(order.market, leverage):
        raise ApiError(-2027, "Exceeded the maximum allowable position at current leverage.")


def max_notional(market: Market, leverage: int) -> Decimal:
    """The largest position that may be held at this leverage, in the quote coin."""
    allowed = [tier.notional_cap for tier in market.tiers if tier.max_leverage >= leverage]
    return max(allowed, default=ZERO)


def book_fill(account: Account, order: Order, found: Match, *, trade_id: int, now_ms: int) -> Fill:
    """Apply one fill to position and wallet and return it."""
    market = order.market
    position = account.position(market.symbol)
    leverage = account.setting(market.symbol).leverage
    rates = account.futures_fees
    fee = eight_digits(found.price * found.amount * (rates.maker if found.maker else rates.taker))
    closing = min(found.amount, reducible(account, order))
    realized = _reduce(position, closing, found.price)
    _increase(position, order.side.sign * (found.amount - closing), found.price, leverage)
    position.updated_ms = now_ms
    account.futures_wallet += realized - fee
    return Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        symbol=market.symbol,
        side=order.side,
        price=found.price,
        amount=found.amount,
        fee=fee,
        fee_asset=market.quote,
        maker=found.maker,
        realized_pnl=realized,
        time_ms=now_ms,
    )


def _reduce(position: Position, amount: Decimal, price: Decimal) -> Decimal:
    """Close part of the position and return the realised profit."""
    if amount == 0:
        return ZERO
    held = abs(position.amount)
    sign = 1 if position.amount > 0 else -1
    realized = sign * amount * (price - position.entry_price)
    position.margin = position.margin * (held - amount) / held
    position.amount -= sign * amount
    if position.amount == 0:
        position.entry_price = position.margin = ZERO
    return realized


def _increase(position: Position, amount: Decimal, price: Decimal, leverage: int) -> None:
    """Grow the position by a signed amount; the entry price becomes the weighted average."""
    if amount == 0:
        return
    held, added = abs(position.amount), abs(amount)
    position.entry_price = (held * position.entry_price + added * price) / (held + added)
    position.margin += added * price / leverage
    position.amount += amount


def liquidation_price(account: Account, market: Market, cross_balance: Decimal) -> Decimal:
    """The mark price at which the position's balance meets its maintenance margin; 0 if none.

    From `balance + amount * (p - entry) = |amount| * p * rate - deduction`, solved for p.

    :param cross_balance: what backs the position when it is not isolated, in the settle coin
    """
    position = account.position(market.symbol)
    if position.amount == 0:
        return ZERO
    isolated = account.setting(market.symbol).margin_type is MarginType.ISOLATED
    balance = position.margin if isolated else cross_balance
    held = abs(position.amount)
    tier = market.tier(held * position.entry_price)
    slope = position.amount - held * tier.maintenance_rate
    price = (position.amount * position.entry_price - balance - tier.maintenance_deduction) / slope
    return max(price, ZERO)
