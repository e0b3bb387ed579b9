"""From evidence to verdict: the order of questions, and the decision that follows.

Invariants: without a full statement of both sides nothing is corrected; a large divergence is
never corrected without a person; whatever makes a correction doubtful halts instead.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Context, Decimal, localcontext

from freqtrade_recon_plugin.domain import protection
from freqtrade_recon_plugin.domain.booking import Plan, draw_up, share
from freqtrade_recon_plugin.domain.decision import exempt_from_budget, why_halt
from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Decision,
    Evidence,
    Part,
    PartKind,
    Severity,
    TradingMode,
    Verdict,
    VerdictKind,
)
from freqtrade_recon_plugin.domain.reads import Statement, moment_of, seconds, span_seconds, state
from freqtrade_recon_plugin.domain.tolerance import (
    Leave,
    percent,
    severity,
    signs_differ,
    why_leave,
)

#: Sums and products of any two quantities that a document may hold stay exact in this.
EXACT = Context(prec=150)
_UNNAMED = "the report does not name the symbol, beside a fill that the bot has not booked"


def compare(evidence: Evidence) -> Verdict:
    """What the evidence means and what is done about it."""
    with localcontext(EXACT):
        return _compare(evidence)


def _compare(evidence: Evidence) -> Verdict:
    now = moment_of(evidence)
    statement = state(evidence)
    if isinstance(statement, str):
        return _no_evidence(evidence, now, statement)
    plan = draw_up(evidence, statement)
    verdict = _answer(evidence, statement, plan, now)
    if verdict.verdict in {VerdictKind.IN_FLIGHT, VerdictKind.NO_EVIDENCE} or statement.doubt:
        return verdict
    return _with_protection(evidence, statement, verdict)


def _answer(evidence: Evidence, stated: Statement, plan: Plan, now: datetime) -> Verdict:
    """The order of questions of the design, section 4; the first that holds is the verdict."""
    local, exchange = stated.local, stated.exchange
    left = None
    if local != exchange and not signs_differ(local, exchange):
        left = why_leave(evidence, local, exchange)
    age = _age_of_own(evidence, plan, now)
    young = age is not None and age < evidence.policy.in_flight_grace_s
    # Only a difference that matters is asked of an order that may or may not have been filled.
    matters = local != exchange and left in {None, Leave.EXTERNAL}
    if young and (plan.own or matters) and _explained_by_own(stated, plan, evidence):
        return _in_flight(stated, plan)
    overdue = bool(plan.own) and not young
    if local == exchange and not overdue:
        return _calm(VerdictKind.IN_SYNC, stated, "Book and exchange agree.")
    if stated.doubt:
        return _no_evidence(evidence, now, stated.doubt, local)
    if stated.unnamed:
        return _no_evidence(evidence, now, _UNNAMED, local)
    if left is not None and not overdue:
        return _left_alone(stated, left)
    return _divergent(evidence, stated, plan, now)


def _age_of_own(evidence: Evidence, plan: Plan, now: datetime) -> Decimal | None:
    """Seconds since the newest thing that the bot should book itself; None where there is none."""
    waiting = plan.own or plan.unproven
    if not waiting:
        return None
    times = [family.at for family in waiting if family.at]
    ages = [span_seconds(now - max(times))] if times else []
    if evidence.context.in_flight_since is not None:
        ages.append(span_seconds(now - evidence.context.in_flight_since))
    return max(ages, default=ZERO)


def _explained_by_own(stated: Statement, plan: Plan, evidence: Evidence) -> bool:
    """Whether the bot's own orders and fees make up the whole difference, but for what is left."""
    rest = stated.exchange - stated.local
    rest -= sum((family.unbooked for family in plan.own), ZERO)
    rest -= sum((part.amount for part in plan.parts if part.kind is PartKind.FEE), ZERO)
    for family in plan.unproven:
        rest -= share(rest, family.unproven)
    explained = stated.exchange - rest
    if not rest or signs_differ(explained, stated.exchange):
        return not rest
    return why_leave(evidence, explained, stated.exchange) is not None


# --- verdicts -----------------------------------------------------------------------------------


def _no_evidence(
    evidence: Evidence, now: datetime, why: str, local: Decimal | None = None
) -> Verdict:
    since = evidence.context.no_evidence_since
    blind_for = evidence.policy.no_evidence_halt_after_s
    decision, then = Decision.WAIT, "look again"
    if since is not None and now - since > seconds(blind_for):
        decision, then = Decision.HALT, f"halted: blind for more than {decimal_text(blind_for)} s"
    if local is None:
        quantities = {read.quantity for read in evidence.local_reads}
        local = quantities.pop() if len(quantities) == 1 else None
    return Verdict(
        verdict=VerdictKind.NO_EVIDENCE,
        severity=Severity.NONE,
        decision=decision,
        reason=f"No statement: {why}; {then}.",
        local=local,
    )


def _calm(
    kind: VerdictKind, stated: Statement, reason: str, decision: Decision = Decision.NONE
) -> Verdict:
    return Verdict(
        verdict=kind,
        severity=Severity.NONE,
        decision=decision,
        reason=reason,
        local=stated.local,
        exchange=stated.exchange,
        divergence=stated.exchange - stated.local,
        divergence_pct=percent(stated.local, stated.exchange),
        final_local=stated.local,
    )


def _left_alone(stated: Statement, left: Leave) -> Verdict:
    external = left is Leave.EXTERNAL
    kind = VerdictKind.EXTERNAL if external else VerdictKind.WITHIN_TOLERANCE
    part = PartKind.EXTERNAL_HOLDING if external else PartKind.DUST
    difference = stated.exchange - stated.local
    return replace(
        _calm(kind, stated, f"Left alone: {decimal_text(abs(difference))} is {left}."),
        explanation=(Part(part, difference, None, str(left)),),
    )


def _in_flight(stated: Statement, plan: Plan) -> Verdict:
    orders = ", ".join(family.order_id for family in (*plan.own, *plan.unproven))
    reason = f"The bot's own orders ({orders}) explain the difference; it is still to book them."
    return replace(
        _calm(VerdictKind.IN_FLIGHT, stated, reason, Decision.WAIT),
        explanation=tuple(plan.parts),
        unexplained=plan.rest,
    )


def _divergent(evidence: Evidence, stated: Statement, plan: Plan, now: datetime) -> Verdict:
    size = severity(evidence, stated.local, stated.exchange)
    if size is Severity.LARGE and stated.span_s < evidence.policy.confirm_delay_s:
        delay = decimal_text(evidence.policy.confirm_delay_s)
        why = f"the reads of a large difference are less than {delay} s apart"
        return _no_evidence(evidence, now, why, stated.local)
    pct = percent(stated.local, stated.exchange)
    exempt = exempt_from_budget(evidence, stated, plan)
    halts = why_halt(evidence, stated, plan, size, exempt)
    return Verdict(
        verdict=VerdictKind.DIVERGENT,
        severity=size,
        decision=Decision.HALT if halts else Decision.AUTO_CORRECT,
        reason=_reason(stated, pct, halts),
        local=stated.local,
        exchange=stated.exchange,
        divergence=stated.exchange - stated.local,
        divergence_pct=pct,
        explanation=tuple(plan.parts),
        unexplained=plan.rest,
        booking=plan.legs,
        final_local=plan.ledger.position,
        counts_against_budget=not exempt,
    )


def _reason(stated: Statement, pct: Decimal | None, halts: list[str]) -> str:
    share_of = "" if pct is None else f" ({decimal_text(pct.quantize(Decimal('0.01')))} %)"
    numbers = (
        f"Book {decimal_text(stated.local)}, exchange {decimal_text(stated.exchange)}: "
        f"{decimal_text(abs(stated.exchange - stated.local))} apart{share_of}"
    )
    if halts:
        return f"{numbers}; halted: {'; '.join(halts)}."
    return f"{numbers}; corrected without a person."


def _with_protection(evidence: Evidence, stated: Statement, verdict: Verdict) -> Verdict:
    position = stated.exchange
    if evidence.trading_mode is TradingMode.SPOT:
        position = verdict.final_local or ZERO  # a stop must not sell coins that are not the bot's
    found = protection.faults(evidence, position, stated.stop_expected)
    if not found:
        return verdict
    notes = "; ".join(dict.fromkeys(part.note or "" for part in found))
    return replace(
        verdict,
        decision=Decision.HALT if protection.halts(found) else verdict.decision,
        explanation=(*verdict.explanation, *found),
        reason=f"{verdict.reason} Protection: {notes}.",
    )
