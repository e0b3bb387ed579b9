"""Ends an action: corrected, failed, stale; each with its breaker and alert in one transaction.

Invariants: a breaker is closed only by the approval of a person, and a manual one not even by that;
an action that somebody else ended first is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.errors import Conflict
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service import messages
from freqtrade_recon_plugin.service.commanding import action_of_id
from freqtrade_recon_plugin.service.detection import ACTOR
from freqtrade_recon_plugin.service.measuring import measure_corrected
from freqtrade_recon_plugin.store import ActionRow, Transaction

NOTHING_LEFT = "book and exchange agree by now; nothing was booked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an action stands after a use case, and one sentence for a person."""

    action_id: str
    status: ActionStatus
    message: str


def succeed(ports: Ports, action: ActionRow, kind: str) -> Outcome:
    """What was booked is verified: the action ends, and with it the halt that it was about.

    :param kind: `auto`, or `manual` where a person approved.
    """
    now = ports.clock()
    message = "booked, and verified by a fresh comparison"
    try:
        with ports.store.transaction() as tx:
            done = tx.actions.move(
                action.action_id, action.status, ActionStatus.CORRECTED, ACTOR, now
            )
            _end_halt(tx, done, message)
            if kind == "manual":
                tx.alerts.add(messages.corrected(done, now))
    except Conflict:
        return as_it_is(ports, action)
    measure_corrected(ports, action, kind, now - action.detected_at)
    return Outcome(action.action_id, ActionStatus.CORRECTED, message)


def resume_without_booking(ports: Ports, action: ActionRow) -> Outcome:
    """Nothing is left to book: the approval ends the halt all the same."""
    now = ports.clock()
    try:
        with ports.store.transaction() as tx:
            if action.status is ActionStatus.APPROVED:
                tx.actions.move(action.action_id, action.status, ActionStatus.APPLYING, ACTOR, now)
            done = tx.actions.move(
                action.action_id,
                ActionStatus.APPLYING,
                ActionStatus.CORRECTED,
                ACTOR,
                now,
                NOTHING_LEFT,
            )
            _end_halt(tx, done, NOTHING_LEFT)
            tx.alerts.add(messages.corrected(done, now))
    except Conflict:
        return as_it_is(ports, action)
    return Outcome(action.action_id, ActionStatus.CORRECTED, NOTHING_LEFT)


def _end_halt(tx: Transaction, action: ActionRow, note: str) -> None:
    """Closes the breaker that a person's approval is about; nobody else's."""
    breaker = tx.breakers.get(action.bot_id, action.symbol)
    ours = breaker is not None and breaker.is_open and breaker.reason is not BreakerReason.MANUAL
    if ours and action.decided_by is not None:
        at = action.updated_at
        tx.breakers.close(
            action.bot_id, action.symbol, action.decided_by, at, note, action.action_id
        )


def fail(ports: Ports, action: ActionRow, why: str) -> Outcome:
    """Ends the action as failed, opens the breaker and writes the alert, all or none."""
    now = ports.clock()
    try:
        with ports.store.transaction() as tx:
            failed = tx.actions.move(
                action.action_id, action.status, ActionStatus.FAILED, ACTOR, now, why
            )
            breaker = tx.breakers.get(action.bot_id, action.symbol)
            was_halted = breaker is not None and breaker.is_open
            tx.breakers.open(
                action.bot_id,
                action.symbol,
                BreakerReason.VERIFICATION_FAILED,
                why,
                ACTOR,
                now,
                action.action_id,
            )
            alert = messages.correction_failed(failed, why, now)
            tx.alerts.add(alert)
            if was_halted:  # a breaker that opens now is news that the bot tells anyway
                tx.alerts.add(messages.to_the_bot(alert))
    except Conflict:
        return as_it_is(ports, action)
    ports.metrics.correction(action.bot_id, action.symbol, "failed")
    ports.metrics.breaker_open(action.bot_id, action.symbol, True)
    return Outcome(action.action_id, ActionStatus.FAILED, why)


def turn_stale(ports: Ports, action: ActionRow, why: str) -> Outcome:
    """Ends an action that is not to be acted upon any more; a breaker stays as it is."""
    try:
        with ports.store.transaction() as tx:
            tx.actions.move(
                action.action_id, action.status, ActionStatus.STALE, ACTOR, ports.clock(), why
            )
    except Conflict:
        return as_it_is(ports, action)
    return Outcome(action.action_id, ActionStatus.STALE, why)


def as_it_is(ports: Ports, action: ActionRow) -> Outcome:
    """Somebody else ended the action first."""
    status = action_of_id(ports, action.action_id).status
    return Outcome(action.action_id, status, f"somebody else was first: the action is {status}")
