"""The life of an action, of its command and of a breaker, as tables.

Invariants: an action moves only along `ACTION_MOVES`; one that has ended never moves again; while
one is open for a bot and symbol no second one is made; a breaker that reconciliation opened is
closed only by a person's decision (or `auto_resume`, which a person set).
"""

from __future__ import annotations

from enum import StrEnum


class ActionStatus(StrEnum):
    """Where one correction stands, from its detection to its end."""

    DETECTED = "detected"
    CORRECTING = "correcting"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPLYING = "applying"
    CORRECTED = "corrected"
    FAILED = "failed"
    STALE = "stale"
    EXPIRED = "expired"


#: The moves that exist. Whatever is not here is refused.
ACTION_MOVES: dict[ActionStatus, frozenset[ActionStatus]] = {
    ActionStatus.DETECTED: frozenset(
        {ActionStatus.CORRECTING, ActionStatus.PENDING_APPROVAL, ActionStatus.STALE}
    ),
    ActionStatus.CORRECTING: frozenset(
        {ActionStatus.CORRECTED, ActionStatus.FAILED, ActionStatus.STALE}
    ),
    ActionStatus.PENDING_APPROVAL: frozenset(
        {
            ActionStatus.APPROVED,
            ActionStatus.REJECTED,
            ActionStatus.STALE,
            ActionStatus.EXPIRED,
        }
    ),
    ActionStatus.APPROVED: frozenset(
        {ActionStatus.APPLYING, ActionStatus.STALE, ActionStatus.EXPIRED, ActionStatus.REJECTED}
    ),
    ActionStatus.APPLYING: frozenset(
        {ActionStatus.CORRECTED, ActionStatus.FAILED, ActionStatus.STALE}
    ),
    ActionStatus.REJECTED: frozenset(),
    ActionStatus.CORRECTED: frozenset(),
    ActionStatus.FAILED: frozenset(),
    ActionStatus.STALE: frozenset(),
    ActionStatus.EXPIRED: frozenset(),
}

#: Not ended: at most one of these per bot and symbol.
OPEN_STATUSES = frozenset(status for status, moves in ACTION_MOVES.items() if moves)
#: A command for the bot may be under way.
IN_PROGRESS_STATUSES = frozenset({ActionStatus.CORRECTING, ActionStatus.APPLYING})
#: A person still has the say.
DECIDABLE_STATUSES = frozenset({ActionStatus.PENDING_APPROVAL})


def may_move(status: ActionStatus, target: ActionStatus) -> bool:
    """Whether an action may go from one status to another."""
    return target in ACTION_MOVES[status]


class CommandStatus(StrEnum):
    """Where a command to the bot stands.

    `queued` may still be withdrawn; `executing` was taken by the bot, which finishes it even after
    a crash, since its bookings carry ids that a second try finds again.
    """

    QUEUED = "queued"
    EXECUTING = "executing"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


COMMAND_MOVES: dict[CommandStatus, frozenset[CommandStatus]] = {
    CommandStatus.QUEUED: frozenset({CommandStatus.EXECUTING, CommandStatus.WITHDRAWN}),
    CommandStatus.EXECUTING: frozenset({CommandStatus.DONE, CommandStatus.REFUSED}),
    CommandStatus.DONE: frozenset(),
    CommandStatus.REFUSED: frozenset(),
    CommandStatus.WITHDRAWN: frozenset(),
}


class BreakerReason(StrEnum):
    """Why a breaker is open."""

    DIVERGENCE = "divergence"
    BUDGET = "budget"
    PROTECTION = "protection"
    NO_EVIDENCE = "no_evidence"
    VERIFICATION_FAILED = "verification_failed"
    CONTRADICTION = "contradiction"
    MANUAL = "manual"


#: The symbol that stands for every symbol of a bot.
WHOLE_BOT = "*"
