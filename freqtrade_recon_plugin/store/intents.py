"""What a bot was about to order, written before it asks the exchange.

So an order whose answer or trade row was lost is still known as the bot's. Invariant: an intent is
written once; what it says is not changed later, only the exchange's order id is added.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select

from freqtrade_recon_plugin.domain.model import OrderSide
from freqtrade_recon_plugin.store.columns import exact_text, utc_text
from freqtrade_recon_plugin.store.kept import KeptConnection
from freqtrade_recon_plugin.store.rows import IntentRow
from freqtrade_recon_plugin.store.statements import every, insert_unless_there, values_of
from freqtrade_recon_plugin.store.tables import intents

#: How long an intent is kept: as long as the order ids of a symbol that is flat.
KEPT = timedelta(days=30)

_ADD = (
    "INSERT INTO recon_intents (bot_id, client_id, symbol, side, amount, order_id, at) "
    "VALUES ({mark}, {mark}, {mark}, {mark}, {mark}, {mark}, {mark}) ON CONFLICT DO NOTHING"
)
_ANSWERED = (
    "UPDATE recon_intents SET order_id = {mark} WHERE bot_id = {mark} AND client_id = {mark}"
)


class Intents:
    """The intents within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: IntentRow) -> bool:
        """Writes an intent.

        :return: False where this client id is there already; it is left as it was.
        """
        return insert_unless_there(self._connection, intents, values_of(row))

    def of(self, bot_id: str, symbol: str, since: datetime) -> list[IntentRow]:
        """A bot's intents in one symbol at or after a time, oldest first."""
        statement = select(intents).where(
            intents.c.bot_id == bot_id, intents.c.symbol == symbol, intents.c.at >= since
        )
        ordered = statement.order_by(intents.c.at, intents.c.client_id)
        return every(self._connection, ordered, IntentRow)

    def prune(self, bot_id: str, before: datetime) -> int:
        """Forgets a bot's intents older than a time. Done at each registration, see `KEPT`.

        :return: how many there were.
        """
        old = delete(intents).where(intents.c.bot_id == bot_id, intents.c.at < before)
        return self._connection.execute(old).rowcount


class IntentWriter:
    """The fast way to write intents: one statement each, on the way of an order.

    Threads may share it, and a forked child may go on using it. On PostgreSQL it waits for no other
    writer. On SQLite there is one writer at a time, and it waits for its turn.

    :param wait_s: seconds after which it gives up, on either database.
    """

    def __init__(self, engine: Engine, wait_s: float = 1.0) -> None:
        self._kept = KeptConnection(engine, wait_s, "written", reading=False)
        self._add = _ADD.format(mark=self._kept.mark)
        self._answered = _ANSWERED.format(mark=self._kept.mark)

    def add(self, row: IntentRow) -> None:
        """Writes an intent; one that is there already is left as it was.

        :raises StoreUnavailable: it may not have been written: the bot is not registered, or the
            store did not take it in time.
        :raises ValueError: not an order side, a finite amount or a time with a zone.
        """
        values = (
            row.bot_id,
            row.client_id,
            row.symbol,
            str(OrderSide(row.side)),
            exact_text(row.amount),
            row.order_id,
            utc_text(row.at),
        )
        self._kept.changed(self._add, values)

    def answered(self, bot_id: str, client_id: str, order_id: str) -> bool:
        """Adds the id that the exchange gave the order.

        :return: whether the intent is there.
        :raises StoreUnavailable: it may not have been written.
        """
        return self._kept.changed(self._answered, (order_id, bot_id, client_id)) > 0

    def close(self) -> None:
        """Gives the connection up; the next write opens a new one."""
        self._kept.close()
