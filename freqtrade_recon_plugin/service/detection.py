"""Detect: compare every symbol of an account, and record what was decided.

Invariants: what is decided is written in one transaction with its breaker, its alert and its audit
records; one open action per bot and symbol, whoever detects it and however often; a fault of the
exchange or of a bot is a verdict (`no_evidence`), never an exception.
"""

from __future__ import annotations

from collections import defaultdict

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.domain.model import Decision, Severity, Verdict, VerdictKind
from freqtrade_recon_plugin.domain.parsing import verdict_from
from freqtrade_recon_plugin.domain.policy import Mode
from freqtrade_recon_plugin.domain.reads import seconds
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service import messages
from freqtrade_recon_plugin.service.findings import (
    Finding,
    decision_for,
    finding_of,
    finding_of_action,
)
from freqtrade_recon_plugin.service.judging import (
    SETTLED,
    Judged,
    action_of,
    compare_account,
    lacks_price,
    same_numbers,
)
from freqtrade_recon_plugin.service.measuring import measure_cycle, measure_detected
from freqtrade_recon_plugin.service.observation import sighting_after
from freqtrade_recon_plugin.store import ActionRow, Transaction

ACTOR = "reconciliation"
#: Ends of an action after which the bot's book may be another one than before.
_BOOKED = frozenset({ActionStatus.CORRECTED, ActionStatus.FAILED})
#: Actions that somebody must take up again in this cycle, seen or not.
_UNFINISHED = (ActionStatus.DETECTED, ActionStatus.CORRECTING, ActionStatus.PENDING_APPROVAL)


def detect(ports: Ports, account_id: str) -> list[Finding]:
    """One cycle over one account: compares, records, halts; corrects nothing yet.

    :returns: what was found, and open actions that this cycle did not come across.
    :raises StoreError: the store cannot be used.
    """
    return [finding for _, finding in run_cycle(ports, account_id)]


def run_cycle(
    ports: Ports, account_id: str, bot_id: str | None = None
) -> list[tuple[Judged | None, Finding]]:
    """As `detect`, each finding with its comparison; of one bot alone where it is named."""
    began = ports.clock()
    by_bot: dict[str, list[Judged]] = defaultdict(list)
    for item in compare_account(ports, account_id, bot_id):
        by_bot[item.seen.bot.bot_id].append(item)
    recorded: list[tuple[Judged | None, Finding]] = []
    for name, items in by_bot.items():
        made: list[ActionRow] = []
        with ports.store.transaction() as tx:
            recorded += [(item, _record(tx, item, made)) for item in items]
            if all(item.verdict.verdict is not VerdictKind.NO_EVIDENCE for item in items):
                tx.bots.reconciled(name, ports.clock())
            seen = {item.seen.symbol for item in items}
            recorded += [(None, finding) for finding in _taken_up_again(tx, name, seen)]
        for action in made:
            measure_detected(ports, action)
        measure_cycle(ports, items)
    ports.metrics.cycle(ports.clock() - began)
    return recorded


def record_again(ports: Ports, item: Judged) -> Finding:
    """Records one fresh comparison, as a cycle would."""
    made: list[ActionRow] = []
    with ports.store.transaction() as tx:
        finding = _record(tx, item, made)
    for action in made:
        measure_detected(ports, action)
    return finding


def _record(tx: Transaction, item: Judged, made: list[ActionRow]) -> Finding:
    """Writes what follows from one comparison, and says what is to be done.

    :param made: takes the action, where one was made.
    """
    seen, verdict = item.seen, item.verdict
    bot_id, symbol = seen.bot.bot_id, seen.symbol
    before = tx.sightings.get(bot_id, symbol)
    if before is None or before.verdict != verdict.verdict or verdict.verdict not in SETTLED:
        tx.sightings.put(sighting_after(before, seen, str(verdict.verdict)))
    if seen.bot.policy.mode is Mode.SHADOW:
        return finding_of(item, None, Decision.NONE)
    if verdict.verdict is VerdictKind.NO_EVIDENCE:
        return _record_blindness(tx, item)
    open_action = tx.actions.open_for(bot_id, symbol)
    if open_action is not None and _has_expired(open_action, item):
        note = "nobody decided in time"
        tx.actions.move(
            open_action.action_id, open_action.status, ActionStatus.EXPIRED, ACTOR, seen.at, note
        )
        open_action = None
    if open_action is not None:
        return finding_of(item, open_action, decision_for(open_action.status))
    if not _is_to_be_recorded(verdict):
        return finding_of(item, None, verdict.decision)
    return _record_divergence(tx, item, made)


def _record_divergence(tx: Transaction, item: Judged, made: list[ActionRow]) -> Finding:
    verdict, bot, symbol = item.verdict, item.seen.bot, item.seen.symbol
    latest = tx.actions.latest_for(bot.bot_id, symbol)
    breaker = tx.breakers.get(bot.bot_id, symbol)
    halted_by_us = (
        breaker is not None and breaker.is_open and breaker.reason is not BreakerReason.MANUAL
    )
    if latest and latest.status in _BOOKED and latest.updated_at >= item.began:
        return finding_of(item, None, Decision.WAIT)  # corrected meanwhile: this look is outdated
    rejected = latest if latest and latest.status is ActionStatus.REJECTED else None
    if halted_by_us and rejected and _is_of(rejected, verdict):
        return finding_of(item, rejected, Decision.NONE)  # a person has said no to these numbers
    decision = Decision.HALT if halted_by_us else verdict.decision
    if decision is Decision.AUTO_CORRECT and lacks_price(verdict):
        return finding_of(item, None, Decision.WAIT)
    action = action_of(item, decision)
    if not tx.actions.create(action, by=ACTOR):
        action = tx.actions.open_for(bot.bot_id, symbol) or action
        return finding_of(item, action, decision_for(action.status))
    if decision is Decision.HALT:
        action = _halt(tx, item, action)
    made.append(action)
    return finding_of(item, action, decision)


def _is_of(action: ActionRow, verdict: Verdict) -> bool:
    return same_numbers(verdict_from(action.verdict), verdict)


def _halt(tx: Transaction, item: Judged, action: ActionRow) -> ActionRow:
    """Opens the breaker, asks for approval and writes the alert, in this order."""
    seen, verdict = item.seen, item.verdict
    tx.breakers.open(
        seen.bot.bot_id,
        seen.symbol,
        _reason_to_halt(verdict),
        verdict.reason,
        ACTOR,
        seen.at,
        action.action_id,
    )
    action = tx.actions.move(
        action.action_id, ActionStatus.DETECTED, ActionStatus.PENDING_APPROVAL, ACTOR, seen.at
    )
    tx.alerts.add(messages.halted(action, seen.at))
    return action


def _reason_to_halt(verdict: Verdict) -> BreakerReason:
    if verdict.verdict is not VerdictKind.DIVERGENT:
        return BreakerReason.PROTECTION
    return BreakerReason.BUDGET if verdict.severity is Severity.SMALL else BreakerReason.DIVERGENCE


def _record_blindness(tx: Transaction, item: Judged) -> Finding:
    """Alerts, and later halts and alerts again, when a symbol could not be read for too long."""
    seen, policy = item.seen, item.seen.bot.policy
    sighting = tx.sightings.get(seen.bot.bot_id, seen.symbol)
    since = sighting.no_evidence_since if sighting else None
    if since and seen.at - since > seconds(policy.no_evidence_alert_after_s):
        tx.alerts.add(messages.no_evidence(seen, since, item.verdict.reason))
    if since and item.verdict.decision is Decision.HALT:
        tx.breakers.open(
            seen.bot.bot_id,
            seen.symbol,
            BreakerReason.NO_EVIDENCE,
            item.verdict.reason,
            ACTOR,
            seen.at,
        )
        tx.alerts.add(messages.halted_blind(seen, since, item.verdict.reason))
    return finding_of(item, None, Decision.WAIT)


def _taken_up_again(tx: Transaction, bot_id: str, seen: set[str]) -> list[Finding]:
    """Open actions of symbols that this cycle did not come across."""
    return [
        finding_of_action(action)
        for status in _UNFINISHED
        for action in tx.actions.list(status=status, bot_id=bot_id)
        if action.symbol not in seen
    ]


def _has_expired(action: ActionRow, item: Judged) -> bool:
    """Whether a question is too old, and there is one to ask in its place.

    Where both sides agree by now the old one stays: answering it is what ends the halt.
    """
    waiting = action.status is ActionStatus.PENDING_APPROVAL
    ttl = seconds(item.seen.bot.policy.approval_ttl_s)
    return waiting and _is_to_be_recorded(item.verdict) and item.seen.at - action.detected_at > ttl


def _is_to_be_recorded(verdict: Verdict) -> bool:
    return verdict.verdict is VerdictKind.DIVERGENT or verdict.decision is Decision.HALT
