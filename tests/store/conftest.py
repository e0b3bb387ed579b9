"""Stores to test on: each test that asks for `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import insert, make_url, text

from freqtrade_recon_plugin.store import Store, open_store, upgrade
from freqtrade_recon_plugin.store.address import make_engine, parse
from freqtrade_recon_plugin.store.audit import GENESIS
from freqtrade_recon_plugin.store.tables import audit_head, metadata
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


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of a store with nothing in it. The schema is shared: leave it as it is."""
    if kind == "postgres":
        shared: str = request.getfixturevalue("migrated_postgres")
        _wipe(shared)
        return shared
    alone: str = request.getfixturevalue("sqlite_url")
    upgrade(alone)
    return alone


def _wipe(url: str) -> None:
    engine = make_engine(parse(url))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE recon_audit DISABLE TRIGGER USER"))
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(insert(audit_head).values(id=1, number=0, hash=GENESIS))
        connection.execute(text("ALTER TABLE recon_audit ENABLE TRIGGER USER"))
    engine.dispose()


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
