"""Shows open breakers in the bot: no resting entries, a pair lock with the reason, one message.

The pair lock is a sign for people, not the breaker: deleting it changes nothing. Invariants: the
stop on the exchange and exits are left alone; a message is sent per change, not per loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from freqtrade.enums import RPCMessageType
from freqtrade.exceptions import DependencyException
from freqtrade.persistence import PairLocks, Trade

from freqtrade_recon_plugin.bot.said import Said
from freqtrade_recon_plugin.domain.lifecycle import WHOLE_BOT
from freqtrade_recon_plugin.metrics import Metrics
from freqtrade_recon_plugin.store import BreakerRow

logger = logging.getLogger(__name__)

REASON = "cancelled by an open breaker"
_SIGN = "Reconciliation: "
_SIGN_LENGTH = 200
_SHOWN_FOR = timedelta(hours=1)
_RENEWED_BEFORE = timedelta(minutes=20)
_TRY_AGAIN_AFTER = timedelta(seconds=30)


class Halt:
    """The open breakers of one bot as the bot shows them. Used on the bot's loop thread alone."""

    def __init__(
        self, bot: Any, bot_id: str, metrics: Metrics, clock: Callable[[], datetime]
    ) -> None:
        self._bot = bot
        self._bot_id = bot_id
        self._metrics = metrics
        self._clock = clock
        self._said = Said(logger)
        self._tried: dict[str, datetime] = {}
        #: Symbol to sign, of the breakers that have been announced; a restart finds the signs.
        self._shown: dict[str, str] = {
            lock.pair: lock.reason
            for lock in PairLocks.get_pair_locks(None)
            if (lock.reason or "").startswith(_SIGN)
        }

    def follow(self, breakers: Sequence[BreakerRow]) -> None:
        """Brings the bot in line with the breakers that are open now."""
        signs = {row.symbol: _sign(row) for row in breakers}
        for symbol in [shown for shown in self._shown if shown not in signs]:
            self._take_down(symbol)
            self._metrics.breaker_open(self._bot_id, symbol, False)
            self._send(f"Breaker of {_named(symbol)} closed: new exposure is allowed again.")
        for symbol, sign in signs.items():
            if self._shown.get(symbol) != sign:
                self._take_down(symbol)
                self._shown[symbol] = sign
                self._metrics.breaker_open(self._bot_id, symbol, True)
                self._send(
                    f"{_named(symbol)} halted. {sign.rstrip('.')}. New exposure is refused and "
                    "discretionary exits are held back; stops and forced exits pass."
                )
            self._show(symbol, sign)
        if signs:
            self._cancel_entries(set(signs))

    def _take_down(self, symbol: str) -> None:
        sign = self._shown.pop(symbol, None)
        if sign is not None:
            PairLocks.unlock_reason(sign)

    def _show(self, symbol: str, sign: str) -> None:
        now = self._clock()
        ends = [
            lock.lock_end_time_utc
            for lock in PairLocks.get_pair_locks(symbol, now)
            if lock.reason == sign
        ]
        if max(ends, default=now) - now < _RENEWED_BEFORE:
            PairLocks.lock_pair(symbol, now + _SHOWN_FOR, sign, now=now)

    def _cancel_entries(self, symbols: set[str]) -> None:
        """Cancels resting entry orders; what has filled of them is booked by freqtrade."""
        if not any(self._resting(trade, symbols) for trade in Trade.get_open_trades()):
            return
        with self._bot._exit_lock:
            Trade.commit()  # sees what other threads have written
            for trade in Trade.get_open_trades():
                for order in self._resting(trade, symbols):
                    self._tried[order.order_id] = self._clock()
                    self._cancel(trade, order)
            Trade.commit()

    def _resting(self, trade: Any, symbols: set[str]) -> list[Any]:
        if not symbols & {trade.pair, WHOLE_BOT}:
            return []
        long_ago = self._clock() - _TRY_AGAIN_AFTER
        return [
            order
            for order in trade.open_orders
            if order.ft_order_side == trade.entry_side
            and self._tried.get(order.order_id, long_ago) <= long_ago
        ]

    def _cancel(self, trade: Any, order: Any) -> None:
        subject = ("cancel", order.order_id)
        try:
            report = self._bot.exchange.fetch_order(order.order_id, trade.pair)
            if report["status"] == "open":  # any other is freqtrade's to handle, in this loop
                self._bot.handle_cancel_enter(trade, report, order, REASON)
        except DependencyException as error:
            self._said.now(subject, f"Entry order of {trade.pair} not cancelled yet: {error}")

    def _send(self, text: str) -> None:
        self._bot.rpc.send_msg({"type": RPCMessageType.WARNING, "status": text})


def _sign(row: BreakerRow) -> str:
    """Names the symbol, since locks are taken down by their text, and the time of opening."""
    opened = row.opened_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    note = f", {row.note}" if row.note else ""
    action = f", action {row.action_id}" if row.action_id else ""
    text = f"{_SIGN}{row.symbol} {row.reason} since {opened} by {row.opened_by}{action}{note}"
    return text[:_SIGN_LENGTH]


def _named(symbol: str) -> str:
    return "The whole bot" if symbol == WHOLE_BOT else symbol
