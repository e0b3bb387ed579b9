"""The order of questions: which verdict wins, in flight, blind for too long."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.model import Evidence, OrderStatus
from tests.unit.domain.samples import (
    evidence,
    exchange_read,
    fill,
    judge,
    market,
    moment,
    numbers,
    order,
    own,
    spot,
)

# --- in flight ----------------------------------------------------------------------------------


def missed(age: float, exchange: str = "10.4", **said: Any) -> Evidence:
    """A fill of 0.4 that the bot has not booked, so many seconds old."""
    return evidence(
        "10",
        exchange,
        orders=(own("1", "buy", "1", "0.4", status=OrderStatus.OPEN),),
        fills=(fill("t", "1", "buy", "0.4", at=moment(5 - age)),),
        **said,
    )


@pytest.mark.parametrize(
    ("age", "verdict"), [(0, "in_flight"), (59.999999, "in_flight"), (60, "divergent")]
)
def test_a_fill_younger_than_the_grace_is_the_bots_to_book(age: float, verdict: str) -> None:
    assert judge(missed(age)).verdict == verdict


def test_a_fill_in_flight_waits_and_is_explained() -> None:
    verdict = judge(missed(3))
    assert (verdict.decision, verdict.severity, verdict.final_local) == ("wait", "none", 10)
    assert numbers(verdict) == [("partial_fill", "0.4", "1")]


def test_the_grace_is_the_policys() -> None:
    assert judge(missed(10, policy={"in_flight_grace_s": 10})).verdict == "divergent"
    assert judge(missed(10, policy={"in_flight_grace_s": 11})).verdict == "in_flight"


@pytest.mark.parametrize(("since", "verdict"), [(-54.9, "in_flight"), (-55, "divergent")])
def test_what_was_first_seen_in_flight_long_ago_is_not_young(since: float, verdict: str) -> None:
    assert judge(missed(1, context={"in_flight_since": moment(since)})).verdict == verdict


def test_without_fills_the_time_of_the_order_counts() -> None:
    young = own("1", "buy", "1", at=moment(0))
    old = own("1", "buy", "1", at=moment(-60))
    assert judge(evidence("10", "11", orders=(young,))).verdict == "in_flight"
    assert judge(evidence("10", "11", orders=(old,))).verdict == "divergent"


def test_the_newest_fill_counts_and_not_the_order() -> None:
    old_order = own("1", "buy", "1", at=moment(-4000))
    newest = fill("t", "1", "buy", "1", at=moment(1))
    subject = evidence("10", "11", orders=(old_order,), fills=(newest,))
    assert judge(subject).verdict == "in_flight"


def test_a_fill_without_any_time_is_young_until_it_was_seen_for_too_long() -> None:
    timeless = own("1", "buy", "1", at=None)
    assert judge(evidence("10", "11", orders=(timeless,))).verdict == "in_flight"
    seen = {"in_flight_since": moment(-100)}
    assert judge(evidence("10", "11", orders=(timeless,), context=seen)).verdict == "divergent"


def test_a_phantom_may_be_in_flight_too() -> None:
    phantom = own("1", "buy", "1", "0.6", booked_filled=Decimal(1), at=moment(0))
    assert judge(evidence("10", "9.6", orders=(phantom,))).verdict == "in_flight"


def test_a_young_fill_that_does_not_explain_the_whole_difference_is_not_in_flight() -> None:
    verdict = judge(missed(3, exchange="10.5"))
    assert verdict.verdict == "divergent"
    assert (numbers(verdict), verdict.unexplained) == (
        [("partial_fill", "0.4", "1")],
        Decimal("0.1"),
    )


def test_a_young_fill_that_overshoots_the_difference_is_not_in_flight() -> None:
    assert judge(missed(3, exchange="10.3")).verdict == "divergent"
    assert judge(missed(3, exchange="-10.3")).severity == "large"


def test_in_flight_leaves_out_what_is_left_alone_anyway() -> None:
    assert judge(missed(3, exchange="10.4005")).verdict == "in_flight"
    entry = own("1", "buy", "2", at=moment(0))
    assert judge(spot("0", "5", orders=(entry,))).verdict == "in_flight"


def test_a_fee_in_the_coin_is_part_of_what_is_in_flight() -> None:
    entry = own("1", "buy", "2", at=moment(0))
    fee = {"fee_currency": "BTC", "fee_cost": Decimal("0.002")}
    subject = spot(
        "0", "1.998", orders=(entry,), fills=(fill("t", "1", "buy", "2", at=moment(0), **fee),)
    )
    assert judge(subject).verdict == "in_flight"


def test_a_young_fill_beside_equal_sizes_is_in_sync() -> None:
    assert judge(missed(3, exchange="10")).verdict == "in_sync"


def test_an_own_order_of_unknown_status_may_explain_up_to_its_unfilled_amount() -> None:
    def unknown(amount: str, age: float = 0) -> Evidence:
        lost = own("1", "buy", amount, "0", status=OrderStatus.UNKNOWN, at=moment(5 - age))
        return evidence("10", "11", orders=(lost,))

    assert judge(unknown("1")).verdict == "in_flight"
    assert judge(unknown("3")).verdict == "in_flight"
    assert judge(unknown("0.9")).verdict == "divergent"
    late = judge(unknown("3", age=60))
    assert late.verdict == "divergent"
    assert [(part.amount, part.note) for part in late.explanation] == [(1, "status unknown")]


@pytest.mark.parametrize("age", [0, 4000])
def test_an_order_of_unknown_status_beside_sizes_that_agree_says_nothing(age: float) -> None:
    lost = own("1", "buy", "1", "0", status=OrderStatus.UNKNOWN, at=moment(5 - age))
    assert judge(evidence("10", "10", orders=(lost,))).verdict == "in_sync"
    assert judge(evidence("10", "10.0005", orders=(lost,))).verdict == "within_tolerance"


def test_a_surplus_on_spot_may_be_an_entry_of_unknown_status() -> None:
    lost = own("1", "buy", "1", "0", status=OrderStatus.UNKNOWN, at=moment(0))
    assert judge(spot("10", "11", orders=(lost,))).verdict == "in_flight"


# --- overdue ------------------------------------------------------------------------------------


def test_an_old_fill_is_divergent_whatever_the_sizes_say() -> None:
    verdict = judge(evidence("10", "10", orders=(own("1", "buy", "0.1"),)))
    assert (verdict.verdict, verdict.divergence, verdict.unexplained) == (
        "divergent",
        0,
        Decimal("-0.1"),
    )
    assert verdict.final_local == 10


def test_an_old_fill_is_divergent_where_the_difference_alone_would_be_left() -> None:
    step = evidence("10", "10.0005", orders=(own("1", "buy", "0.0005"),))
    assert judge(step).verdict == "divergent"
    surplus = spot("2", "5", orders=(own("1", "buy", "1"),))
    assert judge(surplus).verdict == "divergent"


def test_a_strangers_old_fill_does_not_disturb_equal_sizes() -> None:
    assert judge(evidence("10", "10", orders=(order("9", "buy", "1"),))).verdict == "in_sync"


# --- signs, calm --------------------------------------------------------------------------------


def test_long_against_short_is_large_whatever_the_policy_tolerates() -> None:
    loose = {"amount_tolerance_steps": "1000000", "dust_notional": "1000000"}
    verdict = judge(evidence("0.001", "-0.001", policy=loose))
    assert (verdict.verdict, verdict.severity, verdict.decision) == ("divergent", "large", "halt")


def test_equal_is_in_sync_however_it_is_written() -> None:
    verdict = judge(evidence("100", "100.000"))
    assert (verdict.verdict, verdict.decision, verdict.divergence_pct) == ("in_sync", "none", 0)
    assert judge(evidence("0", "0")).verdict == "in_sync"


def test_the_exchange_is_compared_with_what_all_bots_hold() -> None:
    shared = {"other_bots": Decimal(5)}
    assert judge(evidence("10", "15", context=shared)).verdict == "in_sync"
    short = {"other_bots": Decimal(-5)}
    assert judge(evidence("10", "5", context=short)).verdict == "in_sync"
    assert judge(evidence("0", "5", context=shared)).verdict == "in_sync"


def test_sums_of_long_numbers_stay_exact() -> None:
    nothing = market(amount_step=None, min_cost=None)
    big = evidence("1" + "0" * 28 + "0", "1" + "0" * 28 + "1", market=nothing)
    assert judge(big).divergence == 1
    tiny = evidence("0." + "0" * 28 + "1", "1", market=nothing)
    assert judge(tiny).divergence == Decimal("0." + "9" * 29)


# --- blind --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("since", "decision"), [(-895, "wait"), (-895.000001, "halt")])
def test_blind_for_longer_than_the_limit_halts(since: float, decision: str) -> None:
    subject = evidence("100", None, context={"no_evidence_since": moment(since)})
    assert judge(subject).decision == decision


def test_the_first_blind_read_waits() -> None:
    assert judge(evidence("100", None)).decision == "wait"


def test_a_verdict_without_evidence_names_the_book_where_it_is_sure_of_it() -> None:
    assert judge(evidence("100", None)).local == 100
    two = replace(
        evidence("100", None), local_reads=evidence("100").local_reads + evidence("90").local_reads
    )
    assert judge(two).local is None


def test_blind_before_says_nothing_once_there_is_evidence() -> None:
    assert judge(evidence(context={"no_evidence_since": moment(-9000)})).decision == "none"


def test_doubt_for_too_long_halts_as_well() -> None:
    subject = evidence("100", "150", context={"no_evidence_since": moment(-9000)})
    first, _ = subject.exchange_reads
    subject = replace(subject, exchange_reads=(first, exchange_read("151", 5)))
    assert (judge(subject).verdict, judge(subject).decision) == ("no_evidence", "halt")


# --- for the person on duty ---------------------------------------------------------------------


def test_the_reason_says_the_numbers_and_why() -> None:
    assert judge(evidence("100", "150")).reason == (
        "Book 100, exchange 150: 50 apart (33.33 %); halted: large."
    )
    assert "corrected without a person" in judge(evidence("100", "103")).reason
    assert "(" not in judge(evidence("10", "0")).reason
