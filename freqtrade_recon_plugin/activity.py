"""What happened to one symbol on the exchange: its orders, conditional ones too, and its fills.

Invariants: an answer that is not what the endpoint promises is no answer, never "no orders"; an
order whose state or filled quantity cannot be read is of unknown status; what a bound or a fault
cut off is said (`complete`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.answers import decimal_of, positive
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    FillReport,
    OrderReport,
    OrderSide,
    OrderStatus,
)

#: Items a request, and requests a list: what a symbol's history may cost at most.
PAGE = 500
MOST_PAGES = 20
#: Binance futures answer for less than seven days at a time.
WINDOW = timedelta(days=7) - timedelta(milliseconds=1)

_STATUSES = {
    "open": OrderStatus.OPEN,
    "canceling": OrderStatus.OPEN,
    "closed": OrderStatus.CLOSED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
#: Client ids that Binance gives to the orders by which it closes a position itself.
_FORCED = ("autoclose-", "adl_autoclose", "settlement_autoclose-")


class BadAnswer(Exception):
    """The exchange answered with something that is not what the endpoint promises."""


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """One order as the exchange reports it. Whose it is and what is booked of it is not known."""

    report: OrderReport
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """Orders and fills of one symbol since a moment.

    :param orders, fills: None where they could not be asked.
    :param complete: nothing was cut off by a bound or a fault.
    :param note: what was wrong, for a person; without keys.
    """

    at: datetime
    orders: tuple[SeenOrder, ...] | None = None
    fills: tuple[FillReport, ...] | None = None
    complete: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """How one exchange is asked.

    :param list_orders, list_conditional, list_fills: take a start, an end and a limit, and give
        ccxt's unified items; None where the exchange cannot be asked.
    :param windowed: a question may span less than seven days.
    """

    list_orders: Callable[[int, int, int], Sequence[Mapping[str, Any]]] | None
    list_conditional: Callable[[int, int, int], Sequence[Mapping[str, Any]]] | None
    list_fills: Callable[[int, int, int], Sequence[Mapping[str, Any]]] | None
    windowed: bool


def check_list(raw: Any, strictly: bool) -> None:
    """Checks a raw answer that should list orders or fills, whatever ccxt made of it.

    :param strictly: it must be a list of objects with a symbol, as Binance gives it.
    :raises BadAnswer: it is something else.
    """
    if strictly:
        good = isinstance(raw, list) and all(
            isinstance(row, dict) and isinstance(row.get("symbol"), str) for row in raw
        )
    else:
        good = isinstance(raw, (dict, list))
    if not good:
        raise BadAnswer("the answer is not a list of orders or fills")


def read_activity(
    source: Source, contract_size: Decimal, since: datetime, now: datetime
) -> Activity:
    """Asks for everything since a moment, page by page.

    :param contract_size: base coin per contract; 1 on spot.
    :raises BadAnswer: an answer is not what the endpoint promises.
    """
    orders = conditional = fills = None
    whole = True
    if source.list_orders is not None:
        orders, complete = _paged(source.list_orders, since, now, source.windowed)
        whole &= complete
    if source.list_conditional is not None:
        conditional, complete = _paged(source.list_conditional, since, now, source.windowed)
        whole &= complete
    if source.list_fills is not None:
        fills, complete = _paged(source.list_fills, since, now, source.windowed)
        whole &= complete
    if orders is None or fills is None:
        whole = False
    seen = None if orders is None else seen_orders(orders, conditional or [], contract_size)
    forced = {order.report.id for order in seen or () if _is_forced(order.client_id)}
    return Activity(
        at=now,
        orders=seen,
        fills=None if fills is None else tuple(fill_of(f, contract_size, forced) for f in fills),
        complete=whole,
        note="" if whole else "the history of orders and fills is not complete",
    )


def _paged(
    ask: Callable[[int, int, int], Sequence[Mapping[str, Any]]],
    since: datetime,
    until: datetime,
    windowed: bool,
) -> tuple[list[Mapping[str, Any]], bool]:
    """All items between two moments, each once, oldest first; and whether that is all."""
    found: dict[str, Mapping[str, Any]] = {}
    start, end = _milliseconds(since), _milliseconds(until + timedelta(minutes=1))
    for _ in range(MOST_PAGES):
        stop = min(end, start + _milliseconds_of(WINDOW)) if windowed else end
        page = ask(start, stop, PAGE)
        for item in page:
            found[str(item["id"])] = item
        if len(page) >= PAGE:
            newest = max(int(item["timestamp"] or 0) for item in page)
            if newest <= start:
                return list(found.values()), False
            start = newest
        elif stop >= end:
            return list(found.values()), True
        else:
            start = stop + 1
    return list(found.values()), False


def seen_orders(
    orders: Sequence[Mapping[str, Any]],
    conditional: Sequence[Mapping[str, Any]],
    contract_size: Decimal,
) -> tuple[SeenOrder, ...]:
    """Orders and conditional orders as value classes, each tied to the one that it came from."""
    parents = {
        str(order["info"]["actualOrderId"]): str(order["id"])
        for order in conditional
        if order["info"].get("actualOrderId") not in (None, "", "0", 0)
    }
    seen = [_seen(order, contract_size, is_stop=_is_stop(order)) for order in orders]
    seen += [_seen(order, contract_size, is_stop=True) for order in conditional]
    return tuple(
        replace(item, report=replace(item.report, parent_id=parents.get(item.report.id)))
        for item in seen
    )


def _seen(order: Mapping[str, Any], contract_size: Decimal, is_stop: bool) -> SeenOrder:
    amount, filled = decimal_of(order.get("amount")), decimal_of(order.get("filled"))
    status = _STATUSES.get(str(order.get("status")), OrderStatus.UNKNOWN)
    closes = order["info"].get("closePosition") in (True, "true")
    if filled is None or _lacks_quantity(order["info"]) or (amount is None and not closes):
        status = OrderStatus.UNKNOWN
    client_id = order.get("clientOrderId")
    return SeenOrder(
        report=OrderReport(
            id=str(order["id"]),
            side=OrderSide(str(order["side"])),
            status=status,
            amount=(amount or ZERO) * contract_size,
            filled=(filled or ZERO) * contract_size,
            average=positive(order.get("average")),
            stop=is_stop,
            reduce_only=bool(order.get("reduceOnly")),
            at=_time(order.get("timestamp")),
            close_position=closes,
        ),
        client_id=None if client_id is None else str(client_id),
    )


def _lacks_quantity(raw: Mapping[str, Any]) -> bool:
    """Whether Binance's own field of what is filled is there and cannot be read."""
    return "executedQty" in raw and decimal_of(raw["executedQty"]) is None


def _is_stop(order: Mapping[str, Any]) -> bool:
    """A stop that rests among the ordinary orders, as on spot; not one that has turned into one."""
    return positive(order.get("triggerPrice")) is not None and "STOP" in str(
        order["info"].get("type", "")
    )


def fill_of(fill: Mapping[str, Any], contract_size: Decimal, forced: set[str]) -> FillReport:
    """One of the account's own trades as a value class.

    :param forced: ids of orders by which the exchange closed a position itself.
    :raises BadAnswer: it has no readable quantity or price.
    """
    amount, price = decimal_of(fill.get("amount")), decimal_of(fill.get("price"))
    if amount is None or price is None or fill.get("order") is None:
        raise BadAnswer("a fill without a quantity, a price or an order")
    currency, cost = _fee(fill)
    order_id = str(fill["order"])
    return FillReport(
        id=str(fill["id"]),
        order_id=order_id,
        side=OrderSide(str(fill["side"])),
        amount=amount * contract_size,
        price=price,
        fee_currency=currency,
        fee_cost=cost,
        liquidation=order_id in forced,
        at=_time(fill.get("timestamp")),
    )


def _fee(fill: Mapping[str, Any]) -> tuple[str | None, Decimal | None]:
    fee = fill.get("fee") or {}
    currency, cost = fee.get("currency"), decimal_of(fee.get("cost"))
    if currency is None:  # ccxt leaves it out of some answers that have it
        raw = fill.get("info") or {}
        currency, cost = raw.get("commissionAsset"), decimal_of(raw.get("commission"))
    if currency is None or cost is None or cost < ZERO:
        return None, None
    return str(currency), cost


def _is_forced(client_id: str | None) -> bool:
    return client_id is not None and client_id.startswith(_FORCED)


def _time(milliseconds: Any) -> datetime | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds))


def _milliseconds(moment: datetime) -> int:
    return _milliseconds_of(moment - datetime.fromtimestamp(0, UTC))


def _milliseconds_of(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
