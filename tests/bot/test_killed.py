"""A bot that is killed around a ForceSync books it exactly once and goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

import pytest

from freqtrade_recon_plugin.bot.sync_plan import synthetic_id
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from tests.bot.rig import ACCOUNT, Rig, complaints, futures_pair, leg, real, running_rig

pytestmark = pytest.mark.bot

#: Where the bot is killed, and what must have happened by then.
PLACES = {
    "QUEUED": "right after the command is queued",
    "BOOKED": "after booking in memory, before the commit",
    "COMMITTED": "after the commit, before the stop is renewed",
    "SETTLED": "after all of it, before the acknowledgement",
}
#: The same with legs that are real orders.
REAL_PLACES = ("BOOKED", "COMMITTED")
NAMES = (*PLACES, *(f"REAL{place}" for place in REAL_PLACES))

#: Kills its own process at the place that a file names.
_DEATHS = """
    def bot_start(self, **kwargs):
        import os
        import signal
        from freqtrade_recon_plugin.bot import booking, execution, force_sync
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
        deadly(execution, "book_real", "REALBOOKED", after=True)
        deadly(force_sync, "renew_stops", "REALCOMMITTED")
        deadly(force_sync, "renew_stops", "COMMITTED")
        deadly(Commands, "finish", "SETTLED")
"""


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("doomed")
    with running_rig(directory, "futures", NAMES, extra=_DEATHS) as rig:
        for name in NAMES:
            rig.wish(futures_pair(name), enter="long")
        for name in NAMES:
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


@pytest.mark.parametrize("place", REAL_PLACES)
def test_a_killed_bot_books_real_orders_exactly_once(doomed: Rig, place: str) -> None:
    pair = futures_pair(f"REAL{place}")
    bought = doomed.controls.missed_fill(ACCOUNT, "50", symbol=pair, side="buy")
    sold = doomed.controls.manual_trade(ACCOUNT, pair, "sell", "20")
    ids = [str(bought["orderId"]), str(sold["orderId"])]
    (doomed.bot.directory / f"REAL{place}").touch()
    command = doomed.queue_sync(
        pair,
        "100",
        "130",
        real(bought, "buy", "50", "increase"),
        real(sold, "sell", "20", "decrease"),
    )
    assert doomed.bot.wait_ended() == -9
    expected = 0 if place == "BOOKED" else 1
    assert [booked(doomed, order_id) for order_id in ids] == [expected, expected]
    mark = len(doomed.bot.log)

    doomed.bot.start()

    assert doomed.ended(command).result == {"local": "130", "orders": ids}
    assert [booked(doomed, order_id) for order_id in ids] == [1, 1]
    assert doomed.trade(pair)["amount"] == 130
    doomed.until(lambda: doomed.stops(pair) == [Decimal(130)], "the stop for 130")
    assert complaints(doomed.bot.log[mark:]) == []


def booked(rig: Rig, order_id: str) -> int:
    """How often the bot's own database holds an order."""
    with sqlite3.connect(rig.bot.db_path) as connection:
        query = "SELECT count(*) FROM orders WHERE order_id = ?"
        return int(connection.execute(query, [order_id]).fetchone()[0])
