"""Documents are read strictly: each mistake is refused by the name of its field."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.compare import compare
from freqtrade_recon_plugin.domain.document import evidence_document, verdict_document
from freqtrade_recon_plugin.domain.errors import EvidenceError
from freqtrade_recon_plugin.domain.model import Evidence, Leg
from freqtrade_recon_plugin.domain.parsing import evidence_from, leg_from, verdict_from
from tests.unit.domain.samples import EVIDENCE_CONTRACT, evidence, fill, own

FULL = evidence(
    "100",
    "150",
    orders=(own("1", "buy", "1"),),
    fills=(fill("t", "1", "buy", "1"),),
    context={"now": datetime(2026, 1, 5, 10, 0, 6, tzinfo=UTC)},
)


def document() -> dict[str, Any]:
    """A full evidence document that is well formed."""
    return json.loads(json.dumps(evidence_document(FULL)))


def minimal() -> dict[str, Any]:
    """No more than what the schema requires."""
    return {
        "schema": "recon.evidence/1",
        "bot_id": "b",
        "account_id": "a",
        "exchange": "binance",
        "trading_mode": "spot",
        "symbol": "BTC/USDT",
        "market": {"base": "BTC", "quote": "USDT"},
        "local_reads": [{"at": "2026-01-05T10:00:00Z", "side": "flat", "amount": "0"}],
        "exchange_reads": [],
    }


def put(path: str, value: Any) -> dict[str, Any]:
    """The full document with one field said otherwise; Ellipsis takes it away."""
    changed = document()
    target: Any = changed
    *steps, last = [int(s) if s.isdigit() else s for s in path.replace("[", ".").split(".")]
    for step in steps:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return changed


def refusal(read: Callable[[Any], Any], given: Any) -> str:
    with pytest.raises(EvidenceError) as error:
        read(given)
    return str(error.value)


def test_a_document_is_read_as_what_was_written() -> None:
    assert evidence_from(document()) == FULL


def test_what_may_be_left_out_has_the_defaults_of_the_schema() -> None:
    EVIDENCE_CONTRACT.validate(minimal())
    read = evidence_from(minimal())
    assert read.market.contract_size == 1
    assert (read.external_holding, read.fee_drains, read.fills, read.orders) == (0, 0, (), None)
    assert (read.context.other_bots, read.context.now) == (0, None)
    assert read.local_reads[0].known_order_ids == ()


def test_orders_that_were_not_read_are_not_the_same_as_none_there() -> None:
    assert evidence_from({**minimal(), "orders": []}).orders == ()


def test_a_time_of_another_zone_is_the_same_moment_in_utc() -> None:
    read = evidence_from(put("context.now", "2026-01-05T12:00:00+02:00"))
    assert read.context.now == datetime(2026, 1, 5, 10, tzinfo=UTC)


def test_the_given_document_is_left_as_it_was() -> None:
    given = document()
    before = copy.deepcopy(given)
    evidence_from(given)
    assert given == before


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("schema", "recon.evidence/2", "schema: must be recon.evidence/1"),
        ("schema", ..., "schema: is required"),
        ("bot_id", 7, "bot_id: must be text"),
        ("bot_id", "\ud800", "bot_id: must be text that UTF-8 can hold"),
        ("trading_mode", "margin", "trading_mode: must be one of spot, futures"),
        ("trading_mode", None, "trading_mode: must be one of spot, futures"),
        ("surprise", 1, "surprise: unknown field"),
        ("market", [], "market: must be an object"),
        ("market.base", ..., "market.base: is required"),
        ("market.tick", "1", "market.tick: unknown field"),
        ("market.price", 50000, "market.price: must be a decimal as text"),
        ("market.price", "-1", "market.price: must be a decimal as text"),
        ("market.price", "5e4", "market.price: must be a decimal as text"),
        ("market.price", ".5", "market.price: must be a decimal as text"),
        ("market.price", "NaN", "market.price: must be a decimal as text"),
        ("market.price", "1\n", "market.price: must be a decimal as text"),
        ("market.price", "\u0661", "market.price: must be a decimal as text"),
        ("market.price", Decimal("50000"), "market.price: must be a decimal as text"),
        ("market.price", "1" * 61, "market.price: has more than 60 digits"),
        ("market.contract_size", None, "market.contract_size: must be a decimal as text"),
        ("local_reads", [], "local_reads: must hold at least one read"),
        ("local_reads", {}, "local_reads: must be a list"),
        ("local_reads", ..., "local_reads: is required"),
        ("local_reads[1.amount", 1.5, "local_reads[1].amount: must be a decimal as text"),
        ("local_reads[1.amount", ..., "local_reads[1].amount: is required"),
        ("local_reads[1.side", "up", "local_reads[1].side: must be one of long, short, flat"),
        ("local_reads[1.side", "flat", "local_reads[1].side: is flat beside an amount"),
        ("local_reads[1.at", "yesterday", "local_reads[1].at: must be an ISO 8601 time in UTC"),
        ("local_reads[1.at", "2026-01-05T10:00:00", "local_reads[1].at: must be an ISO 8601 time"),
        ("local_reads[1.at", "0001-01-01T00:00:00+14:00", "local_reads[1].at: must be an ISO"),
        ("local_reads[1.at", "9999-12-31T23:59:59-14:00", "local_reads[1].at: must be an ISO"),
        ("local_reads[1.at", 1767607200, "local_reads[1].at: must be text"),
        ("local_reads[1.stop_expected", 1, "local_reads[1].stop_expected: must be true, false"),
        ("local_reads[1.known_order_ids", None, "local_reads[1].known_order_ids: must be a list"),
        ("local_reads[0.known_order_ids", [1], "local_reads[0].known_order_ids[0]: must be text"),
        ("exchange_reads", ..., "exchange_reads: is required"),
        ("exchange_reads[0", "x", "exchange_reads[0]: must be an object"),
        ("exchange_reads[0.grade", "good", "exchange_reads[0].grade: must be one of explicit"),
        ("exchange_reads[0.side", "flat", "exchange_reads[0].side: is flat beside an amount"),
        (
            "exchange_reads[0.grade",
            "absent_confirmed",
            "exchange_reads[0].grade: is absent_confirmed beside an amount",
        ),
        ("orders", None, "orders: must be a list"),
        ("orders[0.own", "yes", "orders[0].own: must be true or false"),
        ("orders[0.status", "done", "orders[0].status: must be one of open"),
        ("orders[0.parent_id", 5, "orders[0].parent_id: must be text"),
        ("orders[0.filled", None, "orders[0].filled: must be a decimal as text"),
        ("fills[0.order_id", ..., "fills[0].order_id: is required"),
        ("fills[0.price", "", "fills[0].price: must be a decimal as text"),
        ("fills[0.fee_cost", "-0.1", "fills[0].fee_cost: must be a decimal as text"),
        ("fills[0.liquidation", None, "fills[0].liquidation: must be true or false"),
        ("context", None, "context: must be an object"),
        ("context.auto_corrections_last_hour", -1, "last_hour: must be a whole number"),
        ("context.auto_corrections_last_hour", True, "last_hour: must be a whole number"),
        ("context.auto_corrections_last_hour", "1", "last_hour: must be a whole number"),
        ("context.other_bots", "+1", "context.other_bots: must be a decimal as text"),
        ("policy", None, "policy: must be an object"),
        ("policy", {"confirm_read": 2}, "policy.confirm_read: unknown setting"),
        ("external_holding", "-1", "external_holding: must be a decimal as text"),
    ],
)
def test_a_mistake_is_refused_by_the_name_of_its_field(path: str, value: Any, says: str) -> None:
    assert says in refusal(evidence_from, put(path, value))


@pytest.mark.parametrize("given", [None, [], "{}", 1])
def test_what_is_no_object_is_refused(given: Any) -> None:
    assert refusal(evidence_from, given) == "evidence: must be an object"


def test_amounts_beside_a_read_that_states_nothing_are_passed_over() -> None:
    for grade in ("absent", "failed", "malformed", "null_quantity"):
        read = {"at": "2026-01-05T10:00:00Z", "grade": grade, "amount": "5"}
        assert evidence_from(put("exchange_reads[0", read)).exchange_reads[0].amount == 5


def test_other_bots_may_be_short() -> None:
    assert evidence_from(put("context.other_bots", "-1.5")).context.other_bots == Decimal("-1.5")


# --- verdicts and legs --------------------------------------------------------------------------


def verdict_of(subject: Evidence) -> dict[str, Any]:
    return json.loads(json.dumps(verdict_document(compare(subject), "0" * 64)))


@pytest.mark.parametrize(
    "subject", [FULL, evidence("100", None), evidence("5", "0")], ids=["full", "blind", "gone"]
)
def test_a_verdict_is_read_as_what_was_written(subject: Evidence) -> None:
    assert verdict_from(verdict_of(subject)) == compare(subject)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("schema", "recon.verdict/2", "schema: must be recon.verdict/1"),
        ("verdict", "fine", "verdict: must be one of in_sync"),
        ("local", "1e3", "local: must be a decimal as text"),
        ("booking", ..., "booking: is required"),
        ("booking", [{}], "booking[0].side: is required"),
        ("explanation", [{"kind": "fee"}], "explanation[0].amount: is required"),
        ("evidence_hash", None, "evidence_hash: must be text"),
        ("more", 1, "more: unknown field"),
    ],
)
def test_a_mistake_in_a_verdict_is_named(field: str, value: Any, says: str) -> None:
    given = verdict_of(FULL)
    if value is ...:
        del given[field]
    else:
        given[field] = value
    assert says in refusal(verdict_from, given)


def test_a_leg_is_read_alone() -> None:
    given = verdict_of(FULL)["booking"][0]
    read = leg_from(given)
    assert isinstance(read, Leg)
    assert read == compare(FULL).booking[0]
    assert refusal(leg_from, {**given, "amount": "-1"}) == (
        'leg.amount: must be a decimal as text, such as "1.5"'
    )
    assert refusal(lambda leg: leg_from(leg, "payload.booking[2]"), {}) == (
        "payload.booking[2].side: is required"
    )
