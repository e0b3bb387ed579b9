"""Who decided: the rules for buttons and for tasks that were marked by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from freqtrade_recon_plugin.workflow.decision import (
    Gate,
    Marking,
    Refusal,
    Ruling,
    from_marking,
    from_response,
    lost_answer,
)

STARTED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ENDED = STARTED + timedelta(hours=3)


def gate(state: str = "success", note: str | None = None) -> Gate:
    return Gate(state, STARTED, ENDED, note)


def asked(
    owner: str, seconds_before_end: float = 0.1, state: str = "success", note: str | None = None
) -> Marking:
    return Marking(owner, ENDED - timedelta(seconds=seconds_before_end), state, note)


def test_the_only_person_who_asked_for_it_decided() -> None:
    assert from_marking(gate(note="seen"), [asked("ann", note="seen")]) == Ruling(
        approve=True, by="ann", at=asked("ann").at, note="seen", source="marked"
    )


def test_marked_failed_is_a_rejection() -> None:
    ruling = from_marking(gate("failed"), [asked("ann", state="failed")])
    assert isinstance(ruling, Ruling)
    assert not ruling.approve


def test_a_refused_request_with_another_note_is_not_taken_for_the_granted_one() -> None:
    markings = [asked("viewer", note="let me"), asked("ann", note="seen")]
    ruling = from_marking(gate(note="seen"), markings)
    assert isinstance(ruling, Ruling)
    assert ruling.by == "ann"


def test_a_request_with_a_note_is_not_the_granted_one_when_the_task_has_none() -> None:
    ruling = from_marking(gate(), [asked("viewer", note="let me"), asked("ann")])
    assert isinstance(ruling, Ruling)
    assert ruling.by == "ann"


def test_two_people_with_the_same_note_are_both_named_and_refused() -> None:
    ruling = from_marking(gate(), [asked("viewer"), asked("ann")])
    assert isinstance(ruling, Refusal)
    assert "ann, viewer" in ruling.reason


def test_one_person_who_asked_twice_is_one_person() -> None:
    ruling = from_marking(gate(), [asked("ann", 5), asked("ann", 0.1)])
    assert isinstance(ruling, Ruling)
    assert ruling.at == asked("ann", 0.1).at


def test_a_refused_request_long_before_the_end_is_nobodys_decision() -> None:
    # A viewer tried at noon; at three somebody marked in bulk, which leaves no line of the log.
    assert isinstance(from_marking(gate(), [asked("viewer", 600)]), Refusal)


def test_a_request_from_before_the_task_waited_again_does_not_count() -> None:
    cleared = Gate("success", ENDED - timedelta(seconds=2), ENDED, None)
    assert isinstance(from_marking(cleared, [asked("ann", 5)]), Refusal)


def test_asking_for_another_state_or_only_writing_a_note_does_not_count() -> None:
    note_only = Marking("bob", ENDED, None, "hello")
    assert isinstance(from_marking(gate(), [asked("ann", state="failed"), note_only]), Refusal)


def test_nobody_in_the_log_is_refused_and_says_why() -> None:
    ruling = from_marking(gate(), [])
    assert isinstance(ruling, Refusal)
    assert "bulk" in ruling.reason


@pytest.mark.parametrize("state", ["skipped", "awaiting_input", "upstream_failed"])
def test_a_task_in_another_state_was_decided_by_nobody(state: str) -> None:
    assert isinstance(from_marking(gate(state), [asked("ann", state=state)]), Refusal)


def test_a_line_of_the_log_is_read_as_airflow_writes_it() -> None:
    extra = {"new_state": "success", "note": "fine", "method": "PATCH"}
    event = {
        "when": "2026-11-23T09:31:25.026630Z",
        "owner": "approver",
        "extra": json.dumps(extra),
        "map_index": None,
    }
    assert Marking.from_event(event) == Marking(
        "approver", datetime(2026, 11, 23, 9, 31, 25, 26630, UTC), "success", "fine"
    )


def test_a_line_of_the_log_that_is_not_json_asks_for_nothing() -> None:
    event = {"when": "2026-11-23T09:31:25Z", "owner": None, "extra": "not json"}
    assert Marking.from_event(event).new_state is None


def response(option: str, **more: object) -> dict[str, object]:
    person = {"id": "7", "name": "ann"}
    answer = {
        "chosen_options": [option],
        "responded_at": ENDED,
        "responded_by_user": person,
        "params_input": {"note": "checked by hand"},
    }
    return {**answer, **more}


@pytest.mark.parametrize(("option", "approve"), [("Approve", True), ("Reject", False)])
def test_a_button_names_the_person_and_the_note(option: str, approve: bool) -> None:
    ruling = from_response(response(option))
    assert ruling == Ruling(approve, "ann", ENDED, "checked by hand", "response")


def test_the_time_of_an_answer_may_be_text() -> None:
    ruling = from_response(response("Approve", responded_at=ENDED.isoformat()))
    assert isinstance(ruling, Ruling)
    assert ruling.at == ENDED


def test_an_answer_without_a_person_is_refused() -> None:
    assert isinstance(from_response(response("Approve", responded_by_user=None)), Refusal)


@pytest.mark.parametrize("left", [None, {}, {"action_id": "a", "status": "approved"}])
def test_without_a_button_there_is_no_answer(left: dict[str, str] | None) -> None:
    assert from_response(left) is None


def attempt(state: str = "failed", **more: object) -> dict[str, object]:
    answer = response("Reject", responded_at="2026-11-23T12:00:00Z")
    return {**answer, "task_instance": {"state": state}, "subject": "x", **more}


@pytest.mark.parametrize("state", ["failed", "running"])
def test_an_answer_to_an_attempt_that_airflow_failed_is_not_lost(state: str) -> None:
    answer = lost_answer(attempt(state), [asked("ann", 600)])
    assert answer == response("Reject", responded_at="2026-11-23T12:00:00Z")
    ruling = from_response(answer)
    assert isinstance(ruling, Ruling)
    assert (ruling.by, ruling.approve) == ("ann", False)


def test_an_attempt_that_was_cleared_after_it_ended_well_is_asked_again() -> None:
    assert lost_answer(attempt("success"), []) is None


def test_an_attempt_without_an_answer_has_none() -> None:
    assert lost_answer(attempt(chosen_options=None, responded_at=None), []) is None


def test_an_answer_that_somebody_called_back_by_marking_does_not_count() -> None:
    marked = Marking("bob", datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC), "failed", None)
    assert lost_answer(attempt(), [marked]) is None
