"""Correct or halt: size, budget, and everything that needs a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.model import Evidence, OrderStatus
from tests.unit.domain.samples import evidence, fill, judge, market, order, own, spot

FINE = market(amount_step=Decimal("0.00000001"))


def used(pct: str = "0", count: int = 0) -> dict[str, Any]:
    return {"auto_corrected_pct_last_day": Decimal(pct), "auto_corrections_last_hour": count}


def halts(subject: Evidence, why: str) -> bool:
    verdict = judge(subject)
    return verdict.decision == "halt" and why in verdict.reason


def corrects(subject: Evidence) -> bool:
    return judge(subject).decision == "auto_correct"


# --- budget -------------------------------------------------------------------------------------


def test_small_is_corrected_and_large_halts() -> None:
    assert corrects(evidence("100", "103"))
    assert halts(evidence("100", "150"), "large")


def test_the_budget_per_hour_is_a_count_of_corrections() -> None:
    assert corrects(evidence("100", "103", context=used(count=9)))
    assert halts(evidence("100", "103", context=used(count=10)), "budget")
    none = {"max_auto_corrections_per_hour": 0}
    assert halts(evidence("100", "103", policy=none), "budget")


@pytest.mark.parametrize(("pct", "fits"), [("6", True), ("6.000001", False), ("10", False)])
def test_the_budget_per_day_may_be_reached_and_not_passed(pct: str, fits: bool) -> None:
    four_percent = evidence("96", "100", context=used(pct))
    assert corrects(four_percent) is fits


def test_the_budget_is_not_counted_in_rounded_percent() -> None:
    hair = evidence("96.000000000000", "100.000000000001", context=used("6"), market=FINE)
    assert judge(hair).divergence_pct == 4
    assert halts(hair, "budget")


def test_a_deficit_that_is_dust_is_exempt_from_the_budget() -> None:
    spent = used("10", 10)
    dust = judge(evidence("1", "0.99991", context=spent, market=FINE))
    assert (dust.decision, dust.counts_against_budget) == ("auto_correct", False)
    more = judge(evidence("1", "0.9999", context=spent, market=FINE))
    assert (more.decision, more.counts_against_budget) == ("halt", True)


def test_a_deficit_made_of_fees_alone_is_exempt_from_the_budget() -> None:
    paid = {"fee_currency": "BTC", "fee_cost": Decimal("0.1")}
    entry = own("1", "buy", "100", booked_filled=Decimal(100))
    fees = (fill("t", "1", "buy", "100", **paid),)
    spent = used("10", 10)
    alone = judge(spot("100", "99.9", orders=(entry,), fills=fees, context=spent))
    assert (alone.decision, alone.counts_against_budget) == ("auto_correct", False)
    more = judge(spot("100", "99.8", orders=(entry,), fills=fees, context=spent))
    assert (more.decision, more.counts_against_budget) == ("halt", True)


def test_a_surplus_is_not_exempt_from_the_budget() -> None:
    counted = judge(evidence("100", "100.5"))
    assert (counted.decision, counted.counts_against_budget) == ("auto_correct", True)
    assert halts(evidence("100", "100.5", context=used("10")), "budget")


def test_large_is_large_even_where_the_budget_is_exempt() -> None:
    verdict = judge(spot("0.00005", "0"))
    assert (verdict.severity, verdict.decision) == ("large", "halt")


# --- what always needs a person -----------------------------------------------------------------


def test_somebody_elses_increase_halts_however_small() -> None:
    assert halts(evidence("100", "103", orders=(order("9", "buy", "3"),)), "increased")
    assert halts(evidence("100", "103", fills=(fill("t", "9", "buy", "3"),)), "increased")


def test_somebody_elses_small_decrease_is_corrected() -> None:
    assert corrects(evidence("100", "97", orders=(order("9", "sell", "3"),)))


def test_an_increase_that_a_decrease_hides_halts() -> None:
    hidden = (own("1", "sell", "2"), order("9", "buy", "2"))
    assert halts(evidence("100", "100", orders=hidden), "increased")


def test_a_phantom_alone_is_corrected_and_beside_a_riddle_it_halts() -> None:
    phantom = own("1", "buy", "3", "1", booked_filled=Decimal(3))
    assert corrects(evidence("100", "98", orders=(phantom,)))
    assert halts(evidence("100", "97", orders=(phantom,)), "booked beyond")


def test_a_phantom_beside_an_order_of_unknown_status_halts() -> None:
    phantom = own("1", "buy", "3", "1", booked_filled=Decimal(3))
    lost = own("2", "sell", "1", "0", status=OrderStatus.UNKNOWN)
    assert halts(evidence("100", "97", orders=(phantom, lost)), "booked beyond")


def test_a_small_surplus_on_spot_without_an_own_fill_halts() -> None:
    alone = {"policy": {"exclusive_account": True}}
    assert halts(spot("100", "103", **alone), "surplus")
    assert corrects(spot("100", "103", orders=(own("1", "buy", "3"),), **alone))
    assert halts(spot("100", "103", orders=(own("1", "buy", "2"),), **alone), "surplus")
    assert corrects(spot("100", "97", **alone))
    assert corrects(evidence("100", "103", **alone))


def test_a_sale_that_spot_missed_is_corrected_beside_coins_of_the_operators() -> None:
    subject = spot("100", "102", orders=(own("1", "sell", "0.1"),))
    assert corrects(subject)
    assert judge(subject).final_local == Decimal("99.9")


def test_a_coin_sold_that_was_never_there_halts() -> None:
    assert halts(spot("2", "1", external_holding=Decimal(3)), "more is gone")
    oversold = spot("100", "97", orders=(own("1", "sell", "103"),))
    assert halts(oversold, "more is gone")


def test_what_cannot_be_told_apart_among_several_bots_halts() -> None:
    shared = {"other_bots": Decimal(50)}
    whose = "cannot be told whose"
    assert halts(evidence("100", "153", context=dict(shared)), whose)
    strangers = (order("9", "sell", "3"),)
    assert halts(evidence("100", "147", orders=strangers, context=dict(shared)), whose)
    lost = (own("1", "buy", "9", "0", status=OrderStatus.UNKNOWN),)
    assert halts(evidence("100", "153", orders=lost, context=dict(shared)), whose)
    mine = (own("1", "buy", "3"),)
    assert corrects(evidence("100", "153", orders=mine, context=dict(shared)))


# --- book_own_fills -----------------------------------------------------------------------------

BOOK = {"book_own_fills": True, "max_auto_corrected_pct_per_day": "1000"}


def stopped_out(**said: Any) -> Evidence:
    return evidence("10", "0", orders=(own("3002", "sell", "10", stop=True),), **said)


def test_own_fills_that_explain_a_large_difference_wait_for_a_person_by_default() -> None:
    assert halts(stopped_out(), "large")


def test_own_fills_that_explain_a_large_difference_may_be_booked() -> None:
    verdict = judge(stopped_out(policy=BOOK))
    assert (verdict.severity, verdict.decision, verdict.final_local) == ("large", "auto_correct", 0)
    half = evidence("10", "5", orders=(own("1", "sell", "5"),), policy=BOOK)
    assert corrects(half)
    short = evidence("-10", "-5", orders=(own("1", "buy", "5"),), policy=BOOK)
    assert corrects(short)


def test_the_budget_holds_for_own_fills_too() -> None:
    narrow = {"book_own_fills": True}
    assert halts(stopped_out(policy=narrow, context=used(count=10)), "budget")
    assert halts(stopped_out(policy=narrow, context=used("10.1")), "budget")
    assert corrects(stopped_out(policy=narrow, context=used("10")))
    half = evidence("10", "5", orders=(own("1", "sell", "5"),), policy=narrow)
    assert halts(half, "budget")


@pytest.mark.parametrize(
    ("local", "exchange", "orders"),
    [
        ("10", "15", (own("1", "buy", "5"),)),
        ("0", "5", (own("1", "buy", "5"),)),
        ("10", "-5", (own("1", "sell", "15"),)),
        ("10", "4", (own("1", "sell", "5"),)),
        ("10", "5", (order("1", "sell", "5"),)),
        ("10", "5", (own("1", "buy", "10", "5", booked_filled=Decimal(10)),)),
        ("10", "0", (own("1", "sell", "10", "0", status=OrderStatus.UNKNOWN),)),
    ],
    ids=["grows", "opens", "flips", "unexplained", "stranger", "phantom", "unknown"],
)
def test_nothing_else_that_is_large_is_booked_without_a_person(
    local: str, exchange: str, orders: Any
) -> None:
    assert halts(evidence(local, exchange, orders=orders, policy=BOOK), "large")


def test_a_liquidation_waits_for_a_person_also_with_own_fills_booked() -> None:
    gone = fill("t", "1", "sell", "10", liquidation=True)
    subject = evidence("10", "0", orders=(own("1", "sell", "10"),), fills=(gone,), policy=BOOK)
    assert halts(subject, "large")
