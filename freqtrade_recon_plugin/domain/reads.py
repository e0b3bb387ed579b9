"""What the reads of both sides state together, if they state anything.

Invariant: a missing, failed, malformed or stale read is never evidence. `absent` counts as flat
only beside a flat book; it is never upgraded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from freqtrade_recon_plugin.domain.model import (
    CONCLUSIVE_GRADES,
    Evidence,
    ExchangeRead,
    Grade,
    LocalRead,
    TradingMode,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """Both sides as read, signed, in base coin; `doubt` says why a difference is not believed yet.

    `span_s` is the time between the first and the last exchange read.
    """

    local: Decimal
    exchange: Decimal
    open_rate: Decimal | None
    entry_price: Decimal | None
    stop_expected: bool
    span_s: Decimal
    doubt: str | None


def seconds(value: Decimal) -> timedelta:
    """A setting in seconds as a time span, exact to the microsecond."""
    return timedelta(microseconds=int(value * 1_000_000))


def span_seconds(span: timedelta) -> Decimal:
    """A time span in seconds, exact."""
    return Decimal(span // timedelta(microseconds=1)) / 1_000_000


def moment_of(evidence: Evidence) -> datetime:
    """When the comparison is made: the given time, else that of the newest read."""
    if evidence.context.now is not None:
        return evidence.context.now
    times = [read.at for read in evidence.local_reads]
    times += [read.at for read in evidence.exchange_reads]
    return max(times)


def state(evidence: Evidence) -> Statement | str:
    """What the reads state, or why they state nothing (one clause for a person)."""
    now = moment_of(evidence)
    oldest = now - seconds(evidence.policy.snapshot_max_age_s)
    local_reads = [read for read in evidence.local_reads if oldest <= read.at <= now]
    if not local_reads:
        return "the bot's book was not read lately"
    exchange_reads = _usable(evidence, oldest, now, local_reads)
    needed = evidence.policy.confirm_reads
    if len(exchange_reads) < needed:
        return _why_too_few(evidence, len(exchange_reads), needed)
    first, last = exchange_reads[0], exchange_reads[-1]
    between = [read for read in local_reads if first.at <= read.at <= last.at]
    if not between:
        return "the bot's book was not read between the first and the last exchange read"
    newest = between[-1]
    return Statement(
        local=newest.quantity,
        exchange=_attributable(evidence, last),
        open_rate=newest.open_rate,
        entry_price=last.entry_price,
        stop_expected=bool(newest.stop_expected),
        span_s=span_seconds(last.at - first.at),
        doubt=_doubt(evidence, exchange_reads, between),
    )


def _usable(
    evidence: Evidence, oldest: datetime, now: datetime, local_reads: list[LocalRead]
) -> list[ExchangeRead]:
    grades = CONCLUSIVE_GRADES
    if not any(read.quantity for read in local_reads):
        grades = CONCLUSIVE_GRADES | {Grade.ABSENT}
    local_reads.sort(key=lambda read: read.at)
    return sorted(
        (r for r in evidence.exchange_reads if r.grade in grades and oldest <= r.at <= now),
        key=lambda read: read.at,
    )


def _why_too_few(evidence: Evidence, usable: int, needed: int) -> str:
    grades = sorted({str(read.grade) for read in evidence.exchange_reads})
    found = ", ".join(grades) if grades else "none at all"
    return f"{usable} of {needed} exchange reads are usable (grades: {found})"


def _attributable(evidence: Evidence, read: ExchangeRead) -> Decimal:
    """The exchange's position less what is known to be others': coins held aside, other bots."""
    quantity = read.quantity - evidence.context.other_bots
    if evidence.trading_mode is TradingMode.SPOT:
        quantity -= evidence.external_holding
    return quantity


def _doubt(
    evidence: Evidence, exchange_reads: list[ExchangeRead], local_reads: list[LocalRead]
) -> str | None:
    if len({read.quantity for read in exchange_reads}) > 1:
        return "the exchange reads disagree with each other"
    if len({read.quantity for read in local_reads}) > 1:
        return "the bot's book changed between the exchange reads"
    settled = exchange_reads[0].at - seconds(evidence.policy.settle_s)
    if any(read.last_activity_at and read.last_activity_at > settled for read in local_reads):
        return "the bot was active in this symbol a moment ago"
    return None
