"""What a cycle costs, and what it measures, when there is nothing to do."""

from __future__ import annotations

from collections import Counter

import pytest

from freqtrade_recon_plugin.domain.model import Decision
from freqtrade_recon_plugin.service import Finding, detect
from freqtrade_recon_plugin.service.judging import Judged, action_of, compare_account, documents
from tests.service.world import SPOT, SYMBOL, World

MANY = tuple(f"{coin}/USDT:USDT" for coin in ("BTC", "ETH", "SOL", "BNB"))


def asked(world: World) -> Counter[str]:
    return Counter(one["group"] for one in world.controls.requests())


def test_one_positions_call_settles_an_account_whatever_the_number_of_symbols(
    world: World,
) -> None:
    for number in range(3):
        bot = world.bot(f"b{number}", pairs=MANY)
        bot.holds("5")
    world.hold("15")
    ports = world.ports()
    detect(ports, "main")
    world.controls.clear_requests()

    found = detect(ports, "main")

    assert len(found) == 3 * len(MANY)
    assert {one.verdict for one in found} == {"in_sync"}
    assert asked(world) == {"positions": 1}


def test_one_balance_call_settles_a_spot_account(world: World) -> None:
    world.spot_bot(pairs=(SPOT, "ETH/USDT", "SOL/USDT")).holds("5")
    world.controls.deposit("main", "BTC", "5")
    ports = world.ports()
    detect(ports, "main")
    world.controls.clear_requests()

    found = detect(ports, "main")

    assert {one.verdict for one in found} == {"in_sync"}
    assert asked(world) == {"balance": 1}


def test_what_differs_costs_a_second_call_for_the_account_and_one_price_each(
    world: World,
) -> None:
    bot = world.bot(pairs=MANY)
    for symbol in MANY[:2]:
        bot.holds("5", symbol)
        world.hold("8", symbol)
    ports = world.ports()
    detect(ports, "main")
    world.controls.clear_requests()

    found = detect(ports, "main")

    assert Counter(one.verdict for one in found) == {"divergent": 2, "in_sync": len(MANY) - 2}
    assert asked(world) == {"positions": 2, "prices": 2}


def test_nothing_is_ever_sent_to_the_exchange_but_questions(world: World) -> None:
    world.bot().holds("100")
    world.hold("150")
    detect(world.ports(), "main")
    assert {one["method"] for one in world.controls.requests()} == {"GET"}


def test_a_calm_cycle_writes_no_audit_record(world: World) -> None:
    world.bot().holds("5")
    world.hold("5")
    ports = world.ports()
    for _ in range(3):
        detect(ports, "main")
    assert world.events() == []


def test_a_calm_cycle_measures_every_symbol(world: World) -> None:
    world.bot().holds("5")
    world.hold("5")
    detect(world.ports(), "main")
    names = [line.split(":")[0].removesuffix("|ms") for line in world.sent.lines]
    assert names == [
        "verdicts.b1.in_sync",
        "breaker_open.b1.BTC_USDT_USDT",
        "position_divergence_amount.b1.BTC_USDT_USDT",
        "pending_approvals.b1",
        "oldest_pending_approval_seconds.b1",
        "snapshot_age_seconds.b1",
        "last_reconciliation_timestamp.b1",
        "cycle",
    ]
    assert "position_divergence_amount.b1.BTC_USDT_USDT:0|g" in world.sent.lines


def test_a_question_that_waits_is_measured_with_its_age(world: World) -> None:
    bot = world.bot().holds("100")
    world.hold("150")
    ports = world.ports()
    detect(ports, "main")
    world.clock.forward(90)
    bot.looped()
    world.sent.lines.clear()

    detect(ports, "main")

    assert "pending_approvals.b1:1|g" in world.sent.lines
    (age,) = (line for line in world.sent.lines if line.startswith("oldest_pending_approval"))
    assert 90 <= int(age.split(":")[1].removesuffix("|g")) < 120


def test_a_finding_survives_as_json(world: World) -> None:
    world.bot().holds("100")
    world.hold("150")
    (found,) = detect(world.ports(), "main")
    assert Finding.from_document(found.to_document()) == found


def test_what_agreed_at_first_sight_has_no_evidence_to_make_an_action_of(world: World) -> None:
    world.bot().holds("5")
    world.hold("5")
    (item,) = compare_account(world.ports(), "main")
    assert isinstance(item, Judged)
    assert item.began == item.seen.at
    assert documents(item).evidence is None
    with pytest.raises(ValueError, match=SYMBOL):
        action_of(item, Decision.HALT)
