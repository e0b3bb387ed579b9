"""Tells a bot to book, by one command per action, and waits for what it answers.

Invariants: the action moves and its command is queued in one transaction; a command is either
taken by the bot or withdrawn; one that the bot has taken is waited for, never taken back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from freqtrade_recon_plugin.domain.document import decimal_text, leg_document
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, CommandStatus
from freqtrade_recon_plugin.domain.model import Verdict
from freqtrade_recon_plugin.errors import Conflict, ReconError
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.service.detection import ACTOR
from freqtrade_recon_plugin.store import ActionRow, CommandRow

_ENDED = frozenset({CommandStatus.DONE, CommandStatus.REFUSED, CommandStatus.WITHDRAWN})
#: How the bot begins a refusal that is about numbers which are not those of the command.
_MOVED = ("the book has moved", "the bot itself ")


def action_of_id(ports: Ports, action_id: str) -> ActionRow:
    """The action as it stands.

    :raises ReconError: there is no such action.
    """
    with ports.store.reading() as tx:
        action = tx.actions.get(action_id)
    if action is None:
        raise ReconError(f"there is no action {action_id}")
    return action


def command(
    ports: Ports, action: ActionRow, to: ActionStatus, verdict: Verdict, approved_by: str | None
) -> ActionRow:
    """Moves the action and queues its command, both or neither; a second caller finds the first.

    :returns: the action as it stands afterwards.
    """
    now = ports.clock()
    queued = CommandRow(
        command_id=f"{action.action_id}-sync",
        action_id=action.action_id,
        bot_id=action.bot_id,
        symbol=action.symbol,
        kind="force_sync",
        payload=_payload(action, verdict, approved_by),
        status=CommandStatus.QUEUED,
        queued_at=now,
        expires_at=now + timedelta(seconds=ports.waits.take_s),
    )
    try:
        with ports.store.transaction() as tx:
            moved = tx.actions.move(action.action_id, action.status, to, ACTOR, now)
            tx.commands.queue(queued, ACTOR)
            return moved
    except Conflict:
        return action_of_id(ports, action.action_id)


def _payload(action: ActionRow, verdict: Verdict, approved_by: str | None) -> dict[str, Any]:
    def text(number: Any) -> str | None:
        return None if number is None else decimal_text(number)

    return {
        "symbol": action.symbol,
        "expected_local": text(verdict.local),
        "target": text(verdict.final_local),
        "booking": [leg_document(leg) for leg in verdict.booking],
        "price": action.evidence["market"]["price"],
        "approved_by": approved_by,
    }


def await_command(ports: Ports, action: ActionRow) -> CommandRow | None:
    """The command once the bot has ended it, or once it was withdrawn; None if it still works.

    :raises ReconError: the action has no command.
    """
    began, waits = ports.clock(), ports.waits
    deadline = began + timedelta(seconds=waits.take_s + waits.finish_s)
    while True:
        with ports.store.reading() as tx:
            found = tx.commands.for_action(action.action_id)
        now = ports.clock()
        if found is None:
            raise ReconError(f"action {action.action_id} has no command")
        if found.status in _ENDED:
            return found
        if found.status is CommandStatus.QUEUED and now >= found.expires_at:
            with ports.store.transaction() as tx:
                tx.commands.withdraw(found.command_id, ACTOR, now)
            continue
        if now >= deadline:
            return None
        ports.sleep(waits.poll_s)


def refusal(found: CommandRow) -> str:
    """Why the bot refused a command, in its own words."""
    return str((found.result or {}).get("reason", "it gave no reason"))


def says_moved(found: CommandRow) -> bool:
    """Whether the bot refused because its book, or what it reads itself, is not as commanded."""
    moved = (found.result or {}).get("moved") is True
    return moved or refusal(found).startswith(_MOVED)
