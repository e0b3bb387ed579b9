"""The DAG file: its contract, and that reading it touches neither a database nor the network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from freqtrade_recon_plugin.sandbox.live_airflow import find_dags_folder
from freqtrade_recon_plugin.workflow import names

DAG_FILE = find_dags_folder() / "position_reconciliation.py"
#: Imports the DAG file and prints what it did to the outside world meanwhile.
WATCHED_IMPORT = """
import importlib.util, json, sys
import airflow.sdk  # what Airflow itself does when it starts is not the file's doing
seen = []
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "sqlite3.connect"):
        seen.append(f"{event} {args!r}")
sys.addaudithook(watch)
spec = importlib.util.spec_from_file_location("dag_file", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(json.dumps({"seen": seen, "freqtrade": "freqtrade" in sys.modules}))
"""
CLI = "import sys; from freqtrade_recon_plugin.cli import main; sys.exit(main())"


def run_python(code: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(DAG_FILE))
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_reading_the_file_asks_no_database_and_no_network() -> None:
    done = run_python(WATCHED_IMPORT, str(DAG_FILE))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"seen": [], "freqtrade": False}


def test_a_schedule_that_is_none_is_an_import_error_that_names_the_setting() -> None:
    done = run_python(WATCHED_IMPORT, str(DAG_FILE), RECON_SCHEDULE="soon")
    assert done.returncode == 1
    assert "RECON_SCHEDULE: must be seconds (1 or more) or a cron expression" in done.stderr


def test_the_file_defines_the_two_dags_and_their_tasks(dags: dict[str, Any]) -> None:
    tasks = {dag_id: set(dag.task_ids) for dag_id, dag in dags.items()}
    assert tasks == {
        "position_reconciliation": {
            "list_accounts",
            "detect",
            "to_correct",
            "to_approve",
            "branch",
            "auto_correct",
            "pause_and_alert",
            "in_sync",
            "report",
        },
        "divergence_approval": {"await_approval", "apply_approved", "verify_and_resume"},
    }


def test_detection_runs_every_minute_one_at_a_time_and_never_catches_up(
    dags: dict[str, Any],
) -> None:
    dag = dags[names.RECONCILIATION_DAG]
    assert dag.schedule == timedelta(minutes=1)
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.dagrun_timeout is not None


def test_many_approvals_may_wait_at_once(dags: dict[str, Any]) -> None:
    dag = dags[names.APPROVAL_DAG]
    assert dag.schedule is None
    assert dag.max_active_runs >= 1000


def test_everything_has_an_owner_tags_and_says_what_to_do(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert {"reconciliation", "freqtrade"} <= dag.tags
        assert len(dag.doc_md) > 200
        for task in dag.tasks:
            assert task.owner == "trading-operations"
            assert task.doc_md.strip(), task.task_id


def test_the_texts_name_only_tasks_and_commands_that_exist(dags: dict[str, Any]) -> None:
    known = {task for dag in dags.values() for task in dag.task_ids} | set(dags)
    words = " ".join(
        [dag.doc_md for dag in dags.values()]
        + [task.doc_md for dag in dags.values() for task in dag.tasks]
    )
    for command in set(re.findall(r"freqtrade-recon (\w+)", words)):
        assert run_python(CLI, command, "--help").returncode == 0, command
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", words)) - {"recon_store", "dead_man_s"}
    assert named <= known


def test_one_broken_batch_stops_nobody_else_and_the_report_always_comes(
    dags: dict[str, Any],
) -> None:
    dag = dags[names.RECONCILIATION_DAG]
    rules = {task.task_id: task.trigger_rule.value for task in dag.tasks}
    assert rules[names.TO_CORRECT] == rules[names.TO_APPROVE] == rules[names.REPORT] == "all_done"
    assert set(dag.get_task(names.DETECT).downstream_task_ids) == {
        names.TO_CORRECT,
        names.TO_APPROVE,
        names.REPORT,
    }
    assert dag.get_task(names.REPORT).downstream_task_ids == set()


def test_mapped_tasks_are_labelled(dags: dict[str, Any]) -> None:
    dag = dags[names.RECONCILIATION_DAG]
    mapped = [task for task in dag.tasks if task.is_mapped]
    assert {task.task_id for task in mapped} == {
        names.DETECT,
        names.AUTO_CORRECT,
        names.PAUSE_AND_ALERT,
    }
    for task in mapped:
        assert task.partial_kwargs["map_index_template"] == "{{ label }}"


def test_the_gate_is_a_sensor_that_is_tried_again_after_an_infrastructure_fault(
    dags: dict[str, Any],
) -> None:
    from airflow.sdk import BaseSensorOperator

    gate = dags[names.APPROVAL_DAG].get_task(names.AWAIT_APPROVAL)
    assert isinstance(gate, BaseSensorOperator)
    assert gate.execution_timeout is None
    assert gate.retries >= 5


def test_the_dags_folder_is_found_from_anywhere_inside_the_checkout(tmp_path: Path) -> None:
    assert find_dags_folder(DAG_FILE.parent.parent / "tests") == DAG_FILE.parent
    with pytest.raises(FileNotFoundError, match="checkout"):
        find_dags_folder(tmp_path)
