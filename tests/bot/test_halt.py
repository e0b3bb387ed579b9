"""What an open breaker looks like in a live futures bot, and what the bot publishes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from freqtrade_recon_plugin.domain.model import PositionSide
from freqtrade_recon_plugin.store import AlertRow
from tests.bot.rig import ACCOUNT, BOT, Rig, futures_pair, now

pytestmark = pytest.mark.bot


def resting(rig: Rig, pair: str) -> list[dict[str, object]]:
    return [
        order
        for order in rig.controls.state(ACCOUNT)["orders"]
        if order["unified_symbol"] == pair and order["status"] in ("NEW", "PARTIALLY_FILLED")
    ]


def test_a_halt_cancels_a_resting_entry_and_books_what_had_filled(futures: Rig) -> None:
    pair = futures_pair("PART")
    futures.controls.set_liquidity(pair, "buy", 0)
    futures.wish(pair, enter="long")
    futures.until(lambda: resting(futures, pair), "the resting entry")
    order = resting(futures, pair)[0]
    futures.controls.fill_order(ACCOUNT, order["orderId"], 40)
    futures.until(
        lambda: getattr(futures.published(pair), "open_entry_filled", 0) == 40, "the filled part"
    )
    row = futures.published(pair)
    assert (row.side, row.amount) == (PositionSide.LONG, 0)
    assert row.booked_fills == {str(order["orderId"]): Decimal(40)}

    with futures.halted(pair):
        futures.until(lambda: not resting(futures, pair), "the cancellation")
        futures.until(lambda: futures.trade(pair)["amount"] == 40, "the booked part")
        futures.until(lambda: futures.stops(pair) == [Decimal(40)], "the stop for it")
    futures.until(lambda: futures.published(pair).amount == 40, "the published part")
    row = futures.published(pair)
    assert row.open_entry_filled == 0
    assert row.stop_expected
    futures.wish(pair, exit=True)
    futures.until(lambda: futures.position(pair) == 0, "the exit")
    futures.wish(pair)


def test_a_resting_entry_without_a_fill_is_gone_after_a_halt(futures: Rig) -> None:
    pair = futures_pair("PAST")
    futures.controls.set_liquidity(pair, "buy", 0)
    futures.wish(pair, enter="long")
    futures.until(lambda: resting(futures, pair), "the resting entry")
    with futures.halted(pair):
        futures.until(lambda: not resting(futures, pair), "the cancellation")
        futures.until(lambda: futures.trade(pair) == {}, "the end of its trade")
        futures.loops(2)
        assert resting(futures, pair) == []
        futures.wish(pair)
    assert futures.position(pair) == 0


def test_a_halt_is_shown_and_said_once_and_taken_down_once(futures: Rig) -> None:
    pair = futures_pair("SIGN")
    mark = len(futures.bot.log)
    with futures.halted(pair):
        lock = futures.until(lambda: futures.locks(pair), "the pair lock")[0]
        assert lock["reason"].startswith(f"Reconciliation: {pair} divergence since ")
        assert "action " + "a" * 32 in lock["reason"]
        futures.bot.api(f"locks/{lock['id']}", "DELETE")
        futures.until(lambda: futures.locks(pair), "the pair lock again")
        futures.loops(2)
        assert futures.bot.log[mark:].count(f"{pair} halted.") == 1
        log = futures.restart()
        assert len(futures.locks(pair)) == 1
        assert f"{pair} halted." not in log
    futures.until(lambda: not futures.locks(pair), "the end of the pair lock")
    futures.loops(2)
    assert futures.bot.log[mark:].count(f"Breaker of {pair} closed") == 1


def test_an_alert_for_the_bots_own_channel_is_sent_once(futures: Rig) -> None:
    alert = AlertRow(
        alert_id="alert-1",
        key="alert-1",
        severity="critical",
        title="Correction failed",
        message="Manual investigation required.",
        bot_id=BOT,
        symbol=None,
        action_id=None,
        created_at=now(),
        channel="bot",
        next_attempt_at=now(),
    )
    with futures.store.transaction() as tx:
        tx.alerts.add(alert)
    text = "'Correction failed: Manual investigation required.'"
    futures.until(lambda: text in futures.bot.log, "the message")
    futures.loops(2)
    assert futures.bot.log.count(text) == 1
    with futures.store.reading() as tx:
        assert tx.alerts.due(now(), "bot", 10) == []
