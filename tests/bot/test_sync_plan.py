"""Reading a ForceSync command: the steps it makes, and what is refused before anything is done."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.bot.sync_plan import read_plan, synthetic_id
from freqtrade_recon_plugin.domain.document import leg_document
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.domain.model import Leg, LegKind, OrderSide, Role
from freqtrade_recon_plugin.errors import BookingRefused
from freqtrade_recon_plugin.store import CommandRow

SYMBOL = "BTC/USDT:USDT"
ACTION = "0123456789abcdef0123456789abcdef"
AT = datetime(2026, 1, 5, tzinfo=UTC)


def leg(side: str, amount: str, role: str, price: str | None = "50000", **more: Any) -> Leg:
    return Leg(
        side=OrderSide(side),
        amount=Decimal(amount),
        role=Role(role),
        kind=more.pop("kind", LegKind.SYNTHETIC),
        price=None if price is None else Decimal(price),
        **more,
    )


def command(local: str, target: str, /, *legs: Leg, **payload: Any) -> CommandRow:
    return CommandRow(
        command_id=f"{ACTION}-sync",
        action_id=ACTION,
        bot_id="bot",
        symbol=SYMBOL,
        kind="force_sync",
        payload={
            "symbol": SYMBOL,
            "expected_local": local,
            "target": target,
            "booking": [leg_document(one) for one in legs],
            "price": None,
            "approved_by": None,
            **payload,
        },
        status=CommandStatus.QUEUED,
        queued_at=AT,
        expires_at=AT,
    )


def refusal(row: CommandRow) -> str:
    with pytest.raises(BookingRefused) as caught:
        read_plan(row)
    return str(caught.value)


def test_the_steps_lead_from_the_book_to_the_target() -> None:
    plan = read_plan(command("100", "150", leg("buy", "50", "increase"), approved_by="alice"))
    (step,) = plan.steps
    assert (step.before, step.after, step.price) == (100, 150, 50000)
    assert step.order_id == synthetic_id(ACTION, 1)
    assert not plan.closes
    assert plan.told() == f"{SYMBOL}: 100 -> 150 (buy 50 at 50000, approved by alice)"


def test_a_flip_is_two_steps_with_two_ids() -> None:
    plan = read_plan(command("100", "-50", leg("sell", "100", "close"), leg("sell", "50", "open")))
    assert [step.after for step in plan.steps] == [0, -50]
    assert plan.closes
    assert len(set(plan.order_ids)) == 2


def test_a_leg_without_a_price_takes_the_one_of_the_command() -> None:
    row = command("100", "150", leg("buy", "50", "increase", price=None), price="49000.5")
    assert read_plan(row).price == Decimal("49000.5")


def test_an_id_looks_like_a_venues_and_depends_on_action_and_number_alone() -> None:
    assert synthetic_id(ACTION, 1) == synthetic_id(ACTION, 1)
    ids = {synthetic_id(action, n) for action in (ACTION, ACTION[::-1]) for n in range(1, 50)}
    assert len(ids) == 98
    assert all(one.isdigit() and len(one) == 18 for one in ids)


def test_real_orders_are_named_once_and_fees_have_no_price() -> None:
    real = {"kind": LegKind.REAL, "order_id": "7"}
    plan = read_plan(
        command(
            "100",
            "-50.5",
            leg("sell", "100", "close", price=None, **real),
            leg("sell", "50.5", "open", **real),
        )
    )
    assert plan.real_ids == ("7",)
    assert plan.steps_of("7") == list(plan.steps)
    assert [step.price for step in plan.steps] == [0, 50000]
    fee = read_plan(command("100", "99.9", leg("sell", "0.1", "decrease", "0", kind=LegKind.FEE)))
    assert (fee.steps[0].price, fee.price) == (0, 0)
    assert fee.told() == f"{SYMBOL}: 100 -> 99.9 (fee 0.1)"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            command("100", "160", leg("buy", "50", "increase")),
            "the legs lead to 150, the target is 160",
        ),
        (
            command("100", "-50", leg("sell", "150", "close")),
            "leg 1: leads through zero; a flip is two legs",
        ),
        (
            command("100", "150", leg("buy", "50", "open")),
            "leg 1: would increase the position, not open it",
        ),
        (
            command("100", "150", leg("buy", "50", "increase", price=None)),
            "leg 1: no price is known",
        ),
        (
            command("100", "100", leg("buy", "0", "increase")),
            "leg 1: the amount must be more than 0",
        ),
        (
            command("100", "150", leg("buy", "50", "increase", kind=LegKind.REAL)),
            "leg 1: a real leg names no order",
        ),
        (
            command("100", "101", leg("buy", "1", "increase", kind=LegKind.FEE)),
            "leg 1: a fee takes off, it cannot increase",
        ),
        (command("100", "100"), "booking: must be a list of at least one leg"),
        (
            command("100", "150", booking=[{"side": "up"}]),
            "booking[0].side: must be one of buy, sell",
        ),
        (
            command("100", "150", leg("buy", "50", "increase"), target=150),
            "target: must be a decimal as text",
        ),
        (
            command("100", "150", leg("buy", "50", "increase"), expected_local="NaN"),
            "expected_local: must be a decimal as text",
        ),
        (
            command("100", "150", leg("buy", "50", "increase"), symbol="ETH/USDT:USDT"),
            "symbol: is not the one of the command",
        ),
    ],
)
def test_what_cannot_be_booked_is_refused_with_the_reason(row: CommandRow, reason: str) -> None:
    assert refusal(row) == reason
