"""The words of the domain as value classes: reads, orders, fills, evidence and verdict.

Quantities are `Decimal` in the base coin (contracts times contract size). Signed quantities are
positive for long; zero has no sign. Times are timezone-aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from freqtrade_recon_plugin.domain.policy import Policy

ZERO = Decimal(0)
ONE = Decimal(1)


class TradingMode(StrEnum):
    """What is traded: coins (spot) or contracts (futures)."""

    SPOT = "spot"
    FUTURES = "futures"


class PositionSide(StrEnum):
    """The side of a position."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class OrderSide(StrEnum):
    """The side of an order, a fill or a leg."""

    BUY = "buy"
    SELL = "sell"


class Grade(StrEnum):
    """What an exchange's answer is worth; the schema of evidence defines each word."""

    EXPLICIT = "explicit"
    ABSENT_CONFIRMED = "absent_confirmed"
    ABSENT = "absent"
    FAILED = "failed"
    MALFORMED = "malformed"
    NULL_QUANTITY = "null_quantity"


#: Grades that state a quantity. `absent` does so only beside a flat book.
CONCLUSIVE_GRADES = frozenset({Grade.EXPLICIT, Grade.ABSENT_CONFIRMED})


class OrderStatus(StrEnum):
    """The exchange's word for the state of an order, in ccxt's terms."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class VerdictKind(StrEnum):
    """What one piece of evidence means; the schema of verdicts defines each word."""

    IN_SYNC = "in_sync"
    WITHIN_TOLERANCE = "within_tolerance"
    IN_FLIGHT = "in_flight"
    EXTERNAL = "external"
    NO_EVIDENCE = "no_evidence"
    DIVERGENT = "divergent"


class Severity(StrEnum):
    """How large a divergence is, in percent of the exchange's position."""

    NONE = "none"
    SMALL = "small"
    LARGE = "large"


class Decision(StrEnum):
    """What is done about a verdict."""

    NONE = "none"
    WAIT = "wait"
    AUTO_CORRECT = "auto_correct"
    HALT = "halt"


class PartKind(StrEnum):
    """The causes that a divergence is split into."""

    MISSED_FILL = "missed_fill"
    PARTIAL_FILL = "partial_fill"
    PHANTOM_FILL = "phantom_fill"
    FEE = "fee"
    DUST = "dust"
    EXTERNAL_HOLDING = "external_holding"
    LIQUIDATION = "liquidation"
    FOREIGN_FILL = "foreign_fill"
    PROTECTION = "protection"


class Role(StrEnum):
    """What a leg does to the position that it meets."""

    OPEN = "open"
    INCREASE = "increase"
    DECREASE = "decrease"
    CLOSE = "close"


class LegKind(StrEnum):
    """Where a leg comes from: a real order, nowhere (synthetic), or a fee."""

    REAL = "real"
    SYNTHETIC = "synthetic"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class Market:
    """The rules of one market; amounts in the base coin, `min_cost` and `price` in the quote coin.

    A `None` switches off the test that needs the value.
    """

    base: str
    quote: str
    contract_size: Decimal = ONE
    amount_step: Decimal | None = None
    min_amount: Decimal | None = None
    min_cost: Decimal | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LocalRead:
    """The bot's book of one symbol at one moment, as the bot published it."""

    at: datetime
    side: PositionSide
    amount: Decimal
    open_rate: Decimal | None = None
    open_entry_filled: Decimal = ZERO
    open_exit_filled: Decimal = ZERO
    last_activity_at: datetime | None = None
    known_order_ids: tuple[str, ...] = ()
    stop_expected: bool | None = None

    @property
    def quantity(self) -> Decimal:
        """Signed position: booked amount and the filled parts of open entries, less exits."""
        return signed(self.side, self.amount + self.open_entry_filled - self.open_exit_filled)


@dataclass(frozen=True, slots=True)
class ExchangeRead:
    """One answer of the exchange about one symbol, with what it is worth (`grade`)."""

    at: datetime
    grade: Grade
    side: PositionSide = PositionSide.FLAT
    amount: Decimal = ZERO
    entry_price: Decimal | None = None

    @property
    def quantity(self) -> Decimal:
        """Signed position or balance as reported, before anything is taken off."""
        return signed(self.side, self.amount)


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One order as the exchange reports it, and how much of it the bot has booked."""

    id: str
    side: OrderSide
    status: OrderStatus
    amount: Decimal
    filled: Decimal
    average: Decimal | None = None
    stop: bool = False
    reduce_only: bool = False
    own: bool = False
    booked_filled: Decimal = ZERO
    at: datetime | None = None
    parent_id: str | None = None
    close_position: bool = False


@dataclass(frozen=True, slots=True)
class FillReport:
    """One fill (the account's own trade) as the exchange reports it."""

    id: str
    order_id: str
    side: OrderSide
    amount: Decimal
    price: Decimal
    fee_currency: str | None = None
    fee_cost: Decimal | None = None
    liquidation: bool = False
    booked: bool = False
    at: datetime | None = None
    fee_booked: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What else the decision depends on: budgets used, earlier sightings, other bots, the time."""

    auto_corrections_last_hour: int = 0
    auto_corrected_pct_last_day: Decimal = ZERO
    in_flight_since: datetime | None = None
    no_evidence_since: datetime | None = None
    other_bots: Decimal = ZERO
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that one comparison of one symbol of one bot is decided from."""

    bot_id: str
    account_id: str
    exchange: str
    trading_mode: TradingMode
    symbol: str
    market: Market
    local_reads: tuple[LocalRead, ...]
    exchange_reads: tuple[ExchangeRead, ...]
    policy: Policy = field(default_factory=Policy)
    context: Context = field(default_factory=Context)
    orders: tuple[OrderReport, ...] | None = None
    fills: tuple[FillReport, ...] = ()
    external_holding: Decimal = ZERO
    fee_drains: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Part:
    """One cause of a divergence and the signed share of it that the cause accounts for."""

    kind: PartKind
    amount: Decimal
    order_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One booking that ForceSync makes; `amount` unsigned in base coin, `price` in quote coin."""

    side: OrderSide
    amount: Decimal
    role: Role
    kind: LegKind
    price: Decimal | None = None
    order_id: str | None = None

    @property
    def signed_amount(self) -> Decimal:
        """The change that this leg makes to the signed position."""
        return self.amount if self.side is OrderSide.BUY else -self.amount


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one piece of evidence means, what is done about it, and what would be booked."""

    verdict: VerdictKind
    severity: Severity
    decision: Decision
    reason: str
    local: Decimal | None = None
    exchange: Decimal | None = None
    divergence: Decimal | None = None
    divergence_pct: Decimal | None = None
    explanation: tuple[Part, ...] = ()
    unexplained: Decimal = ZERO
    booking: tuple[Leg, ...] = ()
    final_local: Decimal | None = None
    counts_against_budget: bool = True


def signed(side: PositionSide, amount: Decimal) -> Decimal:
    """The signed quantity of a position: positive long, negative short, plain zero when flat."""
    if side is PositionSide.LONG:
        return amount or ZERO
    return -amount if amount and side is PositionSide.SHORT else ZERO


def side_of(quantity: Decimal) -> PositionSide:
    """The side of a signed quantity."""
    if not quantity:
        return PositionSide.FLAT
    return PositionSide.LONG if quantity > 0 else PositionSide.SHORT
