"""Stops on the exchange: orphaned, doubled, oversize, not reduce-only, missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.model import Evidence, OrderStatus, PartKind, Verdict
from freqtrade_recon_plugin.domain.protection import MISSING
from tests.unit.domain.samples import (
    evidence,
    fill,
    judge,
    market,
    moment,
    own,
    spot,
    stop,
    with_local,
)


def faults(verdict: Verdict) -> list[tuple[str | None, str | None]]:
    parts = [part for part in verdict.explanation if part.kind is PartKind.PROTECTION]
    assert all(part.amount == 0 for part in parts)
    return [(part.order_id, part.note) for part in parts]


def protected(*stops: Any, local: str = "100", exchange: str = "100", **said: Any) -> Evidence:
    return with_local(evidence(local, exchange, orders=stops, **said), stop_expected=True)


def test_one_stop_of_the_right_size_is_well() -> None:
    verdict = judge(protected(stop("s", "100")))
    assert (verdict.verdict, verdict.decision, verdict.explanation) == ("in_sync", "none", ())
    short = protected(stop("s", "100", side="buy"), local="-100", exchange="-100")
    assert judge(short).decision == "none"


@pytest.mark.parametrize(
    ("stops", "note"),
    [
        ((stop("s", "100.001"),), "a stop larger than the position"),
        ((stop("s", "100", reduce_only=False),), "a stop that is not reduce-only"),
        ((stop("s", "50"), stop("r", "50")), "one of several stops for one position"),
        ((stop("r", "100"), stop("s", "50", side="buy")), "a stop without a position"),
    ],
    ids=["oversize", "not reduce-only", "doubled", "other side"],
)
def test_a_wrong_stop_halts_also_when_sizes_agree(stops: Any, note: str) -> None:
    verdict = judge(protected(*stops))
    assert (verdict.verdict, verdict.severity, verdict.decision) == ("in_sync", "none", "halt")
    assert faults(verdict) == [("s", note)]
    assert note in verdict.reason


def test_a_stop_without_a_position_halts() -> None:
    verdict = judge(evidence("0", "0", orders=(stop("s", "1"), stop("r", "1"))))
    assert verdict.decision == "halt"
    assert faults(verdict) == [
        ("r", "a stop without a position"),
        ("s", "a stop without a position"),
    ]
    assert judge(evidence("0", None, orders=(stop("s", "1"),))).decision == "halt"


def test_a_stop_of_the_side_that_was_is_orphaned_after_a_flip() -> None:
    verdict = judge(protected(stop("s", "50"), local="-50", exchange="-50"))
    assert faults(verdict) == [("s", "a stop without a position"), (None, MISSING)]


def test_a_stop_that_closes_whatever_is_there_has_no_size() -> None:
    whole = stop("s", "0", close_position=True, reduce_only=False)
    assert judge(protected(whole)).decision == "none"
    assert judge(evidence("0", "0", orders=(whole,))).decision == "halt"


def test_what_is_left_of_a_stop_counts() -> None:
    half = stop("s", "100", filled="40", booked_filled=Decimal(40))
    assert judge(protected(half, local="60", exchange="60")).decision == "none"


def test_less_than_a_step_too_large_is_not_too_large() -> None:
    assert judge(protected(stop("s", "100.0009"))).decision == "none"
    stepless = market(amount_step=None)
    assert judge(protected(stop("s", "100.0009"), market=stepless)).decision == "halt"
    assert judge(protected(stop("s", "100"), market=stepless)).decision == "none"


def test_a_wrong_stop_halts_what_would_have_been_corrected() -> None:
    subject = protected(stop("s", "100"), exchange="97")
    verdict = judge(subject)
    assert (verdict.verdict, verdict.severity, verdict.decision) == ("divergent", "small", "halt")
    assert faults(verdict) == [("s", "a stop larger than the position")]
    assert verdict.final_local == 97


# --- missing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "decision"), [("100", "none"), ("103", "auto_correct"), ("150", "halt")]
)
def test_a_missing_stop_is_reported_and_the_size_decides(exchange: str, decision: str) -> None:
    verdict = judge(protected(exchange=exchange))
    assert (faults(verdict), verdict.decision) == ([(None, MISSING)], decision)


def test_a_stop_that_is_not_expected_is_not_missing() -> None:
    for expected in (False, None):
        subject = with_local(evidence(orders=()), stop_expected=expected)
        assert judge(subject).explanation == ()


def test_a_flat_position_needs_no_stop() -> None:
    assert judge(protected(local="0", exchange="0")).explanation == ()


def test_a_stop_is_missing_only_once_the_bot_has_settled() -> None:
    busy = with_local(protected(), last_activity_at=moment(-1))
    assert judge(busy).explanation == ()


def test_where_orders_were_not_read_nothing_is_missing() -> None:
    subject = with_local(evidence(), stop_expected=True)
    assert subject.orders is None
    assert judge(subject).explanation == ()


def test_a_stop_that_has_ended_protects_nothing() -> None:
    for status in OrderStatus:
        missing = faults(judge(protected(stop("s", "100", status=status)))) != []
        assert missing is (status is not OrderStatus.OPEN)


def test_an_order_that_is_no_stop_protects_nothing() -> None:
    exit_order = stop("x", "100", stop=False)
    assert faults(judge(protected(exit_order))) == [(None, MISSING)]


# --- whose --------------------------------------------------------------------------------------


def test_a_strangers_stop_counts_where_the_bot_has_the_futures_account_alone() -> None:
    strangers = stop("s", "1", own=False)
    assert judge(evidence("0", "0", orders=(strangers,))).decision == "halt"
    shared = {"other_bots": Decimal(5)}
    assert judge(evidence("0", "5", orders=(strangers,), context=shared)).decision == "none"
    assert judge(spot("0", "0", orders=(strangers,))).decision == "none"


def test_an_own_stop_counts_also_on_a_shared_account() -> None:
    shared = {"other_bots": Decimal(5)}
    assert judge(evidence("0", "5", orders=(stop("s", "1"),), context=shared)).decision == "halt"


def test_a_report_that_comes_twice_is_one_stop() -> None:
    assert judge(protected(stop("s", "100"), stop("s", "100"))).decision == "none"


# --- spot ---------------------------------------------------------------------------------------


def test_a_stop_on_spot_needs_no_reduce_only() -> None:
    assert judge(spot(orders=(stop("s", "100", reduce_only=False),))).decision == "none"


def test_a_stop_on_spot_must_not_sell_the_operators_coins() -> None:
    beside = judge(spot("2", "5", orders=(stop("s", "3"),)))
    assert (beside.verdict, beside.decision) == ("external", "halt")
    assert judge(spot("2", "5", orders=(stop("s", "2"),))).decision == "none"
    orphan = judge(spot("0", "5", orders=(stop("s", "2"),)))
    assert faults(orphan) == [("s", "a stop without a position")]


# --- not judged ---------------------------------------------------------------------------------


def test_stops_are_not_judged_without_evidence_or_while_a_fill_is_in_flight() -> None:
    assert judge(evidence("1", None, orders=(stop("s", "9"),))).decision == "wait"
    part = fill("t", "1", "sell", "1", at=moment(1))
    moving = evidence("1", "0", orders=(own("1", "sell", "1"), stop("s", "1")), fills=(part,))
    assert judge(moving).decision == "wait"
