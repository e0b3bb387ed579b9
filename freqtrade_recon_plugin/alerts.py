"""Delivers the alerts that wait in the store's outbox: to the log and to apprise targets.

An alert is written in the transaction that causes it and leaves the outbox when it was delivered;
one that cannot be delivered is tried again, ever more slowly, and never lost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freqtrade_recon_plugin.metrics import Metrics

if TYPE_CHECKING:
    from freqtrade_recon_plugin.store import AlertRow, Store

logger = logging.getLogger(__name__)

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}
_AT_ONCE = 50


class Alerts:
    """The outside targets of alerts.

    :param urls: apprise URLs; none means the log alone.
    """

    def __init__(self, urls: Sequence[str] = ()) -> None:
        self._urls = tuple(urls)

    def deliver(self, store: Store, metrics: Metrics, now: datetime) -> int:
        """Sends what is due, oldest first; returns how many were delivered."""
        with store.transaction() as tx:
            due = tx.alerts.due(now, "outside", _AT_ONCE)
        delivered = 0
        for alert in due:
            error = self._send(alert)
            with store.transaction() as tx:
                if error is None:
                    tx.alerts.delivered(alert.alert_id, now)
                    delivered += 1
                else:
                    tx.alerts.failed(alert.alert_id, error, now + pause_after(alert.attempts + 1))
            metrics.alert(alert.severity, "failed" if error else "delivered")
        return delivered

    def _send(self, alert: AlertRow) -> str | None:
        """Why the alert was not delivered; None when it was."""
        if alert.attempts == 0:
            logger.log(_LEVELS[alert.severity], "ALERT %s: %s", alert.title, alert.message)
        if not self._urls:
            return None
        try:
            return self._notify(alert)
        except ImportError:
            return "apprise is not installed: pip install 'freqtrade-recon-plugin[alerts]'"

    def _notify(self, alert: AlertRow) -> str | None:
        import apprise  # an extra: only who names targets needs it

        kinds = {"info": "info", "warning": "warning", "critical": "failure"}
        targets = apprise.Apprise()
        for position, url in enumerate(self._urls, start=1):
            if not targets.add(url):
                return f"alert target {position} is not a URL that apprise knows"
        sent = targets.notify(
            title=alert.title, body=alert.message, notify_type=kinds[alert.severity]
        )
        return None if sent else "at least one target did not take it"


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 5 s, doubling, at most 10 minutes."""
    return timedelta(seconds=min(5 * 2 ** min(attempts - 1, 10), 600))
