"""Whose an order is, and what is booked of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.activity import Activity, SeenOrder
from freqtrade_recon_plugin.domain.model import FillReport, OrderReport, OrderSide, OrderStatus
from freqtrade_recon_plugin.order_mark import new_client_id
from freqtrade_recon_plugin.service.attribution import Claim, attribute

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def order(order_id: str, client_id: str | None = None, **said: Any) -> SeenOrder:
    report = OrderReport(
        order_id, OrderSide.BUY, OrderStatus.CLOSED, amount=Decimal(1), filled=Decimal(1)
    )
    return SeenOrder(replace(report, **said), client_id)


def fill(fill_id: str, order_id: str, amount: str = "1", fee: str | None = None) -> FillReport:
    return FillReport(
        fill_id,
        order_id,
        OrderSide.BUY,
        Decimal(amount),
        Decimal(50000),
        fee_currency="BTC" if fee else None,
        fee_cost=Decimal(fee) if fee else None,
    )


def activity(*orders: SeenOrder, fills: tuple[FillReport, ...] = ()) -> Activity:
    return Activity(NOW, orders, fills, complete=True)


def own(found: tuple[OrderReport, ...] | None) -> dict[str, bool]:
    return {report.id: report.own for report in found or ()}


def test_an_order_is_own_by_its_id_its_client_id_or_its_mark() -> None:
    mark = new_client_id("binance", "b1", "token", "futures")
    seen = activity(order("1"), order("2", "intent"), order("3", mark), order("4", "web_x"))
    orders, _ = attribute(seen, Claim("b1", {"1", "intent"}), [])
    assert own(orders) == {"1": True, "2": True, "3": True, "4": False}


def test_what_an_own_stop_turned_into_is_own_too() -> None:
    seen = activity(order("stop", stop=True), order("sale", parent_id="stop"))
    orders, _ = attribute(seen, Claim("b1", {"stop"}), [])
    assert own(orders) == {"stop": True, "sale": True}


def test_what_is_booked_of_an_order_comes_from_the_bot() -> None:
    orders, _ = attribute(
        activity(order("1"), order("2")), Claim("b1", {"1"}, booked={"1": Decimal("0.4")}), []
    )
    assert [report.booked_filled for report in orders or ()] == [Decimal("0.4"), 0]


def test_another_bots_orders_and_fills_are_taken_out() -> None:
    theirs = new_client_id("binance", "b2", "token", "futures")
    seen = activity(
        order("1"),
        order("2"),
        order("3", theirs),
        order("4", parent_id="2"),
        fills=(fill("a", "1"), fill("b", "2"), fill("c", "3"), fill("d", "4"), fill("e", "5")),
    )
    orders, fills = attribute(seen, Claim("b1", {"1"}), [Claim("b2", {"2", "5"})])
    assert own(orders) == {"1": True}
    assert [each.id for each in fills] == ["a"]


def test_an_order_that_two_bots_claim_stays_with_each() -> None:
    seen = activity(order("1"), fills=(fill("a", "1"),))
    for mine, other in (("b1", "b2"), ("b2", "b1")):
        orders, fills = attribute(seen, Claim(mine, {"1"}), [Claim(other, {"1"})])
        assert own(orders) == {"1": True}
        assert len(fills) == 1


def test_fills_and_fees_count_as_booked_as_far_as_the_booking_reaches() -> None:
    seen = activity(
        order("1", amount=Decimal(2)),
        fills=(fill("a", "1", fee="0.001"), fill("b", "1", fee="0.001"), fill("c", "9")),
    )
    claim = Claim("b1", {"1"}, {"1": Decimal("1.5")}, {"1": Decimal("0.001")})
    _, fills = attribute(seen, claim, [])
    assert [(each.id, each.booked, each.fee_booked) for each in fills] == [
        ("a", True, True),
        ("b", False, False),
        ("c", False, True),
    ]


def test_orders_that_could_not_be_asked_stay_unknown() -> None:
    assert attribute(Activity(NOW), Claim("b1"), []) == (None, ())
