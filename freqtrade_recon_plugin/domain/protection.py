"""Whether the stops on the exchange protect the position: no orphan, no double, none too large."""

from __future__ import annotations

from decimal import Decimal

from freqtrade_recon_plugin.domain.explain import distinct_orders, own_ids
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Evidence,
    OrderReport,
    OrderSide,
    OrderStatus,
    Part,
    PartKind,
    TradingMode,
)

MISSING = "no stop is on the exchange for this position"


def faults(evidence: Evidence, position: Decimal, stop_expected: bool) -> list[Part]:
    """The faults of the symbol's open stops, as parts without an amount.

    :param position: signed position on the exchange that is the bot's, base coin.
    :param stop_expected: the bot says that its stop is on the exchange.
    """
    if evidence.orders is None:
        return []
    stops = _stops(evidence)
    found = [
        _part(stop.id, note) for stop in stops for note in _faults_of(evidence, stop, position)
    ]
    guarding = [stop for stop in stops if position and stop.side is _closing_side(position)]
    found += [_part(stop.id, "one of several stops for one position") for stop in guarding[1:]]
    if position and stop_expected and not guarding:
        found.append(_part(None, MISSING))
    return found


def halts(parts: list[Part]) -> bool:
    """Whether any fault is one that halts; a missing stop is the bot's to place again."""
    return any(part.note != MISSING for part in parts)


def _stops(evidence: Evidence) -> list[OrderReport]:
    """Open stops: this bot's, or all on a futures account that this bot has for itself."""
    alone = evidence.trading_mode is TradingMode.FUTURES and not evidence.context.other_bots
    own = own_ids(evidence)
    stops = [
        order
        for order in distinct_orders(evidence).values()
        if order.stop and order.status is OrderStatus.OPEN and (alone or order.id in own)
    ]
    return sorted(stops, key=lambda stop: stop.id)


def _closing_side(position: Decimal) -> OrderSide:
    return OrderSide.SELL if position > 0 else OrderSide.BUY


def _faults_of(evidence: Evidence, stop: OrderReport, position: Decimal) -> list[str]:
    if not position or stop.side is not _closing_side(position):
        return ["a stop without a position"]
    if stop.close_position:
        return []
    notes = []
    excess = stop.amount - stop.filled - abs(position)
    if excess > 0 and excess >= (evidence.market.amount_step or ZERO):
        notes.append("a stop larger than the position")
    if evidence.trading_mode is TradingMode.FUTURES and not stop.reduce_only:
        notes.append("a stop that is not reduce-only")
    return notes


def _part(order_id: str | None, note: str) -> Part:
    return Part(PartKind.PROTECTION, ZERO, order_id, note)
