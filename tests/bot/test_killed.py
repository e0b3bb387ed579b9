"""A bot that is killed around a ForceSync books it exactly once and goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

import pytest

from freqtrade_recon_plugin.bot.sync_plan import synthetic_id
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from tests.bot.rig import ACCOUNT, Rig, complaints, futures_pair, leg, running_rig

pytestmark = pytest.mark.bot

#: Where the bot is killed, and what must have happened by then.
PLACES = {
    "QUEUED": "right after the command is queued",
    "BOOKED": "after booking in memory, before the commit",
    "COMMITTED": "after the commit, before the stop is renewed",
    "SETTLED": "after all of it, before the acknowledgement",
}

#: Kills its own process at the place that a file names.
_DEATHS = """
    def bot_start(self, **kwargs):
        import os
        import signal
        from freqtrade_recon_plugin.bot import booking, force_sync
        from freqtrade_recon_plugin.store.commands import Commands

        folder = Path(self.config["user_data_dir"])

        def deadly(owner, name, place, *, after=False):
            original = getattr(owner, name)

            def call(*args, **kwargs):
                answer = original(*args, **kwargs) if after else None
                if (folder / place).exists():
                    (folder / place).unlink()
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer if after else original(*args, **kwargs)

            setattr(owner, name, call)

        deadly(booking, "book", "BOOKED", after=True)
        deadly(force_sync, "renew_stops", "COMMITTED")
        deadly(Commands, "finish", "SETTLED")
"""


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("doomed")
    with running_rig(directory, "futures", tuple(PLACES), extra=_DEATHS) as rig:
        for name in PLACES:
            rig.wish(futures_pair(name), enter="long")
        for name in PLACES:
            rig.enter(futures_pair(name))
        yield rig


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_bot_books_a_command_exactly_once(doomed: Rig, place: str) -> None:
    pair = futures_pair(place)
    doomed.controls.missed_fill(ACCOUNT, "50", symbol=pair, side="buy")
    if place == "QUEUED":
        command = doomed.queue_sync(pair, "100", "150", leg("buy", "50", "increase"))
        doomed.bot.kill()
    else:
        (doomed.bot.directory / place).touch()
        command = doomed.queue_sync(pair, "100", "150", leg("buy", "50", "increase"))
        assert doomed.bot.wait_ended() == -9
    order_id = synthetic_id(command.action_id, 1)
    if place == "BOOKED":
        assert booked(doomed, order_id) == 0
    if place in ("COMMITTED", "SETTLED"):
        assert booked(doomed, order_id) == 1
        assert doomed.command(command).status is CommandStatus.EXECUTING
    mark = len(doomed.bot.log)

    doomed.bot.start()

    done = doomed.ended(command)
    assert done.status is CommandStatus.DONE
    assert done.result == {"local": "150", "orders": [order_id]}
    assert booked(doomed, order_id) == 1
    assert doomed.trade(pair)["amount"] == 150
    doomed.until(lambda: doomed.stops(pair) == [Decimal(150)], "the stop for 150")
    assert complaints(doomed.bot.log[mark:]) == []
    assert doomed.asked_for([order_id]) == []


def booked(rig: Rig, order_id: str) -> int:
    """How often the bot's own database holds an order."""
    with sqlite3.connect(rig.bot.db_path) as connection:
        query = "SELECT count(*) FROM orders WHERE order_id = ? AND ft_order_tag = 'reconciliation'"
        return int(connection.execute(query, [order_id]).fetchone()[0])
