"""The names that people, other programs and the two DAGs share.

They are a contract: alerts link to them, and permissions are given by them.
"""

from __future__ import annotations

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus

RECONCILIATION_DAG = "position_reconciliation"
APPROVAL_DAG = "divergence_approval"

LIST_ACCOUNTS = "list_accounts"
DETECT = "detect"
TO_CORRECT = "to_correct"
TO_APPROVE = "to_approve"
BRANCH = "branch"
AUTO_CORRECT = "auto_correct"
PAUSE_AND_ALERT = "pause_and_alert"
IN_SYNC = "in_sync"
REPORT = "report"

AWAIT_APPROVAL = "await_approval"
APPLY_APPROVED = "apply_approved"
VERIFY_AND_RESUME = "verify_and_resume"

STORE_CONNECTION = "recon_store"
AIRFLOW_API_CONNECTION = "recon_airflow_api"

#: Nobody's answer is needed and no command was finished: a cycle picks these up, also after a
#: worker died in the middle.
TO_CORRECT_STATUSES = (ActionStatus.DETECTED, ActionStatus.CORRECTING)
#: A run of the approval DAG must be on its way: it waits for the person, or carries out what the
#: person decided.
TO_APPROVE_STATUSES = (
    ActionStatus.PENDING_APPROVAL,
    ActionStatus.APPROVED,
    ActionStatus.APPLYING,
)


def account_connection(account_id: str) -> str:
    """The id of the Connection that holds an account's read-only key."""
    return f"recon_{account_id}"


def approval_run_id(action_id: str, number: int = 1) -> str:
    """The id of an approval run: the action's, and from the second request on its number."""
    return action_id if number == 1 else f"{action_id}__{number}"
