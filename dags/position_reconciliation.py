"""The two DAGs of position reconciliation: ids, schedule, mapping and trigger rules.

They are two because a waiting person keeps a run active, and that must never stop detection. What
the tasks do is in `freqtrade_recon_plugin.workflow`; nothing is read when this file is parsed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, task

from freqtrade_recon_plugin.workflow import approval, cycle, names, on_call
from freqtrade_recon_plugin.workflow.pause import PauseAndAlert
from freqtrade_recon_plugin.workflow.schedule import schedule
from freqtrade_recon_plugin.workflow.sensor import ApprovalSensor

START = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = ["reconciliation", "freqtrade"]
DEFAULTS = {
    "owner": "trading-operations",
    "retries": 2,
    "retry_delay": timedelta(seconds=5),
    "execution_timeout": timedelta(minutes=5),
}
LABEL = "{{ label }}"
#: Every waiting approval is an active run; this many may wait at once.
MOST_APPROVALS = 10_000


def about(task_id: str) -> dict[str, Any]:
    """The id of a task and its text for the person on call."""
    return {"task_id": task_id, "doc_md": on_call.TASKS[task_id]}


with DAG(
    dag_id=names.RECONCILIATION_DAG,
    doc_md=on_call.RECONCILIATION,
    schedule=schedule(),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    default_args=DEFAULTS,
    tags=TAGS,
):
    accounts = task(**about(names.LIST_ACCOUNTS))(cycle.list_accounts)()
    results = (
        task(**about(names.DETECT), map_index_template=LABEL)(cycle.detect)
        .expand(accounts=accounts)
    )  # fmt: skip
    # Whatever became of single accounts, the store tells what is to be done.
    corrections = task(**about(names.TO_CORRECT), trigger_rule="all_done")(cycle.to_correct)()
    requests = task(**about(names.TO_APPROVE), trigger_rule="all_done")(cycle.to_approve)()
    ways = task.branch(**about(names.BRANCH))(cycle.branch)(corrections, requests)
    auto_correct = (
        task(**about(names.AUTO_CORRECT), map_index_template=LABEL)(cycle.auto_correct)
        .expand(correction=corrections)
    )  # fmt: skip
    pause_and_alert = PauseAndAlert.partial(
        **about(names.PAUSE_AND_ALERT), map_index_template=LABEL
    ).expand(request=requests)
    in_sync = EmptyOperator(**about(names.IN_SYNC))
    report = task(**about(names.REPORT), trigger_rule="all_done", retries=0)(cycle.report)(results)

    results >> [corrections, requests]
    ways >> [auto_correct, pause_and_alert, in_sync] >> report


with DAG(
    dag_id=names.APPROVAL_DAG,
    doc_md=on_call.APPROVAL,
    schedule=None,
    start_date=START,
    catchup=False,
    max_active_runs=MOST_APPROVALS,
    default_args=DEFAULTS,
    params={"action_id": Param(type="string", minLength=1, title="Action")},
    tags=TAGS,
):
    ACTION = "{{ params.action_id }}"
    answer = ApprovalSensor(
        **about(names.AWAIT_APPROVAL), action_id=ACTION, execution_timeout=None, retries=10
    )
    applied = task(**about(names.APPLY_APPROVED))(approval.apply_approved)(ACTION, answer.output)
    verified = task(**about(names.VERIFY_AND_RESUME))(approval.verify_and_resume)(ACTION)

    applied >> verified
