"""Stores to test on: each test that asks for `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from freqtrade_recon_plugin.store import Store, open_store, upgrade
from freqtrade_recon_plugin.store.audit import GENESIS
from freqtrade_recon_plugin.store.tables import metadata
from tests.conftest import POSTGRES_URL
from tests.store.samples import bot


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two databases."""
    name: str = request.param
    return name


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database without a schema, for tests that are about the schema."""
    url: str = request.getfixturevalue(f"{kind}_url")
    return url


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    """One migrated PostgreSQL schema for the whole session: making one takes a while."""
    schema = f"recon_test_{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute(f"CREATE SCHEMA {schema}")
        url = make_url(POSTGRES_URL).update_query_dict({"options": f"-csearch_path={schema}"})
        migrated = url.render_as_string(hide_password=False)
        try:
            upgrade(migrated)
            yield migrated
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(scope="session")
def wiped_postgres(migrated_postgres: str) -> Iterator[Callable[[], str]]:
    """Empties that schema and says where it is, in one round trip on a connection kept for it."""
    wipe = "; ".join(
        (
            "ALTER TABLE recon_audit DISABLE TRIGGER USER",
            *(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)),
            f"INSERT INTO recon_audit_head VALUES (1, 0, '{GENESIS}')",
            "ALTER TABLE recon_audit ENABLE TRIGGER USER",
        )
    )
    options = str(make_url(migrated_postgres).query["options"])
    with psycopg.connect(POSTGRES_URL, options=options, autocommit=True) as connection:
        # What is emptied here need not survive a loss of power.
        connection.execute("SET synchronous_commit = off")

        def wiped() -> str:
            connection.execute(wipe)
            return migrated_postgres

        yield wiped


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated SQLite file for the whole session, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "recon.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of a store with nothing in it. The schema is shared: leave it as it is."""
    if kind == "postgres":
        wiped: Callable[[], str] = request.getfixturevalue("wiped_postgres")
        return wiped()
    template: Path = request.getfixturevalue("migrated_sqlite")
    alone: str = request.getfixturevalue("sqlite_url")
    path = Path(make_url(alone).database or "")
    path.parent.mkdir(parents=True)
    shutil.copy(template, path)
    return alone


@pytest.fixture
def empty_store(url: str) -> Iterator[Store]:
    """An open store with nothing in it."""
    with contextlib.closing(open_store(url)) as store:
        yield store


@pytest.fixture
def store(empty_store: Store) -> Store:
    """An open store in which one bot is registered."""
    with empty_store.transaction() as tx:
        tx.bots.register(bot(), by="test")
    return empty_store


@pytest.fixture
def breakable_store(empty_url: str) -> Iterator[Store]:
    """As `store`, for tests that do something to the schema."""
    upgrade(empty_url)
    with contextlib.closing(open_store(empty_url)) as store:
        with store.transaction() as tx:
            tx.bots.register(bot(), by="test")
        yield store
