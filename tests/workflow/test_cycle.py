"""Whole cycles through Airflow's own `dag.test`: real store, real HTTP, one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from freqtrade_recon_plugin import service
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.sandbox import FaultKind, Sandbox, start_sandbox
from freqtrade_recon_plugin.sandbox.live_airflow import find_dags_folder
from freqtrade_recon_plugin.store import ActionRow, Store, open_store, upgrade
from freqtrade_recon_plugin.workflow import names
from freqtrade_recon_plugin.workflow.connections import ports_for
from tests.workflow.conftest import exchange_connection
from tests.workflow.standin import SYMBOL, StandIn


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    """The two DAGs, and the metadata database that running them needs."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    file = find_dags_folder() / "position_reconciliation.py"
    return dict(DagBag(dag_folder=str(file)).dags)


@dataclass
class Here:
    """A store, a sandbox exchange, and cycles in this process."""

    store: Store
    sandbox: Sandbox
    dags: dict[str, Any]
    bot: Callable[..., StandIn]

    def cycle(self) -> dict[str, str]:
        """One cycle; the state of every task, and of the run as `run`."""
        run = self.dags[names.RECONCILIATION_DAG].test()
        return {"run": str(run.state), **states(run)}

    def halted(self, bot_id: str) -> ActionRow:
        """Finds a large divergence of the bot, as a cycle would."""
        service.detect(ports_for(self.store, bot_id), bot_id)
        action = self.action(bot_id)
        assert action is not None
        assert action.status is ActionStatus.PENDING_APPROVAL
        return action

    def decide(self, action: ActionRow, approve: bool) -> None:
        now = datetime.now(UTC)
        service.decide(self.store, action.action_id, approve, "ann", None, now)

    def approval(self, action: ActionRow, **options: Any) -> dict[str, str]:
        """One run of the approval DAG to its end."""
        run = self.dags[names.APPROVAL_DAG].test(
            run_conf={"action_id": action.action_id}, **options
        )
        return {"run": str(run.state), **states(run)}

    def action(self, bot_id: str) -> ActionRow | None:
        with self.store.reading() as tx:
            return tx.actions.latest_for(bot_id, SYMBOL)


def states(run: Any) -> dict[str, str]:
    found = {}
    for task in run.get_task_instances():
        label = task.rendered_map_index or task.map_index
        name = task.task_id if task.map_index < 0 else f"{task.task_id} {label}"
        found[name] = str(task.state)
    return found


@pytest.fixture
def here(dags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    url = f"sqlite:///{tmp_path / 'recon.sqlite'}"
    upgrade(url)
    monkeypatch.setenv("RECON_DATABASE_URL", url)
    monkeypatch.delenv("AIRFLOW_CONN_RECON_STORE", raising=False)
    with ExitStack() as ends:
        sandbox = ends.enter_context(start_sandbox(port=0, accounts=("a", "b", "c")))
        store = open_store(url)
        ends.callback(store.close)

        def bot(name: str, book: int, exchange: int, connected: bool = True) -> StandIn:
            if connected:
                conn = exchange_connection(sandbox, name)
                monkeypatch.setenv(f"AIRFLOW_CONN_RECON_{name.upper()}", conn)
            if exchange:
                sandbox.controls.manual_trade(name, SYMBOL, "buy", exchange)
            made = StandIn(store, name, book)
            ends.callback(made.stop)
            return made

        yield Here(store, sandbox, dags, bot)


def test_a_cycle_without_bots_is_in_order(here: Here) -> None:
    done = here.cycle()
    assert done["run"] == "success"
    assert done[names.IN_SYNC] == "success"


def test_a_cycle_in_which_all_agrees_has_nothing_to_correct_and_nobody_to_ask(here: Here) -> None:
    here.bot("a", book=100, exchange=100)
    done = here.cycle()
    assert done["run"] == "success"
    assert done["detect a"] == "success"
    assert done[names.IN_SYNC] == "success"
    assert done[names.AUTO_CORRECT] == done[names.PAUSE_AND_ALERT] == "skipped"
    assert here.action("a") is None


def test_small_is_corrected_and_large_is_asked_about_in_the_same_cycle(here: Here) -> None:
    small = here.bot("a", book=100, exchange=102)
    here.bot("b", book=100, exchange=150)
    done = here.cycle()
    assert done["run"] == "success"
    assert done[f"auto_correct a {SYMBOL}"] == "success"
    assert done[f"pause_and_alert b {SYMBOL}"] == "success"
    assert done[names.IN_SYNC] == "skipped"
    assert small.amount == Decimal(102)
    corrected, pending = here.action("a"), here.action("b")
    assert corrected is not None
    assert corrected.status is ActionStatus.CORRECTED
    assert pending is not None
    assert pending.status is ActionStatus.PENDING_APPROVAL
    assert approval_runs()[pending.action_id] == {"action_id": pending.action_id}

    again = here.cycle()
    assert again[names.PAUSE_AND_ALERT] == "skipped"  # somebody is being asked already
    runs = [run for run in approval_runs() if run.startswith(pending.action_id)]
    assert runs == [pending.action_id]


def approval_runs() -> dict[str, Any]:
    """Ids and settings of all approval runs."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        runs = session.scalars(select(DagRun).where(DagRun.dag_id == names.APPROVAL_DAG)).all()
        found = {run.run_id: run.conf for run in runs}
    return found


def test_a_missing_connection_is_one_line_and_the_other_accounts_are_reconciled(
    here: Here, caplog: pytest.LogCaptureFixture
) -> None:
    here.bot("a", book=100, exchange=100, connected=False)
    healthy = here.bot("b", book=100, exchange=102)
    done = here.cycle()
    assert done["run"] == "failed"
    assert done["detect a"] == "failed"
    assert done["detect b"] == "success"
    assert done[f"auto_correct b {SYMBOL}"] == "success"
    assert done[names.REPORT] == "failed"
    assert healthy.amount == Decimal(102)
    (line, *_) = [
        record.getMessage() for record in caplog.records if "account a" in record.msg % record.args
    ]
    assert line.startswith("account a: Connection recon_a: missing; add it with a read-only key")
    assert "failed: detect_0; Connection recon_a: missing" in caplog.text


def test_accounts_that_share_a_batch_do_not_share_a_fault(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freqtrade_recon_plugin.workflow.batches.MOST_BATCHES", 1)
    monkeypatch.setattr("freqtrade_recon_plugin.workflow.batches.in_batches.__defaults__", (1,))
    here.bot("a", book=100, exchange=100, connected=False)
    healthy = here.bot("b", book=100, exchange=102)
    done = here.cycle()
    assert done["detect a, b"] == "failed"
    assert done[f"auto_correct b {SYMBOL}"] == "success"
    assert healthy.amount == Decimal(102)


def test_an_exchange_in_trouble_corrects_nothing_and_fails_nothing(here: Here) -> None:
    here.bot("a", book=100, exchange=150)
    here.sandbox.controls.inject(FaultKind.GARBAGE, "positions", times=None, key="a/readonly")
    done = here.cycle()
    assert done["run"] == "success"
    assert here.action("a") is None


def test_a_store_that_cannot_be_used_fails_the_cycle_with_what_to_do(
    dags: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("RECON_DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.sqlite'}")
    run = dags[names.RECONCILIATION_DAG].test()
    assert str(run.state) == "failed"
    assert states(run)[names.LIST_ACCOUNTS] == "failed"
    assert "freqtrade-recon db upgrade" in caplog.text


def test_what_was_approved_at_the_command_line_runs_through_without_waiting(here: Here) -> None:
    bot = here.bot("a", book=100, exchange=150)
    action = here.halted("a")
    here.decide(action, approve=True)
    assert set(here.approval(action).values()) == {"success"}
    assert bot.amount == Decimal(150)
    corrected = here.action("a")
    assert corrected is not None
    assert (corrected.status, corrected.decided_by) == (ActionStatus.CORRECTED, "ann")

    # Cleared or started again by hand, it finds nothing left to do.
    again = here.approval(action)
    assert again["run"] == "success"
    assert again[names.VERIFY_AND_RESUME] == "skipped"


def test_what_was_rejected_at_the_command_line_applies_nothing(here: Here) -> None:
    bot = here.bot("a", book=100, exchange=150)
    action = here.halted("a")
    here.decide(action, approve=False)
    done = here.approval(action)
    assert done[names.APPLY_APPROVED] == done[names.VERIFY_AND_RESUME] == "skipped"
    assert bot.amount == Decimal(100)


def test_numbers_that_moved_after_the_approval_are_asked_about_anew(here: Here) -> None:
    bot = here.bot("a", book=100, exchange=150)
    action = here.halted("a")
    here.decide(action, approve=True)
    here.sandbox.controls.manual_trade("a", SYMBOL, "buy", 10)
    done = here.approval(action)
    assert done["run"] == "success"
    assert done[names.VERIFY_AND_RESUME] == "skipped"
    assert bot.amount == Decimal(100)
    with here.store.reading() as tx:
        old = tx.actions.get(action.action_id)
    new = here.action("a")
    assert old is not None
    assert old.status is ActionStatus.STALE
    assert new is not None
    assert (new.status, new.exchange) == (ActionStatus.PENDING_APPROVAL, Decimal(160))


def test_a_gate_marked_by_hand_decides_nothing_where_nobody_can_be_named(
    here: Here, caplog: pytest.LogCaptureFixture
) -> None:
    bot = here.bot("a", book=100, exchange=150)
    action = here.halted("a")
    done = here.approval(action, mark_success_pattern=names.AWAIT_APPROVAL)
    assert done["run"] == "failed"
    assert done[names.APPLY_APPROVED] == "failed"
    assert "Connection recon_airflow_api: missing" in caplog.text
    assert f"freqtrade-recon approve {action.action_id} --by NAME" in caplog.text
    assert bot.amount == Decimal(100)
    pending = here.action("a")
    assert pending is not None
    assert pending.status is ActionStatus.PENDING_APPROVAL
