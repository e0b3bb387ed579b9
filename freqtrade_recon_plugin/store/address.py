"""From a store's URL to an engine that behaves the same on SQLite and PostgreSQL.

Invariants: SQLite runs in WAL mode with foreign keys on and full syncs, and a writer takes its
turn at BEGIN; no connection waits for ever; a database file is created by `upgrade` only, so a
mistyped path is an error and never an empty store; no message shows a password.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from freqtrade_recon_plugin.errors import SettingsError, StoreUnavailable

#: Seconds that a connection waits for another writer, and for PostgreSQL to answer at all.
WAIT_S = 10
CONNECT_S = 5
STATEMENT_S = 60
#: Execution option: this transaction only reads.
READING = "recon_reading"

_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")


def parse(url: str) -> URL:
    """The URL with the driver that is used, and a SQLite file as an absolute path.

    :param url: `sqlite:///relative.sqlite`, `sqlite:////absolute.sqlite`, `postgresql://...` or
        `postgres://...` (as Airflow's connections spell it).
    :raises SettingsError: not such a URL; the message shows no password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "store URL: cannot be read; it looks like sqlite:///user_data/recon.sqlite "
            "or postgresql://user:password@host/database"
        ) from None
    if parsed.drivername in _POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise SettingsError(
            f"store URL: {parsed.drivername!r} is not supported; use sqlite or postgresql"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise SettingsError(
            "store URL: names no file; the store is shared between processes, so it cannot be "
            "in memory"
        )
    path = os.path.abspath(os.path.expanduser(parsed.database))
    return parsed.set(drivername="sqlite", database=path)


def shown(url: URL) -> str:
    """The URL as messages may show it."""
    return url.render_as_string(hide_password=True)


def file_of(url: URL) -> Path | None:
    """The database file, or None for PostgreSQL."""
    return Path(url.database or "") if url.drivername == "sqlite" else None


def make_engine(url: URL, create: bool = False) -> Engine:
    """An engine with the behaviour that the module's docstring promises.

    :param create: SQLite: make the file, and the folder it is in, where they are missing.
    :raises SettingsError: the driver is not installed.
    """
    path = file_of(url)
    if path is not None:
        return _sqlite_engine(url, path, create)
    try:
        engine = create_engine(
            url, pool_pre_ping=True, pool_timeout=WAIT_S, connect_args=_postgresql_arguments(url)
        )
    except ModuleNotFoundError:
        raise SettingsError(
            "store URL: PostgreSQL needs `pip install freqtrade-recon-plugin[postgres]`"
        ) from None
    event.listen(engine, "connect", _set_up_postgresql)
    return engine


def connect(engine: Engine, wait_s: float, reading: bool) -> Any:
    """A driver's own connection, outside any pool, in autocommit.

    :param wait_s: seconds that a statement may wait. Connecting has the same bound, on PostgreSQL
        at least 2 s (the driver's least).
    :param reading: it may not write.
    """
    path = file_of(engine.url)
    if path is not None:
        connection = sqlite3.connect(
            _file_uri(path), uri=True, timeout=wait_s, check_same_thread=False, isolation_level=None
        )
        _set_up_sqlite(connection)
        connection.execute(f"PRAGMA query_only = {int(reading)}")
        return connection
    _, named = engine.dialect.create_connect_args(engine.url)
    arguments = {**named, **_postgresql_arguments(engine.url), "autocommit": True}
    arguments["connect_timeout"] = max(2, math.ceil(wait_s))
    return engine.dialect.connect(**arguments)


def limits(wait_s: float, reading: bool) -> str:
    """What such a connection to PostgreSQL has to be told first; SQLite's has been told."""
    read_only = "on" if reading else "off"
    return f"SET statement_timeout = '{wait_s}s'; SET default_transaction_read_only = {read_only}"


def _postgresql_arguments(url: URL) -> dict[str, Any]:
    """Time-outs of the network, where the URL does not say otherwise."""
    defaults = {
        "connect_timeout": CONNECT_S,
        "application_name": "freqtrade-recon",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(WAIT_S * 1000),
    }
    return {name: value for name, value in defaults.items() if name not in url.query}


def _set_up_postgresql(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{WAIT_S}s'")
        cursor.execute(f"SET statement_timeout = '{STATEMENT_S}s'")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{STATEMENT_S}s'")
    connection.commit()


def _sqlite_engine(url: URL, path: Path, create: bool) -> Engine:
    engine = create_engine(url, creator=_opener(path, create), pool_timeout=WAIT_S)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, record: Any) -> None:
        record.info["file"] = identity(path)
        # SQLAlchemy's "begin" event below says BEGIN; the driver must not say its own.
        connection.isolation_level = None
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",) and create:
            _switch_to_wal(connection)
        _set_up_sqlite(connection)

    @event.listens_for(engine, "checkout")
    def check_file(_connection: Any, record: Any, _proxy: Any) -> None:
        # An open file lives on after it was deleted or replaced; nobody else would see our writes.
        if record.info["file"] != identity(path):
            raise DisconnectionError("the database file was replaced")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = bool(connection.get_execution_options().get(READING))
        connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switches, and waits for others who do: SQLite itself answers "locked" here at once."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _set_up_sqlite(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # A breaker that was opened must still be open after a loss of power.
    connection.execute("PRAGMA synchronous = FULL")


def _file_uri(path: Path, create: bool = False) -> str:
    return f"file:{quote(str(path))}?mode={'rwc' if create else 'rw'}"


def _opener(path: Path, create: bool) -> Callable[[], sqlite3.Connection]:

    def connect() -> sqlite3.Connection:
        if create:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreUnavailable(f"the store's folder cannot be made: {error}") from error
        return sqlite3.connect(
            _file_uri(path, create), uri=True, timeout=WAIT_S, check_same_thread=False
        )

    return connect


def identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file, or None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
