"""What the plugin does in each loop of the bot: publish the book, follow breakers, obey commands.

Invariant: nothing that goes wrong here reaches freqtrade; it is logged once per change, counted,
and tried again in the next loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from freqtrade.enums import RPCMessageType
from freqtrade.persistence import Trade

from freqtrade_recon_plugin.bot.force_sync import ForceSync
from freqtrade_recon_plugin.bot.halt import Halt
from freqtrade_recon_plugin.bot.said import Said
from freqtrade_recon_plugin.bot.snapshot import Snapshot
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.store import AlertRow, BotRow, PositionRow, Store, Transaction

logger = logging.getLogger(__name__)

_ALERTS_PER_ROUND = 100
_SUBJECT = ("round",)


class Publisher:
    """Writes the bot's heartbeat and book into the store.

    :param describe: gives the bot's registration as of now.
    """

    def __init__(
        self,
        bot: Any,
        bot_id: str,
        store: Store,
        snapshot: Snapshot,
        describe: Callable[[], BotRow],
        clock: Callable[[], datetime],
    ) -> None:
        self._bot = bot
        self._bot_id = bot_id
        self._store = store
        self._snapshot = snapshot
        self._describe = describe
        self._clock = clock
        self._pairs: tuple[str, ...] | None = None

    def register(self) -> None:
        """Registers the bot in place of what the store knows of it.

        :raises StoreError: it could not be written.
        """
        row = self._describe()
        with self._store.transaction() as tx:
            tx.bots.register(row, f"bot:{row.bot_id}")
        self._pairs = row.pairs

    def register_where_unknown(self) -> None:
        """Registers the bot in a store that has been replaced by one that does not know it.

        :raises StoreError: it could not be written.
        """
        self._pairs = None
        self._snapshot.forget()
        with self._store.reading() as tx:
            known = tx.bots.get(self._bot_id) is not None
        if not known:
            self.register()

    def beat(self, state: str | None = None) -> None:
        """Publishes heartbeat and book.

        :param state: the bot's own word for what it does; by default what freqtrade says.
        :raises StoreError: it could not be written.
        """
        now = self._clock()
        rows = self._snapshot.read(now)
        with self._store.transaction(audited=False) as tx:
            self._write(tx, now, rows, state)

    def into(self, tx: Transaction) -> None:
        """Publishes heartbeat and book within a transaction of somebody else's."""
        now = self._clock()
        self._write(tx, now, self._snapshot.read(now), None)

    def _write(
        self, tx: Transaction, now: datetime, rows: list[PositionRow], state: str | None
    ) -> None:
        pairs = tuple(sorted({*self._bot.active_pair_whitelist, *(row.symbol for row in rows)}))
        changed = None if pairs == self._pairs else pairs
        tx.bots.heartbeat(self._bot_id, now, state or self._bot.state.name.lower(), changed)
        news = self._snapshot.news(rows)
        if news is not None:
            tx.positions.publish(self._bot_id, news, at=now)
            self._snapshot.published(news)
        self._pairs = pairs


class Watch:
    """One bot's rounds. Used on the bot's loop thread alone.

    :ivar errors: how many rounds did not come through.
    """

    def __init__(
        self,
        bot: Any,
        bot_id: str,
        store: Store,
        publisher: Publisher,
        halt: Halt,
        force_sync: ForceSync,
        clock: Callable[[], datetime],
    ) -> None:
        self._bot = bot
        self._bot_id = bot_id
        self._store = store
        self._publisher = publisher
        self._halt = halt
        self._force_sync = force_sync
        self._clock = clock
        self._said = Said(logger)
        self._failed = False
        self.errors = 0

    def running(self) -> None:
        """A round while the bot runs."""
        self._safely(lambda: self._round(obey=True))

    def stopped(self) -> None:
        """A round while it is stopped: commands wait, since nobody would renew a stop."""
        self._safely(lambda: self._round(obey=False))

    def leave(self) -> None:
        """The last publication, when the bot ends."""
        try:
            self._publisher.beat("ended")
        except Exception:  # noqa: BLE001 - a Ctrl-C may have broken the session in mid-query
            Trade.rollback()
            self._safely(lambda: self._publisher.beat("ended"))

    def _round(self, *, obey: bool) -> None:
        if self._failed:
            self._publisher.register_where_unknown()
        if obey:
            self._force_sync.replace_covered()
        self._publisher.beat()
        with self._store.reading() as tx:
            breakers = tx.breakers.list_open(self._bot_id)
            commands = tx.commands.waiting(self._bot_id)
            due = tx.alerts.due(self._clock(), "bot", _ALERTS_PER_ROUND)
        self._halt.follow(breakers)
        for command in commands if obey else ():
            self._force_sync.run(command)
        for alert in due:
            if alert.bot_id in (None, self._bot_id):
                self._deliver(alert)

    def _deliver(self, alert: AlertRow) -> None:
        text = f"{alert.title}: {alert.message}"
        self._bot.rpc.send_msg({"type": RPCMessageType.WARNING, "status": text})
        with self._store.transaction() as tx:
            tx.alerts.delivered(alert.alert_id, self._clock())

    def _safely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ReconError as error:
            self._failing(f"Reconciliation is held up: {error}")
        except Exception as error:  # noqa: BLE001 - an unknown exception would end the bot
            Trade.rollback()
            self._failing(f"Reconciliation is held up: {error!r}", trace=True)
        else:
            self._failed = False
            if self._said.now(_SUBJECT, None):
                logger.info("Reconciliation goes on.")

    def _failing(self, text: str, *, trace: bool = False) -> None:
        self._failed = True
        self.errors += 1
        self._said.now(_SUBJECT, text, logging.ERROR, trace=trace)
