"""One customer of the simulated exchange: keys, coins, positions, orders and fills.

Locked coins and margins in use are always worked out from the open orders and positions, never
kept beside them, so that they cannot disagree.
"""

import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO
from freqtrade_recon_plugin.sandbox.exchange.market import Kind
from freqtrade_recon_plugin.sandbox.exchange.orders import AlgoOrder, AlgoStatus, Fill, Order, Side

# Names as the request log shows them: "main/trading".
TRADING = "trading"
READ_ONLY = "readonly"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key pair. Only a key that `can_trade` may write anything."""

    account: str
    role: str
    key: str
    secret: str
    can_trade: bool

    @property
    def name(self) -> str:
        return f"{self.account}/{self.role}"


def make_keys(account: str) -> tuple[ApiKey, ApiKey]:
    """A fresh trading key and a fresh read-only key for the account, in this order."""
    trading, read_only = (
        ApiKey(
            account=account,
            role=role,
            key=f"{account}-{role}-{secrets.token_hex(8)}",
            secret=secrets.token_hex(32),
            can_trade=role == TRADING,
        )
        for role in (TRADING, READ_ONLY)
    )
    return trading, read_only


class MarginType(StrEnum):
    ISOLATED = "ISOLATED"
    CROSSED = "CROSSED"


@dataclass(slots=True)
class SymbolSettings:
    """What the customer chose for one futures symbol."""

    leverage: int = 20
    margin_type: MarginType = MarginType.CROSSED


@dataclass(slots=True)
class Position:
    """A one-way futures position. `amount` is signed, long above zero; `margin` is the isolated
    part of the wallet, in the settle coin."""

    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    margin: Decimal = ZERO
    updated_ms: int = 0

    def unrealized(self, price: Decimal) -> Decimal:
        return self.amount * (price - self.entry_price)


@dataclass(frozen=True, slots=True)
class Income:
    """One line of the futures wallet's history."""

    symbol: str
    kind: str
    amount: Decimal
    asset: str
    time_ms: int
    transfer_id: int
    trade_id: int | None = None


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Fees as a fraction of what is traded."""

    maker: Decimal
    taker: Decimal


SPOT_FEES = FeeRates(Decimal("0.001"), Decimal("0.001"))
FUTURES_FEES = FeeRates(Decimal("0.0002"), Decimal("0.0005"))


@dataclass(slots=True)
class Account:
    """Everything of one customer. `spot` maps a coin to its total, locked part included;
    `futures_wallet` is the settle coin in the futures wallet, isolated margins included."""

    name: str
    trading: ApiKey
    read_only: ApiKey
    spot: dict[str, Decimal]
    futures_wallet: Decimal
    fees_in_bnb: bool = False
    spot_fees: FeeRates = SPOT_FEES
    futures_fees: FeeRates = FUTURES_FEES
    settings: dict[str, SymbolSettings] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algo_orders: dict[int, AlgoOrder] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    income: list[Income] = field(default_factory=list)
    created_ms: int = 0

    def setting(self, symbol: str) -> SymbolSettings:
        return self.settings.setdefault(symbol, SymbolSettings())

    def position(self, symbol: str) -> Position:
        return self.positions.setdefault(symbol, Position())

    def open_orders(self, kind: Kind, symbol: str | None = None) -> list[Order]:
        """Open orders of one exchange, oldest first."""
        return [
            order
            for order in self.orders.values()
            if order.is_open
            and order.market.kind is kind
            and (symbol is None or order.market.symbol == symbol)
        ]

    def open_algo_orders(self, symbol: str | None = None) -> list[AlgoOrder]:
        return [
            order
            for order in self.algo_orders.values()
            if order.status is AlgoStatus.NEW and (symbol is None or order.market.symbol == symbol)
        ]

    def locked(self, asset: str) -> Decimal:
        """Coins of the spot wallet that open orders hold."""
        total = ZERO
        for order in self.open_orders(Kind.SPOT):
            if order.side is Side.SELL and order.market.base == asset:
                total += order.remaining
            elif order.side is Side.BUY and order.market.quote == asset:
                total += order.remaining * (order.price or order.stop_price)
        return total

    def free(self, asset: str) -> Decimal:
        return self.spot.get(asset, ZERO) - self.locked(asset)
