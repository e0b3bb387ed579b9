"""Books all legs of a command in freqtrade's model, in one commit.

Invariants: all legs or none; the book ends at the command's target or nothing is booked; a marker
in the same commit tells a later try that it is done, whatever has become of the book since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from freqtrade.persistence import KeyValueStore, Trade

from freqtrade_recon_plugin.bot import booking
from freqtrade_recon_plugin.bot.fees import book_fee
from freqtrade_recon_plugin.bot.late_fills import make_room, remember_booked
from freqtrade_recon_plugin.bot.made_up import is_synthetic
from freqtrade_recon_plugin.bot.one_commit import Afterwards, one_commit
from freqtrade_recon_plugin.bot.positions import book_of
from freqtrade_recon_plugin.bot.real_booking import book_real, stop_rows, tell_of_stop
from freqtrade_recon_plugin.bot.real_orders import RealOrder, is_phantom
from freqtrade_recon_plugin.bot.sync_plan import Step, SyncPlan
from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.model import ZERO, LegKind, Role
from freqtrade_recon_plugin.errors import BookingRefused

#: freqtrade's column takes no more.
_MOST = 255


@dataclass(slots=True)
class Booked:
    """What a command has booked.

    :ivar order_ids: of the orders that hold it, as many as the marker has room for.
    :ivar afterwards: what is to be done now that the commit stands; empty in a later try.
    """

    order_ids: list[str]
    afterwards: Afterwards = field(default_factory=list)


def booked_before(plan: SyncPlan) -> Booked | None:
    """What an earlier try of the same command has booked; None where there was none."""
    text = KeyValueStore.get_string_value(_marker(plan.symbol))
    action_id, *order_ids = (text or "").split() or [""]
    return Booked(order_ids) if action_id == plan.action_id else None


def book_plan(
    bot: Any, plan: SyncPlan, orders: dict[str, RealOrder], trade: Any, leverage: float
) -> Booked:
    """Books all steps and commits.

    :param orders: what the exchange says of the real orders that the plan names.
    :param trade: the open trade of the symbol, None where there is none.
    :param leverage: of the position on the exchange, for a trade that is opened.
    :raises BookingRefused: the legs do not fit the book; the caller rolls back.
    """
    with one_commit(bot) as afterwards:
        legs = _Legs(bot, plan, orders, trade, leverage)
        for step in plan.steps:
            legs.book(step)
        reached = book_of([] if legs.trade is None else [legs.trade])
        if reached != plan.target:
            raise BookingRefused(
                f"with the trade's orders and the market's precision it would be "
                f"{decimal_text(reached)}"
            )
        Trade.session.flush()
        for touched in legs.touched:
            if any(is_synthetic(order) for order in touched.orders):
                remember_booked(touched)
        booked = Booked(legs.order_ids, afterwards)
        text = " ".join([plan.action_id, *legs.order_ids])
        if len(text) > _MOST:
            text = text[:_MOST].rpartition(" ")[0]
        KeyValueStore.store_value(_marker(plan.symbol), text)
    for row in stop_rows(orders):
        afterwards.append(_teller(bot, row))
    Trade.commit()
    return booked


class _Legs:
    """The legs of one command while they are booked, and the trade that is open then."""

    def __init__(
        self,
        bot: Any,
        plan: SyncPlan,
        orders: dict[str, RealOrder],
        trade: Any,
        leverage: float,
    ) -> None:
        self._bot = bot
        self._plan = plan
        self._orders = orders
        self._leverage = leverage
        self._replaced = ZERO
        self.trade = trade
        self.touched: list[Any] = []
        self.order_ids: list[str] = []

    def book(self, step: Step) -> None:
        """Books one leg on the trade that is open, or opens one."""
        if step.leg.kind is LegKind.REAL:
            self._real(step)
        elif step.leg.kind is LegKind.FEE:
            self._touch(self.trade)
            self.trade = book_fee(self.trade, step)
        else:
            self._synthetic(step)

    def _real(self, step: Step) -> None:
        order = self._orders[str(step.leg.order_id)]
        alone = len(self._plan.steps_of(order.order_id)) == 1
        holder = None
        if not is_phantom(step, order) and self._takes_back(step) >= step.leg.amount:
            holder = make_room(step.symbol, order, step.leg.amount)
        target = self.trade if holder is None else holder
        known = {id(row) for row in target.orders} if target is not None else set()
        left = book_real(self._bot, target, step, order, self._leverage, alone=alone)
        if holder is not None:
            self._replaced += step.leg.signed_amount
        if holder is None or holder is self.trade or self.trade is None:
            self.trade = left
        elif left is not None:
            raise BookingRefused(f"order {order.order_id} would leave a second trade open")
        self._touch(left if target is None else target)
        row = order.row
        new = [one for one in (left or target).orders if id(one) not in known]
        self.order_ids += [one.order_id for one in new or ([] if row is None else [row])]

    def _takes_back(self, step: Step) -> Decimal:
        """How much the command's synthetic legs go against a real one."""
        against = sum(
            (
                other.leg.signed_amount
                for other in self._plan.steps
                if other.leg.kind is LegKind.SYNTHETIC and other.leg.side is not step.leg.side
            ),
            ZERO,
        )
        return abs(against) - abs(self._replaced)

    def _synthetic(self, step: Step) -> None:
        """Books what is left of a synthetic leg once real orders have replaced earlier ones."""
        if self._replaced * step.leg.signed_amount < 0:
            taken = min(abs(self._replaced), step.leg.amount)
            self._replaced += taken if self._replaced < 0 else -taken
            if taken == step.leg.amount:
                return
            step = replace(step, leg=replace(step.leg, amount=step.leg.amount - taken))
        trade = booking.book(self._bot, self.trade, step, self._leverage)
        self._touch(trade)
        self.order_ids.append(step.order_id)
        self.trade = None if step.leg.role is Role.CLOSE else trade

    def _touch(self, trade: Any) -> None:
        if trade is not None and not any(one is trade for one in self.touched):
            self.touched.append(trade)


def _teller(bot: Any, row: Any) -> Callable[[], None]:
    return lambda: tell_of_stop(bot, row)


def _marker(symbol: str) -> str:
    return f"recon_sync_{symbol}"[:50]
