"""Breakers: opening twice is opening once, closing needs an open one."""

from datetime import timedelta

import pytest

from freqtrade_recon_plugin.domain.lifecycle import WHOLE_BOT, BreakerReason
from freqtrade_recon_plugin.errors import Conflict, StoreError
from freqtrade_recon_plugin.store import BreakerRow, Store
from tests.store.samples import BOT, NOW, SYMBOL, bot

LATER = NOW + timedelta(minutes=1)


def test_an_open_breaker_tells_why_when_and_who(store: Store) -> None:
    with store.transaction() as tx:
        opened = tx.breakers.open(
            BOT, SYMBOL, BreakerReason.DIVERGENCE, "100 against 150", "detect", NOW, "a1"
        )
        assert opened == BreakerRow(
            bot_id=BOT,
            symbol=SYMBOL,
            is_open=True,
            reason=BreakerReason.DIVERGENCE,
            note="100 against 150",
            opened_at=NOW,
            opened_by="detect",
            action_id="a1",
            closed_at=None,
            closed_by=None,
            version=1,
        )
        assert tx.breakers.get(BOT, SYMBOL) == opened
        assert tx.breakers.list_open() == tx.breakers.list_open(BOT) == [opened]
        assert tx.breakers.list_open("other") == []


def test_opening_an_open_breaker_keeps_the_first_reason(store: Store) -> None:
    with store.transaction() as tx:
        opened = tx.breakers.open(BOT, SYMBOL, BreakerReason.DIVERGENCE, "first", "detect", NOW)
    with store.transaction() as tx:
        again = tx.breakers.open(BOT, SYMBOL, BreakerReason.MANUAL, "second", "bob", LATER, "a2")
        assert again == opened
        assert tx.breakers.get(BOT, SYMBOL) == opened
        events = [record.event for record in tx.audit.list()]
        assert events == ["bot.registered", "breaker.opened"]


def test_a_closed_breaker_tells_who_closed_it_and_may_open_again(store: Store) -> None:
    with store.transaction() as tx:
        tx.breakers.open(BOT, SYMBOL, BreakerReason.DIVERGENCE, "n", "detect", NOW, "a1")
        closed = tx.breakers.close(BOT, SYMBOL, "alice", LATER, "verified")
        assert (closed.is_open, closed.closed_by, closed.closed_at) == (False, "alice", LATER)
        assert (closed.reason, closed.action_id) == (BreakerReason.DIVERGENCE, "a1")
        assert tx.breakers.list_open() == []
        again = tx.breakers.open(BOT, SYMBOL, BreakerReason.BUDGET, "n", "detect", LATER, "a2")
        assert (again.is_open, again.reason, again.version) == (True, BreakerReason.BUDGET, 3)
        assert (again.closed_at, again.closed_by, again.action_id) == (None, None, "a2")


def test_closing_a_breaker_that_is_not_open_is_a_conflict(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(Conflict, match="is not open"):
            tx.breakers.close(BOT, SYMBOL, "alice", NOW, "n")
        tx.breakers.open(BOT, SYMBOL, BreakerReason.MANUAL, "n", "bob", NOW)
        tx.breakers.close(BOT, SYMBOL, "alice", NOW, "n")
        with pytest.raises(Conflict, match="is not open"):
            tx.breakers.close(BOT, SYMBOL, "alice", NOW, "n")


def test_the_whole_bot_and_a_symbol_have_breakers_of_their_own(store: Store) -> None:
    with store.transaction() as tx:
        tx.bots.register(bot(bot_id="other"), by="test")
        for bot_id, symbol in ((BOT, SYMBOL), (BOT, WHOLE_BOT), ("other", SYMBOL)):
            tx.breakers.open(bot_id, symbol, BreakerReason.MANUAL, "n", "bob", NOW)
        tx.breakers.close(BOT, WHOLE_BOT, "bob", NOW, "n")
        left = [(row.bot_id, row.symbol) for row in tx.breakers.list_open()]
        assert left == [(BOT, SYMBOL), ("other", SYMBOL)]


def test_a_breaker_of_a_bot_that_nobody_registered_is_refused(store: Store) -> None:
    refused = pytest.raises(StoreError, match="'nobody' is not registered")
    with refused, store.transaction() as tx:
        tx.breakers.open("nobody", SYMBOL, BreakerReason.MANUAL, "typo", "bob", NOW)
