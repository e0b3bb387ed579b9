"""The guard's fast question: what holds this symbol right now?"""

import os
import signal
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import text

from freqtrade_recon_plugin.domain.lifecycle import WHOLE_BOT, BreakerReason
from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.store import GuardReads, Store
from tests.store.samples import BOT, NOW, SYMBOL, action, bot


@pytest.fixture
def guard(store: Store) -> Iterator[GuardReads]:
    made = GuardReads(store.engine)
    yield made
    made.close()


def halt(store: Store, symbol: str, reason: BreakerReason, bot_id: str = BOT) -> None:
    with store.transaction() as tx:
        tx.breakers.open(bot_id, symbol, reason, "n", "test", NOW, action_id=f"a-{symbol}")


def test_nothing_open_holds_nothing(guard: GuardReads) -> None:
    assert guard.blocking(BOT, SYMBOL) is None
    assert guard.blocking("nobody", SYMBOL) is None


def test_an_open_breaker_holds_its_symbol_at_once_and_until_it_is_closed(
    store: Store, guard: GuardReads
) -> None:
    assert guard.blocking(BOT, SYMBOL) is None
    halt(store, SYMBOL, BreakerReason.DIVERGENCE)
    assert guard.blocking(BOT, SYMBOL) == (True, BreakerReason.DIVERGENCE, f"a-{SYMBOL}")
    assert guard.blocking(BOT, "ETH/USDT:USDT") is None
    with store.transaction() as tx:
        tx.breakers.close(BOT, SYMBOL, "alice", NOW, "n")
    assert guard.blocking(BOT, SYMBOL) is None


def test_what_an_action_saw_as_flat_is_told(store: Store, guard: GuardReads) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(action_id="gone", exchange=Decimal(0)), by="test")
        tx.actions.create(action(action_id="there", symbol="ETH/USDT:USDT"), by="test")
        tx.actions.create(action(action_id="blind", symbol="X", exchange=None), by="test")
    assert guard.saw_flat("gone")
    assert not guard.saw_flat("there")
    assert not guard.saw_flat("blind")
    assert not guard.saw_flat("nobody's")


def test_a_halted_bot_holds_every_symbol_of_it_and_of_no_other(
    store: Store, guard: GuardReads
) -> None:
    with store.transaction() as tx:
        tx.bots.register(bot(bot_id="other"), by="test")
    halt(store, WHOLE_BOT, BreakerReason.MANUAL)
    assert guard.blocking(BOT, SYMBOL) == (True, BreakerReason.MANUAL, "a-*")
    assert guard.blocking("other", SYMBOL) is None


def test_the_symbols_own_breaker_is_told_before_the_whole_bots(
    store: Store, guard: GuardReads
) -> None:
    halt(store, WHOLE_BOT, BreakerReason.MANUAL)
    halt(store, SYMBOL, BreakerReason.BUDGET)
    assert guard.blocking(BOT, SYMBOL) == (True, BreakerReason.BUDGET, f"a-{SYMBOL}")


def test_it_answers_while_a_writer_is_at_work(store: Store, guard: GuardReads) -> None:
    with store.transaction() as tx:
        tx.breakers.open(BOT, SYMBOL, BreakerReason.MANUAL, "n", "test", NOW)
        assert guard.blocking(BOT, SYMBOL) is None, "not committed yet"
    assert guard.blocking(BOT, SYMBOL) is not None


def test_a_reason_that_is_not_understood_is_an_error_and_not_an_answer(
    store: Store, guard: GuardReads
) -> None:
    halt(store, SYMBOL, BreakerReason.MANUAL)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE recon_breakers SET reason = 'because'"))
    with pytest.raises(StoreUnavailable, match="because"):
        guard.blocking(BOT, SYMBOL)


def test_a_table_that_is_gone_is_an_error_and_not_an_answer(breakable_store: Store) -> None:
    guard = GuardReads(breakable_store.engine)
    assert guard.blocking(BOT, SYMBOL) is None
    with breakable_store.engine.begin() as connection:
        connection.execute(text("DROP TABLE recon_breakers"))
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        guard.blocking(BOT, SYMBOL)
    guard.close()


def test_threads_may_share_it(store: Store, guard: GuardReads) -> None:
    halt(store, SYMBOL, BreakerReason.MANUAL)
    answers: list[object] = []

    def ask() -> None:
        for _ in range(50):
            answers.append(guard.blocking(BOT, SYMBOL))
            answers.append(guard.blocking(BOT, "ETH/USDT:USDT"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    held = (True, BreakerReason.MANUAL, f"a-{SYMBOL}")
    assert answers.count(held) == answers.count(None) == 200


def test_a_forked_child_asks_on_a_connection_of_its_own(store: Store, guard: GuardReads) -> None:
    halt(store, SYMBOL, BreakerReason.MANUAL)
    held = (True, BreakerReason.MANUAL, f"a-{SYMBOL}")

    def all_answers_are_right() -> bool:
        mine = all(guard.blocking(BOT, SYMBOL) == held for _ in range(100))
        return mine and guard.blocking(BOT, "ETH/USDT:USDT") is None

    assert all_answers_are_right()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 1
        try:
            code = 0 if all_answers_are_right() else 2
            guard.close()
        finally:
            os._exit(code)
    answers = all_answers_are_right()
    _, status = os.waitpid(child, 0)
    assert (answers, os.waitstatus_to_exitcode(status)) == (True, 0)
    assert all_answers_are_right(), "the child has closed nothing of ours"


def test_the_guards_connection_cannot_write(store: Store, guard: GuardReads) -> None:
    assert guard.blocking(BOT, SYMBOL) is None
    with pytest.raises(StoreUnavailable, match=r"(?i)read-?only"):
        guard._kept.changed("DELETE FROM recon_breakers", ())
