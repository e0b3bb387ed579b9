"""A stand-in for a bot beside Airflow: it publishes a book and books what it is told.

The real bot is met in `tests/end_to_end`. This one beats slowly, because it shares two cores with
a whole Airflow.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal

from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.domain.model import TradingMode, side_of
from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.store import BotRow, PositionRow, Store

SYMBOL = "BTC/USDT:USDT"
BEAT_S = 0.3
POLICY = Policy.from_mapping({"confirm_delay_s": "0.5", "settle_s": "0"})


class StandIn:
    """A futures bot with one symbol, long `amount`. One per account, both of the same name."""

    def __init__(self, store: Store, name: str, amount: int, policy: Policy = POLICY) -> None:
        self.amount = Decimal(amount)
        self._store, self._name = store, name
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        now = datetime.now(UTC)
        row = BotRow(
            bot_id=name,
            account_id=name,
            exchange="binance",
            trading_mode=TradingMode.FUTURES,
            policy=policy,
            external_holdings={},
            pairs=(SYMBOL,),
            state="running",
            version="stand-in",
            registered_at=now,
            heartbeat_at=now,
        )
        with store.transaction() as tx:
            tx.bots.register(row, by="test")
        self._publish()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(30)

    def _loop(self) -> None:
        while not self._ended.wait(BEAT_S):
            self._execute()
            self._publish()

    def _publish(self) -> None:
        now = datetime.now(UTC)
        row = PositionRow(
            bot_id=self._name,
            symbol=SYMBOL,
            trade_id=1,
            side=side_of(self.amount),
            amount=abs(self.amount),
            open_rate=Decimal(50000),
            open_entry_filled=Decimal(0),
            open_exit_filled=Decimal(0),
            last_activity_at=None,
            known_order_ids=(),
            booked_fills={},
            stop_expected=None,
            trade_opened_at=None,
            at=now,
        )
        with self._store.transaction(audited=False) as tx:
            tx.bots.heartbeat(self._name, now, "running", None)
            tx.positions.publish(self._name, [row], at=now)

    def _execute(self) -> None:
        with self._store.reading() as tx:
            waiting = tx.commands.waiting(self._name)
        for command in waiting:
            with self._store.transaction() as tx:
                now = datetime.now(UTC)
                if tx.commands.take(command.command_id, now):
                    self.amount = Decimal(command.payload["target"])
                    result = {"local": command.payload["target"]}
                    done = CommandStatus.DONE
                    tx.commands.finish(command.command_id, done, result, now, f"bot:{self._name}")
