"""The sensor's looks at the store: how often, and that trouble there never ends the waiting."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from freqtrade_recon_plugin.workflow.sensor import FIRST_LOOK, SELDOM, ApprovalSensor, next_look


def test_a_new_request_looks_soon_and_an_old_one_seldom() -> None:
    assert next_look(timedelta(0), {}) == FIRST_LOOK
    assert next_look(timedelta(minutes=8), {}) == timedelta(minutes=2)
    assert next_look(timedelta(days=3), {}) == SELDOM


def test_how_often_it_looks_can_be_set() -> None:
    assert next_look(timedelta(days=3), {"RECON_APPROVAL_LOOK_S": "5"}) == timedelta(seconds=5)


def test_a_store_that_is_out_of_reach_makes_it_wait_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import TaskAwaitingInput

    monkeypatch.delenv("AIRFLOW_CONN_RECON_STORE", raising=False)
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2"
    monkeypatch.setenv("RECON_DATABASE_URL", url)
    sensor = ApprovalSensor(task_id="await_approval", action_id="a")
    with pytest.raises(TaskAwaitingInput):
        sensor.execute_complete({}, {"error_type": "timeout", "error": "late"})
