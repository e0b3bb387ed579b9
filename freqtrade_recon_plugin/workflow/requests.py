"""Which actions need a run of the approval DAG: those that wait and have none under way.

One request is one run, named by the action. A run that ended without a decision (it was deleted,
failed, or marked successful as a whole) is followed by another one, with the next number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from freqtrade_recon_plugin.workflow.names import approval_run_id

#: States of a task that no longer change by themselves.
FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
#: Run ids that are asked for at once; they travel in one address line.
_AT_ONCE = 100

#: Tells the states of the tasks of runs: run id to task id to state. Absent runs are left out.
TaskStates = Callable[[list[str]], Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Request:
    """One action that needs a new run of the approval DAG.

    :param label: bot and symbol, for the grid.
    :param run_id: of the run to be made.
    :param ended_run: of the run before it, which ended without leading anywhere.
    """

    action_id: str
    label: str
    run_id: str
    ended_run: str | None = None

    def to_document(self) -> dict[str, Any]:
        """The request as an XCom."""
        return asdict(self)


def missing_requests(labels: Mapping[str, str], task_states: TaskStates) -> list[Request]:
    """The requests to be made, in the order of the actions.

    :param labels: action id to label of all actions that wait.
    """
    requests: dict[str, Request] = {}
    asked, number = list(labels), 1
    while asked:
        states = _states(task_states, (approval_run_id(action, number) for action in asked))
        again = []
        for action in asked:
            run_id = approval_run_id(action, number)
            if run_id not in states:
                before = approval_run_id(action, number - 1) if number > 1 else None
                requests[action] = Request(action, labels[action], run_id, before)
            elif all(state in FINISHED for state in states[run_id].values()):
                again.append(action)
        asked, number = again, number + 1
    return [requests[action] for action in labels if action in requests]


def _states(task_states: TaskStates, run_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    names = list(run_ids)
    states: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(names), _AT_ONCE):
        states.update(task_states(names[start : start + _AT_ONCE]))
    return states
