"""A read that fails or makes no sense is never evidence: nothing is corrected, nothing opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.sandbox import FaultKind
from freqtrade_recon_plugin.service import detect
from tests.service.world import SPOT, SYMBOL, FakeBot, World

FAULTS = (
    FaultKind.GARBAGE,
    FaultKind.TRUNCATED,
    FaultKind.HTML,
    FaultKind.EMPTY,
    FaultKind.EMPTY_LIST,
    FaultKind.EMPTY_OBJECT,
    FaultKind.NULL_QUANTITY,
    FaultKind.MISSING_QUANTITY,
    FaultKind.ERROR_500,
    FaultKind.BAD_GATEWAY,
    FaultKind.GATEWAY_TIMEOUT,
    FaultKind.RATE_LIMIT,
    FaultKind.TIMEOUT,
    FaultKind.DISCONNECT,
)


@dataclass(frozen=True)
class Side:
    """One market of the account: how its whole is asked for, and how it comes to hold coins."""

    group: str
    symbol: str
    bot: Callable[[World], FakeBot]
    give: Callable[[World, str], Any]


FUTURES = Side("positions", SYMBOL, World.bot, World.hold)
SPOT_SIDE = Side(
    "balance",
    SPOT,
    World.spot_bot,
    lambda world, amount: world.controls.deposit("main", "BTC", amount),
)
EACH_SIDE = pytest.mark.parametrize("side", [FUTURES, SPOT_SIDE], ids=["futures", "spot"])


def nothing_happened(world: World) -> bool:
    return not world.actions() and not world.breakers() and not world.events()


@EACH_SIDE
@pytest.mark.parametrize(
    "reads", [{"times": 1}, {"skip": 1}, {"times": None}], ids=["first", "second", "both"]
)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_no_evidence_and_changes_nothing(
    world: World, kind: FaultKind, reads: dict[str, Any], side: Side
) -> None:
    bot = side.bot(world).holds("100")
    side.give(world, "60")
    world.controls.inject(kind, side.group, key="main", seconds=0.5, **reads)

    (found,) = detect(world.ports(timeout_s=0.2 if kind is FaultKind.TIMEOUT else 5), "main")

    assert (found.verdict, found.decision) == ("no_evidence", "wait")
    assert nothing_happened(world)
    assert bot.position[side.symbol] == Decimal(100)
    assert all(fault["hits"] for fault in world.controls.faults()), "the fault has not struck"


@EACH_SIDE
@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.ERROR_500, FaultKind.EMPTY_LIST])
def test_a_fault_beside_books_that_agree_is_no_evidence_either(
    world: World, kind: FaultKind, side: Side
) -> None:
    side.bot(world).holds("60")
    side.give(world, "60")
    world.controls.inject(kind, side.group, times=None)

    (found,) = detect(world.ports(), "main")

    assert found.verdict == "no_evidence"
    assert nothing_happened(world)


@pytest.mark.parametrize("kind", FAULTS)
def test_the_next_account_is_reconciled_all_the_same(world: World, kind: FaultKind) -> None:
    world.bot("b1").holds("100")
    world.bot("b2", "second").holds("100")
    world.hold("150", account_id="main")
    world.hold("102", account_id="second")
    world.controls.inject(kind, "all", key="main", times=None, seconds=0.5)
    timeout_s = 0.2 if kind is FaultKind.TIMEOUT else 5

    verdicts = [
        finding.verdict
        for account in ("main", "second")
        for finding in detect(world.ports(account, timeout_s=timeout_s), account)
    ]

    assert verdicts == ["no_evidence", "divergent"]
    assert [action.bot_id for action in world.actions()] == ["b2"]


@EACH_SIDE
@pytest.mark.parametrize(
    "kind", [FaultKind.GARBAGE, FaultKind.EMPTY_OBJECT, FaultKind.EMPTY_LIST, FaultKind.HTML]
)
def test_positions_of_markets_that_nobody_could_read_are_not_adopted(
    world: World, kind: FaultKind, side: Side
) -> None:
    side.bot(world).holds("100")
    side.give(world, "100")
    world.controls.inject(kind, "markets", times=None)

    (found,) = detect(world.ports(), "main")

    assert (found.symbol, found.verdict) == (side.symbol, "no_evidence")
    assert nothing_happened(world)


def test_markets_that_could_not_be_read_are_asked_for_again(world: World) -> None:
    world.bot().holds("100")
    world.hold("100")
    ports = world.ports()
    world.controls.inject(FaultKind.GARBAGE, "markets", times=None)
    assert [found.verdict for found in detect(ports, "main")] == ["no_evidence"]
    world.controls.clear_faults()

    assert [found.verdict for found in detect(ports, "main")] == ["in_sync"]


def test_a_decrease_without_a_price_waits_for_one(world: World) -> None:
    world.bot().holds("102")
    world.hold("100")
    world.controls.inject(FaultKind.ERROR_500, "prices", times=1)
    ports = world.ports()

    (found,) = detect(ports, "main")

    assert (found.verdict, found.severity, found.decision) == ("divergent", "small", "wait")
    assert nothing_happened(world)
    assert [one.decision for one in detect(ports, "main")] == ["auto_correct"]


@pytest.mark.parametrize(
    ("group", "asked"),
    [("positions", ["markets", "markets", "positions"]), ("markets", ["markets"])],
)
def test_an_exchange_that_is_away_is_asked_once_whatever_the_number_of_symbols(
    world: World, group: str, asked: list[str]
) -> None:
    bot = world.bot(pairs=(SYMBOL, "ETH/USDT:USDT", "SOL/USDT:USDT"))
    for symbol in bot.pairs:
        bot.holds("10", symbol)
    world.controls.inject(FaultKind.DISCONNECT, group, times=None)

    found = detect(world.ports(), "main")

    assert [one.verdict for one in found] == ["no_evidence"] * 3
    assert [one["group"] for one in world.controls.requests()] == asked


def test_a_second_read_that_fails_costs_no_question_about_the_market(world: World) -> None:
    world.bot().holds("100")
    world.hold("150")
    world.controls.inject(FaultKind.ERROR_500, "positions", skip=1, times=None)

    assert [one.verdict for one in detect(world.ports(), "main")] == ["no_evidence"]
    assert "prices" not in [one["group"] for one in world.controls.requests()]


def test_a_bot_that_is_silent_costs_no_question_about_its_symbols(world: World) -> None:
    bot = world.bot(pairs=(SYMBOL, "ETH/USDT:USDT")).holds("10")
    bot.hang()
    world.clock.forward(60)

    found = detect(world.ports(), "main")

    assert [one.verdict for one in found] == ["no_evidence"] * 2
    assert "prices" not in [one["group"] for one in world.controls.requests()]
