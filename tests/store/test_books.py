"""Bots, their published positions, and what earlier cycles saw."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from freqtrade_recon_plugin.domain.model import PositionSide
from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.errors import StoreError
from freqtrade_recon_plugin.store import SightingRow, Store
from tests.store.samples import BOT, NOW, SYMBOL, bot, position

ETH = "ETH/USDT:USDT"
LATER = NOW + timedelta(minutes=1)


def test_bots_are_listed_by_id(empty_store: Store) -> None:
    with empty_store.transaction() as tx:
        assert tx.bots.list() == []
        tx.bots.register(bot(bot_id="b"), by="test")
        tx.bots.register(bot(bot_id="a"), by="test")
        assert tx.bots.list() == [bot(bot_id="a"), bot(bot_id="b")]
        assert tx.bots.get("c") is None


def test_registering_again_replaces_all_but_the_last_reconciliation(store: Store) -> None:
    again = bot(policy=Policy(), registered_at=LATER, heartbeat_at=LATER, version="newer")
    with store.transaction() as tx:
        tx.bots.reconciled(BOT, NOW)
        tx.bots.register(again, by="test")
        assert tx.bots.get(BOT) == replace(again, last_reconciliation_at=NOW)
        record = list(tx.audit.list())[-1]
        assert record.event == "bot.registered"
        assert record.old is not None
        assert record.new is not None
        assert record.old["policy"] == {"approvers": ["alice"], "max_position": {SYMBOL: "175"}}
        assert record.new["policy"] == {}
        assert record.account_id == "main"


def test_holdings_are_learned_when_a_bot_first_registers_with_some(empty_store: Store) -> None:
    learned = {"ETH": Decimal("1.5"), "BNB": Decimal("2.500000000000000001")}
    with empty_store.transaction() as tx:
        tx.bots.register(bot(learned_holdings=learned), by="bot:btc-1")
        assert tx.bots.get(BOT) == bot(learned_holdings=learned, holdings_learned_at=NOW)
        registered, record = tx.audit.list()
        assert (registered.event, record.event) == ("bot.registered", "external_holding.learned")
        assert (record.actor, record.at, record.account_id) == ("bot:btc-1", NOW, "main")
        assert record.old is None
        assert record.new == {"learned_holdings": {"BNB": "2.500000000000000001", "ETH": "1.5"}}


def test_registering_again_does_not_learn_again(empty_store: Store) -> None:
    with empty_store.transaction() as tx:
        tx.bots.register(bot(learned_holdings={"ETH": Decimal(1)}), by="test")
        for later in ({}, {"ETH": Decimal(7)}):
            again = bot(learned_holdings=later, holdings_learned_at=LATER, version="newer")
            tx.bots.register(again, by="test")
            stored = tx.bots.get(BOT)
            assert stored is not None
            assert stored.version == "newer"
            assert (stored.learned_holdings, stored.holdings_learned_at) == (
                {"ETH": Decimal(1)},
                NOW,
            )
        events = [record.event for record in tx.audit.list()]
        assert events.count("external_holding.learned") == 1


def test_that_there_are_no_holdings_is_learned_too(store: Store) -> None:
    with store.transaction() as tx:
        before = tx.bots.get(BOT)
        assert before is not None
        assert (before.learned_holdings, before.holdings_learned_at) == ({}, None), "not yet asked"
        tx.bots.register(bot(holdings_learned_at=LATER), by="test")
        tx.bots.register(bot(learned_holdings={"ETH": Decimal(7)}), by="test")
        assert tx.bots.get(BOT) == bot(learned_holdings={}, holdings_learned_at=LATER)


def test_a_person_may_say_what_the_holdings_are(store: Store) -> None:
    with store.transaction() as tx:
        tx.bots.learn_holdings(BOT, {"ETH": Decimal(1)}, NOW, by="bot:btc-1")
        tx.bots.learn_holdings(BOT, {"ETH": Decimal("0.5")}, LATER, by="alice")
        tx.bots.learn_holdings(BOT, {"ETH": Decimal("0.50")}, LATER, by="alice")
        stored = tx.bots.get(BOT)
        assert stored is not None
        assert stored.learned_holdings == {"ETH": Decimal("0.5")}
        assert stored.holdings_learned_at == LATER
        first, second = list(tx.audit.list())[1:]
        assert first.new == second.old == {"learned_holdings": {"ETH": "1"}}
        assert (second.actor, second.new) == ("alice", {"learned_holdings": {"ETH": "0.5"}})


@pytest.mark.parametrize("amount", [Decimal(-1), Decimal("NaN")])
def test_holdings_that_cannot_be_are_refused(store: Store, amount: Decimal) -> None:
    with pytest.raises((ValueError, ArithmeticError)), store.transaction() as tx:
        tx.bots.learn_holdings(BOT, {"ETH": amount}, NOW, by="test")
    with pytest.raises(StoreError, match="'nobody' is not registered"), store.transaction() as tx:
        tx.bots.learn_holdings("nobody", {}, NOW, by="test")


def test_a_heartbeat_is_audited_only_when_the_state_changes(store: Store) -> None:
    with store.transaction() as tx:
        tx.bots.heartbeat(BOT, LATER, "running")
        assert tx.bots.get(BOT) == bot(heartbeat_at=LATER)
        tx.bots.heartbeat(BOT, LATER, "running", pairs=(ETH,))
        assert tx.bots.get(BOT) == bot(heartbeat_at=LATER, pairs=(ETH,))
        assert len(list(tx.audit.list())) == 1
        tx.bots.heartbeat(BOT, LATER, "stopped")
        record = list(tx.audit.list())[-1]
        assert (record.event, record.actor) == ("bot.state", f"bot:{BOT}")
        assert (record.old, record.new) == ({"state": "running"}, {"state": "stopped"})


def test_a_bot_that_nobody_registered_has_no_heartbeat(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(StoreError, match="'nobody' is not registered"):
            tx.bots.heartbeat("nobody", NOW, "running")
        with pytest.raises(StoreError, match="'nobody' is not registered"):
            tx.bots.reconciled("nobody", NOW)


def test_a_position_comes_back_as_published(store: Store) -> None:
    empty = position(
        symbol=ETH,
        trade_id=None,
        open_rate=None,
        last_activity_at=None,
        known_order_ids=(),
        booked_fills={},
        booked_fees={},
        stop_expected=None,
        trade_opened_at=None,
    )
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position(), empty])
    with store.reading() as tx:
        assert tx.positions.of(BOT) == {SYMBOL: position(), ETH: empty}
        assert tx.positions.of("other") == {}


def test_an_unchanged_position_is_not_written_again(store: Store) -> None:
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position()])
    written: list[str] = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_rest) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(statement)

    with store.transaction() as tx:
        tx.positions.publish(BOT, [position(at=LATER, amount=Decimal("100.0"))])
        assert written == []
        assert tx.positions.of(BOT)[SYMBOL].at == NOW
        for changed in ({"amount": Decimal(150)}, {"booked_fees": {"11": Decimal("0.15")}}):
            tx.positions.publish(BOT, [position(at=LATER, **changed)])
            assert tx.positions.of(BOT)[SYMBOL] == position(at=LATER, **changed)
        assert len(written) == 2


def test_a_symbol_that_left_the_book_is_flat_and_its_orders_stay_known(store: Store) -> None:
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position(), position(symbol=ETH)])
        tx.positions.publish(BOT, [position(symbol=ETH)], at=LATER)
        left = tx.positions.of(BOT)[SYMBOL]
        assert (left.side, left.amount, left.trade_id) == (PositionSide.FLAT, Decimal(0), None)
        assert (left.open_rate, left.stop_expected, left.trade_opened_at) == (None, None, None)
        assert left.known_order_ids == ("11", "12")
        assert left.booked_fills == {"11": Decimal(100)}
        assert left.booked_fees == {"11": Decimal("0.1")}
        assert left.at == left.last_activity_at == LATER
        assert tx.positions.of(BOT)[ETH] == position(symbol=ETH)


def test_an_empty_book_is_as_old_as_the_heartbeat(store: Store) -> None:
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position()])
        tx.bots.heartbeat(BOT, LATER, "running")
        tx.positions.publish(BOT, [])
        assert tx.positions.of(BOT)[SYMBOL].at == LATER


def test_a_flat_symbol_is_forgotten_after_thirty_days(store: Store) -> None:
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position()])
        tx.positions.publish(BOT, [], at=NOW)
        tx.positions.publish(BOT, [], at=NOW + timedelta(days=30))
        assert set(tx.positions.of(BOT)) == {SYMBOL}
        tx.positions.publish(BOT, [], at=NOW + timedelta(days=30, seconds=1))
        assert tx.positions.of(BOT) == {}


def test_a_position_of_another_bot_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="of another bot"), store.transaction() as tx:
        tx.positions.publish(BOT, [position(bot_id="other")])


def test_positions_need_a_registered_bot(store: Store) -> None:
    with pytest.raises(StoreError), store.transaction() as tx:
        tx.positions.publish("other", [position(bot_id="other")])


def test_the_last_sighting_replaces_the_one_before(store: Store) -> None:
    first = SightingRow(BOT, SYMBOL, None, NOW, "no_evidence", NOW)
    second = SightingRow(BOT, SYMBOL, NOW, None, "in_flight", LATER)
    with store.transaction() as tx:
        assert tx.sightings.get(BOT, SYMBOL) is None
        tx.sightings.put(first)
        assert tx.sightings.get(BOT, SYMBOL) == first
        tx.sightings.put(second)
        assert tx.sightings.get(BOT, SYMBOL) == second
