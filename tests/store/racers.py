"""What the tests run in processes of their own, one function per kind of racer.

`python -m tests.store.racers NAME URL ARGUMENT`. A racer says "ready", waits for a line, does its
turns as fast as it can, and prints what it won as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.errors import Conflict
from freqtrade_recon_plugin.store import Store, open_store, upgrade
from tests.store.samples import BOT, NOW, action

TURNS = 25


def start(name: str, url: str, argument: str) -> subprocess.Popen[str]:
    """Starts a racer; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.racers", name, url, argument],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def race(url: str, *racers: tuple[str, str]) -> list[list[int]]:
    """Runs racers against each other.

    :param racers: name and argument of each.
    :return: per racer, the turns that it won.
    """
    processes = [start(name, url, argument) for name, argument in racers]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [json.loads(answer) for answer in answers]


def say(line: str) -> None:
    """Tells the parent something."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def create_actions(store: Store, name: str) -> list[int]:
    """Detects the same divergences as the others do."""
    won = []
    for turn in range(TURNS):
        with store.transaction() as tx:
            row = action(action_id=f"{name}-{turn}", symbol=f"S{turn}")
            if tx.actions.create(row, by=name):
                won.append(turn)
                tx.breakers.open(BOT, f"S{turn}", BreakerReason.DIVERGENCE, "n", name, NOW)
    return won


def decide(store: Store, name: str) -> list[int]:
    """Approves or rejects the same actions as the others do."""
    to = ActionStatus(name)
    won = []
    for turn in range(TURNS):
        try:
            with store.transaction() as tx:
                moved = (f"a{turn}", ActionStatus.PENDING_APPROVAL, to)
                tx.actions.move(*moved, by=name, at=NOW, decided=True)
        except Conflict:
            continue
        won.append(turn)
    return won


def take_or_withdraw(store: Store, name: str) -> list[int]:
    """The bot takes the commands, the reconciliation withdraws them."""
    won = []
    for turn in range(TURNS):
        with store.transaction() as tx:
            if name == "bot":
                done = tx.commands.take(f"c{turn}", NOW)
            else:
                done = tx.commands.withdraw(f"c{turn}", name, NOW)
        if done:
            won.append(turn)
    return won


def write_and_wait(store: Store, name: str) -> None:
    """Writes, and never commits."""
    with store.transaction() as tx:
        tx.actions.create(action(action_id=name), by=name)
        say("written")
        sys.stdin.readline()
        raise SystemExit(1)


def main() -> None:
    name, url, argument = sys.argv[1:]
    if name == "write_and_wait":
        write_and_wait(open_store(url), argument)
    store = None if name == "upgrade" else open_store(url)
    say("ready")
    sys.stdin.readline()
    if store is None:
        upgrade(url)
        won = [0]
    else:
        racers = {"create": create_actions, "decide": decide, "command": take_or_withdraw}
        won = racers[name](store, argument)
    say(json.dumps(won))


if __name__ == "__main__":
    main()
