"""The actions: what was found, what was decided, and how far its correction is.

Invariants: at most one open action per bot and symbol, which a unique partial index decides, also
between processes; a move happens from the expected status or not at all; each is audited.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, update

from freqtrade_recon_plugin.domain.lifecycle import OPEN_STATUSES, ActionStatus, may_move
from freqtrade_recon_plugin.domain.model import ZERO, Decision
from freqtrade_recon_plugin.errors import Conflict
from freqtrade_recon_plugin.store.audit import Audit
from freqtrade_recon_plugin.store.rows import ActionRow
from freqtrade_recon_plugin.store.statements import every, insert_unless_there, one, values_of
from freqtrade_recon_plugin.store.tables import actions

#: Statuses in which a correction without a person has used up budget.
SPENT_STATUSES = frozenset({ActionStatus.CORRECTING, ActionStatus.CORRECTED})

_NUMBERS = ("severity", "decision", "local", "exchange", "divergence", "divergence_pct")

#: Named out here because `list` is a method in there.
ActionRows = list[ActionRow]


class Actions:
    """The actions within one transaction."""

    def __init__(self, connection: Connection, audit: Audit) -> None:
        self._connection = connection
        self._audit = audit

    def create(self, row: ActionRow, by: str) -> bool:
        """Records a new action.

        :return: False, with nothing written, where one is open already for this bot and symbol
            (or one with this id is there).
        """
        if not insert_unless_there(self._connection, actions, values_of(row)):
            return False
        new: dict[str, Any] = {"status": row.status}
        new |= {name: getattr(row, name) for name in _NUMBERS}
        self._record(row, f"action.{row.status}", by, row.detected_at, None, new, row.note)
        return True

    def get(self, action_id: str) -> ActionRow | None:
        """One action, or None."""
        statement = select(actions).where(actions.c.action_id == action_id)
        return one(self._connection, statement, ActionRow)

    def list(self, status: ActionStatus | None = None, bot_id: str | None = None) -> ActionRows:
        """The actions, oldest first, with all that ever were; see `list_open`."""
        statement = select(actions).order_by(actions.c.detected_at, actions.c.action_id)
        if status is not None:
            statement = statement.where(actions.c.status == status)
        if bot_id is not None:
            statement = statement.where(actions.c.bot_id == bot_id)
        return every(self._connection, statement, ActionRow)

    def list_open(self, bot_id: str | None = None) -> ActionRows:
        """The actions that have not ended, oldest first; few, however long the history is."""
        statement = select(actions).where(actions.c.status.in_(sorted(OPEN_STATUSES)))
        if bot_id is not None:
            statement = statement.where(actions.c.bot_id == bot_id)
        order = (actions.c.detected_at, actions.c.action_id)
        return every(self._connection, statement.order_by(*order), ActionRow)

    def open_for(self, bot_id: str, symbol: str) -> ActionRow | None:
        """The one open action of this bot and symbol, or None."""
        statement = select(actions).where(
            actions.c.bot_id == bot_id,
            actions.c.symbol == symbol,
            actions.c.status.in_(sorted(OPEN_STATUSES)),
        )
        return one(self._connection, statement, ActionRow)

    def latest_for(self, bot_id: str, symbol: str) -> ActionRow | None:
        """The action of this bot and symbol that was detected last, open or not."""
        statement = (
            select(actions)
            .where(actions.c.bot_id == bot_id, actions.c.symbol == symbol)
            .order_by(actions.c.detected_at.desc(), actions.c.updated_at.desc())
            .limit(1)
        )
        return one(self._connection, statement, ActionRow)

    def move(
        self,
        action_id: str,
        expected: ActionStatus,
        to: ActionStatus,
        by: str,
        at: datetime,
        note: str | None = None,
        decided: bool = False,
    ) -> ActionRow:
        """Moves an action from the expected status to another.

        :param decided: this move is a person's decision: `by` and `at` are kept as such.
        :raises Conflict: there is no such action, it is not in the expected status (any more),
            or no such move exists; nothing was written.
        """
        if not may_move(expected, to):
            raise Conflict(f"an action cannot go from {expected} to {to}")
        values: dict[str, Any] = {"status": to, "updated_at": at, "version": actions.c.version + 1}
        if note is not None:
            values["note"] = note
        if decided:
            values |= {"decided_at": at, "decided_by": by}
        done = self._connection.execute(
            update(actions)
            .where(actions.c.action_id == action_id, actions.c.status == expected)
            .values(values)
        )
        row = self.get(action_id)
        if row is None:
            raise Conflict(f"there is no action {action_id}")
        if not done.rowcount:
            raise Conflict(f"action {action_id} is {row.status}, not {expected}")
        new: dict[str, Any] = {"status": to}
        if decided:
            new["decided_by"] = by
        self._record(row, f"action.{to}", by, at, {"status": expected}, new, note)
        return row

    def budget_used(self, bot_id: str, symbol: str, now: datetime) -> tuple[int, Decimal]:
        """What corrections without a person have used up.

        :return: how many in the last hour, and the sum of their percentages in the last 24 hours.
        """
        statement = select(actions.c.updated_at, actions.c.divergence_pct).where(
            actions.c.bot_id == bot_id,
            actions.c.symbol == symbol,
            actions.c.updated_at > now - timedelta(days=1),
            actions.c.decision == Decision.AUTO_CORRECT,
            actions.c.status.in_(sorted(SPENT_STATUSES)),
            actions.c.counts_against_budget,
        )
        spent = self._connection.execute(statement).all()
        last_hour = sum(row.updated_at > now - timedelta(hours=1) for row in spent)
        return last_hour, sum((row.divergence_pct or ZERO for row in spent), ZERO)

    def _record(
        self,
        row: ActionRow,
        event: str,
        by: str,
        at: datetime,
        old: dict[str, Any] | None,
        new: dict[str, Any],
        reason: str | None,
    ) -> None:
        self._audit.append(
            at=at,
            actor=by,
            event=event,
            bot_id=row.bot_id,
            account_id=row.account_id,
            symbol=row.symbol,
            action_id=row.action_id,
            old=old,
            new=new,
            evidence_hash=row.evidence_hash,
            reason=reason,
        )
