"""What a person or a program does with a running Airflow: its REST API, with a login per user.

Everything that waits has a deadline and asks again; nothing sleeps for a fixed time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

#: Who can log in: name to (role, password). A viewer reads; a user may mark tasks; op and admin
#: also see connections. The passwords guard a loopback port that lives for minutes.
USERS: Mapping[str, tuple[str, str]] = {
    "admin": ("admin", "admin-password"),
    "approver": ("user", "approver-password"),
    "viewer": ("viewer", "viewer-password"),
    "recon-service": ("viewer", "recon-service-password"),
}
#: Task states that no longer change by themselves.
FINISHED_TASK_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
FINISHED_RUN_STATES = frozenset({"success", "failed"})


class AirflowTrouble(RuntimeError):
    """Airflow did not start, or did not do in time what was waited for."""


class AirflowApi:
    """The REST API of one Airflow whose users are `USERS`.

    :param url: where the API server listens, without a path.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[str, httpx.Client] = {}

    def close(self) -> None:
        """Closes the connections to the API server."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def check_alive(self) -> None:
        """Raises `AirflowTrouble` when waiting any longer is pointless."""

    def rest(self, user: str = "admin") -> httpx.Client:
        """A client of Airflow's REST API, logged in; paths are relative to `/api/v2`."""
        if user not in self._clients:
            login = {"username": user, "password": USERS[user][1]}
            answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=30)
            token = answer.raise_for_status().json()["access_token"]
            self._clients[user] = httpx.Client(
                base_url=f"{self.url}/api/v2",
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
            )
        return self._clients[user]

    def unpause(self, dag: str, *, paused: bool = False) -> None:
        """Lets the scheduler run a DAG (or, with `paused`, no longer)."""
        body = {"is_paused": paused}
        self.rest().patch(f"/dags/{dag}", json=body).raise_for_status()

    def trigger(
        self, dag: str, run_id: str | None = None, conf: Mapping[str, Any] | None = None
    ) -> str:
        """Starts a run of an unpaused DAG and returns its id."""
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf or {})}
        if run_id:
            body["dag_run_id"] = run_id
        answer = self.rest().post(f"/dags/{dag}/dagRuns", json=body).raise_for_status()
        return str(answer.json()["dag_run_id"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The newest 100 runs of a DAG, newest first."""
        query: dict[str, str | int] = {"limit": 100, "order_by": "-run_after"}
        answer = self.rest().get(f"/dags/{dag}/dagRuns", params=query).raise_for_status()
        return list(answer.json()["dag_runs"])

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        path = f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances"
        answer = self.rest().get(path, params={"limit": 500}).raise_for_status()
        return list(answer.json()["task_instances"])

    def mark(
        self,
        dag: str,
        run: str,
        task: str,
        new_state: str,
        *,
        note: str | None = None,
        user: str = "approver",
    ) -> httpx.Response:
        """Marks a task as the UI does; the answer is returned as it came (403 for a viewer)."""
        path = f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances/{task}"
        return self.rest(user).patch(path, json={"new_state": new_state, "note": note})

    def mark_success(
        self, dag: str, run: str, task: str, note: str | None = None, user: str = "approver"
    ) -> httpx.Response:
        """Marks a task successful, which is how a person approves."""
        return self.mark(dag, run, task, "success", note=note, user=user)

    def respond(
        self, dag: str, run: str, task: str, option: str, user: str = "approver"
    ) -> httpx.Response:
        """Presses a button (`Approve`, `Reject`) of a waiting task."""
        place = f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances/{task}"
        body = {"chosen_options": [option], "params_input": {}}
        return self.rest(user).patch(f"{place}/-1/hitlDetails", json=body)

    def logs(self, dag: str, run: str, task: str, map_index: int = -1, number: int = 1) -> str:
        """The log of one try of a task as plain lines."""
        place = f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances/{task}"
        query: dict[str, str | int] = {"map_index": map_index, "full_content": "true"}
        answer = self.rest().get(f"{place}/logs/{number}", params=query).raise_for_status()
        content = answer.json()["content"]
        return "\n".join(
            str(line.get("event", "")) if isinstance(line, dict) else str(line) for line in content
        )

    def wait_for(
        self, holds: Callable[[], Any], what: str, within_s: float = 120, every_s: float = 0.3
    ) -> Any:
        """Asks until the answer is truthy and returns it.

        :raises AirflowTrouble: the time was over, or a part of Airflow ended.
        """
        deadline = time.monotonic() + within_s
        while not (answer := holds()):
            self.check_alive()
            if time.monotonic() > deadline:
                raise AirflowTrouble(f"waited {within_s:.0f} s in vain for {what}")
            time.sleep(every_s)
        return answer

    def wait_run(self, dag: str, run: str, within_s: float = 300) -> str:
        """Waits until a run has ended and returns its state, `success` or `failed`."""
        path = f"/dags/{dag}/dagRuns/{quote(run, safe='')}"

        def ended() -> str | None:
            state = str(self.rest().get(path).raise_for_status().json()["state"])
            return state if state in FINISHED_RUN_STATES else None

        return str(self.wait_for(ended, f"the end of {dag} {run}", within_s))

    def wait_task(
        self, dag: str, run: str, task: str, states: frozenset[str], within_s: float = 180
    ) -> dict[str, Any]:
        """Waits until a run exists and its task is in one of the states; returns the task."""
        path = f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances/{task}"

        def there() -> dict[str, Any] | None:
            answer = self.rest().get(path)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            found: dict[str, Any] = answer.raise_for_status().json()
            return found if found["state"] in states else None

        found: dict[str, Any] = self.wait_for(
            there, f"{dag} {run} {task} to be {' or '.join(sorted(states))}", within_s
        )
        return found
