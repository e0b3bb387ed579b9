"""One account of the sandbox exchange, a store, and a stand-in for the bot that publishes books.

The bot itself is real in `tests/bot` and `tests/end_to_end`; here its place in the store is
taken by `FakeBot`, so that every fault of the exchange can be played in seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.alerts import Alerts
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.domain.model import TradingMode, side_of
from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.metrics import Metrics
from freqtrade_recon_plugin.ports import Ports, Waits, ports_of
from freqtrade_recon_plugin.sandbox import ccxt_urls
from freqtrade_recon_plugin.settings import AccountSettings
from freqtrade_recon_plugin.store import (
    ActionRow,
    AlertRow,
    AuditRow,
    BotRow,
    BreakerRow,
    PositionRow,
    Store,
    Transaction,
)

SYMBOL = "BTC/USDT:USDT"
SPOT = "BTC/USDT"
PATIENT = Waits(snapshot_s=10, take_s=10, finish_s=10, poll_s=0.02)
#: For a bot that takes no command: it is not given the time to.
HASTY = Waits(snapshot_s=10, take_s=0.3, finish_s=0, poll_s=0.02)

#: For tests that must hold on both databases.
on_every_store = pytest.mark.parametrize(
    "store_url",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
)


def policy(**settings: Any) -> Policy:
    """The default policy with a shorter pause between the reads."""
    return Policy.from_mapping({"confirm_delay_s": "0.05", **settings})


class SentMetrics:
    """A statsd client that keeps what it is given, as statsd would print it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def incr(self, stat: str, count: int = 1) -> None:
        self.lines.append(f"{stat}:{count}|c")

    def gauge(self, stat: str, value: Any) -> None:
        self.lines.append(f"{stat}:{value}|g")

    def timing(self, stat: str, delta: Any) -> None:
        self.lines.append(f"{stat}|ms")


class MovableClock:
    """The real time, and what a test has added to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class FakeBot:
    """Publishes a book as fast as a bot's loop would, and books commands without a trade model.

    :param off_by: what it books beside what it is told, base coin.
    :param refuses: the result with which it refuses every command.
    :param deaf: it publishes, and does not look for commands.
    :param takes_and_hangs: it takes a command and does not finish it.
    :param before_answer: done by the bot's thread when it has taken a command.
    """

    store: Store
    bot_id: str
    account_id: str
    mode: TradingMode = TradingMode.FUTURES
    policy: Policy = field(default_factory=policy)
    pairs: tuple[str, ...] = (SYMBOL,)
    external: dict[str, Decimal] = field(default_factory=dict)
    off_by: Decimal = Decimal(0)
    refuses: dict[str, Any] | None = None
    deaf: bool = False
    takes_and_hangs: bool = False
    before_answer: Callable[[], None] | None = None
    position: dict[str, Decimal] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    executed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._awake = threading.Event()
        self._awake.set()
        self._looped = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self.register()

    def register(self) -> None:
        """Says who it is, as a bot does at its start."""
        now = self.clock()
        row = BotRow(
            bot_id=self.bot_id,
            account_id=self.account_id,
            exchange="binance",
            trading_mode=self.mode,
            policy=self.policy,
            external_holdings=self.external,
            pairs=self.pairs,
            state="running",
            version="test",
            registered_at=now,
            heartbeat_at=now,
        )
        with self.store.transaction() as tx:
            tx.bots.register(row, by="test")

    def holds(self, amount: str, symbol: str | None = None) -> FakeBot:
        """Makes the book say so, and waits until that is published."""
        self.position[symbol or self.pairs[0]] = Decimal(amount)
        self.looped()
        return self

    def start(self) -> FakeBot:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._ended.set()
        self._awake.set()
        self._thread.join(30)

    def looped(self) -> None:
        """Waits for two more loops: the second has begun after the call."""
        for _ in range(2):
            self._looped.clear()
            assert self._looped.wait(30), "the bot's loop stands still"

    def hang(self) -> None:
        """Stops publishing and executing until `wake`."""
        self._awake.clear()

    def wake(self) -> None:
        self._awake.set()

    def _loop(self) -> None:
        while True:
            self._awake.wait()
            if self._ended.is_set():
                return
            self._execute()
            self._publish()
            self._looped.set()
            self._ended.wait(0.03)

    def _publish(self) -> None:
        now = self.clock()
        with self.store.transaction(audited=False) as tx:
            tx.bots.heartbeat(self.bot_id, now, "running", None)
            rows = [self._row(symbol, amount, now) for symbol, amount in self.position.items()]
            tx.positions.publish(self.bot_id, rows, at=now)

    def _row(self, symbol: str, amount: Decimal, now: datetime) -> PositionRow:
        return PositionRow(
            bot_id=self.bot_id,
            symbol=symbol,
            trade_id=1,
            side=side_of(amount),
            amount=abs(amount),
            open_rate=Decimal(50000) if amount else None,
            open_entry_filled=Decimal(0),
            open_exit_filled=Decimal(0),
            last_activity_at=None,
            known_order_ids=(),
            booked_fills={},
            stop_expected=None,
            trade_opened_at=None,
            at=now,
        )

    def _execute(self) -> None:
        if self.deaf:
            return
        now = self.clock()
        with self.store.reading() as tx:
            waiting = tx.commands.waiting(self.bot_id)
        for command in waiting:
            with self.store.transaction() as tx:
                if not tx.commands.take(command.command_id, now):
                    continue
            if self.takes_and_hangs:
                continue
            if self.before_answer:
                self.before_answer()
            if self.refuses is not None:
                result, status = self.refuses, CommandStatus.REFUSED
            else:
                self.executed.append(command.command_id)
                self.position[command.symbol] = Decimal(command.payload["target"]) + self.off_by
                result, status = {"local": command.payload["target"]}, CommandStatus.DONE
            with self.store.transaction() as tx:
                tx.commands.finish(command.command_id, status, result, now, f"bot:{self.bot_id}")


class Crash(BaseException):
    """The process ends here."""


class CrashingStore:
    """A store under which the process ends at one of its writing transactions.

    :param at: number of the transaction, from 1.
    :param committed: the process ends right after the commit, else right before it begins.
    """

    def __init__(self, store: Store, at: int, committed: bool) -> None:
        self._store = store
        self._left = at
        self._committed = committed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def transaction(self, audited: bool = True) -> Iterator[Transaction]:
        self._left -= 1
        if self._left == 0 and not self._committed:
            raise Crash
        with self._store.transaction(audited) as tx:
            yield tx
        if self._left == 0:
            raise Crash


@dataclass
class World:
    """The store and the exchange with everything that a use case needs."""

    store: Store
    sandbox: Any
    sent: SentMetrics = field(default_factory=SentMetrics)
    clock: MovableClock = field(default_factory=MovableClock)
    bots: list[FakeBot] = field(default_factory=list)

    @property
    def controls(self) -> Any:
        return self.sandbox.controls

    def bot(self, bot_id: str = "b1", account_id: str = "main", **settings: Any) -> FakeBot:
        """A running bot on an account."""
        bot = FakeBot(self.store, bot_id, account_id, clock=self.clock, **settings)
        self.bots.append(bot)
        return bot.start()

    def spot_bot(self, bot_id: str = "s1", **settings: Any) -> FakeBot:
        """A running bot on the spot market of the account."""
        return self.bot(bot_id, **{"mode": TradingMode.SPOT, "pairs": (SPOT,), **settings})

    def account(self, account_id: str = "main") -> AccountSettings:
        keys = self.sandbox.keys(account_id)
        return AccountSettings(
            id=account_id,
            exchange="binance",
            api_key=keys.read_only_key,
            secret=keys.read_only_secret,
            urls=ccxt_urls(self.sandbox.url),
        )

    def ports(
        self,
        account_id: str = "main",
        *,
        store: Any = None,
        waits: Waits = PATIENT,
        alerts: Alerts | None = None,
        timeout_s: float = 5,
    ) -> Ports:
        """The real ports of an account; the clock is the world's."""
        return ports_of(
            store or self.store,
            self.account(account_id),
            Metrics(self.sent),
            alerts or Alerts(),
            clock=self.clock,
            waits=waits,
            timeout_s=timeout_s,
        )

    def ports_until_taken(self) -> Ports:
        """Ports whose time flies by as soon as a bot has taken a command."""

        def wait(seconds: float) -> None:
            time.sleep(seconds)
            if any(row.event == "command.taken" for row in self.audit()):
                self.clock.forward(60)

        return replace(self.ports(), sleep=wait)

    def hold(self, amount: str, symbol: str = SYMBOL, account_id: str = "main") -> None:
        """Makes the account hold a position, without any order of the bot's."""
        held = self.controls.position(account_id, symbol)
        change = Decimal(amount) - held
        if change:
            side = "buy" if change > 0 else "sell"
            self.controls.manual_trade(account_id, symbol, side, str(abs(change)))

    # --- what the store says ---------------------------------------------------------------------

    def action(self, action_id: str | None) -> ActionRow:
        with self.store.reading() as tx:
            action = tx.actions.get(action_id or "")
        assert action is not None
        return action

    def actions(self) -> list[ActionRow]:
        with self.store.reading() as tx:
            return list(tx.actions.list())

    def breakers(self) -> list[BreakerRow]:
        with self.store.reading() as tx:
            return list(tx.breakers.list_open())

    def breaker(self, bot_id: str = "b1", symbol: str = SYMBOL) -> BreakerRow | None:
        with self.store.reading() as tx:
            return tx.breakers.get(bot_id, symbol)

    def alerts(self) -> list[AlertRow]:
        """All alerts that are not delivered."""
        with self.store.reading() as tx:
            return list(tx.alerts.due(self.clock() + timedelta(days=1), "outside", 1000))

    def audit(self) -> list[AuditRow]:
        with self.store.reading() as tx:
            assert tx.audit.verify().ok
            return list(tx.audit.list())

    def events(self) -> list[str]:
        """The events of the audit trail, but for the registrations."""
        return [row.event for row in self.audit() if not row.event.startswith("bot.")]

    def commands_of(self, action_id: str | None) -> list[str]:
        """The events of an action's commands."""
        return [
            row.event
            for row in self.audit()
            if row.action_id == action_id and row.event.startswith("command.")
        ]
