"""A store, the sandbox exchange over real HTTP, and bots in the store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freqtrade_recon_plugin.sandbox import start_sandbox
from freqtrade_recon_plugin.store import Store, open_store, upgrade
from tests.service.world import World


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a SQLite file that holds the schema and nothing else."""
    folder = tmp_path_factory.mktemp("migrated")
    upgrade(f"sqlite:///{folder}/recon.sqlite")
    return folder


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> str:
    """An empty store: SQLite, or what `on_every_store` asks for."""
    if getattr(request, "param", "sqlite") == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        upgrade(url)
        return url
    shutil.copytree(migrated, tmp_path / "store")
    return f"sqlite:///{tmp_path}/store/recon.sqlite"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with start_sandbox(port=0, accounts=("main", "second")) as running:
        yield running


@pytest.fixture
def world(store: Store, sandbox: Any) -> Iterator[World]:
    made = World(store, sandbox)
    yield made
    for bot in made.bots:
        bot.stop()
