"""Values come back from both databases exactly as they went in."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.domain.policy import HaltExits, Mode, Policy
from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.store import Store
from freqtrade_recon_plugin.store.columns import exact_text, utc_text
from tests.store.samples import BOT, NOW, SYMBOL, action, bot, position

DECIMALS = st.decimals(
    min_value=Decimal("-1e30"), max_value=Decimal("1e30"), allow_nan=False, allow_infinity=False
)


def test_decimals_come_back_exactly(store: Store) -> None:
    with store.transaction() as tx:

        @settings(max_examples=60, deadline=None, database=None)
        @given(DECIMALS)
        @example(Decimal("1e-18"))
        @example(Decimal("123456789012345678901234567890"))
        @example(Decimal("0.123456789012345678901234567891"))
        @example(Decimal("99999999999999999999.000000000000000001"))
        @example(Decimal("1E+6"))
        @example(Decimal("1.500"))
        def comes_back(value: Decimal) -> None:
            row = position(amount=value, open_rate=-value, booked_fills={"11": value})
            tx.positions.publish(BOT, [row])
            stored = tx.positions.of(BOT)[SYMBOL]
            assert (stored.amount, stored.open_rate) == (value, -value)
            assert stored.booked_fills == {"11": value}

        comes_back()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.500", "1.5"),
        ("1E+3", "1000"),
        ("1E-18", "0.000000000000000001"),
        ("-0.00", "0"),
        ("-0.10", "-0.1"),
        ("100", "100"),
        ("123456789012345678901234567890.10", "123456789012345678901234567890.1"),
    ],
)
def test_the_text_of_a_decimal_is_plain_and_short(value: str, expected: str) -> None:
    assert exact_text(Decimal(value)) == expected


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), 1.5, 3, "1"])
def test_what_is_not_a_finite_decimal_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a finite Decimal is needed"):
        exact_text(value)  # type: ignore[arg-type]


def test_a_value_that_cannot_be_stored_is_the_callers_error_and_writes_nothing(
    store: Store,
) -> None:
    with pytest.raises(ValueError, match="a finite Decimal is needed"), store.transaction() as tx:
        tx.positions.publish(BOT, [position(amount=1.5)])
    with store.reading() as tx:
        assert tx.positions.of(BOT) == {}


def test_times_keep_their_microseconds_and_come_back_in_utc(store: Store) -> None:
    at = datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    with store.transaction() as tx:
        tx.bots.reconciled(BOT, at)
        stored = tx.bots.get(BOT)
    assert stored is not None
    assert stored.last_reconciliation_at == at
    assert stored.last_reconciliation_at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="a time with a zone"), store.transaction() as tx:
        tx.bots.reconciled(BOT, datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_text_of_times_sorts_as_the_times_do() -> None:
    times = [NOW, NOW.replace(microsecond=0), NOW + timedelta(microseconds=1)]
    assert sorted(times) == sorted(times, key=utc_text)


def test_a_bot_comes_back_with_its_whole_policy(store: Store) -> None:
    policy = Policy(
        auto_correct_below_pct=Decimal("2.5"),
        dust_notional=Decimal("1e-9"),
        halt_exits=HaltExits.ALL,
        mode=Mode.SHADOW,
        max_position={SYMBOL: Decimal("175.000000000000000001")},
        approvers=("alice", "björn"),
    )
    row = bot(policy=policy, trading_mode=TradingMode.SPOT, pairs=("BTC/USDT", "ETH/USDT"))
    with store.transaction() as tx:
        tx.bots.register(row, by="test")
    with store.reading() as tx:
        assert tx.bots.get(BOT) == row


def test_an_action_comes_back_with_its_documents(store: Store) -> None:
    row = action(
        evidence={"a": [1, "2", None, {"b": True}], "ü": "€"}, local=None, divergence_pct=None
    )
    with store.transaction() as tx:
        tx.actions.create(row, by="test")
    with store.reading() as tx:
        assert tx.actions.get("a1") == row


@pytest.mark.parametrize(
    ("column", "value"),
    [("amount", "a lot"), ("side", "sideways"), ("known_order_ids", "{"), ("amount", "NaN")],
)
def test_a_stored_value_that_cannot_be_read_is_never_guessed(
    store: Store, column: str, value: str
) -> None:
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position()])
    with store.engine.begin() as connection:
        connection.execute(text(f"UPDATE recon_positions SET {column} = :value"), {"value": value})
    with pytest.raises(StoreUnavailable, match="the store holds"), store.reading() as tx:
        tx.positions.of(BOT)


def test_a_stored_policy_that_cannot_be_read_is_never_guessed(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text('UPDATE recon_bots SET policy = \'{"mode":"fast"}\''))
    with pytest.raises(StoreUnavailable, match="policy"), store.reading() as tx:
        tx.bots.get(BOT)


def test_a_stored_time_that_cannot_be_read_is_never_guessed(sqlite_url: str) -> None:
    from freqtrade_recon_plugin.store import open_store, upgrade

    upgrade(sqlite_url)
    store = open_store(sqlite_url)
    with store.transaction() as tx:
        tx.bots.register(bot(), by="test")
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE recon_bots SET heartbeat_at = 'yesterday'"))
    with pytest.raises(StoreUnavailable, match="where a time belongs"), store.reading() as tx:
        tx.bots.get(BOT)
    store.close()


def test_what_an_exchange_answered_is_recorded_whatever_it_is(store: Store) -> None:
    garbage = "<html>\0\ud800 \u20ac"
    with store.transaction() as tx:
        tx.actions.create(action(note=garbage, evidence={"raw": garbage}), by="test")
    with store.reading() as tx:
        stored = tx.actions.get("a1")
        assert stored is not None
        assert stored.evidence == {"raw": garbage}
        assert stored.note == "<html>\ufffd? \u20ac"
        assert tx.audit.verify().ok
