"""Two processes at once: exactly one of them wins, and the audit trail stays whole."""

from datetime import timedelta

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, CommandStatus
from freqtrade_recon_plugin.store import Store, is_current
from tests.store.racers import TURNS, race
from tests.store.samples import NOW, action, command

ALL = list(range(TURNS))


def test_two_processes_that_find_the_same_divergence_make_one_action(store: Store) -> None:
    first, second = race(store.url, ("create", "first"), ("create", "second"))
    assert sorted(first + second) == ALL
    with store.reading() as tx:
        made = {(row.action_id.split("-")[0], row.symbol) for row in tx.actions.list()}
        expected = {("first", f"S{turn}") for turn in first}
        assert made == expected | {("second", f"S{turn}") for turn in second}
        assert len(tx.breakers.list_open()) == TURNS
        check = tx.audit.verify()
        assert (check.ok, check.records) == (True, 1 + 2 * TURNS)


def test_of_two_people_who_decide_at_once_one_has_decided(store: Store) -> None:
    with store.transaction() as tx:
        for turn in ALL:
            pending = action(
                action_id=f"a{turn}", symbol=f"S{turn}", status=ActionStatus.PENDING_APPROVAL
            )
            tx.actions.create(pending, by="test")
    approved, rejected = race(store.url, ("decide", "approved"), ("decide", "rejected"))
    assert sorted(approved + rejected) == ALL
    with store.reading() as tx:
        for turn in ALL:
            row = tx.actions.get(f"a{turn}")
            assert row is not None
            assert row.status == row.decided_by == ("approved" if turn in approved else "rejected")
        assert tx.audit.verify().records == 1 + 2 * TURNS


def test_a_command_is_taken_or_withdrawn_but_never_both(store: Store) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(), by="test")
        for turn in ALL:
            queued = command(command_id=f"c{turn}", expires_at=NOW + timedelta(1))
            tx.commands.queue(queued, by="test")
    taken, withdrawn = race(store.url, ("command", "bot"), ("command", "workflow"))
    assert sorted(taken + withdrawn) == ALL
    with store.reading() as tx:
        for turn in ALL:
            row = tx.commands.get(f"c{turn}")
            assert row is not None
            won = CommandStatus.EXECUTING if turn in taken else CommandStatus.WITHDRAWN
            assert row.status is won
        assert tx.audit.verify().ok


def test_processes_that_upgrade_at_once_all_succeed(empty_url: str) -> None:
    assert race(empty_url, *[("upgrade", "")] * 3) == [[0]] * 3
    assert is_current(empty_url)
