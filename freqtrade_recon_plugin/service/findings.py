"""What a cycle found, in words that travel between tasks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.domain.model import Decision
from freqtrade_recon_plugin.service.judging import Judged
from freqtrade_recon_plugin.store import ActionRow


@dataclass(frozen=True, slots=True)
class Finding:
    """One symbol of one bot after one comparison.

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


def finding_of(item: Judged, action: ActionRow | None, decision: Decision) -> Finding:
    """What one comparison found."""
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


def finding_of_action(action: ActionRow) -> Finding:
    """An open action that the cycle did not come across."""
    return Finding(
        bot_id=action.bot_id,
        symbol=action.symbol,
        action_id=action.action_id,
        verdict=action.verdict["verdict"],
        severity=str(action.severity),
        decision=str(decision_for(action.status)),
        label=f"{action.bot_id} {action.symbol}",
        status=str(action.status),
        reason=action.verdict["reason"],
    )


def decision_for(status: ActionStatus) -> Decision:
    """What the cycle does about an action that is already there."""
    if status in {ActionStatus.DETECTED, ActionStatus.CORRECTING}:
        return Decision.AUTO_CORRECT
    return Decision.HALT if status is ActionStatus.PENDING_APPROVAL else Decision.WAIT
