"""Airflow for tests: a home of its own for this process, and one real Airflow for the session.

The exchange is the sandbox over real HTTP and the store is real; the bots are stand-ins that
publish a book and book what they are told.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

# Before anything imports Airflow: it makes and reads its home when it is imported.
if "AIRFLOW_HOME" not in os.environ:
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="recon-airflow-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", str(Path(__file__).parents[2] / "dags"))

from freqtrade_recon_plugin.sandbox import Sandbox, ccxt_urls, start_sandbox
from freqtrade_recon_plugin.sandbox.live_airflow import LiveAirflow, connection
from freqtrade_recon_plugin.store import ActionRow, BreakerRow, Store, open_store, upgrade
from freqtrade_recon_plugin.workflow import names
from tests.workflow.standin import SYMBOL, StandIn

AWAITING = frozenset({"awaiting_input"})
#: One incident for each way to end the gate, and one bot with a small divergence.
INCIDENTS = (
    "marked-success",
    "pressed-approve",
    "pressed-reject",
    "marked-failed",
    "command-line",
    "nobody-named",
    "cleared",
)
SMALL = "small"


@dataclass(frozen=True)
class Stack:
    """A real Airflow beside a store, a sandbox exchange and stand-in bots."""

    airflow: LiveAirflow
    store: Store
    sandbox: Sandbox
    bots: dict[str, StandIn]

    def cycle(self) -> str:
        """Runs one cycle of detection to its end and returns its run id."""
        run = self.airflow.trigger(names.RECONCILIATION_DAG)
        state = self.airflow.wait_run(names.RECONCILIATION_DAG, run)
        assert state == "success", self.airflow.logs(names.RECONCILIATION_DAG, run, names.REPORT)
        return run

    def action(self, bot_id: str) -> ActionRow:
        with self.store.reading() as tx:
            action = tx.actions.latest_for(bot_id, SYMBOL)
        assert action is not None
        return action

    def breaker(self, bot_id: str) -> BreakerRow | None:
        with self.store.reading() as tx:
            return tx.breakers.get(bot_id, SYMBOL)

    def actors(self, action_id: str) -> list[str]:
        with self.store.reading() as tx:
            return [f"{row.event} {row.actor}" for row in tx.audit.list(action_id=action_id)]

    def clear(self, run: str) -> None:
        """Clears the gate, as a person does who wants to be asked again."""
        body = {"dry_run": False, "dag_run_id": run, "task_ids": [names.AWAIT_APPROVAL]}
        path = f"/dags/{names.APPROVAL_DAG}/clearTaskInstances"
        body |= {"only_failed": False, "reset_dag_runs": True, "include_downstream": True}
        self.airflow.rest().post(path, json=body).raise_for_status()

    def approval_runs(self, action_id: str) -> list[str]:
        runs = self.airflow.runs(names.APPROVAL_DAG)
        return sorted(run["dag_run_id"] for run in runs if run["conf"]["action_id"] == action_id)

    def awaiting(self, bot_id: str) -> str:
        """Waits until a person is asked about the bot's symbol; returns the run id."""
        run = self.action(bot_id).action_id
        self.airflow.wait_task(names.APPROVAL_DAG, run, names.AWAIT_APPROVAL, AWAITING)
        return run

    def task_states(self, run: str) -> dict[str, str]:
        tasks = self.airflow.tasks(names.APPROVAL_DAG, run)
        return {task["task_id"]: task["state"] for task in tasks}


def exchange_connection(sandbox: Sandbox, account: str) -> str:
    keys = sandbox.keys(account)
    return connection(
        conn_type="generic",
        login=keys.read_only_key,
        password=keys.read_only_secret,
        extra={"exchange": "binance", "urls": ccxt_urls(sandbox.url)},
    )


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One real Airflow for all tests; every bot has an account and an exchange position."""
    place = tmp_path_factory.mktemp("airflow")
    url = f"sqlite:///{place / 'recon.sqlite'}"
    upgrade(url)
    with ExitStack() as ends:
        sandbox = ends.enter_context(start_sandbox(port=0, accounts=(*INCIDENTS, SMALL)))
        store = open_store(url)
        ends.callback(store.close)
        bots = {}
        for name in (*INCIDENTS, SMALL):
            sandbox.controls.manual_trade(name, SYMBOL, "buy", 150 if name != SMALL else 102)
            bots[name] = StandIn(store, name, 100)
            ends.callback(bots[name].stop)
        airflow = LiveAirflow(
            Path(place / "home"),
            connections={
                f"recon_{name}": exchange_connection(sandbox, name) for name in (*INCIDENTS, SMALL)
            },
            env={
                "RECON_DATABASE_URL": url,
                # No slot has passed since the DAG's start, so only the tests run it.
                "RECON_SCHEDULE": "0 0 29 2 *",
                "RECON_APPROVAL_LOOK_S": "8",
            },
        )
        ends.enter_context(airflow)
        yield Stack(airflow, store, sandbox, bots)
    assert airflow.processes() == []


@pytest.fixture(scope="session")
def first_cycle(stack: Stack) -> str:
    """The cycle that finds every divergence; returns its run id."""
    return stack.cycle()
