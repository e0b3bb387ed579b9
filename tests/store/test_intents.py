"""Intents: what a bot was about to order, written on the way of the order."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import text

from freqtrade_recon_plugin.domain.model import OrderSide
from freqtrade_recon_plugin.errors import StoreError, StoreUnavailable
from freqtrade_recon_plugin.store import IntentWriter, Store
from tests.store.samples import BOT, NOW, SYMBOL, action, bot, intent, position

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def writer(store: Store) -> Iterator[IntentWriter]:
    made = IntentWriter(store.engine)
    yield made
    made.close()


def known(store: Store, bot_id: str = BOT, since: datetime = NOW) -> list[str]:
    with store.reading() as tx:
        return [row.client_id for row in tx.intents.of(bot_id, SYMBOL, since)]


def test_an_intent_comes_back_as_written_either_way(store: Store, writer: IntentWriter) -> None:
    fast, slow = intent(client_id="fast"), intent(client_id="slow", side=OrderSide.SELL)
    writer.add(fast)
    with store.transaction() as tx:
        assert tx.intents.add(slow)
        assert tx.intents.of(BOT, SYMBOL, NOW) == [fast, slow]


def test_a_time_of_another_zone_is_the_same_time(store: Store, writer: IntentWriter) -> None:
    whole = NOW.replace(microsecond=0)
    east = whole.astimezone(timezone(timedelta(hours=14)))
    west = (whole + SECOND).astimezone(timezone(timedelta(hours=-10)))
    writer.add(intent(client_id="east", at=east))
    writer.add(intent(client_id="west", at=west))
    with store.reading() as tx:
        assert [row.at for row in tx.intents.of(BOT, SYMBOL, whole)] == [whole, whole + SECOND]
        assert [row.client_id for row in tx.intents.of(BOT, SYMBOL, west)] == ["west"]


def test_an_intent_is_there_as_soon_as_it_is_added(store: Store, writer: IntentWriter) -> None:
    writer.add(intent())
    assert known(store) == [intent().client_id]


def test_intents_are_found_by_bot_symbol_and_time_oldest_first(store: Store) -> None:
    with store.transaction() as tx:
        tx.bots.register(bot(bot_id="other"), by="test")
        tx.intents.add(intent(client_id="late", at=NOW + SECOND))
        tx.intents.add(intent(client_id="now"))
        tx.intents.add(intent(client_id="early", at=NOW - SECOND))
        tx.intents.add(intent(client_id="now", bot_id="other"))
        tx.intents.add(intent(client_id="eth", symbol="ETH/USDT:USDT"))
        found = [row.client_id for row in tx.intents.of(BOT, SYMBOL, NOW)]
        assert found == ["now", "late"]
        assert [row.bot_id for row in tx.intents.of("other", SYMBOL, NOW)] == ["other"]
        assert tx.intents.of("nobody", SYMBOL, NOW) == []


def test_an_intent_that_is_there_is_left_as_it_was(store: Store, writer: IntentWriter) -> None:
    writer.add(intent())
    again = intent(amount=Decimal(1), order_id="9")
    writer.add(again)
    with store.transaction() as tx:
        assert not tx.intents.add(again)
        assert tx.intents.of(BOT, SYMBOL, NOW) == [intent()]


def test_the_exchanges_answer_adds_the_order_id(store: Store, writer: IntentWriter) -> None:
    writer.add(intent())
    writer.add(intent(client_id="another"))
    assert writer.answered(BOT, intent().client_id, "4711")
    assert not writer.answered(BOT, "never written", "4712")
    assert not writer.answered("other", intent().client_id, "4713")
    with store.reading() as tx:
        assert {row.client_id: row.order_id for row in tx.intents.of(BOT, SYMBOL, NOW)} == {
            intent().client_id: "4711",
            "another": None,
        }


def test_intents_older_than_thirty_days_are_forgotten_when_the_bot_registers(
    store: Store, writer: IntentWriter
) -> None:
    with store.transaction() as tx:
        tx.bots.register(bot(bot_id="other"), by="test")
    writer.add(intent(client_id="old", at=NOW - 30 * DAY - SECOND))
    writer.add(intent(client_id="kept", at=NOW - 30 * DAY))
    writer.add(intent(client_id="old", at=NOW - 31 * DAY, bot_id="other"))
    with store.transaction() as tx:
        tx.bots.register(bot(), by="test")
    assert known(store, since=NOW - 60 * DAY) == ["kept"]
    assert known(store, "other", since=NOW - 60 * DAY) == ["old"], "another bot's"


def test_forgetting_says_how_many(store: Store) -> None:
    with store.transaction() as tx:
        for number in range(3):
            tx.intents.add(intent(client_id=f"{number}", at=NOW + number * SECOND))
        assert tx.intents.prune(BOT, NOW + 2 * SECOND) == 2
        assert tx.intents.prune(BOT, NOW + 2 * SECOND) == 0
        assert [row.client_id for row in tx.intents.of(BOT, SYMBOL, NOW)] == ["2"]


def test_an_intent_needs_a_registered_bot(store: Store, writer: IntentWriter) -> None:
    with pytest.raises(StoreUnavailable, match=r"(?i)cannot be written: .*foreign key"):
        writer.add(intent(bot_id="nobody"))
    with pytest.raises(StoreError, match=r"(?i)foreign key"), store.transaction() as tx:
        tx.intents.add(intent(bot_id="nobody"))
    writer.add(intent())


@pytest.mark.parametrize(
    "wrong",
    [{"amount": Decimal("NaN")}, {"at": NOW.replace(tzinfo=None)}, {"side": "long"}],
    ids=["amount", "time", "side"],
)
def test_what_is_no_intent_is_refused(writer: IntentWriter, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"NaN|zone|long"):
        writer.add(intent(**wrong))


# --- on the way of an order ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_on_postgresql_an_intent_waits_for_no_other_writer(
    store: Store, writer: IntentWriter
) -> None:
    with store.transaction() as tx:
        tx.bots.register(bot(version="newer"), by="test")
        tx.bots.heartbeat(BOT, NOW, "stopped")
        tx.bots.learn_holdings(BOT, {"ETH": Decimal(1)}, NOW, by="test")
        tx.positions.publish(BOT, [position()])
        tx.actions.create(action(), by="test")
        writer.add(intent())
        assert writer.answered(BOT, intent().client_id, "4711")
    assert known(store) == [intent().client_id]


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.postgres)])
def test_on_postgresql_a_locked_table_holds_an_order_up_for_a_moment_only(store: Store) -> None:
    writer = IntentWriter(store.engine, wait_s=0.2)
    writer.add(intent())
    began = time.monotonic()
    with store.engine.begin() as connection:
        connection.execute(text("LOCK TABLE recon_intents"))
        with pytest.raises(StoreUnavailable, match=r"cannot be written: .*timeout"):
            writer.add(intent(client_id="2"))
    assert time.monotonic() - began < 5
    writer.add(intent(client_id="3"))
    assert set(known(store)) == {intent().client_id, "3"}
    writer.close()


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("connected", [True, False])
def test_on_sqlite_a_busy_writer_holds_an_order_up_for_a_moment_only(
    store: Store, connected: bool
) -> None:
    writer = IntentWriter(store.engine, wait_s=0.2)
    if connected:
        writer.add(intent())
    with store.transaction():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be written: database is locked"):
            writer.add(intent(client_id="2"))
        assert 0.15 < time.monotonic() - began < 5
    writer.add(intent(client_id="3"))
    assert "3" in known(store)
    writer.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_on_sqlite_an_intent_waits_for_its_turn(store: Store) -> None:
    writer = IntentWriter(store.engine, wait_s=20)
    busy, done = threading.Event(), threading.Event()

    def add() -> None:
        assert busy.wait(10)
        writer.add(intent())
        done.set()

    thread = threading.Thread(target=add)
    thread.start()
    with store.transaction() as tx:
        busy.set()
        assert not done.wait(0.2)
        tx.actions.create(action(), by="test")
    thread.join(20)
    assert done.is_set()
    assert known(store) == [intent().client_id]
    writer.close()


def test_threads_may_share_a_writer(store: Store, writer: IntentWriter) -> None:
    def add(name: str) -> None:
        for number in range(10):
            writer.add(intent(client_id=f"{name}-{number}"))
            assert writer.answered(BOT, f"{name}-{number}", f"{name}{number}")

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with store.reading() as tx:
        rows = tx.intents.of(BOT, SYMBOL, NOW)
    assert len(rows) == 40
    assert all(row.order_id == row.client_id.replace("-", "") for row in rows)


def test_a_forked_child_writes_on_a_connection_of_its_own(
    store: Store, writer: IntentWriter
) -> None:
    writer.add(intent(client_id="before"))
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 1
        try:
            for number in range(20):
                writer.add(intent(client_id=f"child-{number}"))
            writer.close()
            code = 0
        finally:
            os._exit(code)
    for number in range(20):
        writer.add(intent(client_id=f"parent-{number}"))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    writer.add(intent(client_id="after, and the child has closed nothing of ours"))
    assert len(known(store)) == 42


def test_a_child_may_write_although_a_thread_of_its_parent_was_writing(
    store: Store, writer: IntentWriter
) -> None:
    kept = writer._kept
    with kept._lock:  # as a thread of the parent holds it in the moment of the fork
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            code = 1
            try:
                writer.add(intent())
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert known(store) == [intent().client_id]
