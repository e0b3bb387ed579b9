"""Which actions need a run of the approval DAG."""

from __future__ import annotations

from collections.abc import Mapping

from freqtrade_recon_plugin.workflow.requests import Request, missing_requests

WAITING = {"await_approval": "awaiting_input", "apply_approved": None, "verify_and_resume": None}
REFUSED = {
    "await_approval": "success",
    "apply_approved": "failed",
    "verify_and_resume": "upstream_failed",
}


class Runs:
    """Approval runs by id, and what was asked about them."""

    def __init__(self, runs: Mapping[str, Mapping[str, str | None]]) -> None:
        self.runs = runs
        self.asked: list[list[str]] = []

    def __call__(self, run_ids: list[str]) -> dict[str, Mapping[str, str | None]]:
        self.asked.append(run_ids)
        return {run_id: self.runs[run_id] for run_id in run_ids if run_id in self.runs}


def test_an_action_without_a_run_gets_one_named_by_it() -> None:
    assert missing_requests({"a": "bot BTC"}, Runs({})) == [Request("a", "bot BTC", "a")]


def test_an_action_whose_run_is_under_way_is_left_alone() -> None:
    assert missing_requests({"a": "bot BTC"}, Runs({"a": WAITING})) == []


def test_a_run_that_was_made_but_has_not_begun_is_under_way() -> None:
    runs = Runs({"a": dict.fromkeys(WAITING)})
    assert missing_requests({"a": "bot BTC"}, runs) == []


def test_a_run_that_ended_is_followed_by_the_next_number() -> None:
    assert missing_requests({"a": "bot BTC"}, Runs({"a": REFUSED})) == [
        Request("a", "bot BTC", "a__2", ended_run="a")
    ]


def test_only_the_newest_run_counts() -> None:
    assert missing_requests({"a": "bot BTC"}, Runs({"a": REFUSED, "a__2": WAITING})) == []
    assert missing_requests({"a": "bot BTC"}, Runs({"a": REFUSED, "a__2": REFUSED})) == [
        Request("a", "bot BTC", "a__3", ended_run="a__2")
    ]


def test_the_order_of_the_actions_is_kept() -> None:
    runs = Runs({"b": REFUSED})
    ids = [request.action_id for request in missing_requests({"b": "", "a": "", "c": ""}, runs)]
    assert ids == ["b", "a", "c"]


def test_two_hundred_waiting_actions_cost_two_questions() -> None:
    actions = [f"{number:032x}" for number in range(200)]
    runs = Runs(dict.fromkeys(actions, WAITING))
    assert missing_requests(dict.fromkeys(actions, "x"), runs) == []
    assert len(runs.asked) == 2


def test_a_request_travels_as_a_document() -> None:
    request = Request("a", "bot BTC", "a__2", "a")
    assert Request(**request.to_document()) == request
