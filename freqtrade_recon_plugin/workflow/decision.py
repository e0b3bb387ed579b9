"""Who decided an approval, and how: the rules, without any access to Airflow.

A person presses Approve or Reject, which Airflow records after all its checks; or marks the waiting
task successful or failed, for which only the audit log tells a name. The audit log also holds
requests that were refused, and holds nothing of bulk marking, so a name is taken from it only when
exactly one person is left. What cannot be attributed decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

APPROVE = "Approve"
REJECT = "Reject"
#: The field of the form beside the buttons.
NOTE = "note"
#: The request that ended a task is logged just before the task ends. A line of the log that is
#: older cannot be that request, whatever became of it.
MARKING_WINDOW = timedelta(seconds=30)
#: Clocks of the API server's workers may differ by this much.
_CLOCK_SLACK = timedelta(seconds=1)
_MARKED = {"success": True, "failed": False}


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision of an identified person.

    :param source: how it was given: `response` (a button) or `marked` (the task's state).
    """

    approve: bool
    by: str
    at: datetime
    note: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nobody can be named for what happened; `reason` says why and what to do."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gate:
    """The waiting task after its end, as Airflow's REST API reports it."""

    state: str
    started_at: datetime
    ended_at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class Marking:
    """One line of the audit log: somebody asked for a new state of the task."""

    owner: str
    at: datetime
    new_state: str | None
    note: str | None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Marking:
        """Reads an entry of `GET /eventLogs` whose `extra` is JSON text."""
        try:
            extra = json.loads(event.get("extra") or "{}")
        except json.JSONDecodeError:
            extra = {}
        return cls(
            owner=event.get("owner") or "",
            at=datetime.fromisoformat(event["when"]),
            new_state=extra.get("new_state"),
            note=extra.get("note") or None,
        )


def from_response(response: Mapping[str, Any] | None) -> Ruling | Refusal | None:
    """The decision in what the sensor left behind, or None when no button was pressed.

    :param response: the sensor's XCom.
    """
    if not response or not response.get("chosen_options"):
        return None
    person = response.get("responded_by_user") or {}
    name = person.get("name") or person.get("id")
    if not name:
        return Refusal("the answer carries no name; answer again, logged in")
    at = response["responded_at"]
    return Ruling(
        approve=list(response["chosen_options"]) == [APPROVE],
        by=str(name),
        at=at if isinstance(at, datetime) else datetime.fromisoformat(at),
        note=(response.get("params_input") or {}).get(NOTE) or None,
        source="response",
    )


def lost_answer(attempt: Mapping[str, Any], markings: Iterable[Marking]) -> dict[str, Any] | None:
    """The answer that an attempt of the sensor received and did not live to hand on, if any.

    Airflow's scheduler may fail a task that wakes up quickly, although nothing is wrong with it
    (apache/airflow#71172); the answer that woke it must not get lost. Nothing is taken from an
    attempt that ended well (it was cleared on purpose) or that somebody marked after the answer.

    :param attempt: `GET …/hitlDetails`, of the task or of one of its tries.
    :returns: what the sensor would have left behind.
    """
    if not attempt.get("chosen_options") or attempt["task_instance"]["state"] == "success":
        return None
    answered_at = datetime.fromisoformat(attempt["responded_at"])
    if any(marking.new_state and marking.at >= answered_at for marking in markings):
        return None
    kept = ("chosen_options", "params_input", "responded_at", "responded_by_user")
    return {key: attempt[key] for key in kept}


def from_marking(gate: Gate, markings: Iterable[Marking]) -> Ruling | Refusal:
    """The decision of the person who marked the task, when the audit log leaves exactly one.

    Of the requests for the state that the task has, those count that were made while it waited
    and just before it ended. Among them the ones with the note that the task carries now are the
    granted ones, because only a granted request writes the note.
    """
    if gate.state not in _MARKED:
        return Refusal(f"the task is {gate.state}, neither marked successful nor failed")
    earliest = max(gate.started_at, gate.ended_at - MARKING_WINDOW)
    asked = [
        marking
        for marking in markings
        if marking.new_state == gate.state
        and marking.owner
        and earliest <= marking.at <= gate.ended_at + _CLOCK_SLACK
    ]
    noted = [marking for marking in asked if marking.note == (gate.note or None)]
    granted = noted or asked
    owners = sorted({marking.owner for marking in granted})
    if not owners:
        return Refusal(
            "Airflow's audit log names nobody who marked it "
            "(bulk marking and marking a whole run leave no name)"
        )
    if len(owners) > 1:
        return Refusal(f"several people asked for it at once: {', '.join(owners)}")
    latest = max(granted, key=lambda marking: marking.at)
    return Ruling(_MARKED[gate.state], latest.owner, latest.at, gate.note or None, "marked")
