"""A connection that is kept for one statement, asked on the way of an order.

Autocommit, outside the pool, no statement building. Invariants: threads may share it, and a forked
child gets a connection of its own; a lost connection or a replaced database file is noticed and
replaced by itself; no call waits much longer than its bound, also for a server that has frozen.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine

from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.store.address import connect, file_of, identity, limits, shown

#: PostgreSQL: the statement took too long. Trying again would only wait again.
_STATEMENT_TIMEOUT = "57014"


class KeptConnection:
    """The kept connection.

    :param wait_s: seconds that a statement may take, waiting for others included. Connecting has
        the same bound, on PostgreSQL at least 2 s.
    :param verb: what cannot be done when it fails, for the message: read, written.
    :param reading: the connection may not write.
    """

    def __init__(self, engine: Engine, wait_s: float, verb: str, reading: bool) -> None:
        self._engine = engine
        self._path = file_of(engine.url)
        self._wait_s = wait_s
        self._verb = verb
        self._reading = reading
        self._lock = threading.Lock()
        self._connection: Any = None
        self._process = os.getpid()
        self._file: tuple[int, int] | None = None
        self._inherited: list[Any] = []

    @property
    def mark(self) -> str:
        """How a value is marked in a statement."""
        return "%s" if self._path is None else "?"

    def rows(self, statement: str, values: Sequence[Any]) -> list[Any]:
        """What a query finds.

        :raises StoreUnavailable: it cannot be known.
        """
        found: list[Any] = self._run(statement, values, fetch=True)
        return found

    def changed(self, statement: str, values: Sequence[Any]) -> int:
        """How many rows a statement changed. It may be run twice when a connection was lost.

        :raises StoreUnavailable: it may not have been done.
        """
        count: int = self._run(statement, values, fetch=False)
        return count

    def close(self) -> None:
        """Gives the connection up; the next call opens a new one."""
        if self._process == os.getpid():
            with self._lock:
                self._drop()

    def _run(self, statement: str, values: Sequence[Any], fetch: bool) -> Any:
        if self._process != os.getpid():
            self._start_anew_in_a_child()
        if not self._lock.acquire(timeout=self._wait_s):
            raise self._unavailable("another thread is still waiting for it")
        try:
            return self._tried_twice(statement, values, fetch)
        finally:
            self._lock.release()

    def _tried_twice(self, statement: str, values: Sequence[Any], fetch: bool) -> Any:
        kept = self._connection is not None
        try:
            return self._once(statement, values, fetch)
        except Exception as error:
            self._drop()
            if not kept or _took_too_long(error):
                raise self._unavailable(error) from error
        # The connection may just have been an old one: a server that was restarted answers again.
        try:
            return self._once(statement, values, fetch)
        except Exception as error:
            self._drop()
            raise self._unavailable(error) from error

    def _once(self, statement: str, values: Sequence[Any], fetch: bool) -> Any:
        file = None if self._path is None else identity(self._path)
        if self._connection is None or self._file != file:
            self._drop()
            self._connection = connect(self._engine, self._wait_s, self._reading)
            self._file = file
            if self._path is None:
                with _cut_off(self._connection, self._wait_s):
                    self._connection.execute(limits(self._wait_s, self._reading))
        with _cut_off(self._connection, None if self._path is not None else self._wait_s):
            cursor = self._connection.execute(statement, values)
            return cursor.fetchall() if fetch else cursor.rowcount

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _start_anew_in_a_child(self) -> None:
        # The connection is the parent's: closing it here would end the parent's session. The lock
        # may have been held by a thread that does not exist here.
        if self._connection is not None:
            self._inherited.append(self._connection)
            self._connection = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def _unavailable(self, error: Exception | str) -> StoreUnavailable:
        cause = str(error).strip() or type(error).__name__
        where = shown(self._engine.url)
        return StoreUnavailable(f"the store at {where} cannot be {self._verb}: {_first(cause)}")


class _TookTooLong(Exception):
    """The server did not answer in time; the connection was cut off."""


@contextmanager
def _cut_off(connection: Any, after_s: float | None) -> Iterator[None]:
    """Shuts a PostgreSQL connection down when a statement takes too long.

    The server's own time-outs come first; they do not help when the server itself has stopped,
    because its machine goes on answering for it.
    """
    if after_s is None:
        yield
        return
    cut = threading.Event()

    def shut() -> None:
        cut.set()
        # A connection that is closed by now has no socket; whatever the driver says about that,
        # there is nothing left to cut.
        with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after_s + 0.2, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if cut.is_set():
            raise _TookTooLong(f"no answer within {after_s:g} s") from error
        raise
    finally:
        timer.cancel()


def _took_too_long(error: Exception) -> bool:
    if isinstance(error, _TookTooLong):
        return True
    locked = str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCK"))
    return locked or getattr(error, "sqlstate", None) == _STATEMENT_TIMEOUT


def _first(text: str) -> str:
    return text.splitlines()[0]
