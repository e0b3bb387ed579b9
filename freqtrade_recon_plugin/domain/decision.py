"""Whether a divergence may be corrected without a person: every reason against it.

Invariants: a large divergence never is, but for the bot's own real fills where the policy says so;
small corrections add up to a budget; what cannot be told apart is never corrected unseen.
"""

from __future__ import annotations

from freqtrade_recon_plugin.domain.booking import Plan
from freqtrade_recon_plugin.domain.model import (
    Evidence,
    LegKind,
    OrderSide,
    PartKind,
    Severity,
    TradingMode,
)
from freqtrade_recon_plugin.domain.reads import Statement
from freqtrade_recon_plugin.domain.tolerance import is_dust, signs_differ

_OWN_FILLS = frozenset({PartKind.MISSED_FILL, PartKind.PARTIAL_FILL, PartKind.FEE})


def why_halt(
    evidence: Evidence, stated: Statement, plan: Plan, size: Severity, exempt: bool
) -> list[str]:
    """Every reason why a person must decide; none means that it may be corrected at once.

    :param exempt: the correction does not count against the budget.
    """
    spot = evidence.trading_mode is TradingMode.SPOT
    why = []
    if size is Severity.LARGE and not _own_fills_may_be_booked(evidence, stated, plan):
        why.append("large")
    elif not exempt and _over_budget(evidence, stated):
        why.append("the budget of corrections without a person is spent")
    if plan.foreign_increase:
        why.append("somebody else increased the position")
    if plan.phantom and plan.guessed:
        why.append("an order is booked beyond what was filled, and that is not all")
    if plan.ledger.overdrawn or (spot and stated.exchange < 0):
        why.append("more is gone than the bot ever had")
    if spot and _adds_coins_of_nobody(plan):
        why.append("a spot surplus without a fill of the bot's own")
    if evidence.context.other_bots and (plan.guessed or plan.foreign):
        why.append("other bots share the account and it cannot be told whose this is")
    return why


def exempt_from_budget(evidence: Evidence, stated: Statement, plan: Plan) -> bool:
    """A deficit that is dust, or that fees alone explain, would make stops and exits fail."""
    if abs(stated.exchange) >= abs(stated.local):
        return False
    fees_alone = not plan.rest and all(part.kind is PartKind.FEE for part in plan.parts)
    return fees_alone or is_dust(evidence, stated.exchange - stated.local)


def _own_fills_may_be_booked(evidence: Evidence, stated: Statement, plan: Plan) -> bool:
    own_only = all(part.kind in _OWN_FILLS for part in plan.parts) and not plan.guessed
    shrinks = abs(plan.ledger.position) <= abs(stated.local)
    flips = signs_differ(stated.local, plan.ledger.position)
    return evidence.policy.book_own_fills and own_only and shrinks and not flips


def _over_budget(evidence: Evidence, stated: Statement) -> bool:
    """Whether the limits are reached by count, or passed by percent with this correction."""
    used, policy = evidence.context, evidence.policy
    if used.auto_corrections_last_hour >= policy.max_auto_corrections_per_hour:
        return True
    left_pct = policy.max_auto_corrected_pct_per_day - used.auto_corrected_pct_last_day
    if not stated.exchange:
        return left_pct < 0  # a close has no percentage
    return 100 * abs(stated.exchange - stated.local) > left_pct * abs(stated.exchange)


def _adds_coins_of_nobody(plan: Plan) -> bool:
    return any(
        leg.kind is LegKind.SYNTHETIC and leg.side is OrderSide.BUY for leg in plan.ledger.legs
    )
