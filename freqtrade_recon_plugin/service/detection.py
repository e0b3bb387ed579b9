"""Detect: compare every symbol of an account, and record what was decided.

Invariants: what is decided is written in one transaction with its breaker, its alert and its audit
records; one open action per bot and symbol, whoever detects it and however often; a fault of the
exchange or of a bot is a verdict (`no_evidence`), never an exception.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.domain.model import Decision, Severity, Verdict, VerdictKind
from freqtrade_recon_plugin.domain.parsing import verdict_from
from freqtrade_recon_plugin.domain.policy import Mode
from freqtrade_recon_plugin.domain.reads import seconds
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service import messages
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
#: Actions that somebody must take up again in this cycle, seen or not.
_UNFINISHED = frozenset(
    {ActionStatus.DETECTED, ActionStatus.CORRECTING, ActionStatus.PENDING_APPROVAL}
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One symbol of one bot after one comparison, in words that travel between tasks.

    :param decision: what is to be done now: `none`, `wait`, `auto_correct` or `halt`.
    :param label: bot and symbol, for a person.
    :param status: of the action, where there is one.
    """

    bot_id: str
    symbol: str
    action_id: str | None
    verdict: str
    severity: str
    decision: str
    label: str
    status: str | None
    reason: str

    def to_document(self) -> dict[str, Any]:
        """The finding as JSON."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Finding:
        """The finding out of its JSON."""
        return cls(**document)


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
        return _finding(item, None, Decision.NONE)
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
        return _finding(item, open_action, _decision_for(open_action.status))
    if verdict.verdict is not VerdictKind.DIVERGENT and verdict.decision is not Decision.HALT:
        return _finding(item, None, verdict.decision)
    return _record_divergence(tx, item, made)


def _record_divergence(tx: Transaction, item: Judged, made: list[ActionRow]) -> Finding:
    verdict, bot, symbol = item.verdict, item.seen.bot, item.seen.symbol
    latest = tx.actions.latest_for(bot.bot_id, symbol)
    breaker = tx.breakers.get(bot.bot_id, symbol)
    halted_by_us = breaker is not None and breaker.is_open and breaker.reason != "manual"
    rejected = latest if latest and latest.status is ActionStatus.REJECTED else None
    if halted_by_us and rejected and _is_of(rejected, verdict):
        return _finding(item, rejected, Decision.NONE)  # a person has said no to these numbers
    decision = Decision.HALT if halted_by_us else verdict.decision
    if decision is Decision.AUTO_CORRECT and lacks_price(verdict):
        return _finding(item, None, Decision.WAIT)
    action = action_of(item, decision)
    if not tx.actions.create(action, by=ACTOR):
        action = tx.actions.open_for(bot.bot_id, symbol) or action
        return _finding(item, action, _decision_for(action.status))
    if decision is Decision.HALT:
        action = _halt(tx, item, action)
    made.append(action)
    return _finding(item, action, decision)


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
    """Alerts, and later halts, when a symbol could not be read for too long."""
    seen, policy = item.seen, item.seen.bot.policy
    sighting = tx.sightings.get(seen.bot.bot_id, seen.symbol)
    since = sighting.no_evidence_since if sighting else None
    if since and seen.at - since > seconds(policy.no_evidence_alert_after_s):
        tx.alerts.add(messages.no_evidence(seen.bot, seen.symbol, since, item.verdict, seen.at))
    if item.verdict.decision is Decision.HALT:
        tx.breakers.open(
            seen.bot.bot_id,
            seen.symbol,
            BreakerReason.NO_EVIDENCE,
            item.verdict.reason,
            ACTOR,
            seen.at,
        )
    return _finding(item, None, Decision.WAIT)


def _taken_up_again(tx: Transaction, bot_id: str, seen: set[str]) -> list[Finding]:
    """Open actions of symbols that this cycle did not come across."""
    return [
        _of_action(action)
        for action in tx.actions.list(bot_id=bot_id)
        if action.status in _UNFINISHED and action.symbol not in seen
    ]


def _has_expired(action: ActionRow, item: Judged) -> bool:
    waiting = action.status is ActionStatus.PENDING_APPROVAL
    ttl = seconds(item.seen.bot.policy.approval_ttl_s)
    return waiting and item.seen.at - action.detected_at > ttl


def _decision_for(status: ActionStatus) -> Decision:
    """What the cycle does about an action that is already there."""
    if status in {ActionStatus.DETECTED, ActionStatus.CORRECTING}:
        return Decision.AUTO_CORRECT
    return Decision.HALT if status is ActionStatus.PENDING_APPROVAL else Decision.WAIT


def _finding(item: Judged, action: ActionRow | None, decision: Decision) -> Finding:
    seen, verdict = item.seen, item.verdict
    return Finding(
        bot_id=seen.bot.bot_id,
        symbol=seen.symbol,
        action_id=action.action_id if action else None,
        verdict=str(verdict.verdict),
        severity=str(verdict.severity),
        decision=str(decision),
        label=f"{seen.bot.bot_id} {seen.symbol}",
        status=str(action.status) if action else None,
        reason=verdict.reason,
    )


def _of_action(action: ActionRow) -> Finding:
    return Finding(
        bot_id=action.bot_id,
        symbol=action.symbol,
        action_id=action.action_id,
        verdict=action.verdict["verdict"],
        severity=str(action.severity),
        decision=str(_decision_for(action.status)),
        label=f"{action.bot_id} {action.symbol}",
        status=str(action.status),
        reason=action.verdict["reason"],
    )
