"""The exact lines of the metrics contract, as a statsd daemon receives them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from freqtrade_recon_plugin.domain.model import Severity, VerdictKind
from freqtrade_recon_plugin.metrics import (
    ALERT_SEVERITIES,
    BLOCK_REASONS,
    CORRECTION_TYPES,
    Metrics,
    open_metrics,
    segment,
)
from freqtrade_recon_plugin.settings import StatsdSettings

BOT, SYMBOL = "btc-1", "BTC/USDT:USDT"


class Daemon:
    """A socket that receives what statsd would."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(10)

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def line(self) -> str:
        return self._socket.recv(65536).decode()

    def lines(self, number: int) -> list[str]:
        return [self.line() for _ in range(number)]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.close()


@pytest.fixture
def metrics(daemon: Daemon) -> Metrics:
    return open_metrics(StatsdSettings(port=daemon.port))


@pytest.mark.parametrize(
    ("send", "line"),
    [
        (
            lambda m: m.divergence_detected(BOT, SYMBOL, Severity.SMALL),
            "recon.position_divergence_detected.btc-1.BTC_USDT_USDT.small:1|c",
        ),
        (
            lambda m: m.correction(BOT, SYMBOL, "manual_required"),
            "recon.position_corrections.btc-1.BTC_USDT_USDT.manual_required:1|c",
        ),
        (
            lambda m: m.divergence_amount(BOT, SYMBOL, Decimal("-50.50")),
            "recon.position_divergence_amount.btc-1.BTC_USDT_USDT:50.50|g",
        ),
        (
            lambda m: m.divergence_amount(BOT, SYMBOL, Decimal(0)),
            "recon.position_divergence_amount.btc-1.BTC_USDT_USDT:0|g",
        ),
        (
            lambda m: m.divergence_amount(BOT, SYMBOL, Decimal("1E-12")),
            "recon.position_divergence_amount.btc-1.BTC_USDT_USDT:0.000000000001|g",
        ),
        (
            lambda m: m.divergence_amount(BOT, SYMBOL, Decimal("1.5E+9")),
            "recon.position_divergence_amount.btc-1.BTC_USDT_USDT:1500000000|g",
        ),
        (
            lambda m: m.breaker_open(BOT, SYMBOL, True),
            "recon.breaker_open.btc-1.BTC_USDT_USDT:1|g",
        ),
        (
            lambda m: m.breaker_open(BOT, SYMBOL, False),
            "recon.breaker_open.btc-1.BTC_USDT_USDT:0|g",
        ),
        (
            lambda m: m.order_blocked(BOT, SYMBOL, "max_position"),
            "recon.orders_blocked.btc-1.BTC_USDT_USDT.max_position:1|c",
        ),
        (
            lambda m: m.verdict(BOT, VerdictKind.WITHIN_TOLERANCE),
            "recon.verdicts.btc-1.within_tolerance:1|c",
        ),
        (
            lambda m: m.reconciled(BOT, 1767607200),
            "recon.last_reconciliation_timestamp.btc-1:1767607200|g",
        ),
        (
            lambda m: m.snapshot_age(BOT, timedelta(seconds=31.9)),
            "recon.snapshot_age_seconds.btc-1:31|g",
        ),
        (
            lambda m: m.snapshot_age(BOT, timedelta(seconds=-2)),
            "recon.snapshot_age_seconds.btc-1:0|g",
        ),
        (lambda m: m.cycle(timedelta(seconds=1.5)), "recon.cycle:1500.000000|ms"),
        (
            lambda m: m.detect_to_corrected(BOT, timedelta(milliseconds=20)),
            "recon.detect_to_corrected.btc-1:20.000000|ms",
        ),
        (
            lambda m: m.guard_check(BOT, timedelta(microseconds=250)),
            "recon.guard_check.btc-1:0.250000|ms",
        ),
        (lambda m: m.alert("critical", "failed"), "recon.alerts.critical.failed:1|c"),
    ],
)
def test_each_metric_is_sent_to_the_letter(
    metrics: Metrics, daemon: Daemon, send: Callable[[Metrics], None], line: str
) -> None:
    send(metrics)
    assert daemon.line() == line


def test_waiting_approvals_are_two_gauges(metrics: Metrics, daemon: Daemon) -> None:
    metrics.pending_approvals(BOT, 2, timedelta(minutes=3))
    assert daemon.lines(2) == [
        "recon.pending_approvals.btc-1:2|g",
        "recon.oldest_pending_approval_seconds.btc-1:180|g",
    ]


def test_every_known_counter_is_sent_once_as_zero(metrics: Metrics, daemon: Daemon) -> None:
    metrics.zeros(BOT, [SYMBOL, "ETH/USDT"])
    per_symbol = 2 + len(CORRECTION_TYPES) + len(BLOCK_REASONS)
    number = 2 * per_symbol + len(VerdictKind) + 2 * len(ALERT_SEVERITIES)
    lines = daemon.lines(number)
    assert len(set(lines)) == number
    assert all(line.endswith(":0|c") for line in lines)
    for line in (
        "recon.position_divergence_detected.btc-1.ETH_USDT.large:0|c",
        "recon.position_corrections.btc-1.BTC_USDT_USDT.failed:0|c",
        "recon.orders_blocked.btc-1.BTC_USDT_USDT.store_unavailable:0|c",
        "recon.verdicts.btc-1.no_evidence:0|c",
        "recon.alerts.critical.failed:0|c",
    ):
        assert line in lines


def test_the_prefix_is_a_setting(daemon: Daemon) -> None:
    open_metrics(StatsdSettings(port=daemon.port, prefix="desk.recon")).verdict(
        BOT, VerdictKind.IN_SYNC
    )
    assert daemon.line() == "desk.recon.verdicts.btc-1.in_sync:1|c"


@pytest.mark.parametrize(
    "label", ["a.b", "a:b|c@d", "BTC/USDT:USDT-250328", "Ünï\ncode", " ", "", "#tag", "x" * 300]
)
def test_no_label_breaks_a_name(metrics: Metrics, daemon: Daemon, label: str) -> None:
    metrics.divergence_detected(label, label, Severity.LARGE)
    name = segment(label)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", name)
    assert daemon.line() == f"recon.position_divergence_detected.{name}.{name}.large:1|c"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "..", "a" * 300, "::1::"])
def test_a_host_that_cannot_be_found_turns_metrics_off_with_a_word(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = open_metrics(StatsdSettings(host=host))
    metrics.cycle(timedelta(seconds=1))
    assert "metrics are off" in caplog.text


def test_nobody_listening_is_not_felt() -> None:
    closed = Daemon()
    port = closed.port
    closed.close()
    metrics = open_metrics(StatsdSettings(port=port))
    for _ in range(5):
        metrics.zeros(BOT, [SYMBOL])


def test_whatever_a_client_does_is_not_felt() -> None:
    class Broken:
        def incr(self, stat: str, count: int = 1) -> None:
            raise RuntimeError

        def gauge(self, stat: str, value: object) -> None:
            raise ValueError

        def timing(self, stat: str, delta: object) -> None:
            raise MemoryError

    metrics = Metrics(Broken())
    metrics.zeros(BOT, [SYMBOL])
    metrics.breaker_open(BOT, SYMBOL, True)
    metrics.cycle(timedelta(1))


def test_every_metric_of_the_contract_has_its_name_and_no_other_exists(
    metrics: Metrics, daemon: Daemon
) -> None:
    contract = {
        "position_divergence_detected",
        "position_corrections",
        "position_divergence_amount",
        "breaker_open",
        "orders_blocked",
        "pending_approvals",
        "oldest_pending_approval_seconds",
        "verdicts",
        "last_reconciliation_timestamp",
        "snapshot_age_seconds",
        "cycle",
        "detect_to_corrected",
        "guard_check",
        "alerts",
    }
    source = Path(Metrics.__init__.__code__.co_filename).read_text()
    sent = set(re.findall(r'self\._(?:count|gauge|timing)\([^"]*"([a-z_]+)"', source))
    assert sent == contract
