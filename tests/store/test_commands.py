"""Commands: used once, taken or withdrawn but never both, finished by the bot."""

from dataclasses import replace
from datetime import timedelta

import pytest

from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.errors import Conflict, StoreError
from freqtrade_recon_plugin.store import Store
from tests.store.samples import BOT, NOW, action, command

LATER = NOW + timedelta(seconds=5)


@pytest.fixture
def queued(store: Store) -> Store:
    """A store in which one command is queued."""
    with store.transaction() as tx:
        tx.actions.create(action(), by="test")
        tx.commands.queue(command(), by="workflow")
    return store


def test_a_queued_command_waits_for_its_bot(queued: Store) -> None:
    with queued.reading() as tx:
        assert tx.commands.get("a1-sync") == command()
        assert tx.commands.for_action("a1") == command()
        assert tx.commands.waiting(BOT) == [command()]
        assert tx.commands.waiting("other") == []
        assert tx.commands.get("a2-sync") is None
        assert tx.commands.for_action("a2") is None


def test_an_id_is_used_once(queued: Store) -> None:
    with queued.transaction() as tx:
        with pytest.raises(Conflict, match="a1-sync is there already"):
            tx.commands.queue(command(payload={}), by="workflow")
        assert tx.commands.waiting(BOT) == [command()]


def test_a_command_needs_its_action(store: Store) -> None:
    with pytest.raises(StoreError), store.transaction() as tx:
        tx.commands.queue(command(), by="workflow")


def test_commands_wait_in_the_order_in_which_they_were_queued(queued: Store) -> None:
    with queued.transaction() as tx:
        for name, at in (("late", LATER), ("early", NOW - timedelta(1))):
            tx.commands.queue(command(command_id=name, queued_at=at), by="workflow")
        tx.commands.take("a1-sync", LATER)
        waiting = [row.command_id for row in tx.commands.waiting(BOT)]
        assert waiting == ["early", "a1-sync", "late"]
        latest = tx.commands.for_action("a1")
        assert latest is not None
        assert latest.command_id == "late"


def test_a_taken_command_stays_the_bots_until_it_is_finished(queued: Store) -> None:
    taken = replace(command(), status=CommandStatus.EXECUTING, taken_at=LATER)
    with queued.transaction() as tx:
        assert tx.commands.take("a1-sync", LATER)
    with queued.transaction() as tx:
        assert tx.commands.take("a1-sync", LATER + timedelta(hours=1)), "after a crash, again"
        assert tx.commands.waiting(BOT) == [taken]
        assert not tx.commands.withdraw("a1-sync", "workflow", LATER)
        result = {"local": "150", "orders": ["1"]}
        finished = tx.commands.finish("a1-sync", CommandStatus.DONE, result, LATER, "bot:btc-1")
        assert finished == replace(
            taken, status=CommandStatus.DONE, finished_at=LATER, result=result
        )
        assert tx.commands.get("a1-sync") == finished
        assert tx.commands.waiting(BOT) == []
        assert not tx.commands.take("a1-sync", LATER)


def test_a_command_may_be_refused_with_its_reason(queued: Store) -> None:
    with queued.transaction() as tx:
        tx.commands.take("a1-sync", LATER)
        reason = {"reason": "book moved"}
        refused = tx.commands.finish("a1-sync", CommandStatus.REFUSED, reason, LATER, "bot:btc-1")
        assert (refused.status, refused.result) == (CommandStatus.REFUSED, reason)


def test_what_is_not_being_executed_cannot_be_finished(queued: Store) -> None:
    with queued.transaction() as tx:
        for command_id in ("a1-sync", "nothing"):
            with pytest.raises(Conflict, match="is not being executed"):
                tx.commands.finish(command_id, CommandStatus.DONE, {}, LATER, "bot:btc-1")
        tx.commands.take("a1-sync", LATER)
        tx.commands.finish("a1-sync", CommandStatus.DONE, {}, LATER, "bot:btc-1")
        with pytest.raises(Conflict, match="is not being executed"):
            tx.commands.finish("a1-sync", CommandStatus.REFUSED, {}, LATER, "bot:btc-1")


def test_a_withdrawn_command_cannot_be_taken(queued: Store) -> None:
    with queued.transaction() as tx:
        assert tx.commands.withdraw("a1-sync", "workflow", LATER)
        assert not tx.commands.take("a1-sync", LATER)
        assert not tx.commands.withdraw("a1-sync", "workflow", LATER)
        assert tx.commands.waiting(BOT) == []
        assert not tx.commands.withdraw("nothing", "workflow", LATER)
        assert not tx.commands.take("nothing", LATER)


def test_an_expired_command_is_not_taken_any_more(queued: Store) -> None:
    with queued.transaction() as tx:
        assert not tx.commands.take("a1-sync", command().expires_at)
        assert tx.commands.get("a1-sync") == command()
        assert tx.commands.withdraw("a1-sync", "workflow", command().expires_at)
