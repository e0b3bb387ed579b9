"""What the tasks of `position_reconciliation` do: thin functions between Airflow and the use cases.

No task state is trusted. What is to be done is read from the store each time, so a task that runs
twice, late, or after its worker was killed does no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow.sdk import get_current_context

from freqtrade_recon_plugin import service
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.errors import ReconError, StoreUnavailable
from freqtrade_recon_plugin.store import Store
from freqtrade_recon_plugin.workflow import names
from freqtrade_recon_plugin.workflow.batches import BatchResult, batch_label, in_batches
from freqtrade_recon_plugin.workflow.connections import opened_store, ports_for
from freqtrade_recon_plugin.workflow.faults import fail, plain_failures
from freqtrade_recon_plugin.workflow.requests import missing_requests
from freqtrade_recon_plugin.workflow.stored import actions_in, find_action, label_of

log = logging.getLogger(__name__)


def list_accounts() -> list[list[str]]:
    """The accounts of all bots that registered themselves in the store, in batches."""
    with plain_failures(), opened_store() as store, store.reading() as tx:
        bots = tx.bots.list()
    log.info("%s bots on %s accounts", len(bots), len({bot.account_id for bot in bots}))
    return in_batches(bot.account_id for bot in bots)


def detect(accounts: list[str]) -> dict[str, Any]:
    """Reconciles the accounts of one batch; one that is broken fails nothing but itself.

    :returns: the document of a `BatchResult`.
    """
    context = get_current_context()
    context["label"] = batch_label(accounts)
    result = BatchResult()
    with plain_failures(), opened_store() as store:
        for account in accounts:
            _detect_one(store, account, result)
        _deliver(store)  # now, not at the end of the cycle: a halted symbol is news
    document = result.to_document()
    if result.failed:
        # A failed task leaves no result by itself, and the other accounts' findings are good.
        context["ti"].xcom_push(key="return_value", value=document)
        fail("; ".join(result.failed.values()))
    return document


def _deliver(store: Store) -> None:
    ports = ports_for(store)
    ports.alerts.deliver(store, ports.metrics, ports.clock())


def _detect_one(store: Store, account: str, result: BatchResult) -> None:
    try:
        result.add(service.detect(ports_for(store, account), account))
    except StoreUnavailable:
        raise
    except ReconError as error:
        log.error("account %s: %s", account, error)
        result.failed[account] = str(error)
    except Exception as error:  # a defect met in one account must not stop the others
        log.exception("account %s", account)
        result.failed[account] = f"account {account}: {type(error).__name__}"


def to_correct() -> list[dict[str, str]]:
    """The actions that need nobody's answer: found in this cycle, or left behind by a dead worker.

    :returns: `action_id` and `label` of each.
    """
    with plain_failures(), opened_store() as store:
        actions = actions_in(store, names.TO_CORRECT_STATUSES)
    return [{"action_id": action.action_id, "label": label_of(action)} for action in actions]


def to_approve() -> list[dict[str, Any]]:
    """The actions that wait for a person and have no run of the approval DAG under way.

    Those that have one are left alone, so a cycle takes as long with many of them as with none.

    :returns: documents of `Request`.
    """
    task = get_current_context()["ti"]
    with plain_failures(), opened_store() as store:
        waiting = actions_in(store, names.TO_APPROVE_STATUSES)
    requests = missing_requests(
        {action.action_id: label_of(action) for action in waiting},
        lambda run_ids: task.get_task_states(dag_id=names.APPROVAL_DAG, run_ids=run_ids),
    )
    log.info("%s actions wait for a person, %s need a request", len(waiting), len(requests))
    return [request.to_document() for request in requests]


def branch(corrections: Sequence[Any], requests: Sequence[Any]) -> list[str]:
    """Which way the cycle goes on; both where both are needed."""
    ways = []
    if corrections:
        ways.append(names.AUTO_CORRECT)
    if requests:
        ways.append(names.PAUSE_AND_ALERT)
    return ways or [names.IN_SYNC]


def auto_correct(correction: Mapping[str, str]) -> str:
    """Corrects one small divergence: commands the bot, waits for it, compares afresh.

    :returns: what became of it.
    """
    get_current_context()["label"] = correction["label"]
    action_id = correction["action_id"]
    with plain_failures(), opened_store() as store:
        ports = ports_for(store, find_action(store, action_id).account_id)
        outcome = service.auto_correct(ports, action_id)
    log.info("%s: %s", correction["label"], outcome.message)
    if outcome.status is ActionStatus.FAILED:
        fail(f"{correction['label']}: {outcome.message}")
    return str(outcome.message)


def report(results: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Sends what alerts are due, sums up the cycle, and fails it when any part of it failed.

    :param results: documents of `BatchResult`.
    :returns: one such document.
    """
    context = get_current_context()
    with plain_failures(), opened_store() as store:
        _deliver(store)
    total = BatchResult.of_all(results)
    log.info("%s accounts, verdicts: %s", total.accounts, dict(total.verdicts))
    for finding in total.findings:
        log.info("%(bot_id)s %(symbol)s: %(verdict)s, %(decision)s: %(reason)s", finding)
    states = context["ti"].get_task_states(
        dag_id=names.RECONCILIATION_DAG, run_ids=[context["run_id"]]
    )
    failed = sorted(
        task
        for task, state in states.get(context["run_id"], {}).items()
        if state in ("failed", "upstream_failed")
    )
    if failed:
        fail("; ".join([f"failed: {', '.join(failed)}", *total.failed.values()]))
    return total.to_document()
