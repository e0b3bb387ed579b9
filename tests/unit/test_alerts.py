"""Alerts go to real targets over HTTP: in order, again after a failure, and never lost."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from freqtrade_recon_plugin.alerts import Alerts, pause_after
from freqtrade_recon_plugin.metrics import Metrics
from freqtrade_recon_plugin.store import AlertRow, Store, open_store, upgrade

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Target:
    """A web hook on loopback; answers 500 as long as it is told to."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.is_down = False
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                target.asked += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not target.is_down:
                    target.taken.append(body)
                self.send_response(500 if target.is_down else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/hook/secret-token"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.taken]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Counters:
    """A statsd client that keeps the counters."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def incr(self, stat: str, count: int = 1) -> None:
        self.names.append(stat)

    def gauge(self, stat: str, value: Any) -> None:
        raise AssertionError

    def timing(self, stat: str, delta: Any) -> None:
        raise AssertionError


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.close()


@pytest.fixture
def second() -> Iterator[Target]:
    made = Target()
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    upgrade(f"sqlite:///{tmp_path}/recon.sqlite")
    opened = open_store(f"sqlite:///{tmp_path}/recon.sqlite")
    yield opened
    opened.close()


def alert(number: int, **said: Any) -> AlertRow:
    row = AlertRow(
        alert_id=f"m{number}",
        key=f"k{number}",
        severity="critical",
        title=f"Halted {number}",
        message="book 100, exchange 150",
        bot_id=None,
        symbol=None,
        action_id=None,
        created_at=NOW + timedelta(seconds=number),
        channel="outside",
        next_attempt_at=NOW,
    )
    return replace(row, **said)


def put(store: Store, *rows: AlertRow) -> None:
    with store.transaction() as tx:
        for row in rows:
            assert tx.alerts.add(row)


def waiting(store: Store) -> list[AlertRow]:
    with store.reading() as tx:
        return list(tx.alerts.due(NOW + timedelta(days=30), "outside", 100))


def delivered(store: Store, *urls: str, after: float = 0, metrics: Any = None) -> int:
    now = NOW + timedelta(seconds=after)
    return Alerts(urls).deliver(store, Metrics(metrics), now)


def test_an_alert_reaches_the_target_with_title_text_and_kind(store: Store, target: Target) -> None:
    put(store, alert(1), alert(2, severity="warning"), alert(3, severity="info"))
    counters = Counters()

    assert delivered(store, target.url, metrics=counters) == 3

    first = target.taken[0]
    assert (first["title"], first["message"]) == ("Halted 1", "book 100, exchange 150")
    assert [body["type"] for body in target.taken] == ["failure", "warning", "info"]
    assert waiting(store) == []
    assert counters.names == [
        "alerts.critical.delivered",
        "alerts.warning.delivered",
        "alerts.info.delivered",
    ]
    assert delivered(store, target.url, after=99) == 0
    assert target.asked == 3


def test_alerts_are_sent_oldest_first(store: Store, target: Target) -> None:
    put(store, alert(3), alert(1), alert(2))
    delivered(store, target.url)
    assert target.titles == ["Halted 1", "Halted 2", "Halted 3"]


def test_without_targets_the_log_is_the_delivery(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    put(store, alert(1), alert(2, severity="warning"), alert(3, severity="info"))

    assert delivered(store) == 3

    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told[0] == ("ERROR", "ALERT Halted 1: book 100, exchange 150")
    assert [level for level, _ in told] == ["ERROR", "WARNING", "INFO"]


def test_what_the_bot_delivers_is_not_touched(store: Store, target: Target) -> None:
    put(store, alert(1, channel="bot"))
    assert delivered(store, target.url) == 0
    with store.reading() as tx:
        assert len(tx.alerts.due(NOW, "bot", 10)) == 1


def test_a_target_that_fails_is_tried_again_and_nothing_is_lost_or_reordered(
    store: Store, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, alert(1), alert(2))
    target.is_down = True
    counters = Counters()
    at = 0
    for _ in range(6):
        assert delivered(store, target.url, after=at, metrics=counters) == 0
        at += 60
    put(store, alert(3))
    first = waiting(store)[0]
    assert first.attempts == 6
    assert first.last_error == "not taken by target 1: did not take it"
    assert set(counters.names) == {"alerts.critical.failed"}
    assert caplog.text.count("ALERT Halted 1") == 1

    target.is_down = False
    assert delivered(store, target.url, after=at) == 3
    assert target.titles == ["Halted 1", "Halted 2", "Halted 3"]
    assert waiting(store) == []


def test_a_failed_alert_is_not_tried_again_at_once(store: Store, target: Target) -> None:
    put(store, alert(1))
    target.is_down = True
    delivered(store, target.url)
    target.is_down = False
    assert delivered(store, target.url, after=4) == 0
    assert delivered(store, target.url, after=5) == 1


def test_the_pause_doubles_and_is_never_longer_than_a_cycle() -> None:
    pauses = [pause_after(attempts).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 1000)]
    assert pauses == [5, 10, 20, 40, 60, 60, 60]


def test_a_target_that_has_taken_an_alert_is_not_sent_it_again(
    store: Store, target: Target, second: Target
) -> None:
    put(store, alert(1))
    second.is_down = True
    for at in (0, 60, 120):
        assert delivered(store, target.url, second.url, after=at) == 0
    assert (target.asked, second.asked) == (1, 3)
    assert waiting(store)[0].last_error == "not taken by target 2: did not take it"

    second.is_down = False
    assert delivered(store, target.url, second.url, after=180) == 1
    assert (target.titles, second.titles) == (["Halted 1"], ["Halted 1"])


def test_a_target_that_is_down_is_left_alone_for_the_rest_of_a_delivery(
    store: Store, target: Target, second: Target
) -> None:
    put(store, *(alert(number) for number in range(1, 8)))
    second.is_down = True
    assert delivered(store, target.url, second.url) == 0
    assert (len(target.taken), second.asked) == (7, 3)
    assert waiting(store)[-1].last_error == "not taken by target 2: is down"

    second.is_down = False
    assert delivered(store, target.url, second.url, after=60) == 7
    assert second.titles == target.titles == [f"Halted {number}" for number in range(1, 8)]


def test_a_target_that_apprise_does_not_know_keeps_no_other_from_the_alert(
    store: Store, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, alert(1))
    assert delivered(store, "nonsense://token-of-mine", target.url) == 0
    assert target.titles == ["Halted 1"]
    (row,) = waiting(store)
    assert row.last_error == "not taken by target 1: is not a URL that apprise knows"
    assert "token-of-mine" not in (row.last_error or "")


def test_without_apprise_the_alert_waits_and_says_what_to_install(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, alert(1))
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert delivered(store, "json://127.0.0.1:1") == 0
    (row,) = waiting(store)
    assert "pip install 'freqtrade-recon-plugin[alerts]'" in (row.last_error or "")


def test_a_defect_of_a_target_is_a_failure_of_this_alert_alone(
    store: Store, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise

    real = apprise.Apprise.notify

    def breaks_once(self: Any, **said: Any) -> Any:
        if said["title"] == "Halted 1":
            raise KeyError("secret-token")
        return real(self, **said)

    monkeypatch.setattr(apprise.Apprise, "notify", breaks_once)
    put(store, alert(1), alert(2))

    assert delivered(store, target.url) == 1

    (row,) = waiting(store)
    assert (row.alert_id, row.last_error) == ("m1", "not taken by target 1: KeyError")
