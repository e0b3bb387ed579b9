"""From observation to verdict, and from verdict to a recorded action."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from freqtrade_recon_plugin.domain.compare import compare
from freqtrade_recon_plugin.domain.document import (
    evidence_document,
    hash_document,
    verdict_document,
)
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Decision,
    Severity,
    Verdict,
    VerdictKind,
)
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service.observation import Observation, observe
from freqtrade_recon_plugin.store import ActionRow

#: Verdicts that leave nothing to do about the sizes.
SETTLED = frozenset({VerdictKind.IN_SYNC, VerdictKind.WITHIN_TOLERANCE, VerdictKind.EXTERNAL})


@dataclass(frozen=True, slots=True)
class Judged:
    """An observation and what it means."""

    seen: Observation
    verdict: Verdict

    @property
    def began(self) -> datetime:
        """When the first of its reads was made."""
        evidence = self.seen.evidence
        reads = evidence.exchange_reads if evidence else ()
        return min((read.at for read in reads), default=self.seen.at)


@dataclass(frozen=True, slots=True)
class Documents:
    """A comparison as documents; `digest` is the hash of the evidence and binds them.

    What agreed at first sight has no evidence and an empty digest.
    """

    evidence: dict[str, Any] | None
    verdict: dict[str, Any]
    digest: str


def compare_account(ports: Ports, account_id: str, bot_id: str | None = None) -> list[Judged]:
    """Compares every symbol of an account, or of one bot of it, and changes nothing."""
    judged = [judge(seen) for seen in observe(ports, account_id)]
    return [item for item in judged if bot_id in (None, item.seen.bot.bot_id)]


def compare_again(ports: Ports, action: ActionRow) -> Judged | None:
    """Compares the symbol of an action afresh, in full; None where its bot is gone."""
    seen = observe(ports, action.account_id, only=(action.bot_id, action.symbol))
    return judge(seen[0]) if seen else None


def judge(seen: Observation) -> Judged:
    """What an observation means."""
    if seen.evidence is not None:
        return Judged(seen, compare(seen.evidence))
    agreed = Verdict(
        verdict=VerdictKind.IN_SYNC,
        severity=Severity.NONE,
        decision=Decision.NONE,
        reason="Book and exchange agree.",
        local=seen.quantity,
        exchange=seen.quantity,
        divergence=ZERO,
        final_local=seen.quantity,
    )
    return Judged(seen, agreed)


def documents(item: Judged) -> Documents:
    """Evidence and verdict of a comparison as documents."""
    if item.seen.evidence is None:
        return Documents(None, verdict_document(item.verdict, ""), "")
    evidence = evidence_document(item.seen.evidence)
    digest = hash_document(evidence)
    return Documents(evidence, verdict_document(item.verdict, digest), digest)


def action_of(item: Judged, decision: Decision) -> ActionRow:
    """A new action for a comparison.

    :raises ValueError: both sides agreed at first sight, so that no evidence was gathered.
    """
    seen, verdict, made = item.seen, item.verdict, documents(item)
    if made.evidence is None:
        raise ValueError(f"{seen.symbol}: no action is made of what agrees")
    return ActionRow(
        action_id=uuid4().hex,
        bot_id=seen.bot.bot_id,
        account_id=seen.bot.account_id,
        symbol=seen.symbol,
        status=ActionStatus.DETECTED,
        severity=verdict.severity,
        decision=decision,
        local=verdict.local,
        exchange=verdict.exchange,
        divergence=verdict.divergence,
        divergence_pct=verdict.divergence_pct,
        evidence=made.evidence,
        verdict=made.verdict,
        evidence_hash=made.digest,
        detected_at=seen.at,
        updated_at=seen.at,
        counts_against_budget=verdict.counts_against_budget,
    )


def same_numbers(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts would book the same legs onto the same book; prices may differ."""

    def numbers(verdict: Verdict) -> tuple[Any, ...]:
        legs = [(leg.side, leg.amount, leg.role, leg.kind, leg.order_id) for leg in verdict.booking]
        return (verdict.local, verdict.exchange, legs)

    return numbers(one) == numbers(other)


def lacks_price(verdict: Verdict) -> bool:
    """Whether a leg has no price yet, so that it cannot be booked."""
    return any(leg.price is None for leg in verdict.booking)
