"""The command line in this process, on a store of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from freqtrade_recon_plugin.cli import main
from freqtrade_recon_plugin.store import Store
from tests.service.conftest import migrated, sandbox, store, store_url, world

__all__ = ["Answer", "Run", "migrated", "sandbox", "store", "store_url", "world"]


@dataclass(frozen=True)
class Answer:
    """What a command has left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that is all of standard output."""
        assert self.err == ""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def complaint(self) -> str:
        """The one line of a command that was given something bad."""
        assert self.status == 2
        assert self.out == ""
        assert self.err.count("\n") == 1
        assert self.err.startswith("freqtrade-recon: ")
        return self.err.removeprefix("freqtrade-recon: ").strip()


Run = Callable[..., Answer]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs one command line; whatever the environment says of this project is taken away."""
    monkeypatch.delenv("RECON_DATABASE_URL", raising=False)

    def run(*arguments: str) -> Answer:
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = capfd.readouterr()
        return Answer(status, out, err)

    return run


@pytest.fixture
def run(bare: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    """As `bare`, on a store with the schema and nothing in it."""
    monkeypatch.setenv("RECON_DATABASE_URL", store.url)
    return bare
