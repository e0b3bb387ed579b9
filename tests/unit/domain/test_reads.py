"""What reads state together: confirmation, age, absence, doubt."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.model import Evidence, Grade, Verdict
from freqtrade_recon_plugin.domain.reads import moment_of, seconds, span_seconds
from tests.unit.domain.samples import (
    evidence,
    exchange_read,
    fill,
    judge,
    local_read,
    moment,
    own,
    spot,
    stop,
    with_exchange,
    with_local,
)


def read_as(
    exchange: list[tuple[str | None, float]],
    local: list[tuple[str, float]],
    **said: Any,
) -> Evidence:
    """Evidence from reads, each a signed quantity and a time."""
    return replace(
        evidence(**said),
        local_reads=tuple(local_read(quantity, at) for quantity, at in local),
        exchange_reads=tuple(exchange_read(quantity, at) for quantity, at in exchange),
    )


def waits(verdict: Verdict, why: str) -> bool:
    return (verdict.verdict, verdict.decision) == ("no_evidence", "wait") and why in verdict.reason


# --- too little to say anything -----------------------------------------------------------------


@pytest.mark.parametrize("grade", ["failed", "malformed", "null_quantity"])
@pytest.mark.parametrize("local", ["0", "100"])
def test_a_read_that_failed_is_never_evidence_whatever_the_book_says(
    grade: str, local: str
) -> None:
    subject = with_exchange(evidence(local, "100"), grade=Grade(grade))
    assert waits(judge(subject), f"grades: {grade}")


def test_no_exchange_read_at_all_is_no_evidence() -> None:
    assert waits(judge(evidence(exchange_reads=())), "none at all")


def test_one_read_confirms_nothing_not_even_equality() -> None:
    assert waits(judge(read_as([("100", 0)], [("100", 0)])), "1 of 2")


def test_a_failed_read_between_two_good_ones_is_passed_over() -> None:
    subject = evidence("100", "103")
    failed = exchange_read("0", 2, grade=Grade.FAILED)
    first, last = subject.exchange_reads
    assert judge(replace(subject, exchange_reads=(first, failed, last))).decision == "auto_correct"


def test_the_policy_may_ask_for_more_reads() -> None:
    reads: list[tuple[str | None, float]] = [("103", 0), ("103", 2), ("103", 5)]
    three = {"confirm_reads": 3}
    assert judge(read_as(reads, [("100", 1)], policy=three)).verdict == "divergent"
    assert waits(judge(read_as(reads[:2], [("100", 1)], policy=three)), "2 of 3")


@pytest.mark.parametrize(
    ("at", "verdict"), [(-1, "no_evidence"), (0, "divergent"), (5, "divergent")]
)
def test_the_book_must_be_read_between_the_exchange_reads(at: float, verdict: str) -> None:
    assert judge(read_as([("103", 0), ("103", 5)], [("100", at)])).verdict == verdict


def test_the_order_in_which_reads_are_listed_does_not_matter() -> None:
    subject = evidence("100", "103")
    turned = replace(
        subject,
        exchange_reads=subject.exchange_reads[::-1],
        local_reads=subject.local_reads[::-1],
    )
    assert judge(turned) == judge(subject)


# --- age ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "verdict"), [(30, "divergent"), (30.000001, "no_evidence")])
def test_an_exchange_read_older_than_the_limit_is_unusable(now: float, verdict: str) -> None:
    subject = evidence("100", "103", context={"now": moment(now)})
    assert judge(subject).verdict == verdict


def test_a_stale_book_is_no_book() -> None:
    subject = read_as([("103", 0), ("103", 5)], [("100", -31)], context={"now": moment(5)})
    assert waits(judge(subject), "was not read lately")


def test_a_stale_book_is_not_a_flat_book_beside_absent_reads() -> None:
    reads: list[tuple[str | None, float]] = [(None, 0), (None, 5)]
    subject = read_as(reads, [("0", -31), ("100", 1)])
    assert judge(subject).verdict == "no_evidence"


def test_a_read_from_the_future_is_unusable() -> None:
    subject = evidence("100", "103", context={"now": moment(4.9)})
    assert waits(judge(subject), "1 of 2")


def test_the_comparison_is_as_old_as_its_newest_read_unless_said() -> None:
    assert moment_of(evidence()) == moment(5)
    assert moment_of(evidence(local_reads=(local_read("1", 9),))) == moment(9)
    assert moment_of(evidence(context={"now": moment(7)})) == moment(7)


# --- absent is not flat -------------------------------------------------------------------------


def test_absent_beside_a_flat_book_is_in_sync() -> None:
    verdict = judge(evidence("0", None))
    assert (verdict.verdict, verdict.exchange) == ("in_sync", 0)


def test_absent_beside_a_position_is_no_evidence() -> None:
    assert waits(judge(evidence("100", None)), "grades: absent")


def test_absent_is_no_evidence_when_any_read_of_the_book_holds_a_position() -> None:
    assert judge(read_as([(None, 0), (None, 5)], [("100", 1), ("0", 4)])).verdict == "no_evidence"


def test_absent_that_a_second_source_confirms_is_flat() -> None:
    subject = with_exchange(evidence("10", None), grade=Grade.ABSENT_CONFIRMED)
    verdict = judge(subject)
    assert (verdict.exchange, verdict.severity, verdict.final_local) == (0, "large", 0)


def test_absent_beside_a_flat_book_is_in_sync_also_where_coins_were_set_aside() -> None:
    assert judge(spot("0", None, external_holding=Decimal(3))).verdict == "in_sync"


def test_absent_is_no_evidence_beside_other_bots_that_are_not_flat() -> None:
    assert waits(judge(evidence("0", None, context={"other_bots": Decimal(5)})), "absent")


def test_absent_with_an_amount_beside_it_is_no_evidence() -> None:
    half_understood = with_exchange(spot("0", "2"), grade=Grade.ABSENT)
    assert waits(judge(half_understood), "absent")


def test_absent_never_books_anything_even_beside_an_old_fill() -> None:
    subject = evidence("0", None, orders=(own("1", "buy", "1"),))
    assert waits(judge(subject), "does not name the symbol")


@pytest.mark.parametrize("reads", [[("5", 0), (None, 5)], [(None, 0), ("5", 5)]], ids=str)
def test_absent_disagrees_with_a_position_that_was_named(
    reads: list[tuple[str | None, float]],
) -> None:
    assert waits(judge(read_as(reads, [("0", 1)])), "disagree")


def test_one_absent_read_beside_an_explicit_zero_agrees_with_a_flat_book_and_books_nothing() -> (
    None
):
    assert judge(read_as([("0", 0), (None, 5)], [("0", 1)])).verdict == "in_sync"
    aside = {"external_holding": Decimal(3), "mode": "spot"}
    assert judge(read_as([("0", 0), (None, 5)], [("0", 1)], **aside)).verdict == "in_sync"


# --- doubt --------------------------------------------------------------------------------------


def test_exchange_reads_that_disagree_mean_look_again() -> None:
    assert waits(judge(read_as([("150", 0), ("151", 5)], [("100", 1)])), "disagree")


def test_every_usable_read_must_agree_not_just_as_many_as_needed() -> None:
    subject = read_as([("103", 0), ("104", 2), ("103", 5)], [("100", 1)])
    assert waits(judge(subject), "disagree")


def test_a_book_that_changed_between_means_look_again() -> None:
    subject = read_as([("150", 0), ("150", 5)], [("100", 1), ("101", 4)])
    verdict = judge(subject)
    assert waits(verdict, "changed")
    assert verdict.local == 101


def test_a_book_that_was_read_differently_outside_the_reads_does_not_matter() -> None:
    subject = read_as([("103", 0), ("103", 5)], [("90", -1), ("100", 1)])
    assert judge(subject).verdict == "divergent"


@pytest.mark.parametrize(("last", "verdict"), [(-5, "divergent"), (-4.999999, "no_evidence")])
def test_the_bot_must_have_been_quiet_before_the_first_read(last: float, verdict: str) -> None:
    subject = with_local(evidence("100", "103"), last_activity_at=moment(last))
    assert judge(subject).verdict == verdict


def test_activity_that_any_read_of_the_book_knows_of_counts() -> None:
    after = local_read("100", 6, last_activity_at=moment(5.5))
    subject = evidence("100", "103")
    subject = replace(subject, local_reads=(*subject.local_reads, after))
    assert waits(judge(subject), "a moment ago")


def test_a_bot_that_was_never_active_is_quiet() -> None:
    assert judge(with_local(evidence("100", "103"), last_activity_at=None)).verdict == "divergent"


def test_doubt_does_not_matter_when_both_sides_agree() -> None:
    assert judge(read_as([("150", 0), ("100", 5)], [("100", 1)])).verdict == "in_sync"
    busy = with_local(evidence("100", "100"), last_activity_at=moment(0))
    assert judge(busy).verdict == "in_sync"


def test_doubt_does_not_matter_while_the_bot_has_a_fill_of_its_own_to_book() -> None:
    subject = evidence(
        "0",
        "0.4",
        orders=(own("1", "buy", "1", "0.4"),),
        fills=(fill("t", "1", "buy", "0.4", at=moment(0)),),
    )
    assert judge(with_local(subject, last_activity_at=moment(0))).verdict == "in_flight"


def test_nothing_is_left_alone_in_doubt() -> None:
    busy = {"last_activity_at": moment(0)}
    assert judge(with_local(spot("2", "5"), **busy)).verdict == "no_evidence"
    assert judge(with_local(spot("0", "0.00001"), **busy)).verdict == "no_evidence"


def test_stops_are_not_judged_in_doubt() -> None:
    subject = evidence("0", "0", orders=(stop("s", "1"),))
    assert judge(subject).decision == "halt"
    assert judge(with_local(subject, last_activity_at=moment(0))).decision == "none"


# --- time ---------------------------------------------------------------------------------------


def test_seconds_are_exact_both_ways() -> None:
    assert span_seconds(seconds(Decimal("1.000001"))) == Decimal("1.000001")
