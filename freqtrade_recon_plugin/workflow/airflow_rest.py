"""Airflow's REST API as a task reads it: who marked a task.

Tasks cannot read Airflow's database. They log in as the service user of the Connection
`recon_airflow_api`, which needs no right but to read DAG runs and the audit log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from freqtrade_recon_plugin.errors import SettingsError
from freqtrade_recon_plugin.workflow.connections import find_connection
from freqtrade_recon_plugin.workflow.decision import (
    Gate,
    Marking,
    Refusal,
    Ruling,
    from_marking,
    lost_answer,
)
from freqtrade_recon_plugin.workflow.names import (
    AIRFLOW_API_CONNECTION,
    APPROVAL_DAG,
    AWAIT_APPROVAL,
)

log = logging.getLogger(__name__)

_TIMEOUT_S = 20
_REFUSED = frozenset({401, 403})


def who_marked(run_id: str) -> Ruling | Refusal:
    """Who marked the waiting task of an approval run, by Airflow's audit log.

    :raises httpx.HTTPError: the API server cannot be reached or is in trouble; worth a retry.
    """
    try:
        with _logged_in() as api:
            return from_marking(_gate(api, run_id), _markings(api, run_id))
    except SettingsError as error:
        return Refusal(str(error))
    except httpx.HTTPStatusError as error:
        if error.response.status_code not in _REFUSED:
            raise
        return Refusal(
            f"the user of Connection {AIRFLOW_API_CONNECTION} may not log in or may not read "
            f"{error.request.url.path} (HTTP {error.response.status_code})"
        )


def answered_before(run_id: str, attempt: int) -> dict[str, Any] | None:
    """The answer that the sensor's last attempt had received when Airflow failed it, if any.

    Where that cannot be found out, the person is asked again.

    :param attempt: the number of the present attempt.
    """
    # Depending on how far the task had come, the answer is with the task still, or with its past.
    places = ("hitlDetails", f"hitlDetails/tries/{attempt - 1}")
    try:
        with _logged_in() as api:
            markings = _markings(api, run_id)
            for place in places:
                found = api.get(f"{_gate_path(run_id)}/-1/{place}")
                if found.status_code == httpx.codes.NOT_FOUND:
                    continue
                if answer := lost_answer(found.raise_for_status().json(), markings):
                    return answer
    except (SettingsError, httpx.HTTPError) as error:
        log.warning("cannot look for an earlier answer, asking again: %s", error)
    return None


@contextmanager
def _logged_in() -> Iterator[httpx.Client]:
    connection = find_connection(AIRFLOW_API_CONNECTION)
    if connection is None:
        raise SettingsError(
            f"Connection {AIRFLOW_API_CONNECTION}: missing, so nobody can be named for a task that "
            "was marked by hand; add it (host, port, login and password of a user who may read "
            "the audit log), or press Approve"
        )
    with httpx.Client(base_url=base_url(connection), timeout=_TIMEOUT_S) as api:
        login = {"username": connection.login, "password": connection.password}
        token = api.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        api.headers["Authorization"] = f"Bearer {token}"
        yield api


def base_url(connection: Any) -> str:
    """Where the API server is: the host as a whole URL, or type, host and port put together.

    :raises SettingsError: the Connection has no host.
    """
    if not connection.host:
        raise SettingsError(f"Connection {connection.conn_id}: host must be the API server's")
    if "://" in connection.host:
        return str(connection.host).rstrip("/")
    scheme = "https" if "https" in (connection.conn_type, connection.schema) else "http"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{connection.host}{port}"


def _gate_path(run_id: str) -> str:
    run = quote(run_id, safe="")
    return f"/api/v2/dags/{APPROVAL_DAG}/dagRuns/{run}/taskInstances/{AWAIT_APPROVAL}"


def _gate(api: httpx.Client, run_id: str) -> Gate:
    task = api.get(_gate_path(run_id)).raise_for_status().json()
    # A task that was marked before it ever ran has no start, and one that waits again no end.
    ended = datetime.fromisoformat(task["end_date"] or task["run_after"])
    started = datetime.fromisoformat(task["start_date"]) if task["start_date"] else ended
    return Gate(str(task["state"]), started, ended, task["note"])


def _markings(api: httpx.Client, run_id: str) -> list[Marking]:
    query: dict[str, str | int] = {
        "dag_id": APPROVAL_DAG,
        "run_id": run_id,
        "task_id": AWAIT_APPROVAL,
        "event": "patch_task_instance",
        "order_by": "-when",
        "limit": 100,
    }
    events = api.get("/api/v2/eventLogs", params=query).raise_for_status().json()["event_logs"]
    return [Marking.from_event(event) for event in events]
