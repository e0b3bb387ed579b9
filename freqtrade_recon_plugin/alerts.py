"""Delivers the alerts that wait in the store's outbox: to the log and to apprise targets.

Invariants: an alert is written in the transaction that causes it and leaves the outbox when every
target has taken it; one that could not be delivered is tried again, oldest first, and never lost;
a target that has taken an alert is not sent it again because another one has not.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freqtrade_recon_plugin.metrics import Metrics

if TYPE_CHECKING:
    from freqtrade_recon_plugin.store import AlertRow, Store

logger = logging.getLogger(__name__)

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}
_KINDS = {"info": "info", "warning": "warning", "critical": "failure"}
_AT_ONCE = 1000
#: Failures in a row after which a target is left alone for the rest of a delivery.
_STRIKES = 3
#: How the outbox remembers which targets have not taken an alert yet; `_left` reads it again.
_NOT_TAKEN = "not taken by target "
_LEFT = re.compile(rf"^{_NOT_TAKEN}(\d+(?:, \d+)*)")


class Alerts:
    """The outside targets of alerts.

    :param urls: apprise URLs; none means the log alone.
    """

    def __init__(self, urls: Sequence[str] = ()) -> None:
        self._urls = tuple(urls)

    def deliver(self, store: Store, metrics: Metrics, now: datetime) -> int:
        """Sends what is due, oldest first; returns how many were delivered."""
        with store.reading() as tx:
            due = tx.alerts.due(now, "outside", _AT_ONCE)
        strikes: Counter[int] = Counter()
        delivered = 0
        for alert in due:
            if alert.attempts == 0:
                logger.log(_LEVELS[alert.severity], "ALERT %s: %s", alert.title, alert.message)
            failures = self._send(alert, strikes)
            with store.transaction() as tx:
                if not failures:
                    tx.alerts.delivered(alert.alert_id, now)
                    delivered += 1
                else:
                    error = f"{_NOT_TAKEN}{', '.join(map(str, failures))}: {_first(failures)}"
                    tx.alerts.failed(alert.alert_id, error, now + pause_after(alert.attempts + 1))
            metrics.alert(alert.severity, "failed" if failures else "delivered")
        return delivered

    def _send(self, alert: AlertRow, strikes: Counter[int]) -> dict[int, str]:
        """Sends an alert to the targets that have not taken it yet.

        :param strikes: by target, how often in a row it has failed in this delivery.
        :returns: why a target has not taken it, by its position from 1.
        """
        failures: dict[int, str] = {}
        left = _left(alert)
        for position, url in enumerate(self._urls, start=1):
            if left is not None and position not in left:
                continue
            if strikes[position] >= _STRIKES:
                failures[position] = "is down"
                continue
            why = _notify(url, alert)
            if why is None:
                strikes[position] = 0
            else:
                strikes[position] += 1
                failures[position] = why
        return failures


def _left(alert: AlertRow) -> frozenset[int] | None:
    """The targets that an earlier try did not reach; None before the first try."""
    found = _LEFT.match(alert.last_error or "")
    return frozenset(map(int, found[1].split(", "))) if found else None


def _first(failures: dict[int, str]) -> str:
    return next(iter(failures.values()))


def _notify(url: str, alert: AlertRow) -> str | None:
    """Why one target did not take the alert; None when it did. Never tells the URL."""
    try:
        import apprise  # an extra: only who names targets needs it
    except ImportError:
        return "apprise is not installed: pip install 'freqtrade-recon-plugin[alerts]'"
    target = apprise.Apprise()
    try:
        if not target.add(url):
            return "is not a URL that apprise knows"
        kind = _KINDS[alert.severity]
        sent = target.notify(title=alert.title, body=alert.message, notify_type=kind)
    except Exception as error:  # noqa: BLE001 - a plugin's defect must not hold up other alerts
        return type(error).__name__
    return None if sent else "did not take it"


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 5 s, doubling, at most a minute.

    No longer than a cycle, so that each delivery meets all that waits and keeps its order.
    """
    return timedelta(seconds=min(5 * 2 ** min(attempts - 1, 10), 60))
