"""What the tests run in processes of their own, one function per kind of racer.

A racer says "ready", waits for a word, does its turns as fast as it can, and says what it won. The
processes are forked from one that has loaded the code and nothing else, since loading it takes
longer than most races; they share nothing with the test but the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.errors import Conflict
from freqtrade_recon_plugin.store import Store, open_store, upgrade
from tests.store.samples import BOT, NOW, action

TURNS = 25
#: Seconds that a racer may take to its next word.
PATIENCE_S = 120

_processes = get_context("forkserver")
_processes.set_forkserver_preload(["tests.store.racers"])


@dataclass(frozen=True)
class Racer:
    """A process with a line to it."""

    process: BaseProcess
    line: Connection

    def hears(self) -> Any:
        """What it says next."""
        assert self.line.poll(PATIENCE_S), "the racer says nothing"
        return self.line.recv()

    def kill(self) -> None:
        """Ends it at once, if it has not ended."""
        self.process.kill()
        self.process.join()
        self.line.close()


def start(name: str, url: str, argument: str) -> Racer:
    """Starts a racer; the caller kills it."""
    ours, theirs = _processes.Pipe()
    process = _processes.Process(target=run, args=(theirs, name, url, argument), daemon=True)
    process.start()
    theirs.close()
    return Racer(process, ours)


def race(url: str, *racers: tuple[str, str]) -> list[list[int]]:
    """Runs racers against each other.

    :param racers: name and argument of each.
    :return: per racer, the turns that it won.
    """
    started = [start(name, url, argument) for name, argument in racers]
    try:
        assert all(racer.hears() == "ready" for racer in started)
        for racer in started:
            racer.line.send("go")
        return [racer.hears() for racer in started]
    finally:
        for racer in started:
            racer.kill()


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


def write_and_wait(store: Store, name: str, line: Connection) -> None:
    """Writes, and never commits."""
    with store.transaction() as tx:
        tx.actions.create(action(action_id=name), by=name)
        line.send("written")
        line.recv()
        raise SystemExit(1)


def run(line: Connection, name: str, url: str, argument: str) -> None:
    """What the process does."""
    if name == "write_and_wait":
        write_and_wait(open_store(url), argument, line)
    store = None if name == "upgrade" else open_store(url)
    line.send("ready")
    line.recv()
    if store is None:
        upgrade(url)
        won = [0]
    else:
        racers = {"create": create_actions, "decide": decide, "command": take_or_withdraw}
        won = racers[name](store, argument)
    line.send(won)
