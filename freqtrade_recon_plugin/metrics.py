"""Counters, gauges and timings through statsd, named as the metrics contract has them.

A metric is a courtesy: one that cannot be sent is lost, and nothing else happens.
"""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from statsd import StatsClient

from freqtrade_recon_plugin.domain.model import Severity, VerdictKind
from freqtrade_recon_plugin.settings import StatsdSettings

logger = logging.getLogger(__name__)

CORRECTION_TYPES = ("auto", "manual", "manual_required", "failed")
BLOCK_REASONS = ("breaker", "contradiction", "max_position", "dead_man", "store_unavailable")
ALERT_SEVERITIES = ("info", "warning", "critical")
DELIVERIES = ("delivered", "failed")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


class Client(Protocol):
    """The part of a statsd client that is used."""

    def incr(self, stat: str, count: int = 1) -> Any: ...
    def gauge(self, stat: str, value: Any) -> Any: ...
    def timing(self, stat: str, delta: Any) -> Any: ...
    def close(self) -> Any: ...


class _Plain(Decimal):
    """A quantity that prints without an exponent."""

    def __str__(self) -> str:
        return format(self, "f")


def segment(label: str) -> str:
    """A label as one segment of a statsd name: `BTC/USDT:USDT` becomes `BTC_USDT_USDT`."""
    return _UNSAFE.sub("_", label)


class Metrics:
    """Sends the project's metrics to one statsd daemon.

    :param client: any statsd client; None sends nothing.
    """

    def __init__(self, client: Client | None) -> None:
        self._client = client

    def divergence_detected(self, bot: str, symbol: str, severity: Severity) -> None:
        """One divergence was detected and recorded."""
        self._count(1, "position_divergence_detected", bot, symbol, str(severity))

    def correction(self, bot: str, symbol: str, kind: str) -> None:
        """One correction was made (auto, manual), is asked for (manual_required) or failed."""
        self._count(1, "position_corrections", bot, symbol, kind)

    def divergence_amount(self, bot: str, symbol: str, amount: Decimal) -> None:
        """How far book and exchange are apart, base coin, unsigned; 0 when resolved."""
        self._gauge(_Plain(abs(amount)), "position_divergence_amount", bot, symbol)

    def breaker_open(self, bot: str, symbol: str, is_open: bool) -> None:
        """Whether the symbol is halted."""
        self._gauge(int(is_open), "breaker_open", bot, symbol)

    def order_blocked(self, bot: str, symbol: str, reason: str) -> None:
        """The guard refused an order."""
        self._count(1, "orders_blocked", bot, symbol, reason)

    def pending_approvals(self, bot: str, count: int, oldest: timedelta) -> None:
        """How many actions wait for a person, and for how long the oldest does."""
        self._gauge(count, "pending_approvals", bot)
        self._gauge(int(oldest.total_seconds()), "oldest_pending_approval_seconds", bot)

    def verdict(self, bot: str, verdict: VerdictKind) -> None:
        """One comparison ended."""
        self._count(1, "verdicts", bot, str(verdict))

    def reconciled(self, bot: str, timestamp: int) -> None:
        """When a bot was last reconciled from outside, Unix seconds."""
        self._gauge(timestamp, "last_reconciliation_timestamp", bot)

    def snapshot_age(self, bot: str, age: timedelta) -> None:
        """How old the bot's published book is."""
        self._gauge(max(0, int(age.total_seconds())), "snapshot_age_seconds", bot)

    def cycle(self, took: timedelta) -> None:
        """How long one reconciliation of one account took."""
        self._timing(took, "cycle")

    def detect_to_corrected(self, bot: str, took: timedelta) -> None:
        """From the detection of a divergence to its verified correction."""
        self._timing(took, "detect_to_corrected", bot)

    def guard_check(self, bot: str, took: timedelta) -> None:
        """How long the guard held up one order."""
        self._timing(took, "guard_check", bot)

    def alert(self, severity: str, delivery: str) -> None:
        """One alert was delivered, or could not be."""
        self._count(1, "alerts", severity, delivery)

    def zeros(self, bot: str, symbols: list[str]) -> None:
        """Sends every counter of a bot and its symbols once as 0.

        A counter that first appears at 1 never shows an increase.
        """
        for symbol in symbols:
            for severity in (Severity.SMALL, Severity.LARGE):
                self._count(0, "position_divergence_detected", bot, symbol, str(severity))
            for kind in CORRECTION_TYPES:
                self._count(0, "position_corrections", bot, symbol, kind)
            for reason in BLOCK_REASONS:
                self._count(0, "orders_blocked", bot, symbol, reason)
        for verdict in VerdictKind:
            self._count(0, "verdicts", bot, str(verdict))
        for level in ALERT_SEVERITIES:
            for delivery in DELIVERIES:
                self._count(0, "alerts", level, delivery)

    def close(self) -> None:
        """Closes the socket; what is sent afterwards is lost."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _count(self, count: int, *name: str) -> None:
        self._send("incr", name, count)

    def _gauge(self, value: int | Decimal, *name: str) -> None:
        self._send("gauge", name, value)

    def _timing(self, took: timedelta, *name: str) -> None:
        self._send("timing", name, took)

    def _send(self, method: str, name: tuple[str, ...], value: Any) -> None:
        if self._client is None:
            return
        try:
            getattr(self._client, method)(".".join(segment(part) for part in name), value)
        except Exception:  # whatever a client does, no trade and no task may feel it
            logger.debug("metric %s was not sent", name, exc_info=True)


def open_metrics(settings: StatsdSettings) -> Metrics:
    """Metrics to the daemon of the settings; off, with a warning, where its host is unknown."""
    try:
        client = StatsClient(settings.host, settings.port, prefix=settings.prefix)
    except (OSError, UnicodeError) as error:  # UnicodeError: what no host can be called
        logger.warning("statsd host %s: %s; metrics are off", settings.host, error)
        return Metrics(None)
    return Metrics(client)
