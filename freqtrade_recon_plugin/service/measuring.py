"""What a cycle tells statsd."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.domain.model import ZERO, VerdictKind
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service.judging import Judged
from freqtrade_recon_plugin.store import ActionRow


def measure_cycle(ports: Ports, items: Sequence[Judged]) -> None:
    """Verdicts, divergences, breakers, waiting approvals and ages of one bot after its cycle."""
    bot_id = items[0].seen.bot.bot_id
    with ports.store.reading() as tx:
        bot = tx.bots.get(bot_id) or items[0].seen.bot
        halted = {breaker.symbol for breaker in tx.breakers.list_open(bot_id)}
        pending = tx.actions.list(status=ActionStatus.PENDING_APPROVAL, bot_id=bot_id)
    now = ports.clock()
    metrics = ports.metrics
    for item in items:
        symbol, verdict = item.seen.symbol, item.verdict
        metrics.verdict(bot_id, verdict.verdict)
        metrics.breaker_open(bot_id, symbol, symbol in halted)
        if verdict.verdict is not VerdictKind.NO_EVIDENCE:
            apart = verdict.divergence if verdict.verdict is VerdictKind.DIVERGENT else ZERO
            metrics.divergence_amount(bot_id, symbol, apart or ZERO)
    oldest = min((action.detected_at for action in pending), default=now)
    metrics.pending_approvals(bot_id, len(pending), now - oldest)
    metrics.snapshot_age(bot_id, now - bot.heartbeat_at)
    if bot.last_reconciliation_at is not None:
        metrics.reconciled(bot_id, int(bot.last_reconciliation_at.timestamp()))


def measure_detected(ports: Ports, action: ActionRow) -> None:
    """A divergence was recorded; a large one also asks for a person."""
    ports.metrics.divergence_detected(action.bot_id, action.symbol, action.severity)
    if action.status is ActionStatus.PENDING_APPROVAL:
        ports.metrics.correction(action.bot_id, action.symbol, "manual_required")


def measure_corrected(ports: Ports, action: ActionRow, kind: str, took: timedelta) -> None:
    """A correction was verified."""
    ports.metrics.correction(action.bot_id, action.symbol, kind)
    ports.metrics.divergence_amount(action.bot_id, action.symbol, ZERO)
    ports.metrics.detect_to_corrected(action.bot_id, took)
