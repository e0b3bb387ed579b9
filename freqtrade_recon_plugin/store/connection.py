"""Opening the store, and its transactions.

Invariants: a transaction commits as a whole or leaves nothing; writers take turns (SQLite: BEGIN
IMMEDIATE, PostgreSQL: the lock on the audit trail's head), so what a writer reads is what it
changes; errors of the database leave here as `StoreUnavailable` or `Conflict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from freqtrade_recon_plugin.errors import Conflict, StoreError, StoreUnavailable
from freqtrade_recon_plugin.store.actions import Actions
from freqtrade_recon_plugin.store.address import READING, make_engine, parse, shown
from freqtrade_recon_plugin.store.alerts import Alerts
from freqtrade_recon_plugin.store.audit import Audit
from freqtrade_recon_plugin.store.bots import Bots
from freqtrade_recon_plugin.store.breakers import Breakers
from freqtrade_recon_plugin.store.commands import Commands
from freqtrade_recon_plugin.store.intents import Intents
from freqtrade_recon_plugin.store.positions import Positions
from freqtrade_recon_plugin.store.schema import check_current
from freqtrade_recon_plugin.store.sightings import Sightings

_UNIQUE = ("23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")


class Transaction:
    """The repositories, one per question, within one transaction."""

    def __init__(self, connection: Connection, code_version: str) -> None:
        self.connection = connection
        self.audit = Audit(connection, code_version)
        self.bots = Bots(connection, self.audit)
        self.positions = Positions(connection)
        self.intents = Intents(connection)
        self.breakers = Breakers(connection, self.audit)
        self.actions = Actions(connection, self.audit)
        self.commands = Commands(connection, self.audit)
        self.alerts = Alerts(connection)
        self.sightings = Sightings(connection)


class Store:
    """An open store. It may be shared by threads, but not carried over a fork."""

    def __init__(self, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine
        self.code_version = _code_version()

    @contextmanager
    def transaction(self, audited: bool = True) -> Iterator[Transaction]:
        """A writing transaction: commits on a clean exit, rolls back on any exception.

        :param audited: False for the bot's own beat (heartbeat and published positions), which
            writes no audit record and so need not wait, on PostgreSQL, for the other writers.
        :raises StoreUnavailable: the database cannot be reached or used, or another writer kept
            it for too long. Raised at the commit itself it leaves open whether that was done.
        :raises Conflict: a unique index refused a row.
        """
        with self._begun(reading=False) as transaction:
            if audited:
                transaction.audit.lock()
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that sees one moment, waits for nobody and may not write.

        :raises StoreUnavailable: the database cannot be reached or used.
        """
        with self._begun(reading=True) as transaction:
            yield transaction

    def close(self) -> None:
        """Closes the connections; the next transaction would open new ones."""
        self.engine.dispose()

    @contextmanager
    def _begun(self, reading: bool) -> Iterator[Transaction]:
        with translated(self.engine), self.engine.connect() as connection:
            if reading:
                connection = connection.execution_options(**_reading_options(self.engine))
            with connection.begin():
                yield Transaction(connection, self.code_version)


def open_store(url: str) -> Store:
    """Opens a store whose schema is the one of this code.

    :param url: see `address.parse`.
    :raises SettingsError: the URL is not one of a store, or its driver is not installed.
    :raises StoreUnavailable: the database cannot be reached.
    :raises SchemaMismatch: the schema is missing, older or newer; the message says what to do.
    """
    engine = make_engine(parse(url))
    try:
        with translated(engine):
            check_current(engine)
    except BaseException:  # whatever ended it, also Ctrl-C: no connection may stay open
        engine.dispose()
        raise
    return Store(url, engine)


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turns what SQLAlchemy and the drivers raise into this package's errors."""
    try:
        yield
    except IntegrityError as error:
        code = getattr(error.orig, "sqlstate", None) or getattr(
            error.orig, "sqlite_errorname", None
        )
        kind = Conflict if code in _UNIQUE else StoreError
        raise kind(f"the store refused the row: {_first_line(error)}") from error
    except DBAPIError as error:
        raise StoreUnavailable(
            f"the store at {shown(engine.url)} cannot be used: {_first_line(error)}"
        ) from error
    except StatementError as error:
        # A value that cannot be stored is the caller's mistake, not the store's.
        raise error.orig or error from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(
            f"the store at {shown(engine.url)} cannot be used: {_first_line(error)}"
        ) from error


def _first_line(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


def _reading_options(engine: Engine) -> dict[str, object]:
    if engine.dialect.name == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {READING: True}


def _code_version() -> str:
    try:
        return version("freqtrade-recon-plugin")
    except PackageNotFoundError:
        return "unknown"
