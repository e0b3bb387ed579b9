"""What an account remembers of its trading: orders, conditional orders and fills.

Orders change as they fill; a fill never does. `Order.filled` is always the sum of its fills.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO
from freqtrade_recon_plugin.sandbox.exchange.market import Market


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class AlgoStatus(StrEnum):
    NEW = "NEW"
    TRIGGERED = "TRIGGERED"  # its order rests in the book
    FINISHED = "FINISHED"  # its order is filled or cancelled
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"  # ended by the exchange
    REJECTED = "REJECTED"  # triggered, and refused by the matching engine


class OrderType(StrEnum):
    """Order types of both markets; spot and futures name their stops differently."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"


OPEN_ORDER = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})

SPOT_PLAIN_TYPES = frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER})
SPOT_STOP_TYPES = frozenset(
    {
        OrderType.STOP_LOSS,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)
FUTURES_PLAIN_TYPES = frozenset({OrderType.LIMIT, OrderType.MARKET})
FUTURES_ALGO_TYPES = frozenset(
    {
        OrderType.STOP,
        OrderType.STOP_MARKET,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_MARKET,
    }
)
TAKE_PROFIT_TYPES = frozenset(
    {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT, OrderType.TAKE_PROFIT_MARKET}
)
# Types without a limit price, once they work.
MARKET_TYPES = frozenset(
    {
        OrderType.MARKET,
        OrderType.STOP_MARKET,
        OrderType.TAKE_PROFIT_MARKET,
    }
)
SPOT_MARKET_TYPES = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `fee` is in `fee_asset`; `quote_amount` is price times amount, exactly."""

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    realized_pnl: Decimal
    time_ms: int

    @property
    def quote_amount(self) -> Decimal:
        return self.price * self.amount


@dataclass(slots=True)
class Order:
    """An order in the book. `price` is zero for market orders.

    `working` is False for a spot stop that has not triggered. `quote_budget` is set for a spot
    market buy that names what it may spend (quoteOrderQty) in place of an amount.
    """

    order_id: int
    client_order_id: str
    market: Market
    side: Side
    type: OrderType
    amount: Decimal
    price: Decimal
    created_ms: int
    updated_ms: int
    time_in_force: str = "GTC"
    stop_price: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    working: bool = True
    quote_budget: Decimal | None = None
    # How the order came about, as Binance shows it: STOP_MARKET for a triggered stop.
    original_type: OrderType | None = None
    status: OrderStatus = OrderStatus.NEW
    fills: list[Fill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.amount for fill in self.fills), ZERO)

    @property
    def quote_filled(self) -> Decimal:
        return sum((fill.quote_amount for fill in self.fills), ZERO)

    @property
    def average(self) -> Decimal:
        filled = self.filled
        return self.quote_filled / filled if filled else ZERO

    @property
    def remaining(self) -> Decimal:
        return max(self.amount - self.filled, ZERO)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_ORDER

    @property
    def has_limit(self) -> bool:
        return self.price > 0


@dataclass(slots=True)
class AlgoOrder:
    """A conditional futures order: no part of the book until the price crosses its trigger."""

    algo_id: int
    client_algo_id: str
    market: Market
    side: Side
    type: OrderType
    amount: Decimal
    price: Decimal
    trigger_price: Decimal
    created_ms: int
    updated_ms: int
    time_in_force: str = "GTC"
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    status: AlgoStatus = AlgoStatus.NEW
    triggered_ms: int = 0
    actual_order_id: int | None = None


def triggers(side: Side, order_type: OrderType, trigger: Decimal, price: Decimal) -> bool:
    """Whether a conditional order goes off at this price.

    A stop buys when the price has risen to its trigger and sells when it has fallen to it; a
    take-profit the other way round.
    """
    waits_for_rise = (side is Side.BUY) != (order_type in TAKE_PROFIT_TYPES)
    return price >= trigger if waits_for_rise else price <= trigger
