"""Correct: command ForceSync, wait for the bot, and verify by a fresh comparison.

Invariants: the bot alone books, from one command per action; a correction is verified by a fresh
comparison of both sides; one that was refused by a fault or did not verify opens the breaker.
Every function here may be called again after a crash and goes on where the last one stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from freqtrade_recon_plugin.domain.document import decimal_text, leg_document
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason, CommandStatus
from freqtrade_recon_plugin.domain.model import Verdict, VerdictKind
from freqtrade_recon_plugin.domain.parsing import verdict_from
from freqtrade_recon_plugin.errors import Conflict, ReconError
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service import messages
from freqtrade_recon_plugin.service.detection import ACTOR, record_again
from freqtrade_recon_plugin.service.judging import (
    SETTLED,
    compare_again,
    lacks_price,
    same_numbers,
)
from freqtrade_recon_plugin.service.measuring import measure_corrected
from freqtrade_recon_plugin.store import ActionRow, CommandRow, Transaction

#: Seconds that the bot has to take a command before it is withdrawn.
COMMAND_TTL_S = 60
#: Seconds that the bot has to finish a command that it took.
EXECUTION_WAIT_S = 60
#: Seconds after which a detection is too old to act upon without looking again.
DETECTION_TTL_S = 120
#: Fresh comparisons before a verification without evidence is left to the next cycle.
VERIFICATIONS = 3
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an action stands after a use case, and one sentence for a person."""

    action_id: str
    status: ActionStatus
    message: str


def auto_correct(ports: Ports, action_id: str) -> Outcome:
    """Corrects a small divergence: commands, waits, verifies.

    :raises ReconError: there is no such action.
    """
    action = _get(ports, action_id)
    now = ports.clock()
    if action.status is ActionStatus.DETECTED:
        if now - action.detected_at > timedelta(seconds=DETECTION_TTL_S):
            return _move(ports, action, ActionStatus.STALE, "too old to act upon; looking again")
        verdict = verdict_from(action.verdict)
        action = _command(ports, action, ActionStatus.CORRECTING, verdict, None)
    if action.status is not ActionStatus.CORRECTING:
        return Outcome(action_id, action.status, f"nothing to do: the action is {action.status}")
    return _await_and_verify(ports, action, kind="auto")


def apply_approved(ports: Ports, action_id: str) -> Outcome:
    """Commands what a person approved, if both sides still read as they saw them.

    When the numbers have moved the action becomes stale, and what is found instead is recorded
    and asked for anew. When both sides agree by now, nothing is booked and the symbol resumes.

    :raises ReconError: there is no such action, or no price or no evidence can be read just now;
        the action stays approved and this may be called again.
    """
    action = _get(ports, action_id)
    if action.status is not ActionStatus.APPROVED:
        return Outcome(action_id, action.status, f"nothing to apply: the action is {action.status}")
    judged = compare_again(ports, action)
    if judged is None:
        raise ReconError(f"bot {action.bot_id!r} is not registered any more")
    verdict = judged.verdict
    if verdict.verdict in {VerdictKind.NO_EVIDENCE, VerdictKind.IN_FLIGHT}:
        raise ReconError(f"not applied yet: {verdict.reason}")
    approved = verdict_from(action.verdict)
    if same_numbers(approved, verdict):
        if not verdict.booking:
            return _resume_without_booking(ports, action)
        if lacks_price(verdict):
            raise ReconError("not applied yet: no price is known for what is to be booked")
        action = _command(ports, action, ActionStatus.APPLYING, verdict, action.decided_by)
        return Outcome(action_id, action.status, "the bot was told to book what was approved")
    if verdict.verdict in SETTLED:
        return _resume_without_booking(ports, action)
    outcome = _move(
        ports, action, ActionStatus.STALE, f"the numbers moved after the approval: {verdict.reason}"
    )
    finding = record_again(ports, judged)
    return replace(outcome, message=f"{outcome.message} Asked anew as {finding.action_id}.")


def verify_and_resume(ports: Ports, action_id: str) -> Outcome:
    """Waits for the bot, verifies, and closes the breaker.

    :raises ReconError: there is no such action.
    """
    action = _get(ports, action_id)
    if action.status is not ActionStatus.APPLYING:
        return Outcome(
            action_id, action.status, f"nothing to verify: the action is {action.status}"
        )
    return _await_and_verify(ports, action, kind="manual")


def _get(ports: Ports, action_id: str) -> ActionRow:
    with ports.store.reading() as tx:
        action = tx.actions.get(action_id)
    if action is None:
        raise ReconError(f"there is no action {action_id}")
    return action


def _move(ports: Ports, action: ActionRow, to: ActionStatus, note: str) -> Outcome:
    with ports.store.transaction() as tx:
        tx.actions.move(action.action_id, action.status, to, ACTOR, ports.clock(), note)
    return Outcome(action.action_id, to, note)


# --- the command ----------------------------------------------------------------------------------


def _command(
    ports: Ports, action: ActionRow, to: ActionStatus, verdict: Verdict, approved_by: str | None
) -> ActionRow:
    """Moves the action and queues its command, both or neither; a second caller finds the first."""
    now = ports.clock()
    command = CommandRow(
        command_id=f"{action.action_id}-sync",
        action_id=action.action_id,
        bot_id=action.bot_id,
        symbol=action.symbol,
        kind="force_sync",
        payload=_payload(action, verdict, approved_by),
        status=CommandStatus.QUEUED,
        queued_at=now,
        expires_at=now + timedelta(seconds=COMMAND_TTL_S),
    )
    try:
        with ports.store.transaction() as tx:
            moved = tx.actions.move(action.action_id, action.status, to, ACTOR, now)
            tx.commands.queue(command, ACTOR)
            return moved
    except Conflict:
        return _get(ports, action.action_id)


def _payload(action: ActionRow, verdict: Verdict, approved_by: str | None) -> dict[str, Any]:
    def text(number: Any) -> str | None:
        return None if number is None else decimal_text(number)

    return {
        "symbol": action.symbol,
        "expected_local": text(verdict.local),
        "target": text(verdict.final_local),
        "booking": [leg_document(leg) for leg in verdict.booking],
        "price": action.evidence["market"]["price"],
        "approved_by": approved_by,
    }


def _await_command(ports: Ports, action: ActionRow) -> CommandRow | None:
    """The command once the bot has ended it, or once it was withdrawn; None if it still works."""
    deadline = ports.clock() + timedelta(seconds=COMMAND_TTL_S + EXECUTION_WAIT_S)
    while True:
        with ports.store.reading() as tx:
            command = tx.commands.for_action(action.action_id)
        now = ports.clock()
        if command is None:
            raise ReconError(f"action {action.action_id} has no command")
        if command.status in {
            CommandStatus.DONE,
            CommandStatus.REFUSED,
            CommandStatus.WITHDRAWN,
        }:
            return command
        if command.status is CommandStatus.QUEUED and now >= command.expires_at:
            with ports.store.transaction() as tx:
                tx.commands.withdraw(command.command_id, ACTOR, now)
            continue
        if now >= deadline:
            return None
        ports.sleep(_POLL_S)


# --- verification ---------------------------------------------------------------------------------


def _await_and_verify(ports: Ports, action: ActionRow, kind: str) -> Outcome:
    command = _await_command(ports, action)
    if command is None:
        message = "the bot has taken the command and not finished it; looking again next cycle"
        return Outcome(action.action_id, action.status, message)
    if command.status is CommandStatus.WITHDRAWN:
        return _fail(ports, action, f"the bot did not take the command within {COMMAND_TTL_S} s")
    if command.status is CommandStatus.REFUSED:
        return _fail(ports, action, f"the bot refused to book it: {_refusal(command)}")
    return _verify(ports, action, kind)


def _refusal(command: CommandRow) -> str:
    return str((command.result or {}).get("reason", "it gave no reason"))


def _verify(ports: Ports, action: ActionRow, kind: str) -> Outcome:
    """Compares both sides afresh; without evidence the action stays and is taken up again."""
    reason = ""
    for _ in range(VERIFICATIONS):
        judged = compare_again(ports, action)
        if judged is None:
            return _fail(ports, action, "the bot is not registered any more")
        reason = judged.verdict.reason
        if judged.verdict.verdict in SETTLED:
            return _succeed(ports, action, kind)
        if judged.verdict.verdict is VerdictKind.DIVERGENT:
            return _fail(ports, action, f"after booking they still differ: {reason}")
    message = f"booked, but not verified yet: {reason}"
    return Outcome(action.action_id, action.status, message)


def _succeed(ports: Ports, action: ActionRow, kind: str) -> Outcome:
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
        return _as_it_is(ports, action)
    measure_corrected(ports, action, kind, now - action.detected_at)
    return Outcome(action.action_id, ActionStatus.CORRECTED, message)


def _end_halt(tx: Transaction, action: ActionRow, note: str) -> None:
    """Closes the breaker that a person's approval is about; nobody else's."""
    breaker = tx.breakers.get(action.bot_id, action.symbol)
    ours = breaker is not None and breaker.is_open and breaker.reason is not BreakerReason.MANUAL
    if ours and action.decided_by is not None:
        at = action.updated_at
        tx.breakers.close(
            action.bot_id, action.symbol, action.decided_by, at, note, action.action_id
        )


def _resume_without_booking(ports: Ports, action: ActionRow) -> Outcome:
    """Nothing is left to book: the approval ends the halt all the same."""
    now = ports.clock()
    message = "book and exchange agree by now; nothing was booked"
    try:
        with ports.store.transaction() as tx:
            tx.actions.move(action.action_id, action.status, ActionStatus.APPLYING, ACTOR, now)
            done = tx.actions.move(
                action.action_id, ActionStatus.APPLYING, ActionStatus.CORRECTED, ACTOR, now, message
            )
            _end_halt(tx, done, message)
            tx.alerts.add(messages.corrected(done, now))
    except Conflict:
        return _as_it_is(ports, action)
    return Outcome(action.action_id, ActionStatus.CORRECTED, message)


def _fail(ports: Ports, action: ActionRow, why: str) -> Outcome:
    """Ends the action as failed, opens the breaker and writes the alert, all or none."""
    now = ports.clock()
    try:
        with ports.store.transaction() as tx:
            failed = tx.actions.move(
                action.action_id, action.status, ActionStatus.FAILED, ACTOR, now, why
            )
            tx.breakers.open(
                action.bot_id,
                action.symbol,
                BreakerReason.VERIFICATION_FAILED,
                why,
                ACTOR,
                now,
                action.action_id,
            )
            tx.alerts.add(messages.correction_failed(failed, why, now))
    except Conflict:
        return _as_it_is(ports, action)
    ports.metrics.correction(action.bot_id, action.symbol, "failed")
    ports.metrics.breaker_open(action.bot_id, action.symbol, True)
    return Outcome(action.action_id, ActionStatus.FAILED, why)


def _as_it_is(ports: Ports, action: ActionRow) -> Outcome:
    """Somebody else ended the action first."""
    status = _get(ports, action.action_id).status
    return Outcome(action.action_id, status, f"somebody else was first: the action is {status}")
