"""What the race test runs in processes of their own.

`python -m tests.service.racers`, with the account and the store's URL in the environment. A racer
says "ready", waits for a line, and detects; says what it found, waits for a line, and corrects what
needs no person; and says what came of that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from freqtrade_recon_plugin.alerts import Alerts
from freqtrade_recon_plugin.domain.model import Decision, TradingMode
from freqtrade_recon_plugin.metrics import Metrics
from freqtrade_recon_plugin.ports import ports_of
from freqtrade_recon_plugin.service import auto_correct, detect
from freqtrade_recon_plugin.settings import account_from_environment
from freqtrade_recon_plugin.store import open_store


def race(environment: dict[str, str], number: int) -> list[list[Any]]:
    """Runs racers at once; what they found in the first turn, and in the second."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.service.racers"],
            cwd=Path(__file__).parents[2],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    try:
        assert _answers(processes) == ["ready"] * number
        return [_turn(processes), _turn(processes)]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _turn(processes: list[subprocess.Popen[str]]) -> list[Any]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return _answers(processes)


def _answers(processes: list[subprocess.Popen[str]]) -> list[Any]:
    return [json.loads(process.stdout.readline()) for process in processes if process.stdout]


def say(answer: Any) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


def main() -> None:
    store = open_store(os.environ["RECON_DATABASE_URL"])
    account = account_from_environment("main")
    ports = ports_of(store, account, Metrics(None), Alerts())
    ports.reader(TradingMode.FUTURES).read([])
    say("ready")
    sys.stdin.readline()
    found = detect(ports, "main")
    say([finding.to_document() for finding in found])
    sys.stdin.readline()
    small = [one.action_id or "" for one in found if one.decision == Decision.AUTO_CORRECT]
    say([auto_correct(ports, action_id).status for action_id in small])


if __name__ == "__main__":
    main()
