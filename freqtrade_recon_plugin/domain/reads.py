"""What the reads of both sides state together, if they state anything.

Invariant: a missing, failed, malformed or stale read is never evidence. `absent` counts as flat
only beside a flat book; it is never upgraded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from freqtrade_recon_plugin.domain.model import (
    CONCLUSIVE_GRADES,
    Evidence,
    ExchangeRead,
    Grade,
    LocalRead,
    TradingMode,
)

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Statement:
    """Both sides as read, signed, in base coin; `doubt` says why a difference is not believed yet.

    `unnamed` says that a report did not name the symbol: it agrees with a flat book, and that is
    all that it says. `span_s` is the time between the first and the last exchange read.
    """

    local: Decimal
    exchange: Decimal
    open_rate: Decimal | None
    entry_price: Decimal | None
    stop_expected: bool
    span_s: Decimal
    doubt: str | None
    unnamed: bool


@lru_cache(maxsize=128)  # a few settings, asked for again for every symbol
def seconds(value: Decimal) -> timedelta:
    """A setting in seconds as a time span, exact to the microsecond."""
    return timedelta(microseconds=int(value * 1_000_000))


def span_seconds(span: timedelta) -> Decimal:
    """A time span in seconds, exact."""
    return Decimal(span // _MICROSECOND) / 1_000_000


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
    named = [read for read in exchange_reads if read.grade is not Grade.ABSENT]
    unnamed = len(named) < len(exchange_reads)
    only_agrees = unnamed and not any(read.quantity for read in named)
    return Statement(
        local=newest.quantity,
        exchange=newest.quantity if only_agrees else _attributable(evidence, named[-1]),
        open_rate=newest.open_rate or None,
        entry_price=last.entry_price or None,
        stop_expected=bool(newest.stop_expected),
        span_s=span_seconds(last.at - first.at),
        doubt=_doubt(evidence, exchange_reads, between),
        unnamed=unnamed,
    )


def _usable(
    evidence: Evidence, oldest: datetime, now: datetime, local_reads: list[LocalRead]
) -> list[ExchangeRead]:
    """The reads that state something, oldest first: in time, and `absent` beside flat books only.

    A report of nothing for the account is no report for a flat bot beside bots that are not.
    """
    all_flat = not evidence.context.other_bots and not any(read.quantity for read in local_reads)
    grades = CONCLUSIVE_GRADES | {Grade.ABSENT} if all_flat else CONCLUSIVE_GRADES
    local_reads.sort(key=lambda read: read.at)
    return sorted(
        (
            read
            for read in evidence.exchange_reads
            if read.grade in grades
            and oldest <= read.at <= now
            and not (read.grade is Grade.ABSENT and read.amount)
        ),
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
    activity = [read.last_activity_at for read in evidence.local_reads if read.last_activity_at]
    if any(at > settled for at in activity):
        return "the bot was active in this symbol a moment ago"
    return None
