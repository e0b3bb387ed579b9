"""Rows to put into a store; every field may be said otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, CommandStatus
from freqtrade_recon_plugin.domain.model import (
    Decision,
    OrderSide,
    PositionSide,
    Severity,
    TradingMode,
)
from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.store import (
    ActionRow,
    AlertRow,
    BotRow,
    CommandRow,
    IntentRow,
    PositionRow,
)

NOW = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
BOT = "btc-1"
SYMBOL = "BTC/USDT:USDT"


def bot(**said: Any) -> BotRow:
    row = BotRow(
        bot_id=BOT,
        account_id="main",
        exchange="binance",
        trading_mode=TradingMode.FUTURES,
        policy=Policy(max_position={SYMBOL: Decimal(175)}, approvers=("alice",)),
        external_holdings={"BNB": Decimal("2.5")},
        pairs=(SYMBOL,),
        state="running",
        version="plugin 0.1.0, freqtrade 2026.9",
        registered_at=NOW,
        heartbeat_at=NOW,
    )
    return replace(row, **said)


def position(**said: Any) -> PositionRow:
    row = PositionRow(
        bot_id=BOT,
        symbol=SYMBOL,
        trade_id=1,
        side=PositionSide.LONG,
        amount=Decimal(100),
        open_rate=Decimal("50000.5"),
        open_entry_filled=Decimal(0),
        open_exit_filled=Decimal(0),
        last_activity_at=NOW,
        known_order_ids=("11", "12"),
        booked_fills={"11": Decimal(100)},
        stop_expected=True,
        trade_opened_at=NOW,
        at=NOW,
        booked_fees={"11": Decimal("0.1")},
    )
    return replace(row, **said)


def intent(**said: Any) -> IntentRow:
    row = IntentRow(
        bot_id=BOT,
        client_id="x-cvBPrNm9jqyhn66od4conpb5",
        symbol=SYMBOL,
        side=OrderSide.BUY,
        amount=Decimal("50.000000000000000001"),
        order_id=None,
        at=NOW,
    )
    return replace(row, **said)


def action(**said: Any) -> ActionRow:
    row = ActionRow(
        action_id="a1",
        bot_id=BOT,
        account_id="main",
        symbol=SYMBOL,
        status=ActionStatus.DETECTED,
        severity=Severity.LARGE,
        decision=Decision.HALT,
        local=Decimal(100),
        exchange=Decimal(150),
        divergence=Decimal(50),
        divergence_pct=Decimal("33.333333333333333333"),
        evidence={"schema": "recon.evidence/1", "symbol": SYMBOL},
        verdict={"schema": "recon.verdict/1", "verdict": "divergent"},
        evidence_hash="e" * 64,
        detected_at=NOW,
        updated_at=NOW,
    )
    return replace(row, **said)


def command(**said: Any) -> CommandRow:
    row = CommandRow(
        command_id="a1-sync",
        action_id="a1",
        bot_id=BOT,
        symbol=SYMBOL,
        kind="force_sync",
        payload={"symbol": SYMBOL, "expected_local": "100", "target": "150"},
        status=CommandStatus.QUEUED,
        queued_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
    )
    return replace(row, **said)


def alert(**said: Any) -> AlertRow:
    row = AlertRow(
        alert_id="m1",
        key="a1:large:outside",
        severity="critical",
        title="BTC/USDT:USDT halted",
        message="book 100, exchange 150",
        bot_id=BOT,
        symbol=SYMBOL,
        action_id="a1",
        created_at=NOW,
        channel="outside",
        next_attempt_at=NOW,
    )
    return replace(row, **said)
