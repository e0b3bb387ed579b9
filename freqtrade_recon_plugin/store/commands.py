"""The commands to the bots: put there by the reconciliation, taken and answered by the bot.

Invariants: an id is used once; a command is either taken by the bot or withdrawn, never both; one
that was taken stays the bot's until it is finished; each change is audited.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.errors import Conflict
from freqtrade_recon_plugin.store.audit import Audit
from freqtrade_recon_plugin.store.rows import CommandRow
from freqtrade_recon_plugin.store.statements import every, insert_unless_there, one, values_of
from freqtrade_recon_plugin.store.tables import commands

_WAITING = (CommandStatus.QUEUED, CommandStatus.EXECUTING)


class Commands:
    """The commands within one transaction."""

    def __init__(self, connection: Connection, audit: Audit) -> None:
        self._connection = connection
        self._audit = audit

    def queue(self, row: CommandRow, by: str) -> None:
        """Puts a command there for its bot.

        :raises Conflict: a command with this id is there already.
        """
        if not insert_unless_there(self._connection, commands, values_of(row)):
            raise Conflict(f"command {row.command_id} is there already")
        new = {"status": row.status, "kind": row.kind, "payload": row.payload}
        self._record(row, "command.queued", by, row.queued_at, None, new)

    def get(self, command_id: str) -> CommandRow | None:
        """One command, or None."""
        statement = select(commands).where(commands.c.command_id == command_id)
        return one(self._connection, statement, CommandRow)

    def for_action(self, action_id: str) -> CommandRow | None:
        """The last command of an action, or None."""
        statement = (
            select(commands)
            .where(commands.c.action_id == action_id)
            .order_by(commands.c.queued_at.desc())
            .limit(1)
        )
        return one(self._connection, statement, CommandRow)

    def waiting(self, bot_id: str) -> list[CommandRow]:
        """What the bot has to do or to finish, oldest first; expired ones are among them."""
        statement = (
            select(commands)
            .where(commands.c.bot_id == bot_id, commands.c.status.in_(_WAITING))
            .order_by(commands.c.queued_at, commands.c.command_id)
        )
        return every(self._connection, statement, CommandRow)

    def take(self, command_id: str, at: datetime) -> bool:
        """The bot takes a command; from here on only the bot ends it.

        :return: True also where the bot had taken it before (it was killed, and goes on). False
            where it was withdrawn, is finished, or was queued and has expired by now.
        """
        done = self._connection.execute(
            update(commands)
            .where(
                commands.c.command_id == command_id,
                commands.c.status == CommandStatus.QUEUED,
                commands.c.expires_at > at,
            )
            .values(status=CommandStatus.EXECUTING, taken_at=at)
        )
        row = self.get(command_id)
        if done.rowcount and row is not None:
            self._moved(row, CommandStatus.QUEUED, f"bot:{row.bot_id}", at)
        return row is not None and row.status is CommandStatus.EXECUTING

    def finish(
        self,
        command_id: str,
        status: Literal[CommandStatus.DONE, CommandStatus.REFUSED],
        result: dict[str, Any],
        at: datetime,
        by: str,
    ) -> CommandRow:
        """The bot says what came of a command that it had taken.

        :raises Conflict: it is not being executed.
        """
        row = self._move(
            command_id, CommandStatus.EXECUTING, status, by, at, finished_at=at, result=result
        )
        if row is None:
            raise Conflict(f"command {command_id} is not being executed")
        return row

    def withdraw(self, command_id: str, by: str, at: datetime) -> bool:
        """Takes a command back before the bot has taken it.

        :return: False where it is too late or there is no such command.
        """
        row = self._move(
            command_id, CommandStatus.QUEUED, CommandStatus.WITHDRAWN, by, at, finished_at=at
        )
        return row is not None

    def _move(
        self,
        command_id: str,
        expected: CommandStatus,
        to: CommandStatus,
        by: str,
        at: datetime,
        **values: Any,
    ) -> CommandRow | None:
        done = self._connection.execute(
            update(commands)
            .where(commands.c.command_id == command_id, commands.c.status == expected)
            .values(status=to, **values)
        )
        row = self.get(command_id) if done.rowcount else None
        if row is not None:
            self._moved(row, expected, by, at)
        return row

    def _moved(self, row: CommandRow, expected: CommandStatus, by: str, at: datetime) -> None:
        new: dict[str, Any] = {"status": row.status}
        if row.result is not None:
            new["result"] = row.result
        event = "taken" if row.status is CommandStatus.EXECUTING else row.status
        self._record(row, f"command.{event}", by, at, {"status": expected}, new)

    def _record(
        self,
        row: CommandRow,
        event: str,
        by: str,
        at: datetime,
        old: dict[str, Any] | None,
        new: dict[str, Any],
    ) -> None:
        self._audit.append(
            at=at,
            actor=by,
            event=event,
            bot_id=row.bot_id,
            symbol=row.symbol,
            action_id=row.action_id,
            old=old,
            new=new,
        )
