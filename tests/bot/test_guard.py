"""The guard in a live futures bot whose strategy overrides every callback without super()."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from freqtrade_recon_plugin.domain.lifecycle import WHOLE_BOT
from tests.bot.rig import ACCOUNT, Rig, futures_pair
from tests.live_bot import BotTrouble

pytestmark = pytest.mark.bot


def test_an_entry_is_refused_while_the_breaker_is_open_and_made_when_it_closes(
    futures: Rig,
) -> None:
    pair = futures_pair("ENTER")
    with futures.halted(pair):
        start = futures.last_request()
        futures.wish(pair, enter="long")
        futures.loops(3)
        assert futures.orders_sent(pair, start) == []
        assert futures.trade(pair) == {}
        assert futures.locks(pair) != []
    futures.until(lambda: futures.trade(pair).get("amount") == 100, "the entry")
    assert len(futures.orders_sent(pair, start)) == 1


def test_an_open_position_neither_grows_nor_shrinks_and_keeps_its_stop(futures: Rig) -> None:
    pair = futures_pair("ADJUST")
    futures.enter(pair)
    with futures.halted(pair):
        start = futures.last_request()
        mark = len(futures.bot.log)
        for wish in ({"target": 150}, {"target": 50}, {"exit": True}):
            futures.wish(pair, **wish)
            futures.loops(3)
        writes = [
            request for request in futures.requests(pair, start) if request["method"] != "GET"
        ]
        assert writes == []  # nothing ordered, and nothing cancelled for it
        assert futures.stops(pair) == [Decimal(100)]
        assert futures.trade(pair)["amount"] == 100
        log = futures.bot.log[mark:]
        assert log.count("New exposure refused") == 1
        assert log.count("Exit held back") == 1
    futures.until(lambda: futures.position(pair) == 0, "the exit that was held back")
    sold = futures.orders_sent(pair, start)
    assert [(sent["params"]["side"], sent["params"]["quantity"]) for sent in sold] == [
        ("SELL", "100")
    ]


def test_a_stop_for_a_position_that_is_gone_is_refused_and_nothing_is_sold(futures: Rig) -> None:
    pair = futures_pair("EMPTY")
    futures.enter(pair)
    futures.report_flat(pair)
    start = futures.last_request()
    futures.controls.liquidate(ACCOUNT, pair)  # takes its stop with it
    futures.until(lambda: f"holds nothing of {pair}" in futures.bot.log, "the refusal")
    futures.loops(3)
    assert futures.orders_sent(pair, start) == []
    assert futures.trade(pair)["amount"] == 100
    futures.close_breaker(pair)


def test_a_persons_entry_is_refused_with_the_reason_and_their_exit_passes(futures: Rig) -> None:
    for pair in (futures_pair("FORCE"), futures_pair("FORCED")):
        start = futures.last_request()
        if pair == futures_pair("FORCED"):
            futures.enter(pair)
            start = futures.last_request()
        with futures.halted(pair):
            with pytest.raises(BotTrouble, match=r"Forced entry refused: the breaker of"):
                futures.bot.api("forceenter", "POST", {"pair": pair, "side": "long"})
            assert futures.orders_sent(pair, start) == []
            if trade := futures.trade(pair):
                futures.bot.api("forceexit", "POST", {"tradeid": str(trade["trade_id"])})
                futures.until(lambda pair=pair: futures.position(pair) == 0, "the forced exit")


def test_the_exchange_object_itself_refuses_what_passes_every_other_check(futures: Rig) -> None:
    pair = futures_pair("DIRECT")
    answer = futures.bot.directory / "direct.answer"
    with futures.halted(pair):
        start = futures.last_request()
        (futures.bot.directory / "direct.json").write_text(json.dumps(pair))
        futures.until(answer.exists, "the strategy's answer")
        assert answer.read_text().startswith("DependencyException('the breaker of")
        assert futures.orders_sent(pair, start) == []


def test_a_breaker_of_the_whole_bot_holds_every_pair(futures: Rig) -> None:
    pair = futures_pair("WHOLE")
    with futures.halted(WHOLE_BOT):
        start = futures.last_request()
        futures.wish(pair, enter="long")
        futures.loops(3)
        assert futures.orders_sent(pair, start) == []
        with pytest.raises(BotTrouble, match="Forced entry refused"):
            futures.bot.api("forceenter", "POST", {"pair": pair, "side": "long"})
    futures.until(lambda: futures.trade(pair).get("amount") == 100, "the entry")


@contextmanager
def no_store(rig: Rig) -> Iterator[None]:
    """Takes the store's files away for a while."""
    folder = rig.bot.directory.parent
    away = folder / "away"
    away.mkdir()
    for file in list(folder.glob("recon.sqlite*")):
        file.rename(away / file.name)
    try:
        yield
    finally:
        for file in list(folder.glob("recon.sqlite*")):
            file.unlink()
        for file in list(away.iterdir()):
            file.rename(folder / file.name)
        away.rmdir()


def test_without_its_store_the_bot_adds_nothing_and_still_exits(futures: Rig) -> None:
    pair, other = futures_pair("LOST"), futures_pair("REST")
    futures.enter(pair)
    mark = len(futures.bot.log)
    start = futures.last_request()
    with no_store(futures):
        futures.wish(other, enter="long")
        futures.wish(pair, exit=True)
        futures.until(lambda: futures.position(pair) == 0, "the exit without a store")
        with pytest.raises(BotTrouble, match="the store cannot be read"):
            futures.bot.api("forceenter", "POST", {"pair": other, "side": "long"})
        futures.until(
            lambda: futures.bot.log[mark:].count("Reconciliation is held up") == 1, "the log line"
        )
        assert futures.orders_sent(other, start) == []
    futures.until(lambda: futures.trade(other).get("amount") == 100, "the entry after it")
    futures.loops(2)
    log = futures.bot.log[mark:]
    assert log.count("Reconciliation is held up") == 1
    assert log.count("Reconciliation goes on") == 1


def test_a_reloaded_bot_is_guarded_too(futures: Rig) -> None:
    pair = futures_pair("RELOAD")
    with futures.halted(pair):
        mark = len(futures.bot.log)
        futures.bot.api("reload_config", "POST")
        futures.until(
            lambda: "Reconciliation guards bot" in futures.bot.log[mark:], "the second attachment"
        )
        futures.bot.wait_running()
        start = futures.last_request()
        futures.wish(pair, enter="long")
        futures.loops(3)
        assert futures.orders_sent(pair, start) == []
        with pytest.raises(BotTrouble, match="Forced entry refused"):
            futures.bot.api("forceenter", "POST", {"pair": pair, "side": "long"})
    futures.until(lambda: futures.trade(pair).get("amount") == 100, "the entry")
