"""Alerts: one per key, due until delivered."""

from dataclasses import replace
from datetime import timedelta

from freqtrade_recon_plugin.store import Store
from tests.store.samples import NOW, alert

LATER = NOW + timedelta(minutes=1)


def test_a_key_is_used_once(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.alerts.add(alert())
        assert not tx.alerts.add(alert(alert_id="m2", message="again"))
    with store.transaction() as tx:
        assert not tx.alerts.add(alert(alert_id="m3"))
        assert tx.alerts.due(NOW, "outside", 10) == [alert()]


def test_due_alerts_come_oldest_first_and_no_more_than_asked_for(store: Store) -> None:
    with store.transaction() as tx:
        for number, seconds in ((1, 2), (2, 0), (3, 1)):
            at = NOW + timedelta(seconds=seconds)
            tx.alerts.add(alert(alert_id=f"m{number}", key=f"k{number}", created_at=at))
        due = [row.alert_id for row in tx.alerts.due(LATER, "outside", 2)]
        assert due == ["m2", "m3"]


def test_each_channel_has_its_own_alerts(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.add(alert())
        tx.alerts.add(alert(alert_id="m2", key="k2", channel="bot"))
        assert [row.alert_id for row in tx.alerts.due(NOW, "bot", 10)] == ["m2"]


def test_a_failed_attempt_is_tried_again_when_its_time_has_come(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.add(alert())
        tx.alerts.failed("m1", "HTTP 500", next_attempt_at=LATER)
        assert tx.alerts.due(LATER - timedelta(microseconds=1), "outside", 10) == []
        assert tx.alerts.due(LATER, "outside", 10) == [
            replace(alert(), attempts=1, last_error="HTTP 500", next_attempt_at=LATER)
        ]


def test_a_delivered_alert_is_never_due_again(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.add(alert())
        tx.alerts.delivered("m1", NOW)
        tx.alerts.failed("m1", "late news of an earlier attempt", next_attempt_at=NOW)
        assert tx.alerts.due(LATER, "outside", 10) == []


def test_the_alerts_about_an_action_are_found_delivered_or_not(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.add(alert())
        tx.alerts.add(alert(alert_id="m2", key="k2", channel="bot", created_at=LATER))
        tx.alerts.add(alert(alert_id="m3", key="k3", action_id="a2"))
        tx.alerts.delivered("m1", NOW)
        assert [row.alert_id for row in tx.alerts.of("a1")] == ["m1", "m2"]
