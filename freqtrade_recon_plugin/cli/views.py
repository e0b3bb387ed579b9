"""Rows of the store as the JSON documents of the command line, and as lines for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.domain.document import decimal_text, time_text
from freqtrade_recon_plugin.domain.lifecycle import BreakerReason
from freqtrade_recon_plugin.domain.model import PositionSide
from freqtrade_recon_plugin.store import ActionRow, AuditRow, BotRow, BreakerRow, PositionRow


def number(value: Decimal | None) -> str | None:
    """A quantity as text."""
    return None if value is None else decimal_text(value)


def moment(value: datetime | None) -> str | None:
    """A time as text."""
    return None if value is None else time_text(value)


def bot(row: BotRow, positions: Iterable[PositionRow], now: datetime) -> dict[str, Any]:
    """A bot with its age and the positions that are not flat."""
    return {
        "bot_id": row.bot_id,
        "account_id": row.account_id,
        "exchange": row.exchange,
        "trading_mode": str(row.trading_mode),
        "state": row.state,
        "heartbeat_at": moment(row.heartbeat_at),
        "snapshot_age_s": round((now - row.heartbeat_at).total_seconds(), 3),
        "last_reconciliation_at": moment(row.last_reconciliation_at),
        "positions": [
            {
                "symbol": position.symbol,
                "side": str(position.side),
                "amount": number(position.amount),
                "open_rate": number(position.open_rate),
            }
            for position in positions
            if position.side is not PositionSide.FLAT
        ],
    }


def breaker(row: BreakerRow) -> dict[str, Any]:
    """An open breaker. `reason` is a person's own words where a person opened it."""
    by_hand = row.reason is BreakerReason.MANUAL
    return {
        "bot_id": row.bot_id,
        "symbol": row.symbol,
        "reason": row.note if by_hand else str(row.reason),
        "opened_at": moment(row.opened_at),
        "opened_by": row.opened_by,
        "action_id": row.action_id,
    }


def action(row: ActionRow) -> dict[str, Any]:
    """An action without its evidence."""
    return {
        "action_id": row.action_id,
        "bot_id": row.bot_id,
        "symbol": row.symbol,
        "status": str(row.status),
        "severity": str(row.severity),
        "local": number(row.local),
        "exchange": number(row.exchange),
        "divergence": number(row.divergence),
        "divergence_pct": number(row.divergence_pct),
        "detected_at": moment(row.detected_at),
        "decided_at": moment(row.decided_at),
        "decided_by": row.decided_by,
        "note": row.note,
        "evidence_hash": row.evidence_hash,
    }


def audit_record(row: AuditRow) -> dict[str, Any]:
    """One record of the audit trail."""
    return {
        "number": row.number,
        "at": moment(row.at),
        "actor": row.actor,
        "event": row.event,
        "bot_id": row.bot_id,
        "account_id": row.account_id,
        "symbol": row.symbol,
        "action_id": row.action_id,
        "old": row.old,
        "new": row.new,
        "evidence_hash": row.evidence_hash,
        "reason": row.reason,
        "code_version": row.code_version,
        "previous_hash": row.previous_hash,
        "hash": row.hash,
    }


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]], nothing: str) -> str:
    """Rows as aligned columns for a terminal; one sentence where there are none."""
    if not rows:
        return nothing
    cells = [list(headings), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(headings))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)
