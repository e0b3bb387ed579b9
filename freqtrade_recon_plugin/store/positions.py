"""The books of the bots, one row per symbol, as each bot last published them.

Invariants: a symbol without a row is flat; one that has become flat keeps its row, and with it
the order ids that the bot knows, for 30 days, so that a late fill is still known as the bot's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select

from freqtrade_recon_plugin.domain.model import ZERO, PositionSide
from freqtrade_recon_plugin.store.rows import PositionRow
from freqtrade_recon_plugin.store.statements import every, upsert, values_of
from freqtrade_recon_plugin.store.tables import bots, positions

#: How long a flat symbol's order ids are kept.
KEPT_FLAT = timedelta(days=30)


class Positions:
    """The published positions within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def publish(self, bot_id: str, rows: Sequence[PositionRow], at: datetime | None = None) -> None:
        """Makes these rows the bot's book. Rows whose content is the same are not written.

        :param rows: every symbol that is not flat, and flat ones with something new to say.
        :param at: when the book was read; by default the newest of the rows, else the heartbeat.
        :raises ValueError: a row of another bot.
        """
        if any(row.bot_id != bot_id for row in rows):
            raise ValueError(f"a position of another bot than {bot_id!r}")
        stored = self.of(bot_id)
        given = {row.symbol for row in rows}
        changed = [row for row in rows if not _same(row, stored.get(row.symbol))]
        gone = [row for symbol, row in stored.items() if symbol not in given]
        if gone:
            at = at or max((row.at for row in rows), default=None) or self._heartbeat(bot_id)
            changed += [_flattened(row, at) for row in gone if row.side is not PositionSide.FLAT]
            self._forget(bot_id, [row.symbol for row in gone if _is_old(row, at)])
        upsert(self._connection, positions, [values_of(row) for row in changed])

    def of(self, bot_id: str) -> dict[str, PositionRow]:
        """The bot's book: symbol to row."""
        statement = select(positions).where(positions.c.bot_id == bot_id)
        rows = every(self._connection, statement.order_by(positions.c.symbol), PositionRow)
        return {row.symbol: row for row in rows}

    def _heartbeat(self, bot_id: str) -> datetime:
        statement = select(bots.c.heartbeat_at).where(bots.c.bot_id == bot_id)
        at: datetime = self._connection.execute(statement).scalar_one()
        return at

    def _forget(self, bot_id: str, symbols: Sequence[str]) -> None:
        if symbols:
            self._connection.execute(
                delete(positions).where(
                    positions.c.bot_id == bot_id, positions.c.symbol.in_(symbols)
                )
            )


def _content(row: PositionRow) -> Mapping[str, Any]:
    return {name: value for name, value in values_of(row).items() if name != "at"}


def _same(row: PositionRow, stored: PositionRow | None) -> bool:
    return stored is not None and _content(row) == _content(stored)


def _is_old(row: PositionRow, at: datetime) -> bool:
    return row.side is PositionSide.FLAT and row.at < at - KEPT_FLAT


def _flattened(row: PositionRow, at: datetime) -> PositionRow:
    """The row of a symbol that left the book; that it left is the bot's last activity there."""
    return replace(
        row,
        trade_id=None,
        side=PositionSide.FLAT,
        amount=ZERO,
        open_rate=None,
        open_entry_filled=ZERO,
        open_exit_filled=ZERO,
        last_activity_at=at,
        stop_expected=None,
        trade_opened_at=None,
        at=at,
    )
