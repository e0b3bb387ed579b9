"""The command line itself: bad usage is one line and status 2, help is help."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

COMMAND = [sys.executable, "-m", "freqtrade_recon_plugin"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "COMMAND"),
        (("dance",), "'dance'"),
        (("status", "extra"), "extra"),
        (("status", "--jsn"), "--jsn"),
        (("db",), "upgrade|check"),
        (("db", "drop"), "'drop'"),
        (("audit", "burn"), "'burn'"),
        (("show",), "action"),
        (("halt", "b1"), "symbol"),
        (("sandbox", "--port", "many"), "--port"),
        (("monitoring",), "export"),
        (("monitoring", "export"), "DIR"),
    ],
)
def test_bad_usage_is_one_line_that_names_what_is_wrong(
    bare: Run, arguments: tuple[str, ...], said: str
) -> None:
    assert said in bare(*arguments).complaint


@pytest.mark.parametrize(
    "command",
    [
        *("db", "status", "reconcile", "replay", "actions", "show", "approve", "reject"),
        *("breakers", "halt", "resume", "audit", "doctor", "sandbox", "monitoring"),
    ],
)
def test_every_command_of_the_contract_has_help(bare: Run, command: str) -> None:
    answer = bare(command, "--help")
    assert (answer.status, answer.err) == (0, "")
    assert f"freqtrade-recon {command}" in answer.out


@pytest.mark.parametrize(
    "arguments", [("doctor",), ("doctor", "--json"), ("monitoring", "export", "/nowhere")]
)
def test_what_comes_later_says_so(bare: Run, arguments: tuple[str, ...]) -> None:
    complaint = bare(*arguments).complaint
    assert complaint.startswith(f"{arguments[0]}: ")
    assert "later version" in complaint


def test_the_console_script_is_the_same_command() -> None:
    script = Path(sys.executable).with_name("freqtrade-recon")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: freqtrade-recon")


def test_a_process_ends_with_the_status_of_its_command(tmp_path: Path) -> None:
    def status(*arguments: str) -> int:
        environment = os.environ | {"RECON_DATABASE_URL": f"sqlite:///{tmp_path}/r.sqlite"}
        return subprocess.run(
            [*COMMAND, *arguments], env=environment, capture_output=True, timeout=60
        ).returncode

    assert status("db", "check") == 3
    assert status("status") == 2
    assert status("db", "upgrade") == 0
    assert status("db", "check") == 0


def test_the_sandbox_serves_until_it_is_interrupted() -> None:
    with subprocess.Popen(
        [*COMMAND, "sandbox", "--account", "mine"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        told = ""
        while "http://127.0.0.1:" not in told or "mine" not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(30) == 0
