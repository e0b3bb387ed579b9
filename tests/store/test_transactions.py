"""Transactions: whole or not at all, one writer at a time, readers wait for nobody."""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.errors import Conflict, StoreError, StoreUnavailable
from freqtrade_recon_plugin.store import Store, address, open_store
from tests.store.racers import start
from tests.store.samples import BOT, NOW, SYMBOL, action, alert, bot, position


def fill(store: Store) -> None:
    """Something of everything, then an error."""
    with store.transaction() as tx:
        tx.bots.heartbeat(BOT, NOW, "stopped")
        tx.positions.publish(BOT, [position()])
        tx.actions.create(action(), by="test")
        tx.breakers.open(BOT, SYMBOL, BreakerReason.DIVERGENCE, "n", "test", NOW)
        tx.alerts.add(alert())
        raise RuntimeError("half way")


def test_an_exception_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        fill(store)
    with store.reading() as tx:
        assert tx.bots.get(BOT) == bot()
        assert tx.positions.of(BOT) == {}
        assert tx.actions.list() == []
        assert tx.breakers.list_open() == []
        assert tx.alerts.due(NOW, "outside", 10) == []
        assert tx.audit.verify().records == 1
    with store.transaction() as tx:
        assert tx.actions.create(action(), by="test"), "the store goes on working"


def test_a_killed_writer_leaves_nothing_and_keeps_nobody_out(store: Store) -> None:
    writer = start("write_and_wait", store.url, "a1")
    try:
        assert writer.hears() == "written"
    finally:
        writer.kill()
    with store.transaction() as tx:
        assert tx.actions.list() == []
        assert tx.audit.verify().records == 1
        assert tx.actions.create(action(), by="test")


def test_a_reader_sees_one_moment_and_waits_for_no_writer(store: Store) -> None:
    with store.reading() as before, store.transaction() as writing:
        assert before.actions.list() == []
        writing.actions.create(action(), by="test")
        assert before.actions.list() == []
        with store.reading() as beside:
            assert beside.actions.list() == []
    with store.reading() as after:
        assert len(after.actions.list()) == 1


def test_a_reading_transaction_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable), store.reading() as tx:
        tx.alerts.add(alert())
    with store.transaction() as tx:
        assert tx.alerts.due(NOW, "outside", 10) == []
        assert tx.alerts.add(alert()), "the same connection may write again afterwards"


def test_writers_take_turns(store: Store) -> None:
    first_is_in, second_is_done = threading.Event(), threading.Event()
    seen: list[list[str]] = []

    def second() -> None:
        assert first_is_in.wait(10)
        with store.transaction() as tx:
            seen.append([row.action_id for row in tx.actions.list()])
        second_is_done.set()

    thread = threading.Thread(target=second)
    thread.start()
    with store.transaction() as tx:
        first_is_in.set()
        assert not second_is_done.wait(0.3)
        tx.actions.create(action(), by="test")
    thread.join(10)
    assert seen == [["a1"]], "whoever waited reads what the first one wrote"


@pytest.mark.postgres
def test_on_postgresql_a_beat_does_not_wait_for_writers(postgres_url: str) -> None:
    from freqtrade_recon_plugin.store import upgrade

    upgrade(postgres_url)
    store = open_store(postgres_url)
    with store.transaction() as tx:
        tx.bots.register(bot(), by="test")
    with store.transaction() as writing:
        writing.actions.create(action(), by="test")
        with store.transaction(audited=False) as beat:
            beat.bots.heartbeat(BOT, NOW, "running")
            beat.positions.publish(BOT, [position()])
    with store.reading() as tx:
        assert tx.positions.of(BOT) == {SYMBOL: position()}
        assert len(tx.actions.list()) == 1
    store.close()


def test_a_beat_that_changes_the_state_is_audited_all_the_same(store: Store) -> None:
    with store.transaction(audited=False) as tx:
        tx.bots.heartbeat(BOT, NOW, "stopped")
    with store.reading() as tx:
        assert [record.event for record in tx.audit.list()] == ["bot.registered", "bot.state"]
        assert tx.audit.verify().ok


def test_a_writer_that_is_kept_waiting_too_long_says_so(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "WAIT_S", 0.2)
    store, other = open_store(url), open_store(url)
    refused = pytest.raises(StoreUnavailable, match="lock")
    with store.transaction(), refused, other.transaction():
        pytest.fail("two writers at once")
    with other.transaction() as tx:
        tx.bots.register(bot(), by="test")
    store.close()
    other.close()


def test_opening_a_store_waits_for_no_writer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "WAIT_S", 0.2)
    with contextlib.closing(open_store(url)) as store, store.transaction():
        open_store(url).close()


def test_a_store_whose_connections_are_all_in_use_says_so(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "WAIT_S", 0.2)
    with contextlib.closing(open_store(url)) as store, contextlib.ExitStack() as held:
        refused = pytest.raises(StoreUnavailable, match="QueuePool limit")
        with refused:
            for _ in range(100):
                held.enter_context(store.reading())


def test_what_a_unique_index_refuses_is_a_conflict(store: Store) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(), by="test")
        tx.actions.create(action(action_id="a2", symbol="ETH/USDT:USDT"), by="test")
    with pytest.raises(Conflict), store.transaction() as tx:
        tx.connection.execute(text(f"UPDATE recon_actions SET symbol = '{SYMBOL}'"))
    with store.reading() as tx:
        assert len({row.symbol for row in tx.actions.list(ActionStatus.DETECTED)}) == 2


def test_foreign_keys_are_kept(store: Store) -> None:
    with store.engine.connect() as connection:
        if store.engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position()])
    with pytest.raises(StoreError, match=r"(?i)foreign key"), store.transaction() as tx:
        tx.connection.execute(text("DELETE FROM recon_bots"))


def test_threads_may_share_a_store(store: Store) -> None:
    def in_threads(work: Callable[[int], None]) -> None:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    def work(number: int) -> None:
        for turn in range(5):
            with store.transaction() as tx:
                tx.actions.create(action(action_id=f"{number}-{turn}", symbol=f"{number}"), "test")
                tx.actions.move(
                    f"{number}-{turn}", ActionStatus.DETECTED, ActionStatus.STALE, "test", NOW
                )

    in_threads(work)
    with store.reading() as tx:
        assert len(tx.actions.list(ActionStatus.STALE)) == 20
        assert tx.audit.verify().records == 41


def test_a_store_is_found_where_it_was_opened_after_the_folder_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqtrade_recon_plugin.store import upgrade

    monkeypatch.chdir(tmp_path)
    upgrade("sqlite:///user_data/recon.sqlite")
    store = open_store("sqlite:///user_data/recon.sqlite")
    store.close()
    monkeypatch.chdir("/")
    with store.transaction() as tx:
        tx.bots.register(bot(), by="test")
    assert os.listdir(tmp_path / "user_data") != []
    store.close()
