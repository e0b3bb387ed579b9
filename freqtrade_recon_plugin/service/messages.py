"""What a person is told: the alerts, and the question that an approval asks.

Every text names the bot, the symbol and the numbers, and says what to do.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from freqtrade_recon_plugin.domain.document import decimal_text, time_text
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.service.observation import Observation
from freqtrade_recon_plugin.store import ActionRow, AlertRow, Store
from freqtrade_recon_plugin.store.rows import AlertSeverity


def describe(store: Store, action_id: str) -> tuple[str, str]:
    """The question that an approval asks: a subject line, and a body in Markdown.

    :raises ReconError: there is no such action.
    """
    with store.reading() as tx:
        action = tx.actions.get(action_id)
    if action is None:
        raise ReconError(f"there is no action {action_id}")
    return subject(action), body(action)


def subject(action: ActionRow) -> str:
    """One line: which bot and symbol, and how far apart."""
    return (
        f"{action.bot_id} {action.symbol}: book {_number(action.local)}, "
        f"exchange {_number(action.exchange)}{_percent(action)}"
    )


def body(action: ActionRow) -> str:
    """What a person decides on, in Markdown."""
    market = action.evidence["market"]
    since = time_text(action.detected_at.replace(microsecond=0))
    base, quote, price = market["base"], market["quote"], market["price"]
    lines = [
        f"**{action.symbol}** of bot **{action.bot_id}** is halted since {since}: "
        "no order that grows its position leaves the bot.",
        "",
        "| | |",
        "|---|---|",
        f"| The bot's book | {_number(action.local)} {base} |",
        f"| The exchange | {_number(action.exchange)} {base} |",
        f"| Difference | {_number(action.divergence)} {base}{_percent(action)} |",
        f"| Worth | {_worth(action.divergence, price)} {quote} |",
        f"| Why halted | {action.verdict['reason']} |",
        "",
        "**If you approve**, the book is set to the exchange's position, checked, and trading "
        "resumes:",
        "",
        *(_leg_line(leg, base, quote) for leg in action.verdict["booking"]),
        *([] if action.verdict["booking"] else ["- nothing is booked"]),
        "",
        "**If you reject**, nothing is booked and the symbol stays halted.",
        "",
        "Numbers are read again before anything is booked; if they have moved, nothing is booked "
        "and you are asked anew.",
        "",
        f"Action `{action.action_id}`, evidence `{action.evidence_hash[:16]}`.",
    ]
    return "\n".join(lines)


def halted(action: ActionRow, at: datetime) -> AlertRow:
    """The alert that a symbol was halted and a person is asked."""
    message = (
        f"Manual investigation required. {action.verdict['reason']} "
        f"The symbol is halted: the bot opens and adds nothing there. To correct the book and "
        f"resume, mark the task await_approval of the DAG divergence_approval, run "
        f"{action.action_id}, successful (or press Approve there); or run: "
        f"freqtrade-recon approve {action.action_id} --by YOUR_NAME"
    )
    title = f"Halted: {subject(action)}"
    return _alert(f"halted-{action.action_id}", "critical", title, message, at, action)


def correction_failed(action: ActionRow, why: str, at: datetime) -> AlertRow:
    """The alert that a correction was not booked, or did not verify."""
    message = (
        f"Manual investigation required. The correction of {subject(action)} failed: {why}. "
        f"The symbol is halted. See: freqtrade-recon show {action.action_id}"
    )
    title = f"Correction failed: {action.bot_id} {action.symbol}"
    return _alert(f"failed-{action.action_id}", "critical", title, message, at, action)


def to_the_bot(alert: AlertRow) -> AlertRow:
    """The same news for the messages that the bot itself sends (Telegram, Discord, webhook)."""
    return replace(alert, alert_id=uuid4().hex, key=f"{alert.key}-bot", channel="bot")


def corrected(action: ActionRow, at: datetime) -> AlertRow:
    """The message that an incident is over."""
    who = action.decided_by or "no person was needed"
    message = f"Book and exchange agree again at {_number(action.exchange)}; approved by {who}."
    title = f"Corrected: {action.bot_id} {action.symbol}"
    return _alert(f"corrected-{action.action_id}", "info", title, message, at, action)


def no_evidence(seen: Observation, since: datetime, reason: str) -> AlertRow:
    """The alert that a symbol cannot be reconciled."""
    bot_id, symbol = seen.bot.bot_id, seen.symbol
    message = (
        f"{reason} {_said(seen)}So it has been since {time_text(since)}. Check that the bot runs, "
        f"that the exchange answers, and the key: freqtrade-recon status"
    )
    title = f"Cannot be reconciled: {bot_id} {symbol}"
    return _blind("no-evidence", "warning", title, message, seen, since)


def halted_blind(seen: Observation, since: datetime, reason: str) -> AlertRow:
    """The alert that a symbol was halted because it could not be reconciled for too long."""
    bot_id, symbol = seen.bot.bot_id, seen.symbol
    message = (
        f"Manual investigation required. {reason} {_said(seen)}So it has been since "
        f"{time_text(since)}. The symbol is halted: the bot opens and adds nothing there. Once it "
        f"is reconciled again, run: "
        f"freqtrade-recon resume {bot_id} {symbol} --by YOUR_NAME --reason WHY"
    )
    title = f"Halted, cannot be reconciled: {bot_id} {symbol}"
    return _blind("no-evidence-halt", "critical", title, message, seen, since)


def _said(seen: Observation) -> str:
    return f"The exchange: {seen.note}. " if seen.note else ""


def _blind(
    occasion: str,
    severity: AlertSeverity,
    title: str,
    message: str,
    seen: Observation,
    since: datetime,
) -> AlertRow:
    return AlertRow(
        alert_id=uuid4().hex,
        key=f"{occasion}-{seen.bot.bot_id}-{seen.symbol}-{time_text(since)}",
        severity=severity,
        title=title,
        message=message,
        bot_id=seen.bot.bot_id,
        symbol=seen.symbol,
        action_id=None,
        created_at=seen.at,
        channel="outside",
        next_attempt_at=seen.at,
    )


def _alert(
    key: str, severity: AlertSeverity, title: str, message: str, at: datetime, action: ActionRow
) -> AlertRow:
    return AlertRow(
        alert_id=uuid4().hex,
        key=key,
        severity=severity,
        title=title,
        message=message,
        bot_id=action.bot_id,
        symbol=action.symbol,
        action_id=action.action_id,
        created_at=at,
        channel="outside",
        next_attempt_at=at,
    )


def _leg_line(leg: dict[str, Any], base: str, quote: str) -> str:
    price = (
        "a price that is still to be read" if leg["price"] is None else f"{leg['price']} {quote}"
    )
    order = f", order {leg['order_id']}" if leg["order_id"] else ""
    return (
        f"- {leg['side']} {leg['amount']} {base} at {price} ({leg['role']}, {leg['kind']}{order})"
    )


def _number(number: Decimal | None) -> str:
    return "unknown" if number is None else decimal_text(number)


def _percent(action: ActionRow) -> str:
    if action.divergence_pct is None:
        return ""
    return f" ({decimal_text(action.divergence_pct.quantize(Decimal('0.01')))} %)"


def _worth(amount: Decimal | None, price: str | None) -> str:
    if amount is None or price is None:
        return "an unknown amount of"
    return f"{abs(amount) * Decimal(price):,.2f}"
