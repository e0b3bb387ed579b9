"""The process may end at any write: called again, a use case goes on, and commands only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service import (
    apply_approved,
    auto_correct,
    decide,
    detect,
    open_pending,
    verify_and_resume,
)
from tests.service.world import SYMBOL, Crash, CrashingStore, World

WHEN = pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])


def crashed_at_each_write(
    world: World, committed: bool, use_case: Callable[[Ports], Any]
) -> Iterator[int]:
    """Runs a use case that ends at its first write, then at its second, until it comes through.

    :yields: the number of the write at which the process has just ended.
    """
    for at in count(1):
        broken = world.ports(store=CrashingStore(world.store, at, committed))
        try:
            use_case(broken)
        except Crash:
            yield at
        else:
            return


def small(world: World) -> str:
    world.bots[0].holds("150")
    world.hold("153")
    (found,) = detect(world.ports(), "main")
    return found.action_id or ""


@WHEN
def test_a_cycle_that_ends_at_a_write_is_made_good_by_the_next(
    world: World, committed: bool
) -> None:
    world.bot().holds("100")
    world.hold("150")

    ended = list(crashed_at_each_write(world, committed, lambda ports: detect(ports, "main")))

    assert ended
    (action,) = world.actions()
    assert action.status is ActionStatus.PENDING_APPROVAL
    assert len(world.breakers()) == len(world.alerts()) == 1
    assert world.events() == ["action.detected", "breaker.opened", "action.pending_approval"]


@WHEN
def test_an_auto_correction_that_ends_at_a_write_goes_on_and_commands_once(
    world: World, committed: bool
) -> None:
    bot = world.bot()
    action_id = small(world)

    ended = list(
        crashed_at_each_write(world, committed, lambda ports: auto_correct(ports, action_id))
    )

    assert ended
    assert world.action(action_id).status is ActionStatus.CORRECTED
    assert bot.executed == [f"{action_id}-sync"]
    assert bot.position[SYMBOL] == Decimal(153)
    assert world.commands_of(action_id) == ["command.queued", "command.taken", "command.done"]
    assert world.events().count("action.corrected") == 1


@WHEN
def test_an_approved_correction_that_ends_at_a_write_goes_on_and_commands_once(
    world: World, committed: bool
) -> None:
    bot = world.bot().holds("100")
    world.hold("150")
    (found,) = detect(world.ports(), "main")
    action_id = found.action_id or ""
    decide(world.store, action_id, True, "anna", None, world.clock())

    for _ in crashed_at_each_write(
        world, committed, lambda ports: apply_approved(ports, action_id)
    ):
        pass
    for _ in crashed_at_each_write(
        world, committed, lambda ports: verify_and_resume(ports, action_id)
    ):
        pass

    assert world.action(action_id).status is ActionStatus.CORRECTED
    assert bot.executed == [f"{action_id}-sync"]
    assert world.breakers() == []
    assert world.commands_of(action_id) == ["command.queued", "command.taken", "command.done"]
    events = world.events()
    assert events.count("action.corrected") == events.count("breaker.closed") == 1
    assert [alert.severity for alert in world.alerts()] == ["critical", "info"]


@WHEN
def test_a_failure_that_ends_at_a_write_halts_and_alerts_once(
    world: World, committed: bool
) -> None:
    world.bot(refuses={"reason": "no"})
    action_id = small(world)

    for _ in crashed_at_each_write(world, committed, lambda ports: auto_correct(ports, action_id)):
        pass

    assert world.action(action_id).status is ActionStatus.FAILED
    assert len(world.breakers()) == len(world.alerts()) == 1
    assert world.events().count("breaker.opened") == 1


@WHEN
def test_numbers_that_moved_are_asked_about_once_wherever_the_process_ends(
    world: World, committed: bool
) -> None:
    world.bot().holds("100")
    world.hold("150")
    (found,) = detect(world.ports(), "main")
    first = found.action_id or ""
    decide(world.store, first, True, "anna", None, world.clock())
    world.hold("170")

    for _ in crashed_at_each_write(world, committed, lambda ports: apply_approved(ports, first)):
        pass
    detect(world.ports(), "main")

    assert [action.status for action in world.actions()] == [
        ActionStatus.STALE,
        ActionStatus.PENDING_APPROVAL,
    ]
    assert len(world.breakers()) == 1
    assert len(world.alerts()) == 2


@WHEN
def test_an_alert_whose_delivery_ends_at_a_write_is_not_lost(world: World, committed: bool) -> None:
    world.bot().holds("100")
    world.hold("150")
    (found,) = detect(world.ports(), "main")

    for _ in crashed_at_each_write(
        world, committed, lambda ports: open_pending(ports, found.action_id or "")
    ):
        pass

    assert world.alerts() == []


def ending(*_: Any) -> Any:
    """A port at which the process ends."""
    raise Crash


@pytest.mark.parametrize("port", ["sleep", "reader"])
def test_a_process_that_ends_while_it_waits_goes_on_and_commands_once(
    world: World, port: str
) -> None:
    bot = world.bot(deaf=port == "sleep")
    action_id = small(world)
    with pytest.raises(Crash):
        auto_correct(replace(world.ports(), **{port: ending}), action_id)
    assert world.action(action_id).status is ActionStatus.CORRECTING
    bot.deaf = False

    assert auto_correct(world.ports(), action_id).status is ActionStatus.CORRECTED
    assert bot.executed == [f"{action_id}-sync"]
