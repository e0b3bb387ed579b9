"""A store that cannot be reached says so in one error, and is used again when it is back."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from freqtrade_recon_plugin.domain.lifecycle import WHOLE_BOT, BreakerReason
from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.store import (
    GuardReads,
    IntentWriter,
    Store,
    is_current,
    open_store,
    upgrade,
)
from freqtrade_recon_plugin.store.address import parse
from tests.store.outage import CutLine, HiddenFolder
from tests.store.samples import BOT, NOW, SYMBOL, action, bot, intent

Outage = CutLine | HiddenFolder


@pytest.fixture
def outage(url: str) -> Iterator[Outage]:
    """A store that can be taken away."""
    made = HiddenFolder(url) if url.startswith("sqlite") else CutLine(url)
    yield made
    made.close()


@pytest.fixture
def store(outage: Outage) -> Iterator[Store]:
    """An open store behind it, with one bot."""
    opened = open_store(outage.url)
    with opened.transaction() as tx:
        tx.bots.register(bot(), by="test")
    yield opened
    opened.close()


def test_transactions_fail_while_the_store_is_away_and_work_when_it_is_back(
    store: Store, outage: Outage
) -> None:
    outage.begin()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="cannot be used"), store.transaction():
            pytest.fail("nothing to write to")
        with pytest.raises(StoreUnavailable, match="cannot be used"), store.reading():
            pytest.fail("nothing to read from")
    outage.end()
    with store.transaction() as tx:
        assert tx.actions.create(action(), by="test")
    with store.reading() as tx:
        assert [row.action_id for row in tx.actions.list()] == ["a1"]


@pytest.mark.postgres
def test_a_transaction_that_loses_its_server_half_way_leaves_nothing(postgres_url: str) -> None:
    upgrade(postgres_url)
    line = CutLine(postgres_url)
    store = open_store(line.url)
    with store.transaction() as tx:
        tx.bots.register(bot(), by="test")

    def lost_half_way() -> None:
        with store.transaction() as tx:
            tx.actions.create(action(), by="test")
            line.begin()
            tx.breakers.open(BOT, SYMBOL, BreakerReason.DIVERGENCE, "n", "test", NOW)

    with pytest.raises(StoreUnavailable, match="cannot be used"):
        lost_half_way()
    line.end()
    with store.transaction() as tx:
        assert tx.actions.list() == []
        assert tx.breakers.list_open() == []
        assert tx.audit.verify().records == 1
    store.close()
    line.close()


@pytest.mark.postgres
def test_a_server_that_is_away_cannot_be_opened(postgres_url: str) -> None:
    upgrade(postgres_url)
    line = CutLine(postgres_url)
    line.begin()
    for question in (open_store, is_current, upgrade):
        with pytest.raises(StoreUnavailable, match="cannot be used"):
            question(line.url)
    line.end()
    assert is_current(line.url)
    line.close()


def test_a_file_that_is_no_database_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "recon.sqlite"
    path.write_text("this is not a database, and it is long enough to be looked at" * 100)
    for question in (open_store, is_current, upgrade):
        with pytest.raises(StoreUnavailable, match="not a database"):
            question(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable, match=f"folder cannot be made: .*{tmp_path}/data"):
        upgrade(f"sqlite:///{tmp_path}/data/recon.sqlite")


def test_a_database_file_that_was_replaced_is_noticed(sqlite_url: str, tmp_path: Path) -> None:
    upgrade(sqlite_url)
    other_url = f"sqlite:///{tmp_path}/other.sqlite"
    upgrade(other_url)
    for made in (sqlite_url, other_url):
        with contextlib.closing(open_store(made)) as filled, filled.transaction() as tx:
            tx.bots.register(bot(), by="test")
            if made == other_url:
                tx.breakers.open(BOT, SYMBOL, BreakerReason.MANUAL, "n", "bob", NOW)
    store = open_store(sqlite_url)
    guard = GuardReads(store.engine)
    assert guard.blocking(BOT, SYMBOL) is None
    (tmp_path / "other.sqlite").replace(tmp_path / "data" / "recon.sqlite")
    assert guard.blocking(BOT, SYMBOL) == (True, BreakerReason.MANUAL, None)
    with store.reading() as tx:
        assert len(tx.breakers.list_open()) == 1
    guard.close()
    store.close()


def test_the_guard_never_reads_an_absent_store_as_free(store: Store, outage: Outage) -> None:
    guard = GuardReads(store.engine)
    assert guard.blocking(BOT, SYMBOL) is None
    outage.begin()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            guard.blocking(BOT, SYMBOL)
    outage.end()
    with store.transaction() as tx:
        tx.breakers.open(BOT, WHOLE_BOT, BreakerReason.MANUAL, "n", "bob", NOW)
    assert guard.blocking(BOT, SYMBOL) == (True, BreakerReason.MANUAL, None)
    guard.close()


def test_transactions_do_not_notice_an_outage_that_is_over(store: Store, outage: Outage) -> None:
    outage.begin()
    outage.end()
    with store.transaction() as tx:
        assert tx.actions.create(action(), by="test")


def test_a_database_file_that_was_deleted_is_missed_and_not_made_anew(sqlite_url: str) -> None:
    upgrade(sqlite_url)
    store = open_store(sqlite_url)
    guard = GuardReads(store.engine)
    assert guard.blocking(BOT, SYMBOL) is None
    path = parse(sqlite_url).database
    assert path is not None
    Path(path).unlink()
    with pytest.raises(StoreUnavailable, match="unable to open"), store.transaction():
        pytest.fail("there is no store")
    with pytest.raises(StoreUnavailable, match="unable to open"):
        guard.blocking(BOT, SYMBOL)
    assert not Path(path).exists()
    store.close()


def test_the_guard_does_not_notice_an_outage_that_is_over(store: Store, outage: Outage) -> None:
    guard = GuardReads(store.engine)
    assert guard.blocking(BOT, SYMBOL) is None
    outage.begin()
    outage.end()
    assert guard.blocking(BOT, SYMBOL) is None
    guard.close()


def test_an_intent_is_refused_while_the_store_is_away_and_written_when_it_is_back(
    store: Store, outage: Outage
) -> None:
    with contextlib.closing(IntentWriter(store.engine)) as writer:
        writer.add(intent(client_id="before"))
        outage.begin()
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="cannot be written"):
                writer.add(intent(client_id="lost"))
            with pytest.raises(StoreUnavailable, match="cannot be written"):
                writer.answered(BOT, "before", "7")
        outage.end()
        writer.add(intent(client_id="after"))
        assert writer.answered(BOT, "before", "7")
    with store.reading() as tx:
        assert {row.client_id for row in tx.intents.of(BOT, SYMBOL, NOW)} == {"before", "after"}


def test_an_intent_does_not_notice_an_outage_that_is_over(store: Store, outage: Outage) -> None:
    with contextlib.closing(IntentWriter(store.engine)) as writer:
        writer.add(intent(client_id="before"))
        outage.begin()
        outage.end()
        writer.add(intent(client_id="after"))
    with store.reading() as tx:
        assert len(tx.intents.of(BOT, SYMBOL, NOW)) == 2


@pytest.fixture
def frozen(migrated_postgres: str) -> Iterator[CutLine]:
    """A relay that is to be frozen, before a server with one bot."""
    line = CutLine(migrated_postgres)
    with contextlib.closing(open_store(line.url)) as store, store.transaction() as tx:
        tx.bots.register(bot(), by="test")
    yield line
    line.close()


@pytest.mark.postgres
@pytest.mark.parametrize("connected", [True, False], ids=["connected", "not connected"])
def test_a_server_that_has_frozen_does_not_hold_an_order_up(
    frozen: CutLine, connected: bool
) -> None:
    store = open_store(frozen.url)
    guard, writer = GuardReads(store.engine, wait_s=0.3), IntentWriter(store.engine, wait_s=0.3)
    if connected:
        assert guard.blocking(BOT, SYMBOL) is None
        writer.add(intent(client_id="before"))
    frozen.freeze()
    began = time.monotonic()
    if connected:
        with pytest.raises(StoreUnavailable, match=r"cannot be read: no answer within 0\.3 s"):
            guard.blocking(BOT, SYMBOL)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        writer.add(intent(client_id="lost"))
    # 0.3 s each, or the driver's 2 s to connect; without a bound it would be minutes.
    assert time.monotonic() - began < 10
    frozen.thaw()
    assert guard.blocking(BOT, SYMBOL) is None
    writer.add(intent(client_id="after"))
    guard.close()
    writer.close()
    store.close()
