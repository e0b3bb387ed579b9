"""Actions: one open per bot and symbol, moves by compare-and-set, and the budget."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.lifecycle import ACTION_MOVES, OPEN_STATUSES, ActionStatus
from freqtrade_recon_plugin.domain.model import Decision
from freqtrade_recon_plugin.errors import Conflict, StoreError
from freqtrade_recon_plugin.store import Store
from tests.store.samples import BOT, NOW, SYMBOL, action, bot

LATER = NOW + timedelta(seconds=5)


@pytest.mark.parametrize("status", sorted(ActionStatus))
def test_only_an_open_action_keeps_a_second_one_out(store: Store, status: ActionStatus) -> None:
    with store.transaction() as tx:
        assert tx.actions.create(action(status=status), by="test")
    with store.transaction() as tx:
        second = tx.actions.create(action(action_id="a2"), by="test")
        assert second is (status not in OPEN_STATUSES)
        assert len(tx.actions.list()) == 1 + second


def test_another_symbol_and_another_bot_have_actions_of_their_own(store: Store) -> None:
    with store.transaction() as tx:
        tx.bots.register(bot(bot_id="other"), by="test")
        assert tx.actions.create(action(), by="test")
        assert tx.actions.create(action(action_id="a2", symbol="ETH/USDT:USDT"), by="test")
        assert tx.actions.create(action(action_id="a3", bot_id="other"), by="test")
        assert [row.action_id for row in tx.actions.list()] == ["a1", "a2", "a3"]
        assert [row.action_id for row in tx.actions.list(bot_id="other")] == ["a3"]


def test_creating_the_same_action_again_changes_nothing(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.actions.create(action(), by="test")
        assert not tx.actions.create(action(symbol="ETH/USDT:USDT"), by="test")
        assert tx.actions.get("a1") == action()


def test_an_action_needs_a_registered_bot(store: Store) -> None:
    with pytest.raises(StoreError), store.transaction() as tx:
        tx.actions.create(action(bot_id="nobody"), by="test")


def test_the_open_and_the_latest_action_are_found(store: Store) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(status=ActionStatus.CORRECTED), by="test")
        assert tx.actions.open_for(BOT, SYMBOL) is None
        assert tx.actions.latest_for(BOT, SYMBOL) == action(status=ActionStatus.CORRECTED)
        newer = action(action_id="a2", detected_at=LATER, updated_at=LATER)
        tx.actions.create(newer, by="test")
        assert tx.actions.open_for(BOT, SYMBOL) == newer
        assert tx.actions.latest_for(BOT, SYMBOL) == newer
        assert tx.actions.list(status=ActionStatus.DETECTED) == [newer]
        assert tx.actions.latest_for(BOT, "ETH/USDT:USDT") is None


def test_the_actions_that_have_not_ended_are_listed(store: Store) -> None:
    with store.transaction() as tx:
        tx.bots.register(bot(bot_id="other"), by="test")
        for number, status in enumerate(sorted(ActionStatus)):
            row = action(action_id=f"a{number}", symbol=f"S{number}", status=status)
            tx.actions.create(row, by="test")
        tx.actions.create(action(action_id="b", bot_id="other"), by="test")
        assert {row.status for row in tx.actions.list_open(BOT)} == OPEN_STATUSES
        assert [row.action_id for row in tx.actions.list_open("other")] == ["b"]
        assert len(tx.actions.list_open()) == len(OPEN_STATUSES) + 1


def test_a_decision_is_kept_with_who_and_when(store: Store) -> None:
    pending = action(status=ActionStatus.PENDING_APPROVAL)
    with store.transaction() as tx:
        tx.actions.create(pending, by="test")
        moved = tx.actions.move(
            "a1",
            ActionStatus.PENDING_APPROVAL,
            ActionStatus.APPROVED,
            by="alice",
            at=LATER,
            note="seen",
            decided=True,
        )
    assert moved == replace(
        pending,
        status=ActionStatus.APPROVED,
        decided_at=LATER,
        decided_by="alice",
        note="seen",
        updated_at=LATER,
        version=2,
    )
    with store.reading() as tx:
        assert tx.actions.get("a1") == moved


def test_a_later_move_keeps_decision_and_note(store: Store) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(status=ActionStatus.PENDING_APPROVAL), by="test")
        decision = (ActionStatus.PENDING_APPROVAL, ActionStatus.APPROVED)
        tx.actions.move("a1", *decision, by="alice", at=LATER, note="seen", decided=True)
        applying = (ActionStatus.APPROVED, ActionStatus.APPLYING)
        moved = tx.actions.move("a1", *applying, by="workflow", at=LATER + timedelta(1))
    assert (moved.decided_by, moved.decided_at, moved.note) == ("alice", LATER, "seen")
    assert moved.version == 3


def test_a_move_from_a_status_that_is_no_longer_there_is_a_conflict(store: Store) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(status=ActionStatus.PENDING_APPROVAL), by="test")
        decision = (ActionStatus.PENDING_APPROVAL, ActionStatus.APPROVED)
        tx.actions.move("a1", *decision, by="alice", at=LATER, decided=True)
    rejection = (ActionStatus.PENDING_APPROVAL, ActionStatus.REJECTED)
    with (
        pytest.raises(Conflict, match="a1 is approved, not pending_approval"),
        store.transaction() as tx,
    ):
        tx.actions.move("a1", *rejection, by="bob", at=LATER, decided=True)
    with store.reading() as tx:
        stored = tx.actions.get("a1")
        assert stored is not None
        assert (stored.status, stored.decided_by) == (ActionStatus.APPROVED, "alice")


def test_a_conflict_that_is_caught_inside_leaves_the_transaction_usable(store: Store) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(), by="test")
        with pytest.raises(Conflict):
            tx.actions.move("a1", ActionStatus.APPROVED, ActionStatus.APPLYING, "test", LATER)
        tx.actions.move("a1", ActionStatus.DETECTED, ActionStatus.CORRECTING, "test", LATER)
    with store.reading() as tx:
        assert [row.status for row in tx.actions.list()] == [ActionStatus.CORRECTING]
        assert tx.audit.verify().ok


@pytest.mark.parametrize(
    ("status", "target"),
    [
        (status, target)
        for status in ActionStatus
        for target in ActionStatus
        if target not in ACTION_MOVES[status]
    ],
)
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_move_that_does_not_exist_is_refused(
    store: Store, status: ActionStatus, target: ActionStatus
) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(status=status), by="test")
        with pytest.raises(Conflict, match=f"cannot go from {status} to {target}"):
            tx.actions.move("a1", status, target, by="test", at=LATER)
        assert tx.actions.get("a1") == action(status=status)


def test_moving_an_action_that_is_not_there_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict, match="there is no action a9"), store.transaction() as tx:
        tx.actions.move("a9", ActionStatus.DETECTED, ActionStatus.STALE, by="test", at=LATER)


def test_the_budget_counts_what_was_corrected_without_a_person(store: Store) -> None:
    def spent(number: int, pct: str, ago: timedelta, **said: Any) -> None:
        row = action(
            action_id=f"a{number}",
            status=ActionStatus.CORRECTED,
            decision=Decision.AUTO_CORRECT,
            divergence_pct=Decimal(pct),
            detected_at=NOW - ago,
            updated_at=NOW - ago,
        )
        assert tx.actions.create(replace(row, **said), by="test")

    with store.transaction() as tx:
        spent(1, "1.1", timedelta(minutes=1))
        spent(2, "2.000000000000000001", timedelta(minutes=59))
        spent(3, "0.5", timedelta(hours=23), divergence_pct=None)
        spent(4, "0.25", timedelta(hours=23, minutes=59))
        spent(5, "7", timedelta(hours=24))
        spent(6, "7", timedelta(minutes=1), decision=Decision.HALT)
        spent(7, "7", timedelta(minutes=1), status=ActionStatus.STALE)
        spent(8, "7", timedelta(minutes=1), counts_against_budget=False)
        spent(9, "7", timedelta(minutes=1), symbol="ETH/USDT:USDT")
        assert tx.actions.budget_used(BOT, SYMBOL, NOW) == (2, Decimal("3.350000000000000001"))
        spent(10, "1", timedelta(), status=ActionStatus.CORRECTING)
        assert tx.actions.budget_used(BOT, SYMBOL, NOW) == (3, Decimal("4.350000000000000001"))
        assert tx.actions.budget_used("nobody", SYMBOL, NOW) == (0, Decimal(0))
