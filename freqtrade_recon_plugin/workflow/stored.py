"""Actions as the tasks find them in the store."""

from __future__ import annotations

from collections.abc import Iterable

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.store import ActionRow, Store
from freqtrade_recon_plugin.workflow.faults import fail


def find_action(store: Store, action_id: str) -> ActionRow:
    """The action; a task whose action is gone fails for good."""
    with store.reading() as tx:
        action: ActionRow | None = tx.actions.get(action_id)
    if action is None:
        fail(f"action {action_id}: not in the store")
    return action


def actions_in(store: Store, statuses: Iterable[ActionStatus]) -> list[ActionRow]:
    """All actions in one of the statuses."""
    with store.reading() as tx:
        return [action for status in statuses for action in tx.actions.list(status=status)]


def label_of(action: ActionRow) -> str:
    """Bot and symbol, as the grid shows them."""
    return f"{action.bot_id} {action.symbol}"
