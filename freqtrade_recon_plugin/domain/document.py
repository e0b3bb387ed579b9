"""Evidence and verdicts as JSON documents, to the letter of their schemas, and their hash.

Documents carry quantities as decimal text and times as ISO 8601 in UTC.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from freqtrade_recon_plugin.domain.model import (
    Context,
    Evidence,
    ExchangeRead,
    FillReport,
    Leg,
    LocalRead,
    Market,
    OrderReport,
    Part,
    Verdict,
)

EVIDENCE_SCHEMA = "recon.evidence/1"
VERDICT_SCHEMA = "recon.verdict/1"
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
)


def decimal_text(number: Decimal) -> str:
    """Plain decimal text without an exponent, trailing zeros or a negative zero."""
    if not number:
        return "0"
    text = str(number)  # plain too, mostly, and three times as fast
    if "E" in text:
        text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def time_text(moment: datetime) -> str:
    """ISO 8601 in UTC, ending in Z."""
    return _utc_text(moment.astimezone(UTC))


@lru_cache(maxsize=1024)  # the symbols of an account share the times of its reads
def _utc_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def hash_document(document: Mapping[str, Any]) -> str:
    """The sha256 of a document's canonical JSON: keys sorted, no white space, UTF-8.

    `jq -cSj . evidence.json | sha256sum` gives the same.
    """
    return hashlib.sha256(_CANONICAL.encode(document).encode()).hexdigest()


def _text_or_none(number: Decimal | None) -> str | None:
    return None if number is None else decimal_text(number)


def _time_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


def _market(market: Market) -> dict[str, Any]:
    return {
        "base": market.base,
        "quote": market.quote,
        "contract_size": decimal_text(market.contract_size),
        "amount_step": _text_or_none(market.amount_step),
        "min_amount": _text_or_none(market.min_amount),
        "min_cost": _text_or_none(market.min_cost),
        "price": _text_or_none(market.price),
    }


def _local_read(read: LocalRead) -> dict[str, Any]:
    return {
        "at": time_text(read.at),
        "side": str(read.side),
        "amount": decimal_text(read.amount),
        "open_rate": _text_or_none(read.open_rate),
        "open_entry_filled": decimal_text(read.open_entry_filled),
        "open_exit_filled": decimal_text(read.open_exit_filled),
        "last_activity_at": _time_or_none(read.last_activity_at),
        "known_order_ids": list(read.known_order_ids),
        "stop_expected": read.stop_expected,
    }


def _exchange_read(read: ExchangeRead) -> dict[str, Any]:
    return {
        "at": time_text(read.at),
        "grade": str(read.grade),
        "side": str(read.side),
        "amount": decimal_text(read.amount),
        "entry_price": _text_or_none(read.entry_price),
    }


def _order(order: OrderReport) -> dict[str, Any]:
    return {
        "id": order.id,
        "side": str(order.side),
        "status": str(order.status),
        "amount": decimal_text(order.amount),
        "filled": decimal_text(order.filled),
        "average": _text_or_none(order.average),
        "stop": order.stop,
        "reduce_only": order.reduce_only,
        "own": order.own,
        "booked_filled": decimal_text(order.booked_filled),
        "at": _time_or_none(order.at),
        "parent_id": order.parent_id,
        "close_position": order.close_position,
    }


def _fill(fill: FillReport) -> dict[str, Any]:
    return {
        "id": fill.id,
        "order_id": fill.order_id,
        "side": str(fill.side),
        "amount": decimal_text(fill.amount),
        "price": decimal_text(fill.price),
        "fee_currency": fill.fee_currency,
        "fee_cost": _text_or_none(fill.fee_cost),
        "liquidation": fill.liquidation,
        "booked": fill.booked,
        "at": _time_or_none(fill.at),
        "fee_booked": fill.fee_booked,
    }


def _context(context: Context) -> dict[str, Any]:
    return {
        "auto_corrections_last_hour": context.auto_corrections_last_hour,
        "auto_corrected_pct_last_day": decimal_text(context.auto_corrected_pct_last_day),
        "in_flight_since": _time_or_none(context.in_flight_since),
        "no_evidence_since": _time_or_none(context.no_evidence_since),
        "other_bots": decimal_text(context.other_bots),
        "now": _time_or_none(context.now),
    }


def evidence_document(evidence: Evidence) -> dict[str, Any]:
    """The evidence as a document of the schema `recon.evidence/1`.

    The key `orders` is absent where orders were not read, which is not the same as none there.
    """
    document = {
        "schema": EVIDENCE_SCHEMA,
        "bot_id": evidence.bot_id,
        "account_id": evidence.account_id,
        "exchange": evidence.exchange,
        "trading_mode": str(evidence.trading_mode),
        "symbol": evidence.symbol,
        "market": _market(evidence.market),
        "policy": evidence.policy.to_mapping(),
        "context": _context(evidence.context),
        "local_reads": [_local_read(read) for read in evidence.local_reads],
        "exchange_reads": [_exchange_read(read) for read in evidence.exchange_reads],
        "fills": [_fill(fill) for fill in evidence.fills],
        "external_holding": decimal_text(evidence.external_holding),
        "fee_drains": decimal_text(evidence.fee_drains),
    }
    if evidence.orders is not None:
        document["orders"] = [_order(order) for order in evidence.orders]
    return document


def leg_document(leg: Leg) -> dict[str, Any]:
    """One leg of a booking, as it stands in a verdict and in a command to the bot."""
    return {
        "side": str(leg.side),
        "amount": decimal_text(leg.amount),
        "price": _text_or_none(leg.price),
        "role": str(leg.role),
        "kind": str(leg.kind),
        "order_id": leg.order_id,
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "kind": str(part.kind),
        "amount": decimal_text(part.amount),
        "order_id": part.order_id,
        "note": part.note,
    }


def verdict_document(verdict: Verdict, evidence_hash: str) -> dict[str, Any]:
    """The verdict as a document of the schema `recon.verdict/1`.

    :param evidence_hash: `hash_document` of the evidence document that was judged.
    """
    return {
        "schema": VERDICT_SCHEMA,
        "verdict": str(verdict.verdict),
        "severity": str(verdict.severity),
        "decision": str(verdict.decision),
        "local": _text_or_none(verdict.local),
        "exchange": _text_or_none(verdict.exchange),
        "divergence": _text_or_none(verdict.divergence),
        "divergence_pct": _text_or_none(verdict.divergence_pct),
        "explanation": [_part(part) for part in verdict.explanation],
        "unexplained": decimal_text(verdict.unexplained),
        "booking": [leg_document(leg) for leg in verdict.booking],
        "final_local": _text_or_none(verdict.final_local),
        "reason": verdict.reason,
        "evidence_hash": evidence_hash,
    }
