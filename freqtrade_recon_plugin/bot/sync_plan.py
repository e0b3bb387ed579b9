"""What a ForceSync command asks for, as steps that follow from each other; pure.

Invariants: the steps lead from the expected book to the target exactly; none crosses zero; every
leg has an id of its own that depends on the action and its number alone. Synthetic legs are booked
under it, and legs that are only a part of a real order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.model import ZERO, Leg, LegKind, Role
from freqtrade_recon_plugin.domain.parsing import leg_from
from freqtrade_recon_plugin.errors import BookingRefused, EvidenceError
from freqtrade_recon_plugin.store.rows import CommandRow

#: Ids of venues are digits; more than 18 of them would not fit where an exchange counts them.
_ID_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Step:
    """One leg to book. `before` and `after` are the signed book around it, in base coin.

    :ivar order_id: the made-up id, for what is booked under no order of the exchange's.
    :ivar price: in quote coin; 0 for a fee, and for a real fill whose price nobody has told yet.
    """

    symbol: str
    leg: Leg
    order_id: str
    price: Decimal
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """A command, read and checked."""

    action_id: str
    symbol: str
    expected_local: Decimal
    target: Decimal
    steps: tuple[Step, ...]
    approved_by: str | None

    @property
    def order_ids(self) -> tuple[str, ...]:
        """The made-up ids of the legs."""
        return tuple(step.order_id for step in self.steps)

    @property
    def real_ids(self) -> tuple[str, ...]:
        """The exchange's orders that are to be booked, each once."""
        named = (step.leg.order_id for step in self.steps if step.leg.kind is LegKind.REAL)
        return tuple(dict.fromkeys(order_id for order_id in named if order_id))

    def steps_of(self, order_id: str) -> list[Step]:
        """The real legs of one order; a flip has two."""
        return [
            step
            for step in self.steps
            if step.leg.kind is LegKind.REAL and step.leg.order_id == order_id
        ]

    @property
    def closes(self) -> bool:
        """Whether the position of the book ends, be it for another one of the other side."""
        return any(step.leg.role is Role.CLOSE for step in self.steps)

    @property
    def price(self) -> Decimal:
        """The price of the last leg that has one, to judge what a rest is worth."""
        return next((step.price for step in reversed(self.steps) if step.price), ZERO)

    def told(self) -> str:
        """The booking in a few words, for a person."""
        legs = ", ".join(_told(step) for step in self.steps)
        by = f", approved by {self.approved_by}" if self.approved_by else ""
        local, target = decimal_text(self.expected_local), decimal_text(self.target)
        return f"{self.symbol}: {local} -> {target} ({legs}{by})"


def _told(step: Step) -> str:
    amount = decimal_text(step.leg.amount)
    if step.leg.kind is LegKind.FEE:
        return f"fee {amount}"
    order = f" by order {step.leg.order_id}" if step.leg.kind is LegKind.REAL else ""
    price = f" at {decimal_text(step.price)}" if step.price else ""
    return f"{step.leg.side} {amount}{price}{order}"


def synthetic_id(action_id: str, number: int) -> str:
    """The order id of a synthetic leg: digits, as venues have them."""
    digest = hashlib.sha256(f"{action_id}/{number}".encode()).hexdigest()
    return str(int(digest, 16))[:_ID_DIGITS]


def read_plan(command: CommandRow) -> SyncPlan:
    """Reads a command and works out its steps.

    :raises BookingRefused: a field is missing or wrong, a leg cannot be booked, or the legs do
        not lead to the target.
    """
    payload = command.payload
    if payload.get("symbol") != command.symbol:
        raise BookingRefused("symbol: is not the one of the command")
    expected, target = _decimal(payload, "expected_local"), _decimal(payload, "target")
    fallback = None if payload.get("price") is None else _decimal(payload, "price")
    booking = payload.get("booking")
    if not isinstance(booking, list) or not booking:
        raise BookingRefused("booking: must be a list of at least one leg")
    position, steps = expected, []
    for number, document in enumerate(booking, start=1):
        try:
            leg = leg_from(document, f"booking[{number - 1}]")
        except EvidenceError as error:
            raise BookingRefused(str(error)) from None
        step = _step(command, number, leg, position, fallback)
        steps.append(step)
        position = step.after
    if position != target:
        raise BookingRefused(
            f"the legs lead to {decimal_text(position)}, the target is {decimal_text(target)}"
        )
    approved_by = payload.get("approved_by")
    return SyncPlan(
        action_id=command.action_id,
        symbol=command.symbol,
        expected_local=expected,
        target=target,
        steps=tuple(steps),
        approved_by=None if approved_by is None else str(approved_by),
    )


def _step(
    command: CommandRow, number: int, leg: Leg, position: Decimal, fallback: Decimal | None
) -> Step:
    if leg.kind is LegKind.REAL and not leg.order_id:
        raise BookingRefused(f"leg {number}: a real leg names no order")
    if leg.amount <= ZERO:
        raise BookingRefused(f"leg {number}: the amount must be more than 0")
    after = position + leg.signed_amount
    role = _role(position, after)
    if role is None:
        raise BookingRefused(f"leg {number}: leads through zero; a flip is two legs")
    if role is not leg.role:
        raise BookingRefused(f"leg {number}: would {role} the position, not {leg.role} it")
    if leg.kind is LegKind.FEE and role not in (Role.DECREASE, Role.CLOSE):
        raise BookingRefused(f"leg {number}: a fee takes off, it cannot {role}")
    price = ZERO if leg.kind is LegKind.FEE else leg.price or fallback or ZERO
    if price < ZERO or (leg.kind is LegKind.SYNTHETIC and not price):
        raise BookingRefused(f"leg {number}: no price is known")
    return Step(
        symbol=command.symbol,
        leg=replace(leg, price=price),
        order_id=synthetic_id(command.action_id, number),
        price=price,
        before=position,
        after=after,
    )


def _role(before: Decimal, after: Decimal) -> Role | None:
    """What a change does to a position; None where it leads through zero."""
    if not before:
        return Role.OPEN
    if not after:
        return Role.CLOSE
    if before * after < 0:
        return None
    return Role.INCREASE if abs(after) > abs(before) else Role.DECREASE


def _decimal(payload: Mapping[str, Any], key: str) -> Decimal:
    value = payload.get(key)
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise BookingRefused(f"{key}: must be a decimal as text")
    return number
