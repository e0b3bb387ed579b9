"""The first schema.

Column types are the plain ones of the databases: a migration must not change when the code does.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GENESIS = "0" * 64
OPEN = "status IN ('applying', 'approved', 'correcting', 'detected', 'pending_approval')"


def moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    kind = sa.String(32).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
    return sa.Column(name, kind, nullable=nullable)


def words(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def word(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(32), nullable=False)


def key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def of_bot(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["bot_id"], ["recon_bots.bot_id"], name=f"fk_{table}_bot_id")


def upgrade() -> None:
    op.create_table(
        "recon_bots",
        words("bot_id"),
        words("account_id"),
        words("exchange"),
        word("trading_mode"),
        words("policy"),
        words("external_holdings"),
        words("pairs"),
        words("state"),
        words("version"),
        moment("registered_at"),
        moment("heartbeat_at"),
        moment("last_reconciliation_at", nullable=True),
        words("learned_holdings"),
        moment("holdings_learned_at", nullable=True),
        key("recon_bots", "bot_id"),
    )
    op.create_table(
        "recon_positions",
        words("bot_id"),
        words("symbol"),
        sa.Column("trade_id", sa.BigInteger(), nullable=True),
        word("side"),
        words("amount"),
        words("open_rate", nullable=True),
        words("open_entry_filled"),
        words("open_exit_filled"),
        moment("last_activity_at", nullable=True),
        words("known_order_ids"),
        words("booked_fills"),
        sa.Column("stop_expected", sa.Boolean(), nullable=True),
        moment("trade_opened_at", nullable=True),
        moment("at"),
        words("booked_fees"),
        key("recon_positions", "bot_id", "symbol"),
        of_bot("recon_positions"),
    )
    op.create_table(
        "recon_intents",
        words("bot_id"),
        words("client_id"),
        words("symbol"),
        word("side"),
        words("amount"),
        words("order_id", nullable=True),
        moment("at"),
        key("recon_intents", "bot_id", "client_id"),
        of_bot("recon_intents"),
    )
    op.create_index("ix_recon_intents_symbol", "recon_intents", ["bot_id", "symbol", "at"])
    op.create_table(
        "recon_breakers",
        words("bot_id"),
        words("symbol"),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        word("reason"),
        words("note"),
        moment("opened_at"),
        words("opened_by"),
        words("action_id", nullable=True),
        moment("closed_at", nullable=True),
        words("closed_by", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        key("recon_breakers", "bot_id", "symbol"),
        of_bot("recon_breakers"),
    )
    op.create_table(
        "recon_actions",
        words("action_id"),
        words("bot_id"),
        words("account_id"),
        words("symbol"),
        word("status"),
        word("severity"),
        word("decision"),
        words("local", nullable=True),
        words("exchange", nullable=True),
        words("divergence", nullable=True),
        words("divergence_pct", nullable=True),
        words("evidence"),
        words("verdict"),
        words("evidence_hash"),
        moment("detected_at"),
        moment("updated_at"),
        moment("decided_at", nullable=True),
        words("decided_by", nullable=True),
        words("note", nullable=True),
        sa.Column("counts_against_budget", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        key("recon_actions", "action_id"),
        of_bot("recon_actions"),
    )
    op.create_index(
        "uq_recon_actions_one_open",
        "recon_actions",
        ["bot_id", "symbol"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
    op.create_index("ix_recon_actions_symbol", "recon_actions", ["bot_id", "symbol", "updated_at"])
    op.create_index("ix_recon_actions_status", "recon_actions", ["status", "detected_at"])
    op.create_table(
        "recon_commands",
        words("command_id"),
        words("action_id"),
        words("bot_id"),
        words("symbol"),
        words("kind"),
        words("payload"),
        word("status"),
        moment("queued_at"),
        moment("expires_at"),
        moment("taken_at", nullable=True),
        moment("finished_at", nullable=True),
        words("result", nullable=True),
        key("recon_commands", "command_id"),
        sa.ForeignKeyConstraint(
            ["action_id"], ["recon_actions.action_id"], name="fk_recon_commands_action_id"
        ),
        of_bot("recon_commands"),
    )
    op.create_index(
        "ix_recon_commands_waiting", "recon_commands", ["bot_id", "status", "queued_at"]
    )
    op.create_index("ix_recon_commands_action", "recon_commands", ["action_id", "queued_at"])
    op.create_table(
        "recon_alerts",
        words("alert_id"),
        words("key"),
        words("severity"),
        words("title"),
        words("message"),
        words("bot_id", nullable=True),
        words("symbol", nullable=True),
        words("action_id", nullable=True),
        moment("created_at"),
        words("channel"),
        moment("next_attempt_at"),
        moment("delivered_at", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        words("last_error", nullable=True),
        key("recon_alerts", "alert_id"),
        sa.UniqueConstraint("key", name="uq_recon_alerts_key"),
    )
    op.create_index(
        "ix_recon_alerts_due", "recon_alerts", ["channel", "delivered_at", "next_attempt_at"]
    )
    op.create_table(
        "recon_sightings",
        words("bot_id"),
        words("symbol"),
        moment("in_flight_since", nullable=True),
        moment("no_evidence_since", nullable=True),
        words("verdict"),
        moment("at"),
        key("recon_sightings", "bot_id", "symbol"),
        of_bot("recon_sightings"),
    )
    create_audit()


def create_audit() -> None:
    op.create_table(
        "recon_audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        moment("at"),
        words("actor"),
        words("event"),
        words("bot_id", nullable=True),
        words("account_id", nullable=True),
        words("symbol", nullable=True),
        words("action_id", nullable=True),
        words("old", nullable=True),
        words("new", nullable=True),
        words("evidence_hash", nullable=True),
        words("reason", nullable=True),
        words("code_version"),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        key("recon_audit", "number"),
    )
    op.create_index("ix_recon_audit_at", "recon_audit", ["at"])
    op.create_index("ix_recon_audit_action_id", "recon_audit", ["action_id"])
    head = op.create_table(
        "recon_audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        key("recon_audit_head", "id"),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": GENESIS}])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION recon_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER recon_audit_no_change BEFORE UPDATE OR DELETE ON recon_audit "
            "FOR EACH ROW EXECUTE FUNCTION recon_audit_is_append_only()"
        )
        op.execute(
            "CREATE TRIGGER recon_audit_no_truncate BEFORE TRUNCATE ON recon_audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION recon_audit_is_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER recon_audit_no_{verb.lower()} BEFORE {verb} ON recon_audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        )


def downgrade() -> None:
    raise NotImplementedError("the store only goes forward; restore a backup to go back")
