"""What the books do not name: positions of nobody, several bots, silent bots, liquidations."""

from __future__ import annotations

from decimal import Decimal

import pytest

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.sandbox import FaultKind
from freqtrade_recon_plugin.service import (
    Finding,
    apply_approved,
    decide,
    detect,
    verify_and_resume,
)
from tests.service.world import SYMBOL, World, policy

ETH = "ETH/USDT:USDT"


def by_subject(found: list[Finding]) -> dict[tuple[str, str], Finding]:
    return {(one.bot_id, one.symbol): one for one in found}


def approve_and_verify(world: World, action_id: str) -> ActionStatus:
    ports = world.ports()
    decide(world.store, action_id, True, "anna", None, world.clock())
    apply_approved(ports, action_id)
    return verify_and_resume(ports, action_id).status


def test_a_futures_position_that_no_bot_claims_is_found_and_adopted(world: World) -> None:
    bot = world.bot(pairs=(ETH,)).holds("0")
    world.hold("-3")

    found = by_subject(detect(world.ports(), "main"))

    stray = found["b1", SYMBOL]
    assert (stray.verdict, stray.severity, stray.decision) == ("divergent", "large", "halt")
    assert found["b1", ETH].verdict == "in_sync"
    assert approve_and_verify(world, stray.action_id or "") is ActionStatus.CORRECTED
    assert bot.position[SYMBOL] == Decimal(-3)
    assert [one.verdict for one in detect(world.ports(), "main")] == ["in_sync"] * 2


def test_a_position_of_nobody_is_asked_about_for_each_bot_and_adopted_by_one(
    world: World,
) -> None:
    first, second = world.bot("b1", pairs=(ETH,)), world.bot("b2", pairs=(ETH,))
    first.looped()
    second.looped()
    world.hold("3")

    found = by_subject(detect(world.ports(), "main"))

    ours = [found[bot_id, SYMBOL].action_id or "" for bot_id in ("b1", "b2")]
    assert approve_and_verify(world, ours[0]) is ActionStatus.CORRECTED
    assert approve_and_verify(world, ours[1]) is not ActionStatus.PENDING_APPROVAL
    assert world.action(ours[1]).status is ActionStatus.CORRECTED
    assert (first.position.get(SYMBOL), second.position.get(SYMBOL)) == (Decimal(3), None)
    assert world.breakers() == []


def test_a_spot_coin_that_no_bot_claims_is_left_alone(world: World) -> None:
    world.spot_bot(pairs=("ETH/USDT",)).holds("0")
    world.controls.deposit("main", "BTC", "5")
    assert [(one.symbol, one.verdict) for one in detect(world.ports(), "main")] == [
        ("ETH/USDT", "in_sync")
    ]


def test_a_spot_surplus_is_external_and_a_known_holding_is_taken_off(world: World) -> None:
    world.spot_bot(external={"BTC": Decimal(40)}).holds("60")
    world.controls.deposit("main", "BTC", "100")
    assert [one.verdict for one in detect(world.ports(), "main")] == ["in_sync"]
    world.controls.deposit("main", "BTC", "5")
    assert [one.verdict for one in detect(world.ports(), "main")] == ["external"]
    assert world.actions() == []


def test_several_bots_share_an_account_and_their_books_add_up(world: World) -> None:
    world.bot("b1").holds("100")
    world.bot("b2").holds("50")
    world.hold("150")
    assert [one.verdict for one in detect(world.ports(), "main")] == ["in_sync"] * 2


def test_what_is_missing_beside_other_bots_is_never_corrected_without_a_person(
    world: World,
) -> None:
    world.bot("b1").holds("100")
    world.bot("b2").holds("50")
    world.hold("149")

    found = detect(world.ports(), "main")

    assert [(one.verdict, one.decision) for one in found] == [("divergent", "halt")] * 2
    assert {one.bot_id for one in world.breakers()} == {"b1", "b2"}


def test_bots_of_two_accounts_do_not_meet(world: World) -> None:
    world.bot("b1").holds("100")
    world.bot("b2", "second").holds("70")
    world.hold("100")
    world.hold("70", account_id="second")
    for account, bot_id in (("main", "b1"), ("second", "b2")):
        found = detect(world.ports(account), account)
        assert [(one.bot_id, one.verdict) for one in found] == [(bot_id, "in_sync")]


def test_an_account_without_bots_has_nothing_to_compare(world: World) -> None:
    assert detect(world.ports(), "main") == []
    assert world.controls.requests() == []


# --- silence --------------------------------------------------------------------------------------


def test_a_silent_bot_is_no_evidence_then_alerted_then_halted(world: World) -> None:
    bot = world.bot().holds("100")
    world.hold("100")
    bot.hang()
    ports = world.ports()

    def cycle_after(seconds: float) -> tuple[str, list[str], list[BreakerReason]]:
        world.clock.forward(seconds)
        (found,) = detect(ports, "main")
        alerts = [alert.severity for alert in world.alerts()]
        return found.verdict, alerts, [one.reason for one in world.breakers()]

    assert cycle_after(60) == ("no_evidence", [], [])
    assert cycle_after(100) == ("no_evidence", [], [])
    assert cycle_after(100) == ("no_evidence", ["warning"], [])
    assert cycle_after(600) == ("no_evidence", ["warning"], [])
    halted = ("no_evidence", ["warning", "critical"], [BreakerReason.NO_EVIDENCE])
    assert cycle_after(150) == halted
    assert cycle_after(1000) == halted
    assert world.actions() == []
    warning, critical = world.alerts()
    assert "the bot's book was not read lately" in warning.message
    assert "freqtrade-recon resume b1 BTC/USDT:USDT" in critical.message


def test_an_alert_about_blindness_says_what_the_exchange_said_and_no_key(world: World) -> None:
    bot = world.bot().holds("100")
    world.controls.inject(
        FaultKind.API_ERROR, "positions", times=None, status=401, code=-2015, message="Invalid key."
    )
    ports = world.ports()
    for _ in range(2):
        detect(ports, "main")
        world.clock.forward(200)
        bot.looped()
    detect(ports, "main")

    (alert,) = world.alerts()
    assert "AuthenticationError" in alert.message
    assert "Invalid key." in alert.message
    keys = world.sandbox.keys("main")
    assert keys.read_only_key not in alert.message
    assert "signature" not in alert.message


def test_a_symbol_that_is_read_again_starts_its_blindness_anew(world: World) -> None:
    bot = world.bot().holds("100")
    world.hold("100")
    ports = world.ports()
    for _ in range(5):
        fault = world.controls.inject(FaultKind.ERROR_500, "positions", times=None)
        detect(ports, "main")
        world.clock.forward(170)
        bot.looped()
        detect(ports, "main")
        world.controls.clear_faults(fault)
        assert [one.verdict for one in detect(ports, "main")] == ["in_sync"]
    assert (world.alerts(), world.breakers()) == ([], [])


def test_the_time_of_the_last_reconciliation_needs_evidence_of_every_symbol(world: World) -> None:
    bot = world.bot(pairs=(SYMBOL, ETH)).holds("100")
    world.hold("100")
    ports = world.ports()

    def last() -> object:
        with world.store.reading() as tx:
            row = tx.bots.get("b1")
        assert row is not None
        return row.last_reconciliation_at

    detect(ports, "main")
    first = last()
    assert first is not None
    bot.holds("1", ETH)
    world.controls.inject(FaultKind.ERROR_500, "/fapi/v2/positionRisk", times=None)
    assert [one.verdict for one in detect(ports, "main")] == ["in_sync", "no_evidence"]
    assert last() == first
    bot.holds("0", ETH)
    detect(ports, "main")
    assert last() > first  # type: ignore[operator]


def test_a_bot_that_has_just_fallen_silent_is_waited_for_and_not_believed(world: World) -> None:
    bot = world.bot(policy=policy(snapshot_max_age_s=20)).holds("100")
    world.hold("150")
    bot.hang()
    ports = world.ports()
    object.__setattr__(ports, "sleep", lambda seconds: world.clock.forward(seconds + 1))

    (found,) = detect(ports, "main")

    assert found.verdict == "no_evidence"
    assert "was not read" in found.reason
    assert world.actions() == []


# --- liquidation ----------------------------------------------------------------------------------


def test_a_liquidated_position_is_confirmed_by_the_second_endpoint(world: World) -> None:
    bot = world.bot().holds("100")
    world.hold("100")
    world.controls.liquidate("main", SYMBOL)

    (found,) = detect(world.ports(), "main")

    assert (found.verdict, found.severity, found.decision) == ("divergent", "large", "halt")
    action = world.action(found.action_id)
    grades = {read["grade"] for read in action.evidence["exchange_reads"]}
    assert grades == {"absent_confirmed"}
    assert approve_and_verify(world, action.action_id) is ActionStatus.CORRECTED
    assert bot.position[SYMBOL] == Decimal(0)


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.ERROR_500,
        FaultKind.GARBAGE,
        FaultKind.EMPTY_LIST,
        FaultKind.EMPTY_OBJECT,
        FaultKind.NULL_QUANTITY,
        FaultKind.MISSING_QUANTITY,
        FaultKind.DISCONNECT,
    ],
)
@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
def test_a_fault_of_the_second_endpoint_confirms_nothing(
    world: World, kind: FaultKind, times: int | None
) -> None:
    world.bot().holds("100")
    world.hold("100")
    world.controls.liquidate("main", SYMBOL)
    world.controls.inject(kind, "/fapi/v2/positionRisk", times=times)

    (found,) = detect(world.ports(), "main")

    assert found.verdict == "no_evidence"
    assert world.actions() == []


def test_a_position_that_only_the_second_endpoint_knows_is_not_flat(world: World) -> None:
    world.bot().holds("100")
    world.hold("100")
    world.controls.inject(FaultKind.EMPTY_LIST, "/fapi/v3/positionRisk", times=None)

    (found,) = detect(world.ports(), "main")

    assert found.verdict == "no_evidence"
    assert world.actions() == []


def test_spot_coins_that_are_not_named_are_not_gone(world: World) -> None:
    world.controls.deposit("main", "BTC", "1")
    world.spot_bot(pairs=("XYZ/USDT",)).holds("10", "XYZ/USDT")

    (found,) = detect(world.ports(), "main")

    assert found.verdict == "no_evidence"
    assert world.actions() == []
