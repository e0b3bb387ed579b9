"""The tables of moves: what they allow, and the paths that they must not open."""

from __future__ import annotations

import pytest

from freqtrade_recon_plugin.domain.lifecycle import (
    ACTION_MOVES,
    COMMAND_MOVES,
    DECIDABLE_STATUSES,
    IN_PROGRESS_STATUSES,
    OPEN_STATUSES,
    ActionStatus,
    CommandStatus,
    may_move,
)

ENDED = {"rejected", "corrected", "failed", "stale", "expired"}


def reachable(start: ActionStatus, without: frozenset[ActionStatus]) -> set[ActionStatus]:
    """Every status that an action can reach from one, not passing through some."""
    found, waiting = {start}, [start]
    while waiting:
        for target in ACTION_MOVES[waiting.pop()] - without - found:
            found.add(target)
            waiting.append(target)
    return found


def test_every_status_is_in_its_table() -> None:
    assert set(ACTION_MOVES) == set(ActionStatus)
    assert set(COMMAND_MOVES) == set(CommandStatus)


@pytest.mark.parametrize("status", ActionStatus)
def test_an_action_that_has_ended_never_moves_again(status: ActionStatus) -> None:
    assert (status in OPEN_STATUSES) is (status not in ENDED)
    if status in ENDED:
        assert not any(may_move(status, target) for target in ActionStatus)


def test_every_open_action_can_come_to_an_end() -> None:
    for status in OPEN_STATUSES:
        assert reachable(status, frozenset()) & ENDED


def test_nothing_goes_back_to_the_start() -> None:
    assert not any(may_move(status, ActionStatus.DETECTED) for status in ActionStatus)
    assert not any(CommandStatus.QUEUED in moves for moves in COMMAND_MOVES.values())


def test_what_waits_for_a_person_is_corrected_only_through_an_approval() -> None:
    without_approval = reachable(ActionStatus.PENDING_APPROVAL, frozenset({ActionStatus.APPROVED}))
    assert not without_approval & (IN_PROGRESS_STATUSES | {ActionStatus.CORRECTED})


def test_only_what_is_pending_may_be_decided() -> None:
    decided = {ActionStatus.APPROVED, ActionStatus.EXPIRED}
    assert {s for s in ActionStatus if ACTION_MOVES[s] & decided} - {
        ActionStatus.APPROVED
    } == DECIDABLE_STATUSES


def test_an_approval_may_still_be_taken_back_before_it_is_applied() -> None:
    assert may_move(ActionStatus.APPROVED, ActionStatus.REJECTED)
    assert not may_move(ActionStatus.APPLYING, ActionStatus.REJECTED)


def test_a_correction_begins_with_a_detection_or_with_an_approval() -> None:
    assert {s for s in ActionStatus if may_move(s, ActionStatus.CORRECTING)} == {"detected"}
    assert {s for s in ActionStatus if may_move(s, ActionStatus.APPLYING)} == {"approved"}


def test_only_what_is_in_progress_is_corrected() -> None:
    before = {s for s in ActionStatus if may_move(s, ActionStatus.CORRECTED)}
    assert before == IN_PROGRESS_STATUSES


def test_a_command_is_withdrawn_only_before_the_bot_took_it() -> None:
    assert CommandStatus.WITHDRAWN in COMMAND_MOVES[CommandStatus.QUEUED]
    assert COMMAND_MOVES[CommandStatus.EXECUTING] == {CommandStatus.DONE, CommandStatus.REFUSED}
