"""What each order did, and how much of it the bot has booked: the raw material of explanations.

Orders and fills are grouped into families: an order, and the conditional order that it came from.
A family is booked once whatever is reported twice, and a report of unknown state proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Evidence,
    FillReport,
    OrderReport,
    OrderSide,
    OrderStatus,
)

#: Averages are rounded to this; finer than any market's price step.
PRICE_STEP = Decimal("1e-16")


@dataclass(frozen=True, slots=True)
class OrderFamily:
    """One order with its fills. Quantities are signed by its side, in base coin.

    `unbooked` is negative against the side where the bot booked more than was filled (a phantom).
    `unproven` is what an order of unknown status may have filled beyond what is known.
    """

    order_id: str
    own: bool
    liquidation: bool
    complete: bool
    phantom: bool
    unbooked: Decimal
    unproven: Decimal
    price: Decimal | None
    at: datetime | None


def known_ids(evidence: Evidence) -> frozenset[str]:
    """Every order id and client id that the bot says is its own."""
    return frozenset(name for read in evidence.local_reads for name in read.known_order_ids)


def families(evidence: Evidence) -> list[OrderFamily]:
    """All families of orders and fills, oldest first."""
    if not evidence.orders and not evidence.fills:
        return []
    known = known_ids(evidence)
    orders = distinct_orders(evidence)
    fills: dict[str, list[FillReport]] = {}
    for fill in _distinct_fills(evidence):
        fills.setdefault(fill.order_id, []).append(fill)
    found = [_family(root, group, fills, known) for root, group in _groups(orders).items()]
    found += [
        _fills_alone(order_id, theirs)
        for order_id, theirs in fills.items()
        # A known order without a report: how much of it is booked cannot be told.
        if order_id not in orders and order_id not in known
    ]
    return sorted(found, key=lambda family: (family.at is None, family.at, family.order_id))


def unbooked_fees(evidence: Evidence) -> dict[str, Decimal]:
    """Fees in the base coin that the bot's own fills paid and the book does not know, by order."""
    own = own_ids(evidence)
    fees: dict[str, Decimal] = {}
    for fill in _distinct_fills(evidence):
        in_base = fill.fee_currency == evidence.market.base and fill.fee_cost
        if in_base and fill.order_id in own and not fill.fee_booked and fill.fee_cost:
            fees[fill.order_id] = fees.get(fill.order_id, ZERO) + fill.fee_cost
    return fees


def own_ids(evidence: Evidence) -> frozenset[str]:
    """The ids of all orders that are the bot's, by report, by knowledge or by descent."""
    known = known_ids(evidence)
    groups = _groups(distinct_orders(evidence))
    own = (group for root, group in groups.items() if _is_own(root, group, known))
    return known | {order.id for group in own for order in group}


def distinct_orders(evidence: Evidence) -> dict[str, OrderReport]:
    """One report per order id: of two, the one that knows of more booked and more filled."""
    orders: dict[str, OrderReport] = {}
    for report in evidence.orders or ():
        seen = orders.get(report.id)
        if seen is None or _knows_more(report, seen):
            orders[report.id] = report
    return orders


def _distinct_fills(evidence: Evidence) -> Iterable[FillReport]:
    """One report per fill: of two, the one that knows of more booked.

    An account that trades with itself has one fill id for both of its orders.
    """
    reports = sorted(evidence.fills, key=lambda fill: (fill.fee_booked, fill.booked))
    return {(fill.order_id, fill.id): fill for fill in reports}.values()


def _groups(orders: dict[str, OrderReport]) -> dict[str, list[OrderReport]]:
    """Orders by the conditional order that they all descend from, or by themselves."""
    groups: dict[str, list[OrderReport]] = {}
    for order in orders.values():
        groups.setdefault(_root(order, orders), []).append(order)
    return groups


def _is_own(root: str, members: list[OrderReport], known: frozenset[str]) -> bool:
    return root in known or any(order.own or order.id in known for order in members)


def _knows_more(report: OrderReport, than: OrderReport) -> bool:
    def knowledge(order: OrderReport) -> tuple[Decimal, bool, Decimal, str]:
        settled = order.status not in {OrderStatus.UNKNOWN, OrderStatus.OPEN}
        return (order.booked_filled, settled, order.filled, str(order.status))

    return knowledge(report) > knowledge(than)


def _root(order: OrderReport, orders: dict[str, OrderReport]) -> str:
    seen = {order.id}
    while order.parent_id is not None and order.parent_id not in seen:
        if order.parent_id not in orders:
            return order.parent_id
        order = orders[order.parent_id]
        seen.add(order.id)
    return min(seen) if order.parent_id is not None else order.id


def _family(
    root: str,
    members: list[OrderReport],
    fills: dict[str, list[FillReport]],
    known: frozenset[str],
) -> OrderFamily:
    members = sorted(members, key=lambda order: (order.id == root, order.id))
    named = [order for order in members if order.id in fills]
    main = (named or members)[0]  # the order that the fills name, else the youngest descendant
    own_fills = [fill for order in members for fill in fills.get(order.id, ())]
    from_fills = sum((fill.amount for fill in own_fills), ZERO)
    booked = sum((order.booked_filled for order in members), ZERO)
    filled = max(from_fills, max(order.filled for order in members))
    unknown = main.status is OrderStatus.UNKNOWN
    if unknown:
        filled = max(filled, booked)
    unbooked = filled - booked
    if unbooked < 0:
        main = max(members, key=lambda order: order.booked_filled)  # what the bot has to take back
    sign = 1 if main.side is OrderSide.BUY else -1
    return OrderFamily(
        order_id=main.id,
        own=_is_own(root, members, known),
        liquidation=any(fill.liquidation for fill in own_fills),
        complete=filled >= main.amount,
        phantom=unbooked < 0,
        unbooked=sign * unbooked,
        unproven=sign * max(main.amount - filled, ZERO) if unknown else ZERO,
        price=_average(own_fills, unbooked) or main.average or None,
        at=_newest(own_fills, main.at),
    )


def _fills_alone(order_id: str, fills: list[FillReport]) -> OrderFamily:
    amount = sum((fill.amount for fill in fills if not fill.booked), ZERO)
    return OrderFamily(
        order_id=order_id,
        own=False,
        liquidation=any(fill.liquidation for fill in fills),
        complete=True,
        phantom=False,
        unbooked=amount if fills[0].side is OrderSide.BUY else -amount,
        unproven=ZERO,
        price=_average(fills, amount),
        at=_newest(fills, None),
    )


def _newest(fills: list[FillReport], otherwise: datetime | None) -> datetime | None:
    return max((fill.at for fill in fills if fill.at), default=otherwise)


def _average(fills: list[FillReport], amount: Decimal) -> Decimal | None:
    """The average price of the newest fills that make up an amount; None where they do not."""
    if amount <= 0:
        return None
    left, cost = amount, ZERO
    for fill in sorted(
        fills, key=lambda fill: (fill.at is not None, fill.at, fill.id), reverse=True
    ):
        taken = min(left, fill.amount)
        cost += taken * fill.price
        left -= taken
    return None if left else rounded_price(cost / amount)


def rounded_price(price: Decimal) -> Decimal:
    """A price without the endless digits of a division."""
    return price.quantize(PRICE_STEP).normalize()
