"""The tables. All names start with `recon_`, so that a shared database does no harm.

Invariants that the database itself keeps: one open action per bot and symbol, one row per command
id and alert key, and an audit table that takes no UPDATE and no DELETE (triggers, in the
migrations). Every change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from freqtrade_recon_plugin.domain.lifecycle import (
    OPEN_STATUSES,
    ActionStatus,
    BreakerReason,
    CommandStatus,
)
from freqtrade_recon_plugin.domain.model import (
    Decision,
    OrderSide,
    PositionSide,
    Severity,
    TradingMode,
)
from freqtrade_recon_plugin.store.columns import (
    Amount,
    Amounts,
    Document,
    Moment,
    Names,
    PolicyDocument,
    Prose,
    Word,
)

#: Not Alembic's default name: Airflow's own metadata database has that one.
VERSION_TABLE = "recon_schema_version"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

bots = Table(
    "recon_bots",
    metadata,
    Column("bot_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("trading_mode", Word(TradingMode), nullable=False),
    Column("policy", PolicyDocument, nullable=False),
    Column("external_holdings", Amounts, nullable=False),
    Column("pairs", Names, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("heartbeat_at", Moment, nullable=False),
    Column("last_reconciliation_at", Moment),
    Column("learned_holdings", Amounts, nullable=False),
    Column("holdings_learned_at", Moment),
)

positions = Table(
    "recon_positions",
    metadata,
    Column("bot_id", Text, ForeignKey("recon_bots.bot_id"), primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("trade_id", BigInteger),
    Column("side", Word(PositionSide), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("open_rate", Amount),
    Column("open_entry_filled", Amount, nullable=False),
    Column("open_exit_filled", Amount, nullable=False),
    Column("last_activity_at", Moment),
    Column("known_order_ids", Names, nullable=False),
    Column("booked_fills", Amounts, nullable=False),
    Column("stop_expected", Boolean),
    Column("trade_opened_at", Moment),
    Column("at", Moment, nullable=False),
    Column("booked_fees", Amounts, nullable=False),
)

intents = Table(
    "recon_intents",
    metadata,
    Column("bot_id", Text, ForeignKey("recon_bots.bot_id"), primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("symbol", Text, nullable=False),
    Column("side", Word(OrderSide), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("order_id", Text),
    Column("at", Moment, nullable=False),
    Index("ix_recon_intents_symbol", "bot_id", "symbol", "at"),
)

breakers = Table(
    "recon_breakers",
    metadata,
    Column("bot_id", Text, ForeignKey("recon_bots.bot_id"), primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("is_open", Boolean, nullable=False),
    Column("reason", Word(BreakerReason), nullable=False),
    Column("note", Prose, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("action_id", Text),
    Column("closed_at", Moment),
    Column("closed_by", Text),
    Column("version", Integer, nullable=False),
)

actions = Table(
    "recon_actions",
    metadata,
    Column("action_id", Text, primary_key=True),
    Column("bot_id", Text, ForeignKey("recon_bots.bot_id"), nullable=False),
    Column("account_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("status", Word(ActionStatus), nullable=False),
    Column("severity", Word(Severity), nullable=False),
    Column("decision", Word(Decision), nullable=False),
    Column("local", Amount),
    Column("exchange", Amount),
    Column("divergence", Amount),
    Column("divergence_pct", Amount),
    Column("evidence", Document, nullable=False),
    Column("verdict", Document, nullable=False),
    Column("evidence_hash", Text, nullable=False),
    Column("detected_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Column("note", Prose),
    Column("counts_against_budget", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
)
_is_open = text(f"status IN ({', '.join(repr(str(word)) for word in sorted(OPEN_STATUSES))})")
Index(
    "uq_recon_actions_one_open",
    actions.c.bot_id,
    actions.c.symbol,
    unique=True,
    sqlite_where=_is_open,
    postgresql_where=_is_open,
)
Index("ix_recon_actions_symbol", actions.c.bot_id, actions.c.symbol, actions.c.updated_at)
Index("ix_recon_actions_status", actions.c.status, actions.c.detected_at)

commands = Table(
    "recon_commands",
    metadata,
    Column("command_id", Text, primary_key=True),
    Column("action_id", Text, ForeignKey("recon_actions.action_id"), nullable=False),
    Column("bot_id", Text, ForeignKey("recon_bots.bot_id"), nullable=False),
    Column("symbol", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Document, nullable=False),
    Column("status", Word(CommandStatus), nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("taken_at", Moment),
    Column("finished_at", Moment),
    Column("result", Document),
    Index("ix_recon_commands_waiting", "bot_id", "status", "queued_at"),
    Index("ix_recon_commands_action", "action_id", "queued_at"),
)

alerts = Table(
    "recon_alerts",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("severity", Text, nullable=False),
    Column("title", Prose, nullable=False),
    Column("message", Prose, nullable=False),
    Column("bot_id", Text),
    Column("symbol", Text),
    Column("action_id", Text),
    Column("created_at", Moment, nullable=False),
    Column("channel", Text, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("delivered_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Prose),
    Index("ix_recon_alerts_due", "channel", "delivered_at", "next_attempt_at"),
)

sightings = Table(
    "recon_sightings",
    metadata,
    Column("bot_id", Text, ForeignKey("recon_bots.bot_id"), primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("in_flight_since", Moment),
    Column("no_evidence_since", Moment),
    Column("verdict", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

audit = Table(
    "recon_audit",
    metadata,
    # Numbers come from the head, never from a sequence: a sequence leaves gaps on rollback.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("bot_id", Text),
    Column("account_id", Text),
    Column("symbol", Text),
    Column("action_id", Text, index=True),
    Column("old", Document),
    Column("new", Document),
    Column("evidence_hash", Text),
    Column("reason", Prose),
    Column("code_version", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

#: One row: the last record's number and hash. Locking it is what makes writers take turns.
audit_head = Table(
    "recon_audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
