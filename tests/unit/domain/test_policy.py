"""The policy: its defaults, and the one message that names each mistake."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.errors import SettingsError
from freqtrade_recon_plugin.domain.policy import HaltExits, Mode, Policy

#: As listed in the design, section 4.
DEFAULTS: dict[str, Any] = {
    "auto_correct_below_pct": Decimal(5),
    "amount_tolerance_steps": Decimal(1),
    "dust_notional": None,
    "confirm_reads": 2,
    "confirm_delay_s": Decimal(2),
    "settle_s": Decimal(5),
    "in_flight_grace_s": Decimal(60),
    "snapshot_max_age_s": Decimal(30),
    "no_evidence_alert_after_s": Decimal(180),
    "no_evidence_halt_after_s": Decimal(900),
    "max_auto_corrections_per_hour": 10,
    "max_auto_corrected_pct_per_day": Decimal(10),
    "book_own_fills": False,
    "exclusive_account": False,
    "halt_exits": HaltExits.DISCRETIONARY,
    "max_position": {},
    "dead_man_s": Decimal(900),
    "auto_resume": False,
    "mode": Mode.ENFORCE,
    "approvers": (),
    "require_two_approvers": False,
    "approval_ttl_s": Decimal(86400),
}


def test_the_defaults_are_those_of_the_design() -> None:
    policy = Policy.from_mapping({})
    assert {name: getattr(policy, name) for name in DEFAULTS} == DEFAULTS
    assert set(Policy.__dataclass_fields__) == set(DEFAULTS)


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("auto_correct_below_pct", "2.5", Decimal("2.5")),
        ("auto_correct_below_pct", 2.5, Decimal("2.5")),
        ("auto_correct_below_pct", 0, Decimal(0)),
        ("auto_correct_below_pct", 100, Decimal(100)),
        ("dust_notional", "0.1", Decimal("0.1")),
        ("dust_notional", None, None),
        ("confirm_reads", "3", 3),
        ("confirm_reads", 3.0, 3),
        ("max_auto_corrected_pct_per_day", "1000", Decimal(1000)),
        ("halt_exits", "all", HaltExits.ALL),
        ("mode", "shadow", Mode.SHADOW),
        ("max_position", {"BTC/USDT:USDT": "175"}, {"BTC/USDT:USDT": Decimal(175)}),
        ("approvers", ["alice", "bob"], ("alice", "bob")),
        ("auto_resume", True, True),
    ],
)
def test_a_setting_is_read_as_what_it_is(key: str, value: Any, read: Any) -> None:
    found = getattr(Policy.from_mapping({key: value}), key)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("auto_correct_bellow_pct", 5, "unknown setting"),
        ("auto_correct_below_pct", "five", "must be a number"),
        ("auto_correct_below_pct", True, "must be a number"),
        ("auto_correct_below_pct", None, "must be a number"),
        ("auto_correct_below_pct", [5], "must be a number"),
        ("auto_correct_below_pct", "100.1", "must be a percentage"),
        ("auto_correct_below_pct", -1, "must not be negative"),
        ("auto_correct_below_pct", float("nan"), "must be a finite number"),
        ("max_auto_corrected_pct_per_day", "Infinity", "must be a finite number"),
        ("amount_tolerance_steps", "1e31", "is out of range"),
        ("dust_notional", "1e-31", "is out of range"),
        ("settle_s", "-0.1", "must not be negative"),
        ("settle_s", 3_153_600_001, "at most 100 years"),
        ("confirm_reads", 1, "at least 2"),
        ("confirm_reads", 2.5, "must be a whole number"),
        ("max_auto_corrections_per_hour", "ten", "must be a number"),
        ("book_own_fills", "yes", "must be true or false"),
        ("book_own_fills", 1, "must be true or false"),
        ("halt_exits", "some", "must be one of discretionary, none, all"),
        ("mode", None, "must be one of enforce, shadow"),
        ("max_position", [1], "must map symbols to amounts"),
        ("max_position", {"BTC/USDT": -1}, "[BTC/USDT] must not be negative"),
        ("max_position", {"": 1}, "must hold names"),
        ("max_position", {"\ud800": 1}, "UTF-8"),
        ("approvers", "alice", "must be a list of names"),
        ("approvers", [""], "must hold names"),
        ("approvers", [7], "must hold names"),
    ],
)
def test_a_mistake_is_named_by_its_key(key: str, value: Any, why: str) -> None:
    with pytest.raises(SettingsError) as error:
        Policy.from_mapping({key: value}, where="recon.policy")
    assert str(error.value).startswith(f"recon.policy.{key}: ")
    assert why in str(error.value)


def test_a_policy_that_is_no_object_is_refused() -> None:
    with pytest.raises(SettingsError, match="policy: must be an object"):
        Policy.from_mapping([])  # type: ignore[arg-type]


def test_what_differs_from_the_defaults_survives_a_round_trip() -> None:
    assert Policy().to_mapping() == {}
    said = {
        "auto_correct_below_pct": "2.50",
        "max_position": {"BTC/USDT:USDT": "175"},
        "approvers": ["alice"],
        "mode": "shadow",
        "auto_resume": True,
        "confirm_reads": 3,
    }
    policy = Policy.from_mapping(said)
    assert policy.to_mapping() == said
    assert Policy.from_mapping(policy.to_mapping()) == policy
