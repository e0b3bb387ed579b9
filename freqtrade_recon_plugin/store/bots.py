"""The bots that registered themselves: who they are, by which policy, and when last seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, update

from freqtrade_recon_plugin.errors import StoreError
from freqtrade_recon_plugin.store.audit import Audit
from freqtrade_recon_plugin.store.intents import KEPT, Intents
from freqtrade_recon_plugin.store.rows import BotRow
from freqtrade_recon_plugin.store.statements import every, one, upsert, values_of
from freqtrade_recon_plugin.store.tables import bots

_SETTINGS = (
    "account_id",
    "exchange",
    "trading_mode",
    "policy",
    "external_holdings",
    "state",
    "version",
)

#: Named out here because `list` is a method in there.
BotRows = list[BotRow]


class Bots:
    """The bots within one transaction."""

    def __init__(self, connection: Connection, audit: Audit) -> None:
        self._connection = connection
        self._audit = audit

    def register(self, row: BotRow, by: str) -> None:
        """Records a bot at its start, in place of what was there; audited as `bot.registered`.

        The time of the last outside reconciliation stays as it was where the row has none. Learned
        holdings are taken from the row where none were learned before, audited as
        `external_holding.learned`; after that only `learn_holdings` changes them. A bot's intents
        older than 30 days are forgotten.
        """
        self._audit.lock()
        before = self.get(row.bot_id)
        learned, learned_at = row.learned_holdings, row.holdings_learned_at
        row = replace(row, learned_holdings={}, holdings_learned_at=None)
        if before is not None:
            row = replace(
                row,
                last_reconciliation_at=row.last_reconciliation_at or before.last_reconciliation_at,
                learned_holdings=before.learned_holdings,
                holdings_learned_at=before.holdings_learned_at,
            )
        upsert(self._connection, bots, [values_of(row)])
        Intents(self._connection).prune(row.bot_id, row.registered_at - KEPT)
        self._audit.append(
            at=row.registered_at,
            actor=by,
            event="bot.registered",
            bot_id=row.bot_id,
            account_id=row.account_id,
            old=None if before is None else _settings(before),
            new=_settings(row),
        )
        if row.holdings_learned_at is None and (learned or learned_at is not None):
            self.learn_holdings(row.bot_id, learned, learned_at or row.registered_at, by)

    def learn_holdings(
        self, bot_id: str, holdings: Mapping[str, Decimal], at: datetime, by: str
    ) -> None:
        """Says which coins on the account are not the bot's, in place of what was said before.

        Audited as `external_holding.learned`. The same holdings again change nothing.

        :param holdings: coin to amount; empty: there are none.
        :raises StoreError: the bot is not registered.
        :raises ValueError: an amount below zero, or not a finite `Decimal`.
        """
        if any(amount < 0 for amount in holdings.values()):
            raise ValueError(f"holdings cannot be below zero: {dict(holdings)}")
        self._audit.lock()
        before = self.get(bot_id)
        if before is None:
            raise StoreError(f"bot {bot_id!r} is not registered")
        if before.holdings_learned_at is not None and before.learned_holdings == holdings:
            return
        self._connection.execute(
            update(bots)
            .where(bots.c.bot_id == bot_id)
            .values(learned_holdings=holdings, holdings_learned_at=at)
        )
        first = before.holdings_learned_at is None
        self._audit.append(
            at=at,
            actor=by,
            event="external_holding.learned",
            bot_id=bot_id,
            account_id=before.account_id,
            old=None if first else {"learned_holdings": before.learned_holdings},
            new={"learned_holdings": holdings},
        )

    def heartbeat(
        self, bot_id: str, at: datetime, state: str, pairs: tuple[str, ...] | None = None
    ) -> None:
        """Says that the bot is there, which is also the time of its published positions.

        :param state: the bot's own word; a new one is audited as `bot.state`.
        :param pairs: the symbols it trades now; None leaves them.
        :raises StoreError: the bot is not registered.
        """
        before = self._connection.execute(
            select(bots.c.state).where(bots.c.bot_id == bot_id)
        ).scalar()
        if before is None:
            raise StoreError(f"bot {bot_id!r} is not registered")
        if before != state:
            self._audit.append(
                at=at,
                actor=f"bot:{bot_id}",
                event="bot.state",
                bot_id=bot_id,
                old={"state": before},
                new={"state": state},
            )
        values: dict[str, Any] = {"heartbeat_at": at, "state": state}
        if pairs is not None:
            values["pairs"] = pairs
        self._connection.execute(update(bots).where(bots.c.bot_id == bot_id).values(values))

    def reconciled(self, bot_id: str, at: datetime) -> None:
        """Notes an outside comparison that had evidence; not audited.

        :raises StoreError: the bot is not registered.
        """
        done = self._connection.execute(
            update(bots).where(bots.c.bot_id == bot_id).values(last_reconciliation_at=at)
        )
        if not done.rowcount:
            raise StoreError(f"bot {bot_id!r} is not registered")

    def get(self, bot_id: str) -> BotRow | None:
        """One bot, or None."""
        return one(self._connection, select(bots).where(bots.c.bot_id == bot_id), BotRow)

    def list(self) -> BotRows:
        """All bots, by id."""
        return every(self._connection, select(bots).order_by(bots.c.bot_id), BotRow)


def _settings(row: BotRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SETTINGS}
