"""A small divergence: corrected within the cycle, by budget, and never past a person's halt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.sandbox import FaultKind
from freqtrade_recon_plugin.service import (
    Outcome,
    apply_approved,
    auto_correct,
    decide,
    detect,
    halt,
    verify_and_resume,
)
from tests.service.world import HASTY, PATIENT, SPOT, SYMBOL, World, on_every_store, policy


def small(world: World, local: str = "150", exchange: str = "153") -> str:
    """A small divergence that a cycle has found."""
    world.bots[0].holds(local)
    world.hold(exchange)
    (found,) = detect(world.ports(), "main")
    assert found.action_id is not None
    return found.action_id


def corrected(world: World, local: str, exchange: str) -> Outcome:
    """One whole cycle over a small divergence."""
    return auto_correct(world.ports(), small(world, local, exchange))


@on_every_store
def test_a_small_divergence_is_corrected_within_one_cycle(world: World) -> None:
    bot = world.bot().holds("150")
    world.hold("153")
    ports = world.ports()

    (found,) = detect(ports, "main")
    assert (found.severity, found.decision, found.status) == ("small", "auto_correct", "detected")
    outcome = auto_correct(ports, found.action_id or "")

    assert outcome.status is ActionStatus.CORRECTED
    assert bot.position[SYMBOL] == Decimal(153)
    assert (world.breakers(), world.alerts()) == ([], [])
    assert world.events() == [
        "action.detected",
        "action.correcting",
        "command.queued",
        "command.taken",
        "command.done",
        "action.corrected",
    ]
    for line in (
        "position_divergence_detected.b1.BTC_USDT_USDT.small:1|c",
        "position_corrections.b1.BTC_USDT_USDT.auto:1|c",
        "detect_to_corrected.b1|ms",
    ):
        assert line in world.sent.lines
    assert [one.verdict for one in detect(ports, "main")] == ["in_sync"]


def test_spot_coins_that_are_missing_are_corrected(world: World) -> None:
    bot = world.spot_bot().holds("102")
    world.controls.deposit("main", "BTC", "100")
    ports = world.ports()
    (found,) = detect(ports, "main")
    assert found.action_id is not None

    assert auto_correct(ports, found.action_id).status is ActionStatus.CORRECTED
    assert bot.position[SPOT] == Decimal(100)


def test_an_account_with_spot_and_futures_bots_is_corrected_in_both(world: World) -> None:
    futures, spot = world.bot().holds("150"), world.spot_bot().holds("102")
    world.hold("153")
    world.controls.deposit("main", "BTC", "100")
    ports = world.ports()

    outcomes = [auto_correct(ports, found.action_id or "") for found in detect(ports, "main")]

    assert [outcome.status for outcome in outcomes] == [ActionStatus.CORRECTED] * 2
    assert futures.position[SYMBOL] == Decimal(153)
    assert spot.position[SPOT] == Decimal(100)


def test_past_the_budget_per_hour_a_person_is_asked(world: World) -> None:
    world.bot(policy=policy(max_auto_corrections_per_hour=2))
    assert corrected(world, "1000", "1001").status is ActionStatus.CORRECTED
    assert corrected(world, "1001", "1002").status is ActionStatus.CORRECTED

    third = small(world, "1002", "1003")

    assert world.action(third).status is ActionStatus.PENDING_APPROVAL
    (breaker,) = world.breakers()
    assert breaker.reason is BreakerReason.BUDGET
    assert len(world.alerts()) == 1
    assert "nothing to do" in auto_correct(world.ports(), third).message


def test_past_the_budget_per_day_a_person_is_asked(world: World) -> None:
    world.bot(policy=policy(max_auto_corrected_pct_per_day=3))
    assert corrected(world, "98", "100").status is ActionStatus.CORRECTED

    second = small(world, "100", "102")

    assert world.action(second).status is ActionStatus.PENDING_APPROVAL


def test_the_budget_comes_back_with_time(world: World) -> None:
    world.bot(policy=policy(max_auto_corrections_per_hour=1))
    assert corrected(world, "1000", "1001").status is ActionStatus.CORRECTED
    world.clock.forward(3601)
    world.bots[0].looped()

    assert corrected(world, "1001", "1002").status is ActionStatus.CORRECTED


def test_a_missing_crumb_is_corrected_without_using_up_the_budget(world: World) -> None:
    """A deficit worth less than dust is exempt: left alone, it makes stops and exits fail."""
    settings = {"max_auto_corrections_per_hour": 1, "max_auto_corrected_pct_per_day": "0.001"}
    world.bot(policy=policy(dust_notional="1000", **settings))
    for local in ("100.01", "100.015", "100.005"):
        assert corrected(world, local, "100").status is ActionStatus.CORRECTED
    with world.store.reading() as tx:
        assert tx.actions.budget_used("b1", SYMBOL, world.clock()) == (0, Decimal(0))


def test_with_an_open_breaker_of_ours_a_person_is_asked(world: World) -> None:
    bot = world.bot().holds("100")
    world.hold("150")
    ports = world.ports()
    (found,) = detect(ports, "main")
    decide(world.store, found.action_id or "", False, "anna", None, world.clock())

    action_id = small(world, "149", "150")

    action = world.action(action_id)
    assert (str(action.severity), action.status) == ("small", ActionStatus.PENDING_APPROVAL)
    decide(world.store, action_id, True, "anna", None, world.clock())
    apply_approved(ports, action_id)
    assert verify_and_resume(ports, action_id).status is ActionStatus.CORRECTED
    assert world.breakers() == []
    assert bot.position[SYMBOL] == Decimal(150)


def test_a_manual_halt_is_not_closed_by_a_correction(world: World) -> None:
    bot = world.bot()
    halt(world.store, "b1", SYMBOL, "carl", "hands off", world.clock())

    assert corrected(world, "150", "153").status is ActionStatus.CORRECTED

    assert bot.position[SYMBOL] == Decimal(153)
    assert [one.opened_by for one in world.breakers()] == ["carl"]


def test_a_detection_that_is_too_old_is_looked_at_again(world: World) -> None:
    bot = world.bot()
    action_id = small(world)
    world.clock.forward(121)

    outcome = auto_correct(world.ports(), action_id)

    assert outcome.status is ActionStatus.STALE
    assert bot.executed == []
    assert world.commands_of(action_id) == []


# --- what may go wrong at the bot -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"deaf": True}, "did not take the command"),
        ({"refuses": {"reason": "the legs lead elsewhere"}}, "the legs lead elsewhere"),
        ({"refuses": {}}, "it gave no reason"),
        ({"off_by": Decimal(1)}, "after booking they still differ"),
    ],
    ids=["hangs", "refuses", "refuses_without_a_word", "books_wrongly"],
)
def test_a_correction_that_fails_halts_and_alerts(
    world: World, fault: dict[str, Any], said: str
) -> None:
    world.bot(**fault)
    action_id = small(world)

    outcome = auto_correct(world.ports(waits=HASTY if "deaf" in fault else PATIENT), action_id)

    assert outcome.status is ActionStatus.FAILED
    assert said in outcome.message
    (breaker,) = world.breakers()
    assert breaker.reason is BreakerReason.VERIFICATION_FAILED
    (alert,) = world.alerts()
    assert (alert.severity, alert.action_id) == ("critical", action_id)
    assert said in alert.message
    assert world.events()[-2:] == ["action.failed", "breaker.opened"]


@pytest.mark.parametrize(
    "answer",
    [{"moved": True, "reason": "sold"}, {"reason": "the book has moved: it is 151, not 150"}],
)
def test_a_book_that_moved_under_the_command_is_looked_at_again(
    world: World, answer: dict[str, Any]
) -> None:
    bot = world.bot(refuses=answer)
    bot.before_answer = lambda: bot.position.update({SYMBOL: Decimal(151)})
    ports = world.ports()
    action_id = small(world)

    outcome = auto_correct(ports, action_id)

    assert outcome.status is ActionStatus.STALE
    assert (world.breakers(), world.alerts()) == ([], [])
    bot.refuses = None
    (found,) = detect(ports, "main")
    assert found.action_id not in (None, action_id)
    assert auto_correct(ports, found.action_id or "").status is ActionStatus.CORRECTED


def test_a_bot_that_left_the_account_ends_the_correction(world: World) -> None:
    bot = world.bot()
    action_id = small(world)
    bot.before_answer = lambda: _move_to_second(bot)

    outcome = auto_correct(world.ports(), action_id)

    assert outcome.status is ActionStatus.FAILED
    assert "not registered any more" in outcome.message


def _move_to_second(bot: Any) -> None:
    bot.account_id = "second"
    bot.register()


def test_a_correction_that_cannot_be_verified_yet_is_taken_up_by_the_next_cycle(
    world: World,
) -> None:
    bot, ports = world.bot(), world.ports()
    action_id = small(world)
    world.controls.inject(FaultKind.NULL_QUANTITY, "positions", times=None)

    outcome = auto_correct(ports, action_id)

    assert (outcome.status, outcome.message[:11]) == (ActionStatus.CORRECTING, "booked, but")
    world.controls.clear_faults()
    (found,) = detect(ports, "main")
    assert (found.action_id, found.decision) == (action_id, "auto_correct")
    assert auto_correct(ports, action_id).status is ActionStatus.CORRECTED
    assert bot.executed == [f"{action_id}-sync"]


def test_an_action_of_a_symbol_that_the_cycle_does_not_come_across_is_taken_up(
    world: World,
) -> None:
    bot = world.bot(pairs=("ETH/USDT:USDT",))
    bot.holds("150", SYMBOL)
    world.hold("153")
    ports = world.ports()
    bot.takes_and_hangs = True
    found = {one.symbol: one for one in detect(ports, "main")}[SYMBOL]
    outcome = auto_correct(world.ports_until_taken(), found.action_id or "")
    assert outcome.status is ActionStatus.CORRECTING
    bot.holds("0", SYMBOL)
    world.hold("0")
    bot.looped()

    again = [one for one in detect(ports, "main") if one.symbol == SYMBOL]

    assert [(one.action_id, one.decision) for one in again] == [(found.action_id, "auto_correct")]


def as_found(ports: Ports) -> list[tuple[str, str]]:
    return [(one.verdict, one.decision) for one in detect(ports, "main")]


@pytest.mark.parametrize(("exchange", "severity"), [("153", "small"), ("300", "large")])
def test_shadow_mode_changes_nothing(world: World, exchange: str, severity: str) -> None:
    bot = world.bot(policy=policy(mode="shadow")).holds("150")
    world.hold(exchange)
    ports = world.ports()

    assert as_found(ports) == [("divergent", "none")]

    assert (world.actions(), world.breakers(), world.alerts()) == ([], [], [])
    assert world.events() == []
    assert bot.position[SYMBOL] == Decimal(150)
    assert "verdicts.b1.divergent:1|c" in world.sent.lines


def test_shadow_mode_is_blind_without_an_alert_or_a_halt(world: World) -> None:
    bot = world.bot(policy=policy(mode="shadow")).holds("150")
    world.controls.inject(FaultKind.ERROR_500, "positions", times=None)
    for _ in range(3):
        assert as_found(world.ports()) == [("no_evidence", "none")]
        world.clock.forward(1000)
        bot.looped()
    assert (world.actions(), world.breakers(), world.alerts()) == ([], [], [])


def test_an_action_from_before_shadow_mode_is_not_carried_out(world: World) -> None:
    bot = world.bot()
    action_id = small(world)
    bot.policy = policy(mode="shadow")
    bot.register()

    outcome = auto_correct(world.ports(), action_id)

    assert outcome.status is ActionStatus.STALE
    assert "shadow" in outcome.message
    assert bot.executed == []


def test_an_approval_from_before_shadow_mode_is_not_carried_out(world: World) -> None:
    bot = world.bot().holds("100")
    world.hold("150")
    (found,) = detect(world.ports(), "main")
    action_id = found.action_id or ""
    decide(world.store, action_id, True, "anna", None, world.clock())
    bot.policy = policy(mode="shadow")
    bot.register()

    assert apply_approved(world.ports(), action_id).status is ActionStatus.STALE
    assert bot.executed == []
