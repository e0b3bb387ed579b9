"""The breakers: one row per bot and symbol, opened and closed with a reason and a name.

Invariants: opening an open breaker changes nothing (the first reason stays); closing one that is
not open is a conflict; each change is audited.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from freqtrade_recon_plugin.domain.lifecycle import BreakerReason
from freqtrade_recon_plugin.errors import Conflict, StoreError
from freqtrade_recon_plugin.store.audit import Audit
from freqtrade_recon_plugin.store.rows import BreakerRow
from freqtrade_recon_plugin.store.statements import every, one, upsert, values_of
from freqtrade_recon_plugin.store.tables import bots, breakers


class Breakers:
    """The breakers within one transaction."""

    def __init__(self, connection: Connection, audit: Audit) -> None:
        self._connection = connection
        self._audit = audit

    def open(
        self,
        bot_id: str,
        symbol: str,
        reason: BreakerReason,
        note: str,
        by: str,
        at: datetime,
        action_id: str | None = None,
    ) -> BreakerRow:
        """Opens a breaker, or leaves an open one as it is.

        :param symbol: `*` is the whole bot.
        :raises StoreError: the bot is not registered.
        """
        self._audit.lock()
        before = self.get(bot_id, symbol)
        if before is not None and before.is_open:
            return before
        known = select(bots.c.bot_id).where(bots.c.bot_id == bot_id)
        if before is None and self._connection.execute(known).first() is None:
            raise StoreError(f"bot {bot_id!r} is not registered")
        after = BreakerRow(
            bot_id=bot_id,
            symbol=symbol,
            is_open=True,
            reason=reason,
            note=note,
            opened_at=at,
            opened_by=by,
            action_id=action_id,
            closed_at=None,
            closed_by=None,
            version=1 if before is None else before.version + 1,
        )
        self._put(before, after, "breaker.opened", by, at, note)
        return after

    def close(
        self,
        bot_id: str,
        symbol: str,
        by: str,
        at: datetime,
        note: str,
        action_id: str | None = None,
    ) -> BreakerRow:
        """Closes an open breaker.

        :param action_id: the action whose approval closes it; None where a person does by hand.
        :raises Conflict: it is not open.
        """
        self._audit.lock()
        before = self.get(bot_id, symbol)
        if before is None or not before.is_open:
            raise Conflict(f"the breaker of {bot_id} {symbol} is not open")
        after = replace(
            before,
            is_open=False,
            note=note,
            action_id=action_id or before.action_id,
            closed_at=at,
            closed_by=by,
            version=before.version + 1,
        )
        self._put(before, after, "breaker.closed", by, at, note)
        return after

    def get(self, bot_id: str, symbol: str) -> BreakerRow | None:
        """The breaker of exactly this symbol, open or closed, or None where there never was one."""
        statement = select(breakers).where(breakers.c.bot_id == bot_id, breakers.c.symbol == symbol)
        return one(self._connection, statement, BreakerRow)

    def list_open(self, bot_id: str | None = None) -> list[BreakerRow]:
        """The open breakers, of one bot or of all."""
        statement = select(breakers).where(breakers.c.is_open)
        if bot_id is not None:
            statement = statement.where(breakers.c.bot_id == bot_id)
        order = (breakers.c.bot_id, breakers.c.symbol)
        return every(self._connection, statement.order_by(*order), BreakerRow)

    def _put(
        self,
        before: BreakerRow | None,
        after: BreakerRow,
        event: str,
        by: str,
        at: datetime,
        note: str,
    ) -> None:
        upsert(self._connection, breakers, [values_of(after)])
        self._audit.append(
            at=at,
            actor=by,
            event=event,
            bot_id=after.bot_id,
            symbol=after.symbol,
            action_id=after.action_id,
            old=None if before is None else _state(before),
            new=_state(after),
            reason=note,
        )


def _state(row: BreakerRow) -> dict[str, Any]:
    names = ("is_open", "reason", "note", "opened_at", "opened_by", "closed_at", "closed_by")
    return {name: getattr(row, name) for name in names}
