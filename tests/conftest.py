"""Databases to test on. A test that asks for `url` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from freqtrade_recon_plugin.store import upgrade
from tests import left_out

POSTGRES_URL = os.environ.get("RECON_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")


def pytest_configure(config: pytest.Config) -> None:
    part = left_out.Part(
        mark="postgres",
        missing=_postgres_missing,
        how="start PostgreSQL there or name one with RECON_TEST_POSTGRES_URL",
    )
    left_out.needs(config, part)


def _postgres_missing() -> str | None:
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=5).close()
    except psycopg.Error:
        url = make_url(POSTGRES_URL)
        return f"no PostgreSQL answers at {url.host}:{url.port or 5432}"
    return None


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A PostgreSQL with nothing in it: a schema of its own, dropped afterwards."""
    schema = f"recon_test_{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        url = make_url(POSTGRES_URL).update_query_dict({"options": f"-csearch_path={schema}"})
        try:
            yield url.render_as_string(hide_password=False)
        finally:
            connection.execute("SET client_min_messages = warning")
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A place for a SQLite file; neither the file nor its folder is there yet."""
    return f"sqlite:///{tmp_path}/data/recon.sqlite"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without a schema."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def url(empty_url: str) -> str:
    """The URL of a store with the schema and nothing in it."""
    upgrade(empty_url)
    return empty_url
