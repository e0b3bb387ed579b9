"""`PauseAndAlert`: tells people of a halted symbol and sees to it that somebody is asked.

The breaker is open already: the transaction that recorded the divergence opened it. This delivers
the alert and starts the run in which a person decides, without waiting for it.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from freqtrade_recon_plugin import service
from freqtrade_recon_plugin.domain.lifecycle import DECIDABLE_STATUSES
from freqtrade_recon_plugin.ports import now
from freqtrade_recon_plugin.store import Store
from freqtrade_recon_plugin.workflow.airflow_rest import who_marked
from freqtrade_recon_plugin.workflow.connections import opened_store, ports_for
from freqtrade_recon_plugin.workflow.decision import Refusal
from freqtrade_recon_plugin.workflow.faults import plain_failures
from freqtrade_recon_plugin.workflow.names import APPROVAL_DAG, AWAIT_APPROVAL
from freqtrade_recon_plugin.workflow.requests import Request
from freqtrade_recon_plugin.workflow.stored import find_action

log = logging.getLogger(__name__)


class PauseAndAlert(TriggerDagRunOperator):  # type: ignore[misc]  # untyped base
    """Delivers the alert of one action and asks for its approval.

    Where an earlier request was marked failed by a person, that is their rejection: it is recorded
    and nobody is asked again.

    :param request: the document of a `Request`.
    """

    template_fields = ("request",)

    def __init__(self, *, request: Any, **options: Any) -> None:
        super().__init__(
            trigger_dag_id=APPROVAL_DAG,
            logical_date=None,
            skip_when_already_exists=True,
            **options,
        )
        self.request = request

    def execute(self, context: Any) -> None:
        """Raises Airflow's own signal to trigger the run, unless that is not needed."""
        request = Request(**self.request)
        context["label"] = request.label
        with plain_failures(), opened_store() as store:
            if request.ended_run and self._rejected(store, request, context["ti"]):
                return
            outcome = service.open_pending(ports_for(store), request.action_id)
        log.info("%s: %s", request.label, outcome.message)
        self.trigger_run_id = request.run_id
        self.conf = {"action_id": request.action_id}
        self.note = request.label
        super().execute(context)

    def _rejected(self, store: Store, request: Request, task: Any) -> bool:
        """Whether a person marked the earlier request failed; records it where they did."""
        action = find_action(store, request.action_id)
        states = task.get_task_states(
            dag_id=APPROVAL_DAG, task_ids=[AWAIT_APPROVAL], run_ids=[request.ended_run]
        )
        failed = states.get(request.ended_run, {}).get(AWAIT_APPROVAL) == "failed"
        if not failed or action.status not in DECIDABLE_STATUSES:
            return False
        ruling = who_marked(str(request.ended_run))
        if isinstance(ruling, Refusal):
            log.warning("%s: the request failed, asking again: %s", request.label, ruling.reason)
            return False
        service.decide(store, request.action_id, False, ruling.by, ruling.note, now())
        log.info("%s: rejected by %s, who marked the request failed", request.label, ruling.by)
        return True
