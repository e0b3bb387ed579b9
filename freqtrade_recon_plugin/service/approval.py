"""Approve: what a person decides about a halted symbol, and telling them that they are asked."""

from __future__ import annotations

from datetime import datetime

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service.ending import Outcome
from freqtrade_recon_plugin.store import ActionRow, BreakerRow, Store


def open_pending(ports: Ports, action_id: str) -> Outcome:
    """Delivers what alerts are due, that of this action among them.

    :raises ReconError: there is no such action.
    """
    with ports.store.reading() as tx:
        action = tx.actions.get(action_id)
    if action is None:
        raise ReconError(f"there is no action {action_id}")
    ports.alerts.deliver(ports.store, ports.metrics, ports.clock())
    return Outcome(action_id, action.status, action.verdict["reason"])


def decide(
    store: Store, action_id: str, approve: bool, by: str, note: str | None, at: datetime
) -> ActionRow:
    """A person approves or rejects a pending action.

    :param by: who decides; an approval without a name is none.
    :raises ReconError: there is no such action, or the name is empty or may not approve.
    :raises Conflict: the action is not pending (any more).
    """
    name = by.strip()
    if not name:
        raise ReconError("an approval needs the name of the person who gives it")
    to = ActionStatus.APPROVED if approve else ActionStatus.REJECTED
    with store.transaction() as tx:
        action = tx.actions.get(action_id)
        if action is None:
            raise ReconError(f"there is no action {action_id}")
        bot = tx.bots.get(action.bot_id)
        approvers = bot.policy.approvers if bot else ()
        if approve and bot and bot.policy.require_two_approvers:
            raise ReconError(
                f"policy.require_two_approvers of bot {action.bot_id}: this version takes one "
                "approval only, so it takes none; set the book right by hand, then resume"
            )
        if approve and approvers and name not in approvers:
            raise ReconError(
                f"{name} may not approve for bot {action.bot_id}: policy.approvers names "
                f"{', '.join(approvers)}"
            )
        return tx.actions.move(
            action_id, ActionStatus.PENDING_APPROVAL, to, name, at, note, decided=True
        )


def halt(store: Store, bot_id: str, symbol: str, by: str, reason: str, at: datetime) -> BreakerRow:
    """A person halts a symbol of a bot, or the whole bot (`*`).

    A breaker that reconciliation has opened becomes the person's, so that no approval closes it.

    :raises StoreError: the bot is not registered.
    """
    with store.transaction() as tx:
        before = tx.breakers.get(bot_id, symbol)
        if before and before.is_open and before.reason is not BreakerReason.MANUAL:
            tx.breakers.close(bot_id, symbol, by, at, f"taken over by hand: {reason}")
        return tx.breakers.open(bot_id, symbol, BreakerReason.MANUAL, reason, by, at)


def resume(
    store: Store, bot_id: str, symbol: str, by: str, reason: str, at: datetime
) -> BreakerRow:
    """A person closes a breaker, whoever opened it.

    A question that waits about the symbol ends with it, so that a difference which is still there
    is found, halted and asked about anew.

    :raises Conflict: it is not open.
    """
    with store.transaction() as tx:
        closed = tx.breakers.close(bot_id, symbol, by, at, reason)
        action = tx.actions.open_for(bot_id, symbol)
        if action is not None and action.status is ActionStatus.PENDING_APPROVAL:
            note = f"resumed by hand: {reason}"
            tx.actions.move(
                action.action_id, action.status, ActionStatus.REJECTED, by, at, note, decided=True
            )
        return closed
