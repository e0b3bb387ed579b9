"""Whose an order is, how much of it is booked, and reports that come twice or contradict."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.explain import OrderFamily, families, own_ids, unbooked_fees
from freqtrade_recon_plugin.domain.model import OrderStatus
from tests.unit.domain.samples import (
    evidence,
    fill,
    judge,
    legs,
    moment,
    numbers,
    order,
    own,
    spot,
    with_local,
)

D = Decimal


def only(**said: Any) -> OrderFamily:
    """The one family of some evidence."""
    (family,) = families(evidence(**said))
    return family


# --- how much is unbooked -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filled", "fills", "booked", "unbooked"),
    [
        ("4", [], "0", "4"),
        ("4", ["1", "3"], "0", "4"),
        ("4", ["1"], "0", "4"),
        ("0", ["1", "3"], "0", "4"),
        ("4", ["5"], "0", "5"),
        ("4", [], "4", "0"),
        ("4", [], "3", "1"),
        ("4", ["4"], "5", "-1"),
    ],
)
def test_unbooked_is_what_was_filled_less_what_is_booked(
    filled: str, fills: list[str], booked: str, unbooked: str
) -> None:
    report = own("1", "buy", "10", filled, booked_filled=D(booked))
    parts = tuple(fill(f"t{n}", "1", "buy", amount) for n, amount in enumerate(fills))
    assert only(orders=(report,), fills=parts).unbooked == D(unbooked)
    sale = own("1", "sell", "10", filled, booked_filled=D(booked))
    assert only(orders=(sale,), fills=parts).unbooked == -D(unbooked)


def test_the_booked_mark_of_a_fill_is_information_only() -> None:
    part = fill("t", "1", "buy", "4", booked=True)
    assert only(orders=(own("1", "buy", "4"),), fills=(part,)).unbooked == 4


def test_a_strangers_fill_that_is_marked_as_booked_is_not_booked_again() -> None:
    part = fill("t", "9", "sell", "3", booked=True)
    verdict = judge(evidence("100", "97", fills=(part,)))
    assert numbers(verdict) == []


@pytest.mark.parametrize(
    ("filled", "kind"), [("10", "missed_fill"), ("9.999", "partial_fill"), ("1", "partial_fill")]
)
def test_a_fill_of_the_whole_order_is_missed_and_of_a_part_partial(filled: str, kind: str) -> None:
    half = own("1", "buy", "10", filled, status=OrderStatus.CANCELED)
    verdict = judge(evidence("100", str(100 + D(filled)), orders=(half,)))
    assert [part.kind for part in verdict.explanation] == [kind]


def test_a_report_of_unknown_status_does_not_take_back_what_is_booked() -> None:
    lost = own("1", "buy", "10", "0", status=OrderStatus.UNKNOWN, booked_filled=D(4))
    family = only(orders=(lost,))
    assert (family.unbooked, family.unproven, family.phantom) == (0, 6, False)


def test_an_order_of_unknown_status_on_the_other_side_explains_nothing() -> None:
    lost = own("1", "sell", "3", "0", status=OrderStatus.UNKNOWN)
    verdict = judge(evidence("100", "103", orders=(lost,)))
    assert (numbers(verdict), verdict.unexplained) == ([], 3)


# --- whose it is --------------------------------------------------------------------------------


def test_an_order_is_own_by_its_mark_or_by_its_id() -> None:
    assert only(orders=(own("1", "buy", "1"),)).own
    assert only(orders=(order("1001", "buy", "1"),)).own
    assert not only(orders=(order("1002", "buy", "1"),)).own


def test_ids_that_only_an_older_read_of_the_book_knows_count() -> None:
    subject = evidence(orders=(order("7", "buy", "1"),))
    first, last = subject.local_reads
    known = with_local(evidence(local_reads=(first,)), known_order_ids=("7",)).local_reads
    assert "7" in own_ids(evidence(local_reads=(*known, last)))


@pytest.mark.parametrize(
    "parent",
    [
        own("stop", "sell", "10", "0", stop=True),
        order("1001", "sell", "10", "0", stop=True),
        None,
    ],
    ids=["marked", "known", "known and not reported"],
)
def test_an_order_inherits_its_owner_from_the_conditional_order(parent: Any) -> None:
    name = parent.id if parent else "1001"
    child = order("real", "sell", "10", parent_id=name)
    subject = evidence("10", "0", orders=(child, *([parent] if parent else [])))
    assert {"real", name} <= own_ids(subject)
    assert numbers(judge(subject)) == [("missed_fill", "-10", "real")]


def test_only_the_order_that_the_fills_name_is_booked() -> None:
    parent = own("stop", "sell", "10", stop=True, average=None)
    child = order("real", "sell", "10", parent_id="stop", average=None)
    part = fill("t", "real", "sell", "10", price=D(47500))
    for fills, name in (((part,), "real"), ((), "real")):
        verdict = judge(evidence("10", "0", orders=(parent, child), fills=fills))
        assert [(leg.order_id, leg.amount) for leg in verdict.booking] == [(name, 10)]
    named = fill("t", "stop", "sell", "10", price=D(47500))
    verdict = judge(evidence("10", "0", orders=(parent, child), fills=(named,)))
    assert [leg.order_id for leg in verdict.booking] == ["stop"]


def test_what_is_booked_under_the_conditional_order_is_not_booked_again() -> None:
    parent = own("stop", "sell", "10", stop=True, booked_filled=D(10))
    child = order("real", "sell", "10", parent_id="stop")
    part = fill("t", "real", "sell", "10")
    assert judge(evidence("0", "0", orders=(parent, child), fills=(part,))).verdict == "in_sync"


def test_a_phantom_is_taken_back_from_the_order_that_the_bot_has_booked() -> None:
    parent = own("stop", "sell", "10", "0", stop=True, booked_filled=D(10))
    child = order("real", "sell", "10", "6", parent_id="stop")
    verdict = judge(evidence("0", "4", orders=(parent, child)))
    assert [(leg.order_id, leg.amount) for leg in verdict.booking] == [("stop", 4)]


@pytest.mark.parametrize("parents", [("a", "a"), ("b", "a")])
def test_orders_that_name_each_other_as_parent_are_one_family(parents: tuple[str, str]) -> None:
    orders = (
        own("a", "buy", "3", parent_id=parents[0]),
        own("b", "buy", "3", parent_id=parents[1]),
    )
    assert only(orders=orders).unbooked == 3


def test_a_chain_of_parents_is_one_family() -> None:
    chain = (
        order("c", "buy", "3", parent_id="b"),
        order("b", "buy", "3", "0", parent_id="a"),
        own("a", "buy", "3", "0"),
    )
    assert (only(orders=chain).own, only(orders=chain).unbooked) == (True, 3)
    assert {"a", "b", "c"} <= own_ids(evidence(orders=chain))


def test_fills_of_nobodys_order_are_foreign() -> None:
    parts = (fill("t1", "9", "sell", "1"), fill("t2", "9", "sell", "2"))
    family = only(fills=parts)
    assert (family.own, family.unbooked, family.order_id) == (False, -3, "9")


def test_fills_of_a_known_order_without_a_report_are_not_counted() -> None:
    assert families(evidence(fills=(fill("t", "1001", "buy", "3"),))) == []


# --- twice, or in contradiction -----------------------------------------------------------------


def test_a_report_that_comes_twice_counts_once() -> None:
    report, part = own("1", "buy", "3"), fill("t", "1", "buy", "3")
    assert only(orders=(report, report), fills=(part, part)).unbooked == 3


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_reports_of_an_order_the_one_that_knows_more_counts(turned: bool) -> None:
    cases = [
        (own("1", "buy", "3", booked_filled=D(3)), own("1", "buy", "3")),
        (own("1", "buy", "3", "2"), own("1", "buy", "3", "3", status=OrderStatus.OPEN)),
        (own("1", "buy", "3", "3"), own("1", "buy", "3", "2")),
    ]
    for better, worse in cases:
        pair = (worse, better) if turned else (better, worse)
        assert families(evidence(orders=pair)) == families(evidence(orders=(better,)))


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_reports_of_a_fill_the_one_with_its_fee_booked_counts(turned: bool) -> None:
    paid = {"fee_currency": "BTC", "fee_cost": D("0.1")}
    pair = (fill("t", "1", "buy", "3", **paid), fill("t", "1", "buy", "3", fee_booked=True, **paid))
    fills = pair[::-1] if turned else pair
    assert unbooked_fees(spot(orders=(own("1", "buy", "3"),), fills=fills)) == {}


def test_an_account_that_trades_with_itself_has_one_fill_id_for_two_orders() -> None:
    both = (fill("t", "1", "buy", "3"), fill("t", "2", "sell", "3"))
    found = families(evidence(fills=both))
    assert sorted(family.unbooked for family in found) == [-3, 3]


# --- time and price -----------------------------------------------------------------------------


def test_families_come_oldest_first_and_those_without_a_time_last() -> None:
    orders = (
        own("z", "buy", "1", at=None),
        own("y", "buy", "1", at=None),
        own("b", "buy", "1", at=moment(-1)),
        own("a", "buy", "1", at=moment(-2)),
    )
    assert [family.order_id for family in families(evidence(orders=orders))] == list("abyz")


def test_a_price_is_unknown_where_the_fills_do_not_make_up_the_amount() -> None:
    few = (fill("t", "1", "buy", "1", price=D(40000)),)
    assert only(orders=(own("1", "buy", "3", average=None),), fills=few).price is None
    assert only(orders=(own("1", "buy", "3", average=D(45000)),), fills=few).price == 45000


def test_fills_without_a_time_are_taken_as_the_oldest() -> None:
    fills = (
        fill("t1", "1", "buy", "1", price=D(40000), at=None),
        fill("t2", "1", "buy", "1", price=D(60000)),
    )
    half = own("1", "buy", "2", booked_filled=D(1))
    assert only(orders=(half,), fills=fills).price == 60000


# --- fees ---------------------------------------------------------------------------------------


def test_fees_count_in_the_coin_of_own_orders_that_are_not_booked() -> None:
    paid = {"fee_currency": "BTC", "fee_cost": D("0.1")}
    fills = (
        fill("t1", "1", "buy", "1", **paid),
        fill("t2", "1", "buy", "1", **paid),
        fill("t3", "1", "buy", "1", fee_booked=True, **paid),
        fill("t4", "1", "buy", "1", fee_currency="BNB", fee_cost=D("0.1")),
        fill("t5", "1", "buy", "1", fee_currency="BTC", fee_cost=None),
        fill("t6", "9", "buy", "1", **paid),
        fill("t7", "1001", "buy", "1", **paid),
    )
    subject = spot(orders=(own("1", "buy", "5"),), fills=fills)
    assert unbooked_fees(subject) == {"1": D("0.2"), "1001": D("0.1")}


def test_a_fee_of_the_order_that_a_stop_turned_into_is_the_bots() -> None:
    child = order("real", "buy", "1", parent_id="1001", booked_filled=D(1))
    paid = fill("t", "real", "buy", "1", fee_currency="BTC", fee_cost=D("0.001"))
    verdict = judge(spot("1", "0.999", orders=(child,), fills=(paid,)))
    assert [leg[3] for leg in legs(verdict)] == ["fee"]
