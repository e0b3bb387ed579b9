"""The classic failure on futures: the demo itself, whose every step asks the real parts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.bot, pytest.mark.airflow]

DEMO = [sys.executable, "-m", "freqtrade_recon_plugin", "demo"]


def children_of(session: int) -> list[str]:
    """Processes that carry the demo's mark in their environment."""
    mark = f"RECON_TEST_MARK={session}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def launch(mark: int, tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        DEMO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "RECON_TEST_MARK": str(mark), "TMPDIR": str(tmp_path)},
    )


def test_the_demo_comes_true_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = launch(mark := os.getpid() * 10 + 1, tmp_path)
    output, _ = demo.communicate(timeout=900)

    assert demo.returncode == 0, output
    for line in (
        "found: Book 100, exchange 150: 50 apart (33.33 %)",
        "the exchange's request log shows no order",
        "the user approver marked the task await_approval successful",
        "approved by approver; the breaker is closed",
        "book 160 BTC, exchange 160 BTC",
        "Book 150, exchange 153: 3 apart (1.96 %); corrected without a person.",
        "recon.position_corrections.demo.BTC_USDT_USDT.auto = 1",
        "All of it came true.",
    ):
        assert line in output
    assert children_of(mark) == []
    assert not list(tmp_path.glob("recon-demo-*"))


def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = launch(mark := os.getpid() * 10 + 2, tmp_path)
    assert demo.stdout is not None
    while "a live freqtrade bot is starting" not in demo.stdout.readline():
        assert demo.poll() is None
    assert children_of(mark)

    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=120)

    assert demo.returncode == 130, output
    assert children_of(mark) == []
