"""The gate in a real Airflow: every way to end it, and what becomes of action, breaker and book."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from freqtrade_recon_plugin import service
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.sandbox.airflow_api import USERS
from freqtrade_recon_plugin.workflow import names
from freqtrade_recon_plugin.workflow.airflow_rest import answered_before, who_marked
from freqtrade_recon_plugin.workflow.decision import Refusal, Ruling
from tests.workflow.conftest import AWAITING, INCIDENTS, SMALL, Stack
from tests.workflow.standin import SYMBOL

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("first_cycle")]


def gate(run: str) -> tuple[str, str, str]:
    return names.APPROVAL_DAG, run, names.AWAIT_APPROVAL


def mark(stack: Stack, run: str, state: str, note: str | None, user: str) -> httpx.Response:
    return stack.airflow.mark(*gate(run), state, note=note, user=user)


def ended(stack: Stack, run: str) -> str:
    return stack.airflow.wait_run(names.APPROVAL_DAG, run)


def corrected_by(stack: Stack, bot_id: str, name: str) -> None:
    """The whole way was gone: booked by the bot, verified, resumed, and by whom is on record."""
    action = stack.action(bot_id)
    assert (action.status, action.decided_by) == (ActionStatus.CORRECTED, name)
    assert stack.bots[bot_id].amount == Decimal(150)
    breaker = stack.breaker(bot_id)
    assert breaker is not None
    assert (breaker.is_open, breaker.closed_by) == (False, name)
    assert f"action.approved {name}" in stack.actors(action.action_id)


def still_halted(stack: Stack, bot_id: str) -> None:
    assert stack.bots[bot_id].amount == Decimal(100)
    breaker = stack.breaker(bot_id)
    assert breaker is not None
    assert breaker.is_open
    with stack.store.reading() as tx:
        assert tx.commands.for_action(stack.action(bot_id).action_id) is None


def test_a_small_divergence_is_corrected_within_the_cycle_that_finds_it(stack: Stack) -> None:
    action = stack.action(SMALL)
    assert (action.status, action.decided_by) == (ActionStatus.CORRECTED, None)
    assert stack.bots[SMALL].amount == Decimal(102)


def test_mapped_tasks_are_named_by_bot_and_symbol(stack: Stack, first_cycle: str) -> None:
    tasks = stack.airflow.tasks(names.RECONCILIATION_DAG, first_cycle)
    labels: dict[str, set[str]] = {}
    for task in tasks:
        labels.setdefault(task["task_id"], set()).add(task["rendered_map_index"])
    assert labels[names.DETECT] == {*INCIDENTS, SMALL}
    assert labels[names.AUTO_CORRECT] == {f"{SMALL} {SYMBOL}"}
    assert labels[names.PAUSE_AND_ALERT] == {f"{name} {SYMBOL}" for name in INCIDENTS}


def test_the_request_shows_the_numbers(stack: Stack) -> None:
    run = stack.awaiting("marked-success")
    path = f"/dags/{names.APPROVAL_DAG}/dagRuns/{run}/hitlDetails"
    (detail,) = stack.airflow.rest("viewer").get(path).json()["hitl_details"]
    assert "marked-success" in detail["subject"]
    assert SYMBOL in detail["subject"]
    for number in ("100", "150", "33.33"):
        assert number in detail["body"]
    assert detail["options"] == ["Approve", "Reject"]


def test_a_viewer_is_refused_and_the_approver_who_marks_it_successful_is_named(
    stack: Stack,
) -> None:
    run = stack.awaiting("marked-success")
    assert mark(stack, run, "success", "let me", "viewer").status_code == httpx.codes.FORBIDDEN
    refused = stack.airflow.respond(*gate(run), "Approve", user="viewer")
    assert refused.status_code == httpx.codes.FORBIDDEN
    assert stack.action("marked-success").status is ActionStatus.PENDING_APPROVAL

    assert mark(stack, run, "success", "checked on the exchange", "approver").is_success
    assert ended(stack, run) == "success"
    corrected_by(stack, "marked-success", "approver")
    assert stack.action("marked-success").note == "checked on the exchange"


def test_without_a_login_or_the_connection_nobody_is_named(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stack.action("marked-success").action_id

    def named(password: str | None) -> Ruling | Refusal:
        login = f"recon-service:{password}"
        url = stack.airflow.url.replace("//", f"//{login}@")
        monkeypatch.setenv("AIRFLOW_CONN_RECON_AIRFLOW_API", url)
        return who_marked(run)

    ruling = named(USERS["recon-service"][1])
    assert isinstance(ruling, Ruling)
    assert (ruling.by, ruling.approve, ruling.note) == ("approver", True, "checked on the exchange")
    assert answered_before(run, attempt=2) is None
    refusal = named("wrong")
    assert isinstance(refusal, Refusal)
    assert "recon_airflow_api" in refusal.reason
    assert answered_before(run, attempt=2) is None
    monkeypatch.delenv("AIRFLOW_CONN_RECON_AIRFLOW_API")
    assert isinstance(who_marked(run), Refusal)


def test_whoever_presses_approve_is_named(stack: Stack) -> None:
    run = stack.awaiting("pressed-approve")
    assert stack.airflow.respond(*gate(run), "Approve", user="approver").is_success
    assert ended(stack, run) == "success"
    corrected_by(stack, "pressed-approve", "approver")


def test_reject_leaves_the_symbol_halted_and_asks_nobody_again(stack: Stack) -> None:
    run = stack.awaiting("pressed-reject")
    assert stack.airflow.respond(*gate(run), "Reject", user="approver").is_success
    assert ended(stack, run) == "success"
    assert stack.task_states(run) == {
        names.AWAIT_APPROVAL: "success",
        names.APPLY_APPROVED: "skipped",
        names.VERIFY_AND_RESUME: "skipped",
    }
    action = stack.action("pressed-reject")
    assert (action.status, action.decided_by) == (ActionStatus.REJECTED, "approver")
    still_halted(stack, "pressed-reject")

    stack.cycle()
    assert stack.action("pressed-reject").action_id == action.action_id
    assert stack.approval_runs(action.action_id) == [run]


def test_marked_failed_is_a_rejection_that_the_next_cycle_records(stack: Stack) -> None:
    run = stack.awaiting("marked-failed")
    assert mark(stack, run, "failed", "no such trade", "approver").is_success
    assert ended(stack, run) == "failed"
    stack.cycle()
    action = stack.action("marked-failed")
    assert (action.status, action.decided_by) == (ActionStatus.REJECTED, "approver")
    assert action.note == "no such trade"
    assert stack.approval_runs(action.action_id) == [run]
    still_halted(stack, "marked-failed")


def test_a_decision_at_the_command_line_ends_the_waiting(stack: Stack) -> None:
    run = stack.awaiting("command-line")
    service.decide(stack.store, run, True, "ann", "by phone", datetime.now(UTC))
    assert ended(stack, run) == "success"
    corrected_by(stack, "command-line", "ann")


def test_what_nobody_can_be_named_for_is_refused_and_asked_again(stack: Stack) -> None:
    run = stack.awaiting("nobody-named")
    # Both ask without a note, so the audit log cannot tell whose request was granted.
    assert mark(stack, run, "success", None, "viewer").status_code == httpx.codes.FORBIDDEN
    assert mark(stack, run, "success", None, "approver").is_success
    assert ended(stack, run) == "failed"
    log = stack.airflow.logs(names.APPROVAL_DAG, run, names.APPLY_APPROVED)
    assert "several people asked for it at once: approver, viewer" in log
    assert "freqtrade-recon approve" in log
    assert stack.action("nobody-named").status is ActionStatus.PENDING_APPROVAL
    still_halted(stack, "nobody-named")

    stack.cycle()
    again = f"{run}__2"
    assert stack.approval_runs(run) == [run, again]
    stack.airflow.wait_task(names.APPROVAL_DAG, again, names.AWAIT_APPROVAL, AWAITING)
    assert stack.airflow.respond(*gate(again), "Approve", user="approver").is_success
    assert ended(stack, again) == "success"
    corrected_by(stack, "nobody-named", "approver")


def test_an_answer_that_was_called_back_does_not_count_when_the_task_is_cleared(
    stack: Stack,
) -> None:
    run = stack.awaiting("cleared")
    assert stack.airflow.respond(*gate(run), "Approve", user="approver").is_success
    assert mark(stack, run, "failed", "stop!", "admin").is_success
    assert ended(stack, run) == "failed"
    stack.clear(run)
    stack.awaiting("cleared")
    assert stack.action("cleared").status is ActionStatus.PENDING_APPROVAL
    still_halted(stack, "cleared")
