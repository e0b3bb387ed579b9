"""Decimal text, times, and the hash that an approval is bound to."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.document import (
    decimal_text,
    evidence_document,
    hash_document,
    leg_document,
    time_text,
)
from freqtrade_recon_plugin.domain.model import Leg, LegKind, OrderSide, Role
from tests.unit.domain.samples import evidence


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1", "1"),
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1E-8", "0.00000001"),
        ("-0.10", "-0.1"),
        ("-0", "0"),
        ("0.000", "0"),
        ("0E+5", "0"),
    ],
)
def test_decimals_are_plain_text(number: str, text: str) -> None:
    assert decimal_text(Decimal(number)) == text


def test_times_are_in_utc_and_end_in_z() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert time_text(datetime(2026, 1, 5, 5, tzinfo=eastern)) == "2026-01-05T10:00:00Z"
    assert time_text(datetime(2026, 1, 5, 10, 0, 0, 1, tzinfo=UTC)) == "2026-01-05T10:00:00.000001Z"


def test_the_hash_is_over_the_canonical_json_of_the_document_as_given() -> None:
    given = {"b": [1, {"z": None, "a": "ü"}], "a": "1.50"}
    canonical = '{"a":"1.50","b":[1,{"a":"ü","z":null}]}'
    assert hash_document(given) == hashlib.sha256(canonical.encode()).hexdigest()
    assert hash_document(dict(reversed(given.items()))) == hash_document(given)
    assert hash_document({**given, "a": "1.5"}) != hash_document(given)


def test_any_change_of_the_numbers_changes_the_hash() -> None:
    hashes = {
        hash_document(evidence_document(subject))
        for subject in (evidence("100", "150"), evidence("100", "150.1"), evidence("99", "150"))
    }
    assert len(hashes) == 3


def test_orders_that_were_not_read_are_not_in_the_document() -> None:
    assert "orders" not in evidence_document(evidence())
    assert evidence_document(evidence(orders=()))["orders"] == []


def test_a_leg_is_a_document_of_its_own() -> None:
    leg = Leg(OrderSide.SELL, Decimal("0.10"), Role.CLOSE, LegKind.SYNTHETIC)
    assert leg_document(leg) == {
        "side": "sell",
        "amount": "0.1",
        "price": None,
        "role": "close",
        "kind": "synthetic",
        "order_id": None,
    }


def test_documents_hold_nothing_but_text_lists_and_whole_numbers() -> None:
    def walk(value: Any) -> None:
        assert value is None or type(value) in {str, int, bool, list, dict}
        for item in (
            value.values() if isinstance(value, dict) else value if type(value) is list else ()
        ):
            walk(item)

    walk(json.loads(json.dumps(evidence_document(evidence("100", "150")))))
    walk(evidence_document(evidence("100", "150", policy={"auto_correct_below_pct": 2.5})))
