"""Whether the stops on the exchange protect the position: no orphan, no double, none too large."""

from __future__ import annotations

from decimal import Decimal

from freqtrade_recon_plugin.domain.explain import own_ids
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Evidence,
    OrderReport,
    OrderStatus,
    Part,
    PartKind,
    TradingMode,
)

MISSING = "no stop is on the exchange for this position"


def faults(evidence: Evidence, exchange: Decimal, stop_expected: bool) -> list[Part]:
    """The faults of the symbol's open stops, as parts without an amount.

    :param exchange: signed position on the exchange that is the bot's.
    :param stop_expected: the bot says that its stop is on the exchange.
    """
    if evidence.orders is None:
        return []
    stops = [order for order in evidence.orders if order.stop and _is_ours(evidence, order)]
    found: list[Part] = []
    for stop in stops:
        found += [_part(stop.id, note) for note in _faults_of(evidence, stop, exchange)]
    if exchange and len(stops) > 1:
        found += [_part(stop.id, "one of several stops for one position") for stop in stops[1:]]
    if exchange and stop_expected and not stops:
        found.append(_part(None, MISSING))
    return found


def halts(parts: list[Part]) -> bool:
    """Whether any fault is one that halts; a missing stop is the bot's to place again."""
    return any(part.note != MISSING for part in parts)


def _is_ours(evidence: Evidence, order: OrderReport) -> bool:
    """Open, and either this bot's, or on a futures account that this bot has for itself."""
    if order.status is not OrderStatus.OPEN:
        return False
    alone = evidence.trading_mode is TradingMode.FUTURES and not evidence.context.other_bots
    return alone or order.id in own_ids(evidence)


def _faults_of(evidence: Evidence, stop: OrderReport, exchange: Decimal) -> list[str]:
    if not exchange:
        return ["a stop without a position"]
    if stop.close_position:
        return []
    notes = []
    if stop.amount - abs(exchange) >= (evidence.market.amount_step or ZERO) > 0 or (
        not evidence.market.amount_step and stop.amount > abs(exchange)
    ):
        notes.append("a stop larger than the position")
    if evidence.trading_mode is TradingMode.FUTURES and not stop.reduce_only:
        notes.append("a stop that is not reduce-only")
    return notes


def _part(order_id: str | None, note: str) -> Part:
    return Part(PartKind.PROTECTION, ZERO, order_id, note)
