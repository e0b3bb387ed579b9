"""The alerts that are to be delivered: written in the transaction of their cause, sent later.

Invariants: one alert per key, whoever adds it and however often; one that was delivered is never
due again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from freqtrade_recon_plugin.store.rows import AlertChannel, AlertRow
from freqtrade_recon_plugin.store.statements import every, insert_unless_there, values_of
from freqtrade_recon_plugin.store.tables import alerts


class Alerts:
    """The alerts within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: AlertRow) -> bool:
        """Adds an alert.

        :return: False, with nothing written, where one with this key is there.
        """
        return insert_unless_there(self._connection, alerts, values_of(row))

    def due(self, now: datetime, channel: AlertChannel, limit: int) -> list[AlertRow]:
        """Alerts that are not delivered and whose next attempt has come, oldest first."""
        statement = (
            select(alerts)
            .where(
                alerts.c.channel == channel,
                alerts.c.delivered_at.is_(None),
                alerts.c.next_attempt_at <= now,
            )
            .order_by(alerts.c.created_at, alerts.c.alert_id)
            .limit(limit)
        )
        return every(self._connection, statement, AlertRow)

    def of(self, action_id: str) -> list[AlertRow]:
        """The alerts about one action, oldest first, delivered or not."""
        statement = select(alerts).where(alerts.c.action_id == action_id)
        return every(
            self._connection, statement.order_by(alerts.c.created_at, alerts.c.key), AlertRow
        )

    def delivered(self, alert_id: str, at: datetime) -> None:
        """Notes a delivery."""
        self._connection.execute(
            update(alerts)
            .where(alerts.c.alert_id == alert_id, alerts.c.delivered_at.is_(None))
            .values(delivered_at=at, attempts=alerts.c.attempts + 1, last_error=None)
        )

    def failed(self, alert_id: str, error: str, next_attempt_at: datetime) -> None:
        """Notes an attempt that did not deliver, and when to try again."""
        self._connection.execute(
            update(alerts)
            .where(alerts.c.alert_id == alert_id, alerts.c.delivered_at.is_(None))
            .values(
                attempts=alerts.c.attempts + 1, last_error=error, next_attempt_at=next_attempt_at
            )
        )
