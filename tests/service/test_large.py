"""A large divergence: halt and ask, then book what was approved, verify, and resume."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.errors import Conflict, ReconError, StoreError
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.sandbox import FaultKind
from freqtrade_recon_plugin.service import (
    apply_approved,
    decide,
    describe,
    detect,
    halt,
    open_pending,
    resume,
    verify_and_resume,
)
from tests.service.world import HASTY, SYMBOL, FakeBot, World, on_every_store, policy


def found(world: World, ports: Ports) -> str:
    """The one action that a cycle finds open."""
    (one,) = detect(ports, "main")
    assert one.action_id is not None
    return one.action_id


def approved(world: World, ports: Ports, local: str = "100", exchange: str = "150") -> str:
    """A divergence that `anna` has approved."""
    world.bots[0].holds(local)
    world.hold(exchange)
    action_id = found(world, ports)
    decide(world.store, action_id, True, "anna", "seen", world.clock())
    return action_id


@on_every_store
def test_halt_question_alert_and_audit_are_one_transaction(world: World) -> None:
    world.bot().holds("100")
    world.hold("150")

    (one,) = detect(world.ports(), "main")

    assert (one.verdict, one.severity, one.decision) == ("divergent", "large", "halt")
    (action,) = world.actions()
    assert action.status is ActionStatus.PENDING_APPROVAL
    assert (action.local, action.exchange) == (Decimal(100), Decimal(150))
    (breaker,) = world.breakers()
    assert (breaker.symbol, breaker.reason) == (SYMBOL, BreakerReason.DIVERGENCE)
    assert breaker.action_id == action.action_id
    (alert,) = world.alerts()
    assert alert.severity == "critical"
    for said in ("b1", SYMBOL, "100", "150", "33.33 %", action.action_id, "await_approval"):
        assert said in alert.title + alert.message
    assert world.events() == ["action.detected", "breaker.opened", "action.pending_approval"]
    assert "position_divergence_detected.b1.BTC_USDT_USDT.large:1|c" in world.sent.lines
    assert "position_corrections.b1.BTC_USDT_USDT.manual_required:1|c" in world.sent.lines
    assert "position_divergence_amount.b1.BTC_USDT_USDT:50|g" in world.sent.lines
    assert "breaker_open.b1.BTC_USDT_USDT:1|g" in world.sent.lines
    assert "pending_approvals.b1:1|g" in world.sent.lines


@pytest.mark.parametrize(
    "table", ["recon_actions", "recon_breakers", "recon_alerts", "recon_audit"]
)
def test_a_fault_in_the_middle_of_it_leaves_nothing(world: World, table: str) -> None:
    world.bot().holds("100")
    world.hold("150")
    with world.store.engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TRIGGER full BEFORE INSERT ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
        )

    with pytest.raises(StoreError, match="the disk is full"):
        detect(world.ports(), "main")

    assert (world.actions(), world.breakers(), world.alerts()) == ([], [], [])
    assert world.events() == []
    with world.store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER full"))
    detect(world.ports(), "main")
    assert len(world.actions()) == len(world.breakers()) == len(world.alerts()) == 1


@on_every_store
def test_an_approved_correction_is_booked_verified_and_trading_resumes(world: World) -> None:
    bot, ports = world.bot(), world.ports()
    action_id = approved(world, ports)

    applied = apply_approved(ports, action_id)
    outcome = verify_and_resume(ports, action_id)

    assert applied.status is ActionStatus.APPLYING
    assert outcome.status is ActionStatus.CORRECTED
    assert bot.position[SYMBOL] == Decimal(150)
    assert bot.executed == [f"{action_id}-sync"]
    breaker = world.breaker()
    assert breaker is not None
    assert (breaker.is_open, breaker.closed_by, breaker.action_id) == (False, "anna", action_id)
    action = world.action(action_id)
    assert (action.decided_by, action.note) == ("anna", "seen")
    assert world.events()[3:] == [
        "action.approved",
        "action.applying",
        "command.queued",
        "command.taken",
        "command.done",
        "action.corrected",
        "breaker.closed",
    ]
    assert [alert.severity for alert in world.alerts()] == ["critical", "info"]
    assert "anna" in world.alerts()[1].message
    assert "position_corrections.b1.BTC_USDT_USDT.manual:1|c" in world.sent.lines
    assert world.sent.lines[-2:] == [
        "position_divergence_amount.b1.BTC_USDT_USDT:0|g",
        "detect_to_corrected.b1|ms",
    ]
    assert [one.verdict for one in detect(ports, "main")] == ["in_sync"]


def test_the_command_says_what_was_approved_by_whom_and_at_what_price(world: World) -> None:
    world.bot(refuses={"reason": "no"})
    ports = world.ports()
    action_id = approved(world, ports)
    apply_approved(ports, action_id)

    with world.store.reading() as tx:
        command = tx.commands.for_action(action_id)

    assert command is not None
    assert command.kind == "force_sync"
    assert command.payload == {
        "symbol": SYMBOL,
        "expected_local": "100",
        "target": "150",
        "booking": [
            {
                "side": "buy",
                "amount": "50",
                "price": "50000",
                "role": "increase",
                "kind": "synthetic",
                "order_id": None,
            }
        ],
        "price": "50000",
        "approved_by": "anna",
    }


# --- deciding -------------------------------------------------------------------------------------


def test_a_second_decision_is_refused(world: World) -> None:
    world.bot()
    ports = world.ports()
    action_id = approved(world, ports)

    with pytest.raises(Conflict, match="is approved, not pending_approval"):
        decide(world.store, action_id, False, "bob", None, world.clock())

    assert world.action(action_id).decided_by == "anna"


@pytest.mark.parametrize("name", ["", "  "])
def test_a_decision_without_a_name_is_refused(world: World, name: str) -> None:
    world.bot().holds("100")
    world.hold("150")
    action_id = found(world, world.ports())

    with pytest.raises(ReconError, match="needs the name"):
        decide(world.store, action_id, True, name, None, world.clock())

    assert world.action(action_id).status is ActionStatus.PENDING_APPROVAL


def test_only_the_approvers_of_the_policy_approve_and_anybody_may_reject(world: World) -> None:
    world.bot(policy=policy(approvers=["anna", "bob"])).holds("100")
    world.hold("150")
    action_id = found(world, world.ports())

    with pytest.raises(ReconError, match=r"eve may not approve .*policy\.approvers .*anna, bob"):
        decide(world.store, action_id, True, "eve", None, world.clock())
    assert world.action(action_id).status is ActionStatus.PENDING_APPROVAL
    decide(world.store, action_id, False, "eve", "not now", world.clock())
    assert world.action(action_id).status is ActionStatus.REJECTED


@pytest.mark.parametrize(
    "ask",
    [
        lambda world: decide(world.store, "nothing", True, "anna", None, world.clock()),
        lambda world: describe(world.store, "nothing"),
        lambda world: open_pending(world.ports(), "nothing"),
        lambda world: apply_approved(world.ports(), "nothing"),
        lambda world: verify_and_resume(world.ports(), "nothing"),
    ],
    ids=["decide", "describe", "open_pending", "apply", "verify"],
)
def test_an_action_that_is_not_there_is_named(world: World, ask: Callable[[World], Any]) -> None:
    with pytest.raises(ReconError, match="there is no action nothing"):
        ask(world)


def test_a_rejected_symbol_stays_halted_and_is_asked_again_when_the_numbers_change(
    world: World,
) -> None:
    world.bot().holds("100")
    world.hold("150")
    ports = world.ports()
    first = found(world, ports)
    decide(world.store, first, False, "anna", "I look into it", world.clock())

    (again,) = detect(ports, "main")
    assert (again.action_id, again.decision, again.status) == (first, "none", "rejected")
    assert len(world.actions()) == len(world.alerts()) == 1
    assert len(world.breakers()) == 1

    world.hold("160")
    second = found(world, ports)
    assert second != first
    assert world.action(second).status is ActionStatus.PENDING_APPROVAL
    assert len(world.alerts()) == 2


def test_a_rejected_symbol_that_a_person_resumed_is_halted_again(world: World) -> None:
    world.bot().holds("100")
    world.hold("150")
    ports = world.ports()
    first = found(world, ports)
    decide(world.store, first, False, "anna", None, world.clock())
    resume(world.store, "b1", SYMBOL, "anna", "it is all right", world.clock())

    assert found(world, ports) != first
    assert len(world.breakers()) == 1


def test_a_resume_by_hand_ends_the_question_and_what_still_differs_is_halted_anew(
    world: World,
) -> None:
    world.bot().holds("100")
    world.hold("150")
    ports = world.ports()
    first = found(world, ports)
    resume(world.store, "b1", SYMBOL, "anna", "seen to it", world.clock())

    ended = world.action(first)
    assert (ended.status, ended.decided_by) == (ActionStatus.REJECTED, "anna")
    assert ended.note == "resumed by hand: seen to it"
    assert world.breakers() == []
    assert found(world, ports) != first
    assert len(world.breakers()) == 1


def test_where_two_people_must_approve_one_alone_is_refused(world: World) -> None:
    world.bot(policy=policy(require_two_approvers=True)).holds("100")
    world.hold("150")
    action_id = found(world, world.ports())

    with pytest.raises(ReconError, match="require_two_approvers of bot b1"):
        decide(world.store, action_id, True, "anna", None, world.clock())

    assert world.action(action_id).status is ActionStatus.PENDING_APPROVAL
    decide(world.store, action_id, False, "anna", None, world.clock())
    assert world.action(action_id).status is ActionStatus.REJECTED


def test_a_question_that_nobody_answered_in_time_is_asked_anew(world: World) -> None:
    world.bot(policy=policy(approval_ttl_s=3600)).holds("100")
    world.hold("150")
    ports = world.ports()
    first = found(world, ports)
    world.clock.forward(3500)
    world.bots[0].looped()
    assert found(world, ports) == first

    world.clock.forward(200)
    world.bots[0].looped()
    second = found(world, ports)

    assert second != first
    assert world.action(first).status is ActionStatus.EXPIRED
    assert world.action(second).status is ActionStatus.PENDING_APPROVAL
    assert len(world.alerts()) == 2
    assert len(world.breakers()) == 1


def test_an_old_question_stays_when_both_sides_agree_by_now(world: World) -> None:
    """Answering it is what ends the halt."""
    bot = world.bot(policy=policy(approval_ttl_s=3600)).holds("100")
    world.hold("150")
    ports = world.ports()
    action_id = found(world, ports)
    bot.holds("150")
    world.clock.forward(4000)
    bot.looped()

    detect(ports, "main")

    assert world.action(action_id).status is ActionStatus.PENDING_APPROVAL
    assert len(world.breakers()) == 1


# --- what may have changed since ------------------------------------------------------------------


def test_numbers_that_moved_after_the_approval_are_asked_anew(world: World) -> None:
    bot, ports = world.bot(), world.ports()
    first = approved(world, ports)
    world.hold("170")

    outcome = apply_approved(ports, first)

    assert outcome.status is ActionStatus.STALE
    (second,) = (action for action in world.actions() if action.action_id != first)
    assert second.action_id in outcome.message
    assert (second.status, second.exchange) == (ActionStatus.PENDING_APPROVAL, Decimal(170))
    assert bot.executed == []
    assert len(world.breakers()) == 1
    assert world.commands_of(first) == []


def test_what_agrees_by_itself_after_the_approval_resumes_without_a_booking(world: World) -> None:
    bot, ports = world.bot(), world.ports()
    action_id = approved(world, ports)
    bot.holds("150")

    outcome = apply_approved(ports, action_id)

    assert outcome.status is ActionStatus.CORRECTED
    assert "nothing was booked" in outcome.message
    assert world.commands_of(action_id) == []
    assert world.breakers() == []
    assert verify_and_resume(ports, action_id).message.startswith("nothing to verify")


@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.ERROR_500, FaultKind.EMPTY_LIST])
def test_without_evidence_nothing_is_applied_and_the_approval_stays(
    world: World, kind: FaultKind
) -> None:
    bot, ports = world.bot(), world.ports()
    action_id = approved(world, ports)
    world.controls.inject(kind, "positions", times=None)

    with pytest.raises(ReconError, match="not applied yet"):
        apply_approved(ports, action_id)

    assert world.action(action_id).status is ActionStatus.APPROVED
    assert bot.executed == []
    world.controls.clear_faults()
    apply_approved(ports, action_id)
    assert verify_and_resume(ports, action_id).status is ActionStatus.CORRECTED


def test_without_a_price_nothing_is_applied_and_the_approval_stays(world: World) -> None:
    ports, bot = world.ports(), world.bot()
    action_id = approved(world, ports, local="150", exchange="100")
    world.controls.inject(FaultKind.ERROR_500, "prices", times=1)

    with pytest.raises(ReconError, match="no price is known"):
        apply_approved(ports, action_id)

    assert world.action(action_id).status is ActionStatus.APPROVED
    apply_approved(ports, action_id)
    assert verify_and_resume(ports, action_id).status is ActionStatus.CORRECTED
    assert bot.position[SYMBOL] == Decimal(100)


def test_only_what_was_approved_is_applied_and_only_once(world: World) -> None:
    bot, ports = world.bot(), world.ports()
    bot.holds("100")
    world.hold("150")
    action_id = found(world, ports)
    assert "nothing to apply" in apply_approved(ports, action_id).message
    assert "nothing to verify" in verify_and_resume(ports, action_id).message

    decide(world.store, action_id, True, "anna", None, world.clock())
    apply_approved(ports, action_id)
    assert "nothing to apply" in apply_approved(ports, action_id).message
    verify_and_resume(ports, action_id)
    assert "nothing to apply" in apply_approved(ports, action_id).message
    assert bot.executed == [f"{action_id}-sync"]


def test_the_bot_that_left_the_account_is_named(world: World) -> None:
    bot, ports = world.bot(), world.ports()
    action_id = approved(world, ports)
    bot.account_id = "second"
    bot.register()

    with pytest.raises(ReconError, match="bot 'b1' is not registered"):
        apply_approved(ports, action_id)


# --- what may go wrong at the bot -----------------------------------------------------------------


def failed(world: World, action_id: str) -> str:
    """Checks that a failure is complete, and gives what the alert says of it."""
    assert world.action(action_id).status is ActionStatus.FAILED
    (breaker,) = world.breakers()
    assert breaker.symbol == SYMBOL
    alert = world.alerts()[-1]
    assert (alert.severity, alert.action_id) == ("critical", action_id)
    assert alert.title.startswith("Correction failed")
    assert "position_corrections.b1.BTC_USDT_USDT.failed:1|c" in world.sent.lines
    return alert.message


def test_a_bot_that_hangs_loses_the_command_and_the_correction_has_failed(world: World) -> None:
    bot = world.bot(deaf=True)
    action_id = approved(world, world.ports())
    ports = world.ports(waits=HASTY)
    apply_approved(ports, action_id)

    outcome = verify_and_resume(ports, action_id)

    assert outcome.status is ActionStatus.FAILED
    assert "did not take the command within 0.3 s" in failed(world, action_id)
    assert world.commands_of(action_id) == ["command.queued", "command.withdrawn"]
    bot.deaf = False
    bot.looped()
    assert bot.executed == []
    again = found(world, world.ports())
    assert again != action_id
    assert world.action(again).status is ActionStatus.PENDING_APPROVAL


def test_a_bot_that_took_the_command_and_hangs_is_waited_for(world: World) -> None:
    bot = world.bot(takes_and_hangs=True)
    action_id = approved(world, world.ports())
    apply_approved(world.ports(), action_id)

    outcome = verify_and_resume(world.ports_until_taken(), action_id)

    assert outcome.status is ActionStatus.APPLYING
    assert "looking again next cycle" in outcome.message
    assert len(world.breakers()) == 1
    bot.takes_and_hangs = False
    assert verify_and_resume(world.ports(), action_id).status is ActionStatus.CORRECTED
    assert bot.executed == [f"{action_id}-sync"]


def test_a_refusal_of_the_bot_is_a_failure_and_says_why(world: World) -> None:
    world.bot(refuses={"reason": "there is more than one open trade"})
    ports = world.ports()
    action_id = approved(world, ports)
    apply_approved(ports, action_id)

    assert verify_and_resume(ports, action_id).status is ActionStatus.FAILED
    assert "there is more than one open trade" in failed(world, action_id)
    assert len(world.breakers()) == 1
    with world.store.reading() as tx:
        (for_the_bot,) = tx.alerts.due(ports.clock(), "bot", 10)
    assert "there is more than one open trade" in for_the_bot.message


def test_a_wrong_booking_does_not_verify(world: World) -> None:
    world.bot(off_by=Decimal(7))
    ports = world.ports()
    action_id = approved(world, ports)
    apply_approved(ports, action_id)

    assert verify_and_resume(ports, action_id).status is ActionStatus.FAILED
    assert "after booking they still differ: Book 157, exchange 150" in failed(world, action_id)


def test_a_booking_that_cannot_be_verified_yet_is_taken_up_again(world: World) -> None:
    bot, ports = world.bot(), world.ports()
    action_id = approved(world, ports)
    apply_approved(ports, action_id)
    world.controls.inject(FaultKind.ERROR_500, "positions", times=None)

    outcome = verify_and_resume(ports, action_id)

    assert outcome.status is ActionStatus.APPLYING
    assert "not verified yet" in outcome.message
    assert len(world.breakers()) == 1
    world.controls.clear_faults()
    assert verify_and_resume(ports, action_id).status is ActionStatus.CORRECTED
    assert bot.executed == [f"{action_id}-sync"]


MOVED = [
    {"moved": True, "reason": "somebody sold"},
    {"reason": "the book has moved: it is 120, not 100"},
    {"reason": "the bot itself reads a position of 170, not 150"},
]


def refused_as_moved(world: World, answer: dict[str, Any], during: Callable[[], Any]) -> str:
    """A correction that the bot refuses because its book has moved, which it does by `during`."""
    bot = world.bots[0]
    action_id = approved(world, world.ports())
    bot.refuses, bot.before_answer = answer, during
    apply_approved(world.ports(), action_id)
    return action_id


def set_book(bot: FakeBot, amount: str) -> Callable[[], None]:
    return lambda: bot.position.update({SYMBOL: Decimal(amount)})


@pytest.mark.parametrize("answer", MOVED)
def test_a_book_that_moved_under_the_command_is_asked_about_anew(
    world: World, answer: dict[str, Any]
) -> None:
    bot = world.bot()
    first = refused_as_moved(world, answer, set_book(bot, "120"))

    outcome = verify_and_resume(world.ports(), first)

    assert outcome.status is ActionStatus.STALE
    (second,) = (action for action in world.actions() if action.action_id != first)
    assert second.action_id in outcome.message
    assert (second.status, second.local) == (ActionStatus.PENDING_APPROVAL, Decimal(120))
    assert len(world.breakers()) == 1
    assert "position_corrections.b1.BTC_USDT_USDT.failed:1|c" not in world.sent.lines


@pytest.mark.parametrize("answer", MOVED)
def test_a_book_that_moved_to_where_it_belongs_resumes(
    world: World, answer: dict[str, Any]
) -> None:
    bot = world.bot()
    action_id = refused_as_moved(world, answer, set_book(bot, "150"))

    outcome = verify_and_resume(world.ports(), action_id)

    assert outcome.status is ActionStatus.CORRECTED
    assert "nothing was booked" in outcome.message
    assert world.breakers() == []


@pytest.mark.parametrize("answer", MOVED)
def test_a_bot_that_says_moved_and_shows_the_same_book_has_failed(
    world: World, answer: dict[str, Any]
) -> None:
    bot = world.bot()
    action_id = refused_as_moved(world, answer, set_book(bot, "100"))

    assert verify_and_resume(world.ports(), action_id).status is ActionStatus.FAILED
    assert "both sides read as before" in failed(world, action_id)


# --- breakers -------------------------------------------------------------------------------------


def test_a_manual_halt_is_not_closed_by_an_approved_correction(world: World) -> None:
    bot, ports = world.bot(), world.ports()
    halt(world.store, "b1", SYMBOL, "carl", "hands off", world.clock())
    action_id = approved(world, ports)
    apply_approved(ports, action_id)

    assert verify_and_resume(ports, action_id).status is ActionStatus.CORRECTED

    assert bot.position[SYMBOL] == Decimal(150)
    (breaker,) = world.breakers()
    assert (breaker.reason, breaker.opened_by) == (BreakerReason.MANUAL, "carl")


def test_a_manual_halt_of_what_is_halted_already_outlives_the_approval(world: World) -> None:
    world.bot()
    ports = world.ports()
    action_id = approved(world, ports)
    taken_over = halt(world.store, "b1", SYMBOL, "carl", "hands off", world.clock())
    assert taken_over.reason is BreakerReason.MANUAL
    apply_approved(ports, action_id)

    assert verify_and_resume(ports, action_id).status is ActionStatus.CORRECTED

    (breaker,) = world.breakers()
    assert (breaker.opened_by, breaker.note) == ("carl", "hands off")


def test_halting_twice_by_hand_keeps_the_first_reason(world: World) -> None:
    world.bot()
    halt(world.store, "b1", "*", "carl", "hands off", world.clock())
    halt(world.store, "b1", "*", "dora", "me too", world.clock())
    assert [(one.opened_by, one.note) for one in world.breakers()] == [("carl", "hands off")]


def test_a_correction_that_was_approved_closes_no_halt_of_the_whole_bot(world: World) -> None:
    world.bot()
    ports = world.ports()
    action_id = approved(world, ports)
    halt(world.store, "b1", "*", "carl", "weekend", world.clock())
    apply_approved(ports, action_id)
    verify_and_resume(ports, action_id)
    assert [one.symbol for one in world.breakers()] == ["*"]


def test_resuming_what_is_not_halted_is_a_conflict(world: World) -> None:
    world.bot()
    with pytest.raises(Conflict, match="is not open"):
        resume(world.store, "b1", SYMBOL, "anna", "why not", world.clock())


# --- what a person is told ------------------------------------------------------------------------


def test_the_question_names_the_numbers_and_what_would_be_booked(world: World) -> None:
    world.bot().holds("100")
    world.hold("150")
    action_id = found(world, world.ports())

    subject, body = describe(world.store, action_id)

    assert subject == "b1 BTC/USDT:USDT: book 100, exchange 150 (33.33 %)"
    for line in (
        "| The bot's book | 100 BTC |",
        "| The exchange | 150 BTC |",
        "| Difference | 50 BTC (33.33 %) |",
        "| Worth | 2,500,000.00 USDT |",
        "- buy 50 BTC at 50000 USDT (increase, synthetic)",
    ):
        assert line in body.splitlines()
    assert action_id in body


def test_a_question_delivers_the_alerts_that_are_due(world: World) -> None:
    world.bot().holds("100")
    world.hold("150")
    ports = world.ports()
    action_id = found(world, ports)

    outcome = open_pending(ports, action_id)

    assert outcome.status is ActionStatus.PENDING_APPROVAL
    assert "Book 100, exchange 150" in outcome.message
    assert world.alerts() == []
    assert "alerts.critical.delivered:1|c" in world.sent.lines
