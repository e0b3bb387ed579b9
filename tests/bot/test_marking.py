"""Every order of a live bot is written down before it leaves and carries the bot's mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from freqtrade.exceptions import DependencyException

from freqtrade_recon_plugin.bot import hooks
from freqtrade_recon_plugin.bot.guard import Guard
from freqtrade_recon_plugin.bot.marking import Marking
from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.metrics import Metrics
from freqtrade_recon_plugin.order_mark import carries_mark
from freqtrade_recon_plugin.store import IntentRow
from tests.bot.rig import ACCOUNT, BOT, Rig, futures_pair, market_id, now

SYMBOL = "BTC/USDT:USDT"
AT = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Book:
    """Intents in memory; `away` is a store that cannot be written."""

    away: bool = False
    rows: dict[str, IntentRow] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)

    def add(self, row: IntentRow) -> None:
        if self.away:
            raise StoreUnavailable("gone")
        self.rows[row.client_id] = row

    def answered(self, bot_id: str, client_id: str, order_id: str) -> bool:
        if self.away:
            raise StoreUnavailable("gone")
        self.answers[client_id] = order_id
        return True


class Exchange:
    """As much of freqtrade's exchange as an order passes; keeps what ccxt would be given."""

    _api = None

    def __init__(self, exchange_id: str = "binance") -> None:
        self.id = exchange_id
        self.sent: list[dict[str, Any]] = []

    def _get_params(self, side: str, ordertype: str) -> dict[str, Any]:
        return {"reduceOnly": True}

    def _get_stop_params(self, side: str, ordertype: str, stop_price: float) -> dict[str, Any]:
        return {"stopPrice": stop_price}

    def create_order(self, *, pair: str, side: str, amount: float, **more: Any) -> dict[str, Any]:
        self.sent.append(self._get_params(side=side, ordertype="limit"))
        return {"id": len(self.sent)}

    def create_stoploss(self, pair: str, amount: float, side: str) -> dict[str, Any]:
        self.sent.append(self._get_stop_params(side=side, ordertype="stop", stop_price=9.0))
        return {"id": len(self.sent)}


def marked(book: Book, exchange_id: str = "binance") -> tuple[Exchange, Marking]:
    exchange = Exchange(exchange_id)
    marking = Marking("bot", exchange, TradingMode.FUTURES, book, lambda: AT)
    guard = Guard("bot", TradingMode.FUTURES, Policy(), None, Metrics(None))  # type: ignore[arg-type]
    hooks.mark_orders(exchange, guard, marking)
    return exchange, marking


def test_an_order_is_written_down_and_its_id_noted() -> None:
    book = Book()
    exchange, marking = marked(book)
    exchange.create_order(pair=SYMBOL, side="buy", amount=1.5, reduceOnly=False)
    (sent,) = exchange.sent
    client_id = sent["clientOrderId"]
    assert carries_mark(client_id, "bot")
    assert sent["reduceOnly"] is True
    row = book.rows[client_id]
    assert (row.symbol, str(row.side), str(row.amount), row.at) == (SYMBOL, "buy", "1.5", AT)
    assert book.answers == {client_id: "1"}
    assert marking.client_ids == {"1": client_id}
    assert dict(marking.params()) == {}


def test_each_order_has_an_id_of_its_own_stops_too() -> None:
    book = Book()
    exchange, _ = marked(book)
    for _ in range(2):
        exchange.create_stoploss(pair=SYMBOL, amount=1, side="sell")
    ids = [sent["clientOrderId"] for sent in exchange.sent]
    assert len(set(ids)) == 2
    assert set(book.rows) == set(ids)
    assert exchange.sent[0]["stopPrice"] == 9.0


def test_an_increase_that_cannot_be_written_down_does_not_leave() -> None:
    exchange, _ = marked(Book(away=True))
    with pytest.raises(DependencyException, match="cannot be written down"):
        exchange.create_order(pair=SYMBOL, side="buy", amount=1, reduceOnly=False)
    assert exchange.sent == []


def test_exits_and_stops_leave_all_the_same() -> None:
    exchange, _ = marked(Book(away=True))
    exchange.create_order(pair=SYMBOL, side="sell", amount=1, reduceOnly=True)
    exchange.create_stoploss(pair=SYMBOL, amount=1, side="sell")
    assert all(carries_mark(sent["clientOrderId"], "bot") for sent in exchange.sent)


def test_where_no_id_can_be_given_the_intent_is_written_without_one() -> None:
    book = Book()
    exchange, marking = marked(book, "an exchange that nobody knows")
    exchange.create_order(pair=SYMBOL, side="buy", amount=1, reduceOnly=False)
    assert exchange.sent == [{"reduceOnly": True}]
    (row,) = book.rows.values()
    assert book.answers == {row.client_id: "1"}
    assert marking.client_ids == {}


@pytest.mark.bot
def test_entries_stops_and_exits_of_a_live_bot_carry_its_mark(futures: Rig) -> None:
    pair = futures_pair("MARKED")
    since = now()
    futures.enter(pair)
    futures.loops(2)
    row = futures.published(pair)
    futures.wish(pair, exit=True)
    futures.until(lambda: futures.closed_trades(pair), "the exit")
    state = futures.controls.state(ACCOUNT)
    orders = {
        str(order["orderId"]): order["clientOrderId"]
        for order in state["orders"]
        if order["symbol"] == market_id(pair)
    }
    orders |= {
        str(order["algoId"]): order["clientAlgoId"]
        for order in state["algo_orders"]
        if order["symbol"] == market_id(pair)
    }
    assert len(orders) == 3
    assert all(carries_mark(client_id, BOT) for client_id in orders.values())
    with futures.store.reading() as tx:
        intents = tx.intents.of(BOT, pair, since)
    assert {intent.order_id: intent.client_id for intent in intents} == orders
    assert set(row.booked_fills) < set(row.known_order_ids)
    assert {orders[order_id] for order_id in row.booked_fills} <= set(row.known_order_ids)
