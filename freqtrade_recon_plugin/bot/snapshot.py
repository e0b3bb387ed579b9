"""Reads the bot's book from its trade database, ready to be published in each loop.

The ids of orders of trades that closed within the last day stay in the book of their symbol, so
that a late fill of one is still known as the bot's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freqtrade.persistence import Order, Trade
from sqlalchemy import select

from freqtrade_recon_plugin.bot.positions import BookedOrders, PastOrders, position_of
from freqtrade_recon_plugin.store.rows import PositionRow

_KEPT = timedelta(days=1)
#: Closed trades are read again when the open ones have changed, and this often.
_READ_PAST_EVERY = timedelta(seconds=60)
_NOTHING = PastOrders()


class Snapshot:
    """The book of one bot. Used on the bot's loop thread alone.

    :param client_ids: order id to client order id, where known.
    """

    def __init__(
        self, bot_id: str, strategy: Any, client_ids: Mapping[str, str] | None = None
    ) -> None:
        self._client_ids = {} if client_ids is None else client_ids
        self._bot_id = bot_id
        self._strategy = strategy
        self._past: dict[str, PastOrders] = {}
        self._past_of: frozenset[int] = frozenset()
        self._past_at: datetime | None = None
        self._published: dict[str, PositionRow] = {}

    def read(self, at: datetime) -> list[PositionRow]:
        """The book as it stands now, one row per symbol with an open or lately closed trade."""
        by_symbol: dict[str, list[Any]] = defaultdict(list)
        for trade in Trade.get_open_trades():
            by_symbol[trade.pair].append(trade)
        self._read_past(frozenset(t.id for trades in by_symbol.values() for t in trades), at)
        stops = bool(self._strategy.order_types.get("stoploss_on_exchange"))
        return [
            position_of(
                self._bot_id,
                symbol,
                by_symbol.get(symbol, []),
                self._past.get(symbol, _NOTHING),
                stops_expected=stops,
                client_ids=self._client_ids,
                at=at,
            )
            for symbol in sorted({*by_symbol, *self._past})
        ]

    def news(self, rows: list[PositionRow]) -> list[PositionRow] | None:
        """The rows to publish, unchanged ones with the time of their last change; None: nothing."""
        before = self._published
        kept = [
            before[row.symbol] if row.symbol in before and _same(row, before[row.symbol]) else row
            for row in rows
        ]
        if {row.symbol: row for row in kept} == before:
            return None
        return kept

    def published(self, rows: list[PositionRow]) -> None:
        """Remembers what the store holds now."""
        self._published = {row.symbol: row for row in rows}

    def forget(self) -> None:
        """Forgets what was published: the store may not have it."""
        self._published = {}

    def _read_past(self, open_ids: frozenset[int], at: datetime) -> None:
        fresh = self._past_at is not None and at - self._past_at < _READ_PAST_EVERY
        if fresh and open_ids == self._past_of:
            return
        since = (at - _KEPT).astimezone(UTC).replace(tzinfo=None)
        found = Trade.session.execute(
            select(
                Trade.pair,
                Trade.close_date,
                Order.order_id,
                Order.filled,
                Order.ft_fee_base,
                Order.ft_order_tag,
            )
            .join(Order, Order.ft_trade_id == Trade.id)
            .where(Trade.is_open.is_(False), Trade.close_date > since)
            .order_by(Order.id)
        ).all()
        booked: dict[str, BookedOrders] = defaultdict(BookedOrders)
        closed: dict[str, datetime] = {}
        for row in found:
            booked[row.pair].add(row)
            closed[row.pair] = max(closed.get(row.pair, row.close_date), row.close_date)
        self._past = {
            pair: PastOrders(booked[pair], closed[pair].replace(tzinfo=UTC)) for pair in booked
        }
        self._past_of, self._past_at = open_ids, at


def _same(row: PositionRow, before: PositionRow) -> bool:
    return replace(row, at=before.at) == before
