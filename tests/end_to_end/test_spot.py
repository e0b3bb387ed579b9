"""The loop on spot: a sale that the bot missed, and a small one, with a real bot and Airflow."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.sandbox.stack import ACCOUNT, BOT_ID, Stack
from freqtrade_recon_plugin.store import ActionRow

pytestmark = [pytest.mark.bot, pytest.mark.airflow]


#: A stop on the exchange would lock the coins, and nothing could be sold beside it.
NO_STOP_ON_THE_EXCHANGE = """
    order_types = {
        "entry": "limit",
        "exit": "limit",
        "stoploss": "limit",
        "stoploss_on_exchange": False,
    }
"""


def book(stack: Stack) -> Decimal:
    return sum((Decimal(str(trade["amount"])) for trade in stack.bot.open_trades()), Decimal(0))


def owned(stack: Stack) -> Decimal:
    return Decimal(stack.exchange.state(ACCOUNT)["spot"]["BTC"]["total"])


def actions(stack: Stack, status: ActionStatus, severity: str) -> list[ActionRow]:
    with stack.store.reading() as tx:
        return [a for a in tx.actions.list(status=status) if a.severity == severity]


def is_halted(stack: Stack) -> bool:
    with stack.store.reading() as tx:
        return bool(tx.breakers.list_open(BOT_ID))


def orders(stack: Stack, after: int, side: str) -> list[Any]:
    found = stack.exchange.requests(group="order_create", after=after)
    return [entry for entry in found if entry["params"].get("side") == side]


def test_a_missed_sale_on_spot_is_approved_and_a_small_one_corrected(tmp_path: Path) -> None:
    with Stack(tmp_path, trading_mode="spot", strategy_extra=NO_STOP_ON_THE_EXCHANGE) as stack:
        bought = stack.wait_for(lambda: book(stack), "the bot's entry")
        stack.bot.signal()
        assert bought == owned(stack)

        # A sale of half of it is missed: large, and exactly half is left.
        stack.exchange.missed_fill(ACCOUNT, "50", symbol=stack.symbol, side="sell")
        [pending] = stack.wait_for(
            lambda: actions(stack, ActionStatus.PENDING_APPROVAL, "large"), "the detection"
        )
        assert pending.local == bought
        assert pending.exchange == bought - 50
        assert is_halted(stack)
        assert book(stack) == bought

        # The strategy wants to grow; no order leaves the bot.
        mark = max(entry["number"] for entry in stack.exchange.requests())
        stack.bot.signal(target=float(bought) + 10)
        stack.wait_for(lambda: "New exposure refused" in stack.bot.log, "the refusal")
        assert orders(stack, mark, "BUY") == []
        stack.bot.signal()

        # A person presses Approve.
        stack.airflow.wait_task(
            "divergence_approval",
            pending.action_id,
            "await_approval",
            frozenset({"awaiting_input"}),
        )
        answer = stack.airflow.respond(
            "divergence_approval", pending.action_id, "await_approval", "Approve"
        )
        assert answer.status_code == 200
        [done] = stack.wait_for(
            lambda: actions(stack, ActionStatus.CORRECTED, "large"), "the correction", 180
        )
        assert done.decided_by == "approver"
        assert book(stack) == owned(stack) == bought - 50
        assert not is_halted(stack)
        assert orders(stack, mark, "BUY") == []

        # A small one corrects itself.
        stack.exchange.missed_fill(ACCOUNT, "1", symbol=stack.symbol, side="sell")
        stack.wait_for(
            lambda: actions(stack, ActionStatus.CORRECTED, "small"), "the small correction", 180
        )
        assert book(stack) == owned(stack) == bought - 51
        with stack.store.reading() as tx:
            assert tx.audit.verify().ok
