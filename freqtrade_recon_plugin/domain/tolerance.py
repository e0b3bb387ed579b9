"""When a difference is small enough to leave alone, and how large the others are."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Evidence,
    Severity,
    TradingMode,
)

#: Percentages are shown to this; decisions never use the rounded figure.
_PCT_STEP = Decimal("1e-8")


class Leave(StrEnum):
    """Why a difference is left alone."""

    STEP = "less than a step of the market"
    DUST = "a surplus worth less than dust"
    EXTERNAL = "a spot surplus that is not the bot's"


def why_leave(evidence: Evidence, local: Decimal, exchange: Decimal) -> Leave | None:
    """Why the difference of two positions is left alone; None where it is a divergence.

    Both are signed, in base coin, unequal, and not of opposite sign.
    """
    difference = abs(exchange - local)
    step = evidence.market.amount_step
    if local and exchange and step and difference < evidence.policy.amount_tolerance_steps * step:
        return Leave.STEP
    if abs(exchange) < abs(local):
        return None  # what is missing is never dust
    if is_dust(evidence, difference):
        return Leave.DUST
    # Below zero, coins that were set aside as the operator's are gone: no surplus.
    spot_surplus = evidence.trading_mode is TradingMode.SPOT and exchange > 0
    return Leave.EXTERNAL if spot_surplus and not evidence.policy.exclusive_account else None


def is_dust(evidence: Evidence, amount: Decimal) -> bool:
    """Whether an amount (base coin) is worth less than `dust_notional`, else the `min_cost`."""
    limit = evidence.policy.dust_notional
    if limit is None:
        limit = evidence.market.min_cost
    if limit is None or not evidence.market.price:
        return False
    return abs(amount) * evidence.market.price < limit


def signs_differ(local: Decimal, exchange: Decimal) -> bool:
    """Long against short."""
    return local * exchange < 0


def percent(local: Decimal, exchange: Decimal) -> Decimal | None:
    """100 * |exchange - local| / |exchange|; None where the exchange is flat."""
    if not exchange:
        return None
    value = 100 * abs(exchange - local) / abs(exchange)
    return value.quantize(_PCT_STEP).normalize() if value else ZERO


def severity(evidence: Evidence, local: Decimal, exchange: Decimal) -> Severity:
    """Small below `auto_correct_below_pct` of the exchange's position; everything else is large."""
    if not exchange or signs_differ(local, exchange):
        return Severity.LARGE
    limit = evidence.policy.auto_correct_below_pct * abs(exchange)
    return Severity.SMALL if 100 * abs(exchange - local) < limit else Severity.LARGE
