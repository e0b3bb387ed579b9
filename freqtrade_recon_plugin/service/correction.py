"""Correct: command ForceSync, wait for the bot, and verify by a fresh comparison.

Invariants: the bot alone books, from one command per action; a correction is verified by a fresh
comparison of both sides; one that was refused by a fault or did not verify opens the breaker.
Every function here may be called again after a crash and goes on where the last one stopped.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, CommandStatus
from freqtrade_recon_plugin.domain.model import VerdictKind
from freqtrade_recon_plugin.domain.parsing import verdict_from
from freqtrade_recon_plugin.domain.policy import Mode
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service.commanding import (
    action_of_id,
    await_command,
    command,
    refusal,
    says_moved,
)
from freqtrade_recon_plugin.service.detection import record_again
from freqtrade_recon_plugin.service.ending import (
    Outcome,
    fail,
    resume_without_booking,
    succeed,
    turn_stale,
)
from freqtrade_recon_plugin.service.judging import (
    SETTLED,
    Judged,
    compare_again,
    lacks_price,
    same_numbers,
)
from freqtrade_recon_plugin.store import ActionRow

#: Seconds after which a detection is too old to act upon without looking again.
DETECTION_TTL_S = 120
#: Fresh comparisons before a verification without evidence is left to the next cycle.
VERIFICATIONS = 3
_SHADOW = "the bot is in shadow mode: nothing is changed"


def auto_correct(ports: Ports, action_id: str) -> Outcome:
    """Corrects a small divergence: commands, waits, verifies.

    :raises ReconError: there is no such action.
    """
    action = action_of_id(ports, action_id)
    now = ports.clock()
    if action.status is ActionStatus.DETECTED:
        if _in_shadow(ports, action):
            return turn_stale(ports, action, _SHADOW)
        if now - action.detected_at > timedelta(seconds=DETECTION_TTL_S):
            return turn_stale(ports, action, "too old to act upon; looking again")
        verdict = verdict_from(action.verdict)
        action = command(ports, action, ActionStatus.CORRECTING, verdict, None)
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
    action = action_of_id(ports, action_id)
    if action.status is not ActionStatus.APPROVED:
        return Outcome(action_id, action.status, f"nothing to apply: the action is {action.status}")
    if _in_shadow(ports, action):
        return turn_stale(ports, action, _SHADOW)
    judged = compare_again(ports, action)
    if judged is None:
        raise ReconError(f"bot {action.bot_id!r} is not registered any more")
    verdict = judged.verdict
    if verdict.verdict in {VerdictKind.NO_EVIDENCE, VerdictKind.IN_FLIGHT}:
        raise ReconError(f"not applied yet: {verdict.reason}")
    approved = verdict_from(action.verdict)
    if same_numbers(approved, verdict):
        if not verdict.booking:
            return resume_without_booking(ports, action)
        if lacks_price(verdict):
            raise ReconError("not applied yet: no price is known for what is to be booked")
        action = command(ports, action, ActionStatus.APPLYING, verdict, action.decided_by)
        return Outcome(action_id, action.status, "the bot was told to book what was approved")
    if verdict.verdict in SETTLED:
        return resume_without_booking(ports, action)
    return _ask_anew(ports, action, judged, "the numbers moved after the approval")


def verify_and_resume(ports: Ports, action_id: str) -> Outcome:
    """Waits for the bot, verifies, and closes the breaker.

    :raises ReconError: there is no such action.
    """
    action = action_of_id(ports, action_id)
    if action.status is not ActionStatus.APPLYING:
        return Outcome(
            action_id, action.status, f"nothing to verify: the action is {action.status}"
        )
    return _await_and_verify(ports, action, kind="manual")


def _in_shadow(ports: Ports, action: ActionRow) -> bool:
    with ports.store.reading() as tx:
        bot = tx.bots.get(action.bot_id)
    return bot is not None and bot.policy.mode is Mode.SHADOW


def _ask_anew(ports: Ports, action: ActionRow, judged: Judged, why: str) -> Outcome:
    """Lets the action become stale and records what was found in its place."""
    outcome = turn_stale(ports, action, f"{why}: {judged.verdict.reason}")
    if outcome.status is not ActionStatus.STALE:
        return outcome
    finding = record_again(ports, judged)
    if finding.action_id is None:
        return outcome
    return replace(outcome, message=f"{outcome.message} Asked anew as {finding.action_id}.")


def _await_and_verify(ports: Ports, action: ActionRow, kind: str) -> Outcome:
    found = await_command(ports, action)
    if found is None:
        message = "the bot has taken the command and not finished it; looking again next cycle"
        return Outcome(action.action_id, action.status, message)
    if found.status is CommandStatus.WITHDRAWN:
        waited = f"within {ports.waits.take_s:g} s"
        return fail(ports, action, f"the bot did not take the command {waited}")
    if found.status is CommandStatus.REFUSED:
        why = f"the bot refused to book it: {refusal(found)}"
        return _look_again(ports, action, why) if says_moved(found) else fail(ports, action, why)
    return _verify(ports, action, kind)


def _look_again(ports: Ports, action: ActionRow, why: str) -> Outcome:
    """The bot's book has moved under the command: no fault, if both sides show it.

    A bot that says so while both sides read as before would be commanded for ever.
    """
    judged = compare_again(ports, action)
    if judged is None:
        return fail(ports, action, why)
    if same_numbers(verdict_from(action.verdict), judged.verdict):
        return fail(ports, action, f"{why}; but both sides read as before")
    if action.status is ActionStatus.APPLYING:
        if judged.verdict.verdict in SETTLED:
            return resume_without_booking(ports, action)
        return _ask_anew(ports, action, judged, why)
    return turn_stale(ports, action, why)


def _verify(ports: Ports, action: ActionRow, kind: str) -> Outcome:
    """Compares both sides afresh; without evidence the action stays and is taken up again."""
    reason = ""
    for _ in range(VERIFICATIONS):
        judged = compare_again(ports, action)
        if judged is None:
            return fail(ports, action, "the bot is not registered any more")
        reason = judged.verdict.reason
        if judged.verdict.verdict in SETTLED:
            return succeed(ports, action, kind)
        if judged.verdict.verdict is VerdictKind.DIVERGENT:
            return fail(ports, action, f"after booking they still differ: {reason}")
    message = f"booked, but not verified yet: {reason}"
    return Outcome(action.action_id, action.status, message)
