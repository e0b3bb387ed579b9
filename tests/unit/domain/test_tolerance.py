"""Steps, dust, external coins, and where small ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.model import Severity
from freqtrade_recon_plugin.domain.tolerance import Leave, is_dust, percent, severity, why_leave
from tests.unit.domain.samples import evidence, judge, market, numbers, spot


def left(local: str, exchange: str, mode: str = "futures", **said: Any) -> Leave | None:
    return why_leave(evidence(mode=mode, **said), Decimal(local), Decimal(exchange))


# --- steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "verdict"),
    [
        ("99.999", "divergent"),
        ("99.9990001", "within_tolerance"),
        ("100.0009999", "within_tolerance"),
        ("100.001", "divergent"),
    ],
)
def test_less_than_one_step_apart_is_within_tolerance(exchange: str, verdict: str) -> None:
    assert judge(evidence("100", exchange)).verdict == verdict


def test_what_is_less_than_a_step_is_shown_as_a_part() -> None:
    verdict = judge(evidence("100", "99.9995"))
    assert numbers(verdict) == [("dust", "-0.0005", "")]
    assert (verdict.decision, verdict.final_local) == ("none", 100)


def test_the_policy_says_how_many_steps() -> None:
    wide: dict[str, Any] = {"policy": {"amount_tolerance_steps": "3"}}
    assert left("100", "100.0029", **wide) is Leave.STEP
    assert left("100", "100.003", **wide) is None
    assert left("100", "99.9995", policy={"amount_tolerance_steps": 0}) is None


def test_a_step_is_no_measure_beside_nothing() -> None:
    coarse = market(amount_step=Decimal(10), min_cost=None)
    assert judge(evidence("0", "5", market=coarse)).severity == "large"
    assert judge(evidence("5", "0", market=coarse)).severity == "large"


@pytest.mark.parametrize("step", [None, Decimal(0)])
def test_a_missing_step_switches_its_test_off(step: Decimal | None) -> None:
    assert left("100", "99.99999", market=market(amount_step=step)) is None


# --- dust ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "verdict"),
    [("0.00009999", "within_tolerance"), ("0.0001", "divergent"), ("0.00010001", "divergent")],
)
def test_a_surplus_worth_less_than_min_cost_is_dust(exchange: str, verdict: str) -> None:
    assert judge(evidence("0", exchange)).verdict == verdict


def test_dust_has_no_side() -> None:
    assert left("0", "-0.00009") is Leave.DUST
    fine = market(amount_step=Decimal("0.00001"))
    assert left("-1", "-1.00009", market=fine) is Leave.DUST


def test_what_is_missing_is_never_dust() -> None:
    fine = market(amount_step=Decimal("0.00001"))
    assert left("1", "0.99991", market=fine) is None
    assert left("1", "0.99991", market=fine, mode="spot") is None
    verdict = judge(spot("0.00001", "0"))
    assert (verdict.verdict, verdict.severity, verdict.decision) == ("divergent", "large", "halt")


def test_the_policy_may_say_what_dust_is_worth() -> None:
    assert left("0", "0.0009", policy={"dust_notional": "50"}) is Leave.DUST
    assert left("0", "0.001", policy={"dust_notional": "50"}) is None
    assert left("0", "0.00001", policy={"dust_notional": "0"}) is None


@pytest.mark.parametrize(
    "missing",
    [{"min_cost": None}, {"price": None}, {"price": Decimal(0)}, {"min_cost": Decimal(0)}],
    ids=str,
)
def test_a_missing_price_or_min_cost_switches_the_test_of_dust_off(missing: dict[str, Any]) -> None:
    assert not is_dust(evidence(market=market(**missing)), Decimal("0.000001"))


def test_a_price_of_zero_does_not_make_a_position_dust() -> None:
    verdict = judge(evidence("0", "150", market=market(price=Decimal(0))))
    assert (verdict.verdict, verdict.decision) == ("divergent", "halt")


# --- external -----------------------------------------------------------------------------------


def test_a_surplus_on_spot_is_external_and_never_adopted() -> None:
    verdict = judge(spot("2", "5"))
    assert (verdict.verdict, verdict.decision, verdict.final_local) == ("external", "none", 2)
    assert numbers(verdict) == [("external_holding", "3", "")]


def test_on_an_account_of_its_own_every_coin_is_the_bots() -> None:
    verdict = judge(spot("2", "5", policy={"exclusive_account": True}))
    assert (verdict.verdict, verdict.severity) == ("divergent", "large")


def test_futures_know_no_external_coins() -> None:
    assert judge(evidence("2", "5")).verdict == "divergent"


def test_what_is_missing_on_spot_is_not_external() -> None:
    assert judge(spot("5", "2")).verdict == "divergent"


def test_coins_set_aside_that_are_gone_are_no_surplus() -> None:
    verdict = judge(spot("0", "0", external_holding=Decimal(3)))
    assert (verdict.verdict, verdict.decision, verdict.booking) == ("divergent", "halt", ())
    assert "more is gone" in verdict.reason


def test_crumbs_of_the_coins_set_aside_are_dust() -> None:
    verdict = judge(spot("0", "2.99995", external_holding=Decimal(3)))
    assert verdict.verdict == "within_tolerance"


# --- severity -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "exchange", "size"),
    [
        ("95.000001", "100", "small"),
        ("95", "100", "large"),
        ("94.999999", "100", "large"),
        ("104.999999", "100", "small"),
        ("105", "100", "large"),
        ("-95.000001", "-100", "small"),
        ("-95", "-100", "large"),
        ("0.0001", "0", "large"),
        ("0", "100", "large"),
        ("100", "-100", "large"),
        ("0.001", "-10000", "large"),
    ],
)
def test_exactly_five_percent_of_the_exchange_is_large(
    local: str, exchange: str, size: str
) -> None:
    assert severity(evidence(), Decimal(local), Decimal(exchange)) == size
    verdict = judge(evidence(local, exchange))
    assert (verdict.severity, verdict.decision) == (
        size,
        "halt" if size == "large" else "auto_correct",
    )


def test_the_limit_of_small_is_the_policys() -> None:
    at_ten = evidence(policy={"auto_correct_below_pct": "10"})
    assert severity(at_ten, Decimal("90.1"), Decimal(100)) is Severity.SMALL
    assert severity(at_ten, Decimal(90), Decimal(100)) is Severity.LARGE
    never = evidence("100", "100.01", policy={"auto_correct_below_pct": 0})
    assert judge(never).decision == "halt"


def test_severity_is_not_decided_by_a_rounded_percentage() -> None:
    just_below = evidence("95.000000000000000000001", "100")
    verdict = judge(just_below)
    assert (verdict.divergence_pct, verdict.severity) == (5, "small")


def test_percent_is_of_the_exchange_and_null_where_that_is_flat() -> None:
    assert percent(Decimal(100), Decimal(150)) == Decimal("33.33333333")
    assert percent(Decimal(100), Decimal(-50)) == 300
    assert percent(Decimal(100), Decimal(0)) is None
    assert percent(Decimal(100), Decimal(100)) == 0
    assert judge(evidence("10", "0")).divergence_pct is None


def test_large_reads_must_be_some_seconds_apart() -> None:
    apart = {"policy": {"confirm_delay_s": "5"}}
    assert judge(evidence("100", "150", **apart)).verdict == "divergent"
    short = judge(evidence("100", "150", policy={"confirm_delay_s": "5.000001"}))
    assert (short.verdict, short.decision) == ("no_evidence", "wait")
    small = judge(evidence("100", "103", policy={"confirm_delay_s": "5.000001"}))
    assert small.decision == "auto_correct"
