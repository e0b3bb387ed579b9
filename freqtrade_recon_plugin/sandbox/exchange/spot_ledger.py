"""The spot wallet: who may place what, and what a fill does to the coins.

A buy pays its fee in the coin bought unless BNB pays it; a sale pays in the quote coin. No coin
total ever falls below zero through trading.
"""

from decimal import Decimal

from freqtrade_recon_plugin.sandbox.exchange.account import Account, FeeRates
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, eight_digits
from freqtrade_recon_plugin.sandbox.exchange.book import Match
from freqtrade_recon_plugin.sandbox.exchange.errors import insufficient_balance
from freqtrade_recon_plugin.sandbox.exchange.market import Market
from freqtrade_recon_plugin.sandbox.exchange.orders import Fill, Order, Side

BNB_DISCOUNT = Decimal("0.75")


def require_funds(account: Account, order: Order, price: Decimal) -> None:
    """Check that the free coins cover the order, which is not yet among the account's.

    :param price: what a buy without a limit is reckoned at
    :raises ApiError: -2010 when they do not
    """
    market = order.market
    if order.side is Side.SELL:
        asset, needed = market.base, order.amount
    elif order.quote_budget is not None:
        asset, needed = market.quote, order.quote_budget
    else:
        asset, needed = market.quote, order.amount * (order.price or order.stop_price or price)
    if account.free(asset) < needed:
        raise insufficient_balance()


def fee_of(
    account: Account, market: Market, side: Side, found: Match, bnb_price: Decimal | None
) -> tuple[Decimal, str]:
    """The fee of a fill and the coin it is paid in.

    :param bnb_price: price of one BNB in the market's quote coin; None where BNB is not traded
    """
    rates: FeeRates = account.spot_fees
    rate = rates.maker if found.maker else rates.taker
    cost = found.price * found.amount
    if account.fees_in_bnb and bnb_price:
        fee = eight_digits(cost * rate * BNB_DISCOUNT / bnb_price)
        if account.free("BNB") >= fee:
            return fee, "BNB"
    if side is Side.BUY:
        return eight_digits(found.amount * rate), market.base
    return eight_digits(cost * rate), market.quote


def book_fill(
    account: Account,
    order: Order,
    found: Match,
    *,
    trade_id: int,
    now_ms: int,
    bnb_price: Decimal | None,
) -> Fill:
    """Move the coins of one fill and return it."""
    market = order.market
    fee, fee_asset = fee_of(account, market, order.side, found, bnb_price)
    cost = found.price * found.amount
    sign = order.side.sign
    _add(account, market.base, sign * found.amount)
    _add(account, market.quote, -sign * cost)
    _add(account, fee_asset, -fee)
    return Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        symbol=market.symbol,
        side=order.side,
        price=found.price,
        amount=found.amount,
        fee=fee,
        fee_asset=fee_asset,
        maker=found.maker,
        realized_pnl=ZERO,
        time_ms=now_ms,
    )


def _add(account: Account, asset: str, amount: Decimal) -> None:
    account.spot[asset] = account.spot.get(asset, ZERO) + amount
