"""Two cycles at once, in two processes, and a cycle beside a pending action: one action."""

from __future__ import annotations

import json
from decimal import Decimal
from threading import Event
from typing import Any

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.sandbox import ccxt_urls
from freqtrade_recon_plugin.service import auto_correct, detect
from freqtrade_recon_plugin.service.detection import record_again
from freqtrade_recon_plugin.service.judging import compare_account
from tests.service.racers import race
from tests.service.world import SYMBOL, World, on_every_store

ETH = "ETH/USDT:USDT"


def environment(world: World) -> dict[str, str]:
    keys = world.sandbox.keys("main")
    account = {
        "exchange": "binance",
        "apiKey": keys.read_only_key,
        "secret": keys.read_only_secret,
        "urls": ccxt_urls(world.sandbox.url),
    }
    return {"RECON_DATABASE_URL": world.store.url, "RECON_ACCOUNT_MAIN": json.dumps(account)}


@on_every_store
def test_two_cycles_at_once_make_one_action_and_one_command(world: World) -> None:
    bot = world.bot(pairs=(SYMBOL, ETH)).holds("100")
    bot.holds("150", ETH)
    world.hold("150")
    world.hold("153", ETH)

    found, corrected = race(environment(world), 2)

    actions = {action.symbol: action for action in world.actions()}
    assert len(world.actions()) == 2
    assert actions[SYMBOL].status is ActionStatus.PENDING_APPROVAL
    for one in found:
        assert [(item["action_id"], item["decision"]) for item in one] == [
            (actions[SYMBOL].action_id, "halt"),
            (actions[ETH].action_id, "auto_correct"),
        ]
    assert corrected == [["corrected"], ["corrected"]]
    assert bot.executed == [f"{actions[ETH].action_id}-sync"]
    assert bot.position == {SYMBOL: Decimal(100), ETH: Decimal(153)}
    assert len(world.breakers()) == len(world.alerts()) == 1
    events = world.events()
    for event in ("breaker.opened", "action.pending_approval", "command.queued"):
        assert events.count(event) == 1
    assert events.count("action.corrected") == 1


@on_every_store
def test_a_cycle_while_an_action_is_pending_makes_no_second_one(world: World) -> None:
    bot = world.bot().holds("100")
    world.hold("150")
    ports = world.ports()
    (first,) = detect(ports, "main")

    for exchange in ("150", "160", "40"):
        world.hold(exchange)
        bot.looped()
        (again,) = detect(ports, "main")
        assert (again.action_id, again.decision) == (first.action_id, "halt")

    assert len(world.actions()) == len(world.alerts()) == len(world.breakers()) == 1


@on_every_store
def test_a_cycle_while_a_correction_is_under_way_makes_no_second_one(world: World) -> None:
    bot = world.bot(deaf=True).holds("150")
    world.hold("153")
    (first,) = detect(world.ports(), "main")
    action_id = first.action_id or ""
    seen: list[Any] = []
    looked = Event()

    def look(_: float) -> None:
        """Another cycle, while the correction waits for the bot."""
        if not looked.is_set():
            looked.set()
            seen.extend(detect(world.ports(), "main"))
            bot.deaf = False
        bot.looped()

    ports = world.ports()
    object.__setattr__(ports, "sleep", look)
    outcome = auto_correct(ports, action_id)

    assert outcome.status is ActionStatus.CORRECTED
    assert [(one.action_id, one.decision) for one in seen] == [(action_id, "auto_correct")]
    assert len(world.actions()) == 1


def test_a_look_from_before_a_correction_starts_no_second_one(world: World) -> None:
    """One cycle has looked and not yet written when another one corrects what it saw."""
    bot = world.bot().holds("150")
    world.hold("153")
    ports = world.ports()
    (outdated,) = compare_account(ports, "main")
    (found,) = detect(ports, "main")
    assert auto_correct(ports, found.action_id or "").status is ActionStatus.CORRECTED

    late = record_again(ports, outdated)

    assert (late.action_id, late.decision) == (None, "wait")
    assert len(world.actions()) == 1
    assert world.breakers() == []
    assert bot.executed == [f"{found.action_id}-sync"]
