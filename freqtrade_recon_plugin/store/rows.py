"""What the store hands out and takes in: one frozen value class per table.

Fields are named as the columns are. Quantities are `Decimal` in the base coin, times are
timezone-aware UTC, percentages are percent of the exchange's position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason, CommandStatus
from freqtrade_recon_plugin.domain.model import (
    Decision,
    OrderSide,
    PositionSide,
    Severity,
    TradingMode,
)
from freqtrade_recon_plugin.domain.policy import Policy

AlertSeverity = Literal["info", "warning", "critical"]
AlertChannel = Literal["outside", "bot"]


@dataclass(frozen=True, slots=True)
class BotRow:
    """A bot as it registered itself; Airflow reads from here what there is to reconcile.

    :param external_holdings: spot: coin to the amount of it that is not the bot's.
    :param state: the bot's own word: running, stopped, paused ...
    :param version: of the plugin and of freqtrade.
    :param last_reconciliation_at: the last outside comparison that had evidence; None before it.
    :param learned_holdings: spot: as `external_holdings`, found on the account when the bot first
        registered. A configured coin goes before a learned one.
    :param holdings_learned_at: None before they were learned; then an empty mapping says that
        there were none.
    """

    bot_id: str
    account_id: str
    exchange: str
    trading_mode: TradingMode
    policy: Policy
    external_holdings: Mapping[str, Decimal]
    pairs: tuple[str, ...]
    state: str
    version: str
    registered_at: datetime
    heartbeat_at: datetime
    last_reconciliation_at: datetime | None = None
    learned_holdings: Mapping[str, Decimal] = field(default_factory=dict)
    holdings_learned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PositionRow:
    """The bot's book of one symbol. When it was read is the bot's `heartbeat_at`.

    :param booked_fills: order id to the filled quantity that the bot holds for it, base coin.
    :param at: when the content last changed.
    :param booked_fees: order id to the fee in the base coin that is already off `amount`.
    """

    bot_id: str
    symbol: str
    trade_id: int | None
    side: PositionSide
    amount: Decimal
    open_rate: Decimal | None
    open_entry_filled: Decimal
    open_exit_filled: Decimal
    last_activity_at: datetime | None
    known_order_ids: tuple[str, ...]
    booked_fills: Mapping[str, Decimal]
    stop_expected: bool | None
    trade_opened_at: datetime | None
    at: datetime
    booked_fees: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IntentRow:
    """An order that a bot was about to place.

    :param client_id: the client order id that the order carries. Where the exchange takes none,
        any text that is unique to this order.
    :param amount: as ordered, base coin.
    :param order_id: the exchange's id; None until its answer came.
    :param at: just before the order was sent.
    """

    bot_id: str
    client_id: str
    symbol: str
    side: OrderSide
    amount: Decimal
    order_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class BreakerRow:
    """The breaker of one bot and symbol (`*` is the whole bot) as it was last opened or closed."""

    bot_id: str
    symbol: str
    is_open: bool
    reason: BreakerReason
    note: str
    opened_at: datetime
    opened_by: str
    action_id: str | None
    closed_at: datetime | None
    closed_by: str | None
    version: int


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One correction, from its detection to its end. At most one is open per bot and symbol.

    :param local, exchange, divergence: signed, base coin; None where the evidence says nothing.
    :param divergence_pct: percent of the exchange's position.
    :param counts_against_budget: as the verdict has it; False for fees and dust that is missing.
    """

    action_id: str
    bot_id: str
    account_id: str
    symbol: str
    status: ActionStatus
    severity: Severity
    decision: Decision
    local: Decimal | None
    exchange: Decimal | None
    divergence: Decimal | None
    divergence_pct: Decimal | None
    evidence: dict[str, Any]
    verdict: dict[str, Any]
    evidence_hash: str
    detected_at: datetime
    updated_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str | None = None
    counts_against_budget: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class CommandRow:
    """Something that the bot is asked to do, and what came of it."""

    command_id: str
    action_id: str
    bot_id: str
    symbol: str
    kind: str
    payload: dict[str, Any]
    status: CommandStatus
    queued_at: datetime
    expires_at: datetime
    taken_at: datetime | None = None
    finished_at: datetime | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A message to be delivered: written with its cause, sent afterwards.

    :param key: names the occasion and the channel; a second alert with the same key is not added.
    :param channel: who delivers: `outside` (the reconciliation) or `bot` (freqtrade's own RPC).
    """

    alert_id: str
    key: str
    severity: AlertSeverity
    title: str
    message: str
    bot_id: str | None
    symbol: str | None
    action_id: str | None
    created_at: datetime
    channel: AlertChannel
    next_attempt_at: datetime
    delivered_at: datetime | None = None
    attempts: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class SightingRow:
    """What earlier cycles saw of a bot's symbol: since when in flight, since when no evidence."""

    bot_id: str
    symbol: str
    in_flight_since: datetime | None
    no_evidence_since: datetime | None
    verdict: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One record of the audit trail; `hash` covers all other fields and the hash before."""

    number: int
    at: datetime
    actor: str
    event: str
    bot_id: str | None
    account_id: str | None
    symbol: str | None
    action_id: str | None
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    evidence_hash: str | None
    reason: str | None
    code_version: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What checking the chain found.

    :param records: how many records there are.
    :param head: hash of the last one.
    :param first_bad: number of the first record that is changed, missing or not of the chain.
    """

    ok: bool
    records: int
    head: str
    first_bad: int | None = None
