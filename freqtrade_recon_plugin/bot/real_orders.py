"""The exchange's own word on the orders that a command names, fetched before anything is booked.

Invariant: a leg that does not agree with what the exchange says of its order is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from freqtrade.exceptions import InvalidOrderException
from freqtrade.persistence import Order
from sqlalchemy import select

from freqtrade_recon_plugin.bot.made_up import part_tag
from freqtrade_recon_plugin.bot.positions import exact
from freqtrade_recon_plugin.bot.sync_plan import Step, SyncPlan
from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.model import ZERO
from freqtrade_recon_plugin.errors import BookingRefused

#: Client ids of orders by which an exchange closes a position itself.
_FORCED = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
#: Where other exchanges say the same in an order: OKX, Bybit, Gate, Bitget.
_KINDS = ("category", "createType", "finish_as", "orderSource")
#: Ended stops that are asked whether the order came from them; each costs a request.
_ENDED_STOPS_ASKED = 3


@dataclass(frozen=True, slots=True)
class RealOrder:
    """One order of the exchange.

    :ivar order_id: as the command names it.
    :ivar report: freqtrade's form of the exchange's answer, in base coin, with its fills where it
        has no fee of its own. Its id is the row's where there is one.
    :ivar row: the bot's own row for it, or for the conditional order that it came from.
    :ivar in_parts: what is booked of it under made-up ids.
    :ivar own: the bot has placed it, row or not.
    """

    order_id: str
    report: dict[str, Any]
    row: Any
    in_parts: Decimal
    own: bool

    @property
    def filled(self) -> Decimal:
        """What the exchange says is filled, base coin."""
        return exact(self.report.get("filled"))

    @property
    def unbooked(self) -> Decimal:
        """What of it is not in the book; below zero where the book has more than was filled."""
        held = ZERO if self.row is None else exact(self.row.filled)
        return self.filled - held - self.in_parts

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return bool(self.report["status"] == "open")

    @property
    def forced(self) -> bool:
        """Whether the exchange closed a position by it: a liquidation."""
        if (self.report.get("clientOrderId") or "").startswith(_FORCED):
            return True
        raw = self.report.get("info") or {}
        return any("liq" in str(raw.get(key, "")).lower() for key in _KINDS)

    @property
    def at(self) -> datetime:
        """When it was placed; now, where the exchange does not say."""
        return _time(self.report.get("timestamp")) or datetime.now(UTC)

    @property
    def filled_at(self) -> datetime:
        """When it last filled; when it was placed, where the exchange does not say."""
        return _time(self.report.get("lastTradeTimestamp")) or self.at


def read_real_orders(
    bot: Any, plan: SyncPlan, trades: list[Any], owns: Callable[[str | None], bool]
) -> dict[str, RealOrder]:
    """Asks the exchange for every order that the plan names.

    :param trades: those of the symbol whose stops the orders may have come from.
    :param owns: says of a client order id whether the bot gave it.
    :raises BookingRefused: the exchange does not know an order.
    :raises ExchangeError: the exchange does not answer.
    """
    return {order_id: _read(bot, plan.symbol, order_id, trades, owns) for order_id in plan.real_ids}


def refuse_disagreement(plan: SyncPlan, orders: dict[str, RealOrder]) -> None:
    """Compares the legs with the orders that they name.

    :raises BookingRefused: an order is of another side, or has less to book than the leg says.
    """
    for order_id, order in orders.items():
        steps = plan.steps_of(order_id)
        amount = sum((step.leg.amount for step in steps), ZERO)
        phantom = any(is_phantom(step, order) for step in steps)
        side = str(order.report["side"])
        if phantom and len({str(step.leg.side) for step in steps}) > 1:
            raise BookingRefused(f"order {order_id} is to be booked on both sides")
        there = -order.unbooked if phantom else order.unbooked
        if there < amount:
            what = "is booked beyond what was filled" if phantom else "is filled and not booked"
            raise BookingRefused(
                f"of order {order_id} ({side}) {decimal_text(max(there, ZERO))} {what}, "
                f"not {decimal_text(amount)}"
            )


def is_phantom(step: Step, order: RealOrder) -> bool:
    """Whether a leg takes back what was booked: it goes against its own order."""
    return str(step.leg.side) != str(order.report["side"])


def parts_of(order_id: str, symbol: str) -> list[Any]:
    """The rows that hold parts of an order under made-up ids.

    Their `ft_amount` is what the whole order had filled when they were booked.
    """
    query = select(Order).where(Order.ft_pair == symbol, Order.ft_order_tag == part_tag(order_id))
    return list(Order.session.scalars(query).all())


def _read(
    bot: Any,
    symbol: str,
    order_id: str,
    trades: list[Any],
    owns: Callable[[str | None], bool],
) -> RealOrder:
    exchange = bot.exchange
    row = Order.order_by_id(order_id, symbol)
    try:
        stop = row is not None and row.ft_order_side == "stoploss"
        report = exchange.fetch_order_or_stoploss_order(order_id, symbol, stop)
        if row is None:
            row, report = _of_a_stop(exchange, symbol, order_id, report, trades)
    except InvalidOrderException as error:
        raise BookingRefused(f"the exchange does not know order {order_id}: {error}") from None
    report = {**report, "id": order_id if row is None else row.order_id}
    client_id = report.get("clientOrderId")
    order = RealOrder(
        order_id=order_id,
        report=report,
        row=row,
        in_parts=sum((exact(part.filled) for part in parts_of(order_id, symbol)), ZERO),
        own=row is not None or owns(client_id),
    )
    if order.filled and not order.is_open and not exchange.order_has_fee(report):
        report["trades"] = exchange.get_trades_for_order(
            report.get("id_stop") or order_id, symbol, order.at - timedelta(seconds=5)
        )
    return order


def _of_a_stop(
    exchange: Any, symbol: str, order_id: str, report: dict[str, Any], trades: list[Any]
) -> tuple[Any, dict[str, Any]]:
    """The row of the conditional order that turned into this one, with its report, if any."""
    stops = [
        row
        for trade in trades
        for row in reversed(trade.orders)
        if row.ft_order_side == "stoploss" and trade.exit_side == report["side"]
    ]
    resting = [row for row in stops if row.ft_is_open]
    ended = [row for row in stops if not row.ft_is_open and not row.filled]
    for row in [*resting, *ended[:_ENDED_STOPS_ASKED]]:
        try:
            found = exchange.fetch_stoploss_order(row.order_id, symbol)
        except InvalidOrderException:
            continue
        if str(found.get("id_stop")) == order_id:
            return row, found
    return None, report


def _time(milliseconds: Any) -> datetime | None:
    if not milliseconds:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds))
