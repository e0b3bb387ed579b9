"""`ApprovalSensor`: waits for a person's decision without holding a worker.

It parks in the state `awaiting_input` and is woken now and then to look at the store, so it ends on
Approve, on Reject, when it is marked successful, and on a decision at the command line. It decides
nothing: whoever follows reads the decision and checks who made it. Trouble with the store makes it
wait on, because a failed gate must never look like a rejection.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseSensorOperator, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import TaskAwaitingInput

from freqtrade_recon_plugin import service
from freqtrade_recon_plugin.domain.lifecycle import DECIDABLE_STATUSES
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.ports import now
from freqtrade_recon_plugin.store.rows import ActionRow
from freqtrade_recon_plugin.workflow.airflow_rest import answered_before
from freqtrade_recon_plugin.workflow.connections import opened_store
from freqtrade_recon_plugin.workflow.decision import APPROVE, NOTE, REJECT
from freqtrade_recon_plugin.workflow.stored import find_action

log = logging.getLogger(__name__)

#: How soon a new request looks at the store, and how seldom an old one does. One look costs a
#: worker about half a second, so hundreds of old requests must not look often.
FIRST_LOOK = timedelta(seconds=30)
SELDOM = timedelta(minutes=10)
#: Seconds between looks, where something else than the above is wanted.
LOOK_VARIABLE = "RECON_APPROVAL_LOOK_S"


def next_look(age: timedelta, environ: Mapping[str, str] = os.environ) -> timedelta:
    """How long to wait before the next look at the store, by the age of the request."""
    if seconds := environ.get(LOOK_VARIABLE):
        return timedelta(seconds=float(seconds))
    return min(max(FIRST_LOOK, age / 4), SELDOM)


class ApprovalSensor(HITLOperator, BaseSensorOperator):  # type: ignore[misc]  # untyped bases
    """Waits until the action is decided.

    What the person reads (subject, body with the numbers) is written when the task runs, from the
    evidence that the action holds.

    :param action_id: the action; a template.
    :returns: the answer to the buttons, or `{"action_id", "status", "decided_by"}` where the
        store already holds a decision; None when the task was marked by hand.
    """

    template_fields = ("action_id", "subject", "body")

    def __init__(self, *, action_id: str, params: Any = None, **options: Any) -> None:
        # What is given here already holds the DAG's parameters; the form shows the task's own.
        form = ParamsDict() if params is None else params
        form[NOTE] = Param(
            "", type=["string", "null"], title="Note for the audit trail", source="task"
        )
        super().__init__(
            subject=f"Position divergence {action_id}",
            options=[APPROVE, REJECT],
            params=form,
            response_timeout=FIRST_LOOK,
            **options,
        )
        self.action_id = action_id

    def execute(self, context: Any) -> Any:
        """Writes the request and parks, unless the action is decided already."""
        with opened_store() as store:
            action = find_action(store, self.action_id)
            if action.status not in DECIDABLE_STATUSES:
                return _decided(action)
            task = context["ti"]
            if task.try_number > 1 and (answer := answered_before(task.run_id, task.try_number)):
                log.info("an earlier attempt was answered: %s", answer)
                return answer
            self.subject, self.body = service.describe(store, self.action_id)
        self.response_timeout = _patience(action)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Is woken by an answer, or by the time for a look at the store."""
        if event.get("error_type") != "timeout":
            return super().execute_complete(context, event)
        try:
            with opened_store() as store:
                action = find_action(store, self.action_id)
        except ReconError as error:
            log.warning("cannot look at the store, waiting on: %s", error)
            raise TaskAwaitingInput(
                method_name="execute_complete", timeout=next_look(FIRST_LOOK)
            ) from None
        if action.status not in DECIDABLE_STATUSES:
            return _decided(action)
        log.info("action %s is still undecided, waiting on", self.action_id)
        raise TaskAwaitingInput(method_name="execute_complete", timeout=_patience(action))


def _patience(action: ActionRow) -> timedelta:
    return next_look(now() - action.detected_at)


def _decided(action: ActionRow) -> dict[str, Any]:
    log.info("action %s is %s by %s", action.action_id, action.status, action.decided_by)
    return {
        "action_id": action.action_id,
        "status": str(action.status),
        "decided_by": action.decided_by,
    }
