"""Ends of an action that others reached first, and halts about which nothing is to be booked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.domain.model import Decision
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service import Outcome, apply_approved, auto_correct, decide, detect
from freqtrade_recon_plugin.service.commanding import await_command, command
from freqtrade_recon_plugin.service.detection import _record_divergence, record_again
from freqtrade_recon_plugin.service.ending import (
    fail,
    resume_without_booking,
    succeed,
    turn_stale,
)
from freqtrade_recon_plugin.service.judging import Judged, compare_account, compare_again
from freqtrade_recon_plugin.store import ActionRow
from tests.service.world import SYMBOL, World

End = Callable[[Ports, ActionRow], Outcome]
ENDS: dict[str, End] = {
    "succeed": lambda ports, action: succeed(ports, action, "manual"),
    "resume": resume_without_booking,
    "fail": lambda ports, action: fail(ports, action, "why"),
    "turn_stale": lambda ports, action: turn_stale(ports, action, "why"),
}


def divergence(world: World, local: str = "100", exchange: str = "150") -> Judged:
    """A comparison of which nothing is recorded yet."""
    world.bot().holds(local)
    world.hold(exchange)
    (item,) = compare_account(world.ports(), "main")
    return item


def approved(world: World) -> ActionRow:
    item = divergence(world)
    found = record_again(world.ports(), item)
    return decide(world.store, found.action_id or "", True, "anna", None, world.clock())


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("first", ENDS.values(), ids=ENDS)
def test_an_action_that_has_ended_is_left_as_it_is(world: World, first: End, end: End) -> None:
    ports = world.ports()
    action = approved(world)
    world.bots[0].deaf = True
    applying = command(ports, action, ActionStatus.APPLYING, divergence_of(ports, action), "anna")
    ended = first(ports, applying)
    events, alerts = world.events(), world.alerts()

    outcome = end(ports, applying)

    assert outcome.status is ended.status is world.action(action.action_id).status
    assert "somebody else was first" in outcome.message
    assert (world.events(), world.alerts()) == (events, alerts)


def divergence_of(ports: Ports, action: ActionRow) -> Any:
    judged = compare_again(ports, action)
    assert judged is not None
    return judged.verdict


def test_a_command_that_was_given_already_is_not_given_again(world: World) -> None:
    ports = world.ports()
    world.bot(deaf=True)
    world.bots[0].holds("150")
    world.hold("153")
    (item,) = compare_account(ports, "main")
    action = world.action(record_again(ports, item).action_id)
    first = command(ports, action, ActionStatus.CORRECTING, item.verdict, None)

    second = command(ports, action, ActionStatus.CORRECTING, item.verdict, None)

    assert second == first
    assert world.commands_of(action.action_id) == ["command.queued"]


def test_an_action_without_a_command_has_nothing_to_wait_for(world: World) -> None:
    item = divergence(world, "150", "153")
    action = world.action(record_again(world.ports(), item).action_id)
    with pytest.raises(ReconError, match="has no command"):
        await_command(world.ports(), action)


def test_a_second_record_of_a_divergence_finds_the_first(world: World) -> None:
    """The unique index decides, also where a cycle did not see the other's action."""
    item = divergence(world)
    first = record_again(world.ports(), item)
    made: list[ActionRow] = []
    with world.store.transaction() as tx:
        second = _record_divergence(tx, item, made)
    assert (second.action_id, second.decision) == (first.action_id, "halt")
    assert made == []


def halted_in_sync(world: World) -> str:
    """A halt beside sizes that agree, as a fault of protection makes it."""
    world.bot().holds("100")
    world.hold("100")
    divergent = world.bots[0]
    divergent.holds("150")
    (item,) = compare_account(world.ports(), "main")
    divergent.holds("100")
    judged = compare_again(world.ports(), action_like(world, item))
    assert judged is not None
    found = record_again(
        world.ports(), replace(judged, verdict=replace(judged.verdict, decision=Decision.HALT))
    )
    return found.action_id or ""


def action_like(world: World, item: Judged) -> Any:
    class Subject:
        account_id, bot_id, symbol = "main", item.seen.bot.bot_id, item.seen.symbol

    return Subject


def test_a_halt_with_nothing_to_book_ends_with_the_approval(world: World) -> None:
    action_id = halted_in_sync(world)
    (breaker,) = world.breakers()
    assert breaker.reason is BreakerReason.PROTECTION
    decide(world.store, action_id, True, "anna", None, world.clock())

    outcome = apply_approved(world.ports(), action_id)

    assert outcome.status is ActionStatus.CORRECTED
    assert world.breakers() == []
    assert world.commands_of(action_id) == []


def test_an_approval_whose_numbers_moved_out_of_a_manual_halt_needs_no_new_question(
    world: World,
) -> None:
    """The person resumed by hand in between, and what is left now cannot be priced yet."""
    action = approved(world)
    with world.store.transaction() as tx:
        tx.breakers.close("b1", SYMBOL, "carl", world.clock(), "by hand")
    world.bots[0].holds("102")
    world.hold("100")
    world.controls.inject("error_500", "prices", times=1)

    outcome = apply_approved(world.ports(), action.action_id)

    assert outcome.status is ActionStatus.STALE
    assert "Asked anew" not in outcome.message
    assert len(world.actions()) == 1
    (found,) = detect(world.ports(), "main")
    assert auto_correct(world.ports(), found.action_id or "").status is ActionStatus.CORRECTED


def test_an_approval_that_somebody_ended_meanwhile_is_not_asked_anew(world: World) -> None:
    action = approved(world)
    world.hold("170")
    ports = world.ports()
    reader = ports.reader

    def ends_meanwhile(mode: Any) -> Any:
        with world.store.transaction() as tx:
            move = (ActionStatus.APPROVED, ActionStatus.REJECTED, "anna", world.clock())
            tx.actions.move(action.action_id, *move)
        return reader(mode)

    outcome = apply_approved(replace(ports, reader=ends_meanwhile), action.action_id)

    assert outcome.status is ActionStatus.REJECTED
    assert "somebody else was first" in outcome.message
    assert len(world.actions()) == 1


def test_a_bot_that_left_the_account_and_says_moved_has_failed(world: World) -> None:
    bot = world.bot(refuses={"moved": True, "reason": "gone"})
    bot.holds("150")
    world.hold("153")
    (found,) = detect(world.ports(), "main")

    def leave() -> None:
        bot.account_id = "second"
        bot.register()

    bot.before_answer = leave
    outcome = auto_correct(world.ports(), found.action_id or "")
    assert (outcome.status, "gone" in outcome.message) == (ActionStatus.FAILED, True)
