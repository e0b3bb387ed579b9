"""The guard's question, asked before every order: is something open that holds this symbol?

One indexed read on a connection that is kept for it, in autocommit, without building statements.
Invariants: what cannot be read raises, it never reads as "nothing open"; a lost connection or a
replaced database file is noticed and replaced by itself.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine

from freqtrade_recon_plugin.domain.lifecycle import WHOLE_BOT, BreakerReason
from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.store.address import file_of, identity, shown

_QUESTION = (
    "SELECT symbol, reason, action_id FROM recon_breakers "
    "WHERE bot_id = {mark} AND symbol IN ({mark}, '*') AND is_open"
)

#: Open, why, and for which action.
Blocking = tuple[bool, BreakerReason, str | None]


class GuardReads:
    """The kept connection; threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = file_of(engine.url)
        self._question = _QUESTION.format(mark="?" if self._path is not None else "%s")
        self._lock = threading.Lock()
        self._connection: Any = None
        self._handle: Any = None
        self._process = os.getpid()
        self._file: tuple[int, int] | None = None
        self._inherited: list[Any] = []

    def blocking(self, bot_id: str, symbol: str) -> Blocking | None:
        """The open breaker that holds this symbol, or None.

        The symbol's own goes before the whole bot's.

        :raises StoreUnavailable: it cannot be known.
        """
        with self._lock:
            rows = self._ask((bot_id, symbol))
        if not rows:
            return None
        _, reason, action_id = min(rows, key=lambda row: row[0] == WHOLE_BOT)
        try:
            return True, BreakerReason(reason), action_id
        except ValueError:
            raise StoreUnavailable(f"the store holds a breaker of reason {reason!r}") from None

    def close(self) -> None:
        """Gives the connection up; the next question opens a new one."""
        with self._lock:
            self._drop()

    def _ask(self, values: tuple[str, str]) -> list[Any]:
        kept = self._connection is not None
        try:
            return self._rows(values)
        except Exception as error:
            self._drop()
            if not kept:
                raise self._unavailable(error) from error
        # The connection may just have been an old one: a server that was restarted answers again.
        try:
            return self._rows(values)
        except Exception as error:
            self._drop()
            raise self._unavailable(error) from error

    def _rows(self, values: tuple[str, str]) -> list[Any]:
        file = None if self._path is None else identity(self._path)
        if self._connection is None or self._process != os.getpid() or self._file != file:
            self._drop()
            self._connection, self._process, self._file = self._connect(), os.getpid(), file
        rows: list[Any] = self._connection.execute(self._question, values).fetchall()
        return rows

    def _connect(self) -> Any:
        # Taken out of the pool; dropping the pool's handle would close it, so that is kept too.
        self._handle = self._engine.raw_connection()
        connection: Any = self._handle.driver_connection
        self._handle.detach()
        if self._path is None:
            connection.autocommit = True
        else:
            connection.execute("PRAGMA query_only = 1")
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._process != os.getpid():
            # It is still the parent's: closing it here would end the parent's session.
            self._inherited.append((self._handle, connection))
            return
        with suppress(Exception):
            connection.close()

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        cause = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        where = shown(self._engine.url)
        return StoreUnavailable(f"the store at {where} cannot be read: {cause.splitlines()[0]}")
