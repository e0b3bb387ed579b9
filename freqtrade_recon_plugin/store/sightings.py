"""What the last cycle saw of each bot's symbol, so that the next one knows since when."""

from __future__ import annotations

from sqlalchemy import Connection, select

from freqtrade_recon_plugin.store.rows import SightingRow
from freqtrade_recon_plugin.store.statements import one, upsert, values_of
from freqtrade_recon_plugin.store.tables import sightings


class Sightings:
    """The sightings within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, bot_id: str, symbol: str) -> SightingRow | None:
        """The last sighting of this bot's symbol, or None."""
        statement = select(sightings).where(
            sightings.c.bot_id == bot_id, sightings.c.symbol == symbol
        )
        return one(self._connection, statement, SightingRow)

    def put(self, row: SightingRow) -> None:
        """Replaces the last sighting."""
        upsert(self._connection, sightings, [values_of(row)])
