"""What the tasks of `divergence_approval` do after the sensor has ended.

No task state is trusted: that the sensor is successful says nothing. Who decided what is found out
here and written to the store, and the store alone says whether something is applied.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import httpx
from airflow.sdk import get_current_context

from freqtrade_recon_plugin import service
from freqtrade_recon_plugin.domain.lifecycle import DECIDABLE_STATUSES, ActionStatus
from freqtrade_recon_plugin.errors import Conflict, ReconError, SettingsError
from freqtrade_recon_plugin.ports import now
from freqtrade_recon_plugin.store import ActionRow, Store
from freqtrade_recon_plugin.workflow.airflow_rest import who_marked
from freqtrade_recon_plugin.workflow.connections import opened_store, ports_for
from freqtrade_recon_plugin.workflow.decision import Refusal, from_response
from freqtrade_recon_plugin.workflow.faults import fail, plain_failures, skip, try_again
from freqtrade_recon_plugin.workflow.stored import find_action

log = logging.getLogger(__name__)


def apply_approved(action_id: str, response: Mapping[str, Any] | None) -> str:
    """Finds out what was decided and by whom, and lets an approved correction begin.

    Skips the rest of the run where there is nothing to apply.

    :param response: what the sensor left behind.
    :returns: what became of it.
    """
    run_id = get_current_context()["run_id"]
    with plain_failures(), opened_store() as store:
        action = find_action(store, action_id)
        if action.status in DECIDABLE_STATUSES:
            action = _decided(store, action, run_id, response)
        if action.status is ActionStatus.REJECTED:
            skip(f"rejected by {action.decided_by}; the symbol stays halted")
        if action.status is ActionStatus.APPROVED:
            action = _applied(store, action)
    if action.status is not ActionStatus.APPLYING:
        skip(f"nothing to verify: the action is {action.status} ({action.note})")
    return "the command is with the bot"


def _applied(store: Store, action: ActionRow) -> ActionRow:
    ports = ports_for(store, action.account_id)
    try:
        outcome = service.apply_approved(ports, action.action_id)
    except SettingsError:
        raise
    except ReconError as error:
        # It stays approved: one side could not be read just now, which is worth another try.
        try_again(str(error))
    log.info("%s", outcome.message)
    return find_action(store, action.action_id)


def _decided(
    store: Store, action: ActionRow, run_id: str, response: Mapping[str, Any] | None
) -> ActionRow:
    ruling = from_response(response)
    if ruling is None:
        try:
            ruling = who_marked(run_id)
        except httpx.HTTPError as error:
            try_again(f"Airflow's REST API: {error}")
    if isinstance(ruling, Refusal):
        fail(
            f"nobody can be named for this decision: {ruling.reason}. Nothing was changed and the "
            "symbol stays halted; the next cycle asks again. Press Approve or Reject there, or run "
            f"freqtrade-recon approve {action.action_id} --by NAME"
        )
    word = "approved" if ruling.approve else "rejected"
    log.info("%s by %s (%s)", word, ruling.by, ruling.source)
    try:
        return service.decide(
            store, action.action_id, ruling.approve, ruling.by, ruling.note, now()
        )
    except Conflict:
        return find_action(store, action.action_id)  # somebody was faster, at the command line


def verify_and_resume(action_id: str) -> str:
    """Waits for the bot, compares afresh, and closes the breaker when both sides agree.

    :returns: what became of it.
    """
    with plain_failures(), opened_store() as store:
        ports = ports_for(store, find_action(store, action_id).account_id)
        outcome = service.verify_and_resume(ports, action_id)
        ports.alerts.deliver(store, ports.metrics, ports.clock())
    log.info("%s", outcome.message)
    if outcome.status is ActionStatus.APPLYING:
        try_again(outcome.message)
    if outcome.status is not ActionStatus.CORRECTED:
        fail(outcome.message)
    return str(outcome.message)
