"""A live bot on a sandbox exchange with a store, and the few things that its tests do with them.

One bot trades many pairs, so that each test has one of its own: what a pair shall do stands in a
file that the strategy reads in each loop.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from freqtrade_recon_plugin.domain.document import leg_document
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason, CommandStatus
from freqtrade_recon_plugin.domain.model import Decision, Leg, LegKind, OrderSide, Role, Severity
from freqtrade_recon_plugin.sandbox import freqtrade_exchange_config, start_sandbox
from freqtrade_recon_plugin.sandbox.exchange.controls import Controls
from freqtrade_recon_plugin.store import (
    ActionRow,
    BotRow,
    CommandRow,
    PositionRow,
    Store,
    open_store,
    upgrade,
)
from tests.live_bot import LiveBot, strategy_source

BOT = "bot-under-test"
ACCOUNT = "main"
TWIN = "twin"
PRICE = 50000
#: Seconds that a bot with a loop of one second gets for anything that it shall do.
PATIENCE_S = 45

#: Overrides every callback that a plugin could have hung itself on, none with super().
OVERRIDES = """
    def wish(self, pair):
        path = Path(self.config["user_data_dir"]) / "wishes.json"
        wishes = json.loads(path.read_text()) if path.exists() else {}
        return {"enter": None, "exit": False, "target": None, **wishes.get(pair, {})}

    def bot_start(self, **kwargs):
        pass

    def bot_loop_start(self, current_time, **kwargs):
        pass

    def confirm_trade_entry(self, *args, **kwargs):
        return True

    def populate_entry_trend(self, dataframe, metadata):
        wanted = self.wish(metadata["pair"])["enter"]
        dataframe["enter_long"] = int(wanted == "long")
        dataframe["enter_short"] = int(wanted == "short")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        wanted = int(self.wish(metadata["pair"])["exit"])
        dataframe["exit_long"] = dataframe["exit_short"] = wanted
        return dataframe

    def adjust_trade_position(self, trade, current_time, current_rate, *args, **kwargs):
        target = self.wish(trade.pair)["target"]
        if target is None or trade.has_open_orders or abs(target - trade.amount) < 1e-9:
            return None
        missing = target - trade.amount
        stake = missing * current_rate / trade.leverage
        return stake + 0.1 if missing > 0 else stake
"""


@dataclass
class Rig:
    """What a test has at hand."""

    controls: Controls
    store: Store
    bot: LiveBot
    mode: str
    account: str = ACCOUNT
    url: str = ""
    wishes: dict[str, dict[str, Any]] = field(default_factory=dict)

    # --- what a pair shall do ---------------------------------------------------------------------

    def wish(self, pair: str, **wish: Any) -> None:
        """`enter` long or short, `exit`, `target` (an amount to grow or shrink to)."""
        self.wishes[pair] = wish
        path = self.bot.directory / "wishes.json"
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(self.wishes))
        draft.replace(path)

    def enter(self, pair: str, side: str = "long", amount: float = 100) -> dict[str, Any]:
        """Lets the bot enter and waits until it holds the amount, with its stop in place."""
        self.wish(pair, enter=side)
        self.until(lambda: self.trade(pair).get("amount") == amount, f"the entry of {pair}")
        self.wish(pair)
        self.until(lambda: self.stops(pair), f"the stop of {pair}")
        return self.trade(pair)

    # --- what is seen -----------------------------------------------------------------------------

    def until(self, condition: Callable[[], Any], what: str, timeout: float = PATIENCE_S) -> Any:
        return self.bot.wait_for(condition, timeout, what)

    def loops(self, number: int = 2) -> None:
        """Waits until the bot has published in so many more loops."""
        for _ in range(number + 1):
            seen = self.heartbeat()
            self.until(lambda seen=seen: self.heartbeat() > seen, "another loop")

    def registered(self) -> BotRow:
        with self.store.reading() as tx:
            row = tx.bots.get(BOT)
        assert row is not None
        return row

    def heartbeat(self) -> datetime:
        return self.registered().heartbeat_at

    def state(self) -> str:
        """What the bot says of itself in the store."""
        return self.registered().state

    def trade(self, pair: str) -> dict[str, Any]:
        """The open trade as the bot's API shows it; empty where there is none."""
        return next((trade for trade in self.bot.open_trades() if trade["pair"] == pair), {})

    def closed_trades(self, pair: str) -> list[dict[str, Any]]:
        trades = self.bot.api("trades?limit=500")["trades"]
        return [trade for trade in trades if trade["pair"] == pair and not trade["is_open"]]

    def locks(self, pair: str) -> list[dict[str, Any]]:
        return [lock for lock in self.bot.api("locks")["locks"] if lock["pair"] == pair]

    def published(self, pair: str) -> PositionRow | None:
        with self.store.reading() as tx:
            return tx.positions.of(BOT).get(pair)

    def position(self, pair: str) -> Decimal:
        return self.controls.position(self.account, pair)

    def stops(self, pair: str) -> list[Decimal]:
        """The amounts of the stops that rest on the exchange."""
        state = self.controls.state(self.account)
        name = market_id(pair)
        if self.mode == "futures":
            return [
                Decimal(order["quantity"])
                for order in state["algo_orders"]
                if order["symbol"] == name and order["algoStatus"] == "NEW"
            ]
        return [
            Decimal(order["origQty"])
            for order in state["orders"]
            if order["symbol"] == name and order["status"] == "NEW" and "STOP" in order["type"]
        ]

    def requests(self, pair: str, after: int = 0, **filters: Any) -> list[dict[str, Any]]:
        """Requests about one pair since a number of the log."""
        return [
            request
            for request in self.controls.requests(after=after, **filters)
            if request["params"].get("symbol") == market_id(pair)
        ]

    def orders_sent(self, pair: str, after: int) -> list[dict[str, Any]]:
        """Orders (not stops) that left the bot for one pair since a number of the log."""
        path = "/fapi/v1/order" if self.mode == "futures" else "/api/v3/order"
        sent = self.requests(pair, after, method="POST", path=path)
        return [request for request in sent if "stopPrice" not in request["params"]]

    def asked_for(self, order_ids: list[str]) -> list[dict[str, Any]]:
        """Requests that name one of these order ids."""
        return [
            request
            for request in self.controls.requests()
            if set(order_ids) & {str(value) for value in request["params"].values()}
        ]

    def restart(self) -> str:
        """Stops and starts the bot; gives what it has logged since its start."""
        self.bot.stop()
        before = len(self.bot.log)
        self.bot.start()
        self.loops(2)
        return self.bot.log[before:]

    def last_request(self) -> int:
        log = self.controls.requests()
        return int(log[-1]["number"]) if log else 0

    # --- what the reconciliation would do ---------------------------------------------------------

    def open_breaker(self, symbol: str, reason: BreakerReason = BreakerReason.DIVERGENCE) -> None:
        with self.store.transaction() as tx:
            tx.breakers.open(BOT, symbol, reason, "test", "tester", now(), "a" * 32)

    def report_flat(self, symbol: str) -> None:
        """Opens the breaker with an action whose evidence says that the exchange holds nothing."""
        seen = ActionRow(
            action_id=uuid4().hex,
            bot_id=BOT,
            account_id=ACCOUNT,
            symbol=symbol,
            status=ActionStatus.DETECTED,
            severity=Severity.LARGE,
            decision=Decision.HALT,
            local=Decimal(100),
            exchange=Decimal(0),
            divergence=Decimal(-100),
            divergence_pct=None,
            evidence={},
            verdict={},
            evidence_hash="",
            detected_at=now(),
            updated_at=now(),
        )
        with self.store.transaction() as tx:
            tx.actions.create(seen, "tester")
            tx.breakers.open(
                BOT, symbol, BreakerReason.DIVERGENCE, "test", "tester", now(), seen.action_id
            )

    def close_breaker(self, symbol: str) -> None:
        with self.store.transaction() as tx:
            tx.breakers.close(BOT, symbol, "tester", now(), "over")

    @contextmanager
    def halted(self, symbol: str) -> Iterator[None]:
        self.open_breaker(symbol)
        try:
            yield
        finally:
            self.close_breaker(symbol)

    def queue_sync(
        self,
        pair: str,
        local: str,
        target: str,
        *legs: Leg,
        price: str | None = None,
        ttl_s: float = 60,
    ) -> CommandRow:
        """Queues the command that books the legs."""
        action_id = uuid4().hex
        command = CommandRow(
            command_id=f"{action_id}-sync",
            action_id=action_id,
            bot_id=BOT,
            symbol=pair,
            kind="force_sync",
            payload={
                "symbol": pair,
                "expected_local": local,
                "target": target,
                "booking": [leg_document(leg) for leg in legs],
                "price": price,
                "approved_by": "alice",
            },
            status=CommandStatus.QUEUED,
            queued_at=now(),
            expires_at=now() + timedelta(seconds=ttl_s),
        )
        with self.store.transaction() as tx:
            tx.actions.create(_ended_action(command), "tester")
            tx.commands.queue(command, "tester")
        return command

    def command(self, command: CommandRow) -> CommandRow:
        with self.store.reading() as tx:
            row = tx.commands.get(command.command_id)
        assert row is not None
        return row

    def ended(self, command: CommandRow) -> CommandRow:
        """The command once the bot has answered it."""
        self.until(lambda: self.command(command).result is not None, "the bot's answer")
        return self.command(command)

    def sync(self, pair: str, local: str, target: str, *legs: Leg, **more: Any) -> CommandRow:
        """Books the legs and waits for the answer."""
        return self.ended(self.queue_sync(pair, local, target, *legs, **more))


def _ended_action(command: CommandRow) -> ActionRow:
    """What a command hangs on; ended, since only the bot's part is tested here."""
    return ActionRow(
        action_id=command.action_id,
        bot_id=command.bot_id,
        account_id=ACCOUNT,
        symbol=command.symbol,
        status=ActionStatus.CORRECTED,
        severity=Severity.LARGE,
        decision=Decision.HALT,
        local=None,
        exchange=None,
        divergence=None,
        divergence_pct=None,
        evidence={},
        verdict={},
        evidence_hash="",
        detected_at=command.queued_at,
        updated_at=command.queued_at,
    )


def leg(side: str, amount: str, role: str, price: str | None = str(PRICE), **more: Any) -> Leg:
    """A synthetic leg, unless `kind` says otherwise."""
    return Leg(
        side=OrderSide(side),
        amount=Decimal(amount),
        role=Role(role),
        kind=more.pop("kind", LegKind.SYNTHETIC),
        price=None if price is None else Decimal(price),
        **more,
    )


def real(order: Any, side: str, amount: str, role: str, price: str | None = str(PRICE)) -> Leg:
    """A leg of one of the exchange's orders, given by its id or as the sandbox shows it."""
    order_id = str(order["orderId"] if isinstance(order, dict) else order)
    return leg(side, amount, role, price, kind=LegKind.REAL, order_id=order_id)


def fee(order_id: str | None, amount: str, role: str = "decrease") -> Leg:
    """A leg that takes off a fee in the base coin."""
    return leg("sell", amount, role, "0", kind=LegKind.FEE, order_id=order_id)


def futures_pair(name: str) -> str:
    return f"{name}/USDT:USDT"


def spot_pair(name: str) -> str:
    return f"{name}/USDT"


def market_id(pair: str) -> str:
    return pair.partition(":")[0].replace("/", "")


def now() -> datetime:
    return datetime.now(UTC)


def guarded_strategy(mode: str, extra: str = "") -> str:
    """The source of a guarded strategy that overrides every callback."""
    return strategy_source(
        mode,
        bases="ReconciliationMixin, IStrategy",
        imports="from freqtrade_recon_plugin import ReconciliationMixin",
        extra=OVERRIDES + extra,
    )


def recon_section(**more: Any) -> dict[str, Any]:
    return {"bot_id": BOT, "account": ACCOUNT, "statsd": {"port": 9}, **more}


@contextmanager
def running_rig(
    directory: Path,
    mode: str,
    names: tuple[str, ...],
    *,
    extra: str = "",
    config: Mapping[str, Any] | None = None,
) -> Iterator[Rig]:
    """A sandbox with these pairs, a store, and a live bot that trades them."""
    make = futures_pair if mode == "futures" else spot_pair
    pairs = tuple(make(name) for name in names)
    url = f"sqlite:///{directory}/recon.sqlite"
    upgrade(url)
    store = open_store(url)
    with start_sandbox(port=0, accounts=()) as sandbox:
        controls = sandbox.controls
        keys = controls.create_account(
            ACCOUNT, spot={"USDT": "500000000"}, futures_wallet="500000000"
        )
        for pair in pairs:
            controls.add_market(pair, PRICE)
        bot = LiveBot(
            directory / "bot",
            freqtrade_exchange_config(sandbox.url, keys, mode, pairs),
            trading_mode=mode,
            strategy=guarded_strategy(mode, extra),
            config={
                "recon": recon_section(store_url=url),
                "max_open_trades": len(pairs),
                **(config or {}),
            },
        )
        rig = Rig(controls, store, bot, mode, url=sandbox.url)
        try:
            with bot:
                yield rig
        finally:
            bot.kill()
            store.close()


@contextmanager
def running_twin(
    directory: Path, rig: Rig, names: tuple[str, ...], *, extra: str = ""
) -> Iterator[Rig]:
    """A bot without the plugin on the same sandbox, with an account of its own: it sees live what
    the other one misses."""
    make = futures_pair if rig.mode == "futures" else spot_pair
    pairs = tuple(make(name) for name in names)
    keys = rig.controls.create_account(TWIN, spot={"USDT": "500000000"}, futures_wallet="500000000")
    bot = LiveBot(
        directory / "twin",
        freqtrade_exchange_config(rig.url, keys, rig.mode, pairs),
        trading_mode=rig.mode,
        strategy=strategy_source(rig.mode, extra=OVERRIDES + extra),
        config={"max_open_trades": len(pairs)},
    )
    try:
        with bot:
            yield Rig(rig.controls, rig.store, bot, rig.mode, account=TWIN)
    finally:
        bot.kill()


#: What two bots must agree on about a trade that both of them know all of.
SAME = (
    *("amount", "open_rate", "close_rate", "is_open", "is_short", "leverage", "exit_reason"),
    *("fee_open", "fee_close", "fee_open_currency", "fee_close_currency", "stop_loss_abs"),
    *("realized_profit", "close_profit_abs", "close_profit", "stake_amount"),
)


def same_trade(
    ours: Mapping[str, Any], twins: Mapping[str, Any], *, but: tuple[str, ...] = ()
) -> None:
    """Asserts that a trade is what it is in the twin's book."""
    values = {key: (rounded(ours[key]), rounded(twins[key])) for key in SAME if key not in but}
    different = {key: pair for key, pair in values.items() if pair[0] != pair[1]}
    assert not different, f"ours and the twin's: {different}"


def rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def resting(rig: Rig, pair: str, side: str = "buy") -> str:
    """The id of the order that rests, once there is one."""

    def found() -> list[str]:
        return [
            order["order_id"]
            for order in rig.trade(pair).get("orders", [])
            if order["is_open"] and order["ft_order_side"] == side
        ]

    return str(rig.until(found, f"the resting order of {pair}")[0])


def closed(rig: Rig, pair: str) -> dict[str, Any]:
    rig.until(lambda: rig.closed_trades(pair), f"the end of {pair}")
    return rig.closed_trades(pair)[-1]


def newest_order(rig: Rig, pair: str) -> dict[str, Any]:
    orders = rig.controls.state(rig.account)["orders"]
    ours = [order for order in orders if order["unified_symbol"] == pair]
    return dict(max(ours, key=lambda order: int(order["orderId"]), default={}))


def complaints(log: str) -> list[str]:
    """Warnings and errors in a piece of log, but for what every bot of these tests says."""
    return [
        line
        for line in log.splitlines()
        if (" - WARNING - " in line or " - ERROR - " in line or "Traceback" in line)
        and "force_entry_enable" not in line
    ]


def wait_until(condition: Callable[[], Any], what: str, timeout: float = PATIENCE_S) -> Any:
    """Asks until the answer is true, for what no running bot is needed."""
    deadline = time.monotonic() + timeout
    while True:
        if found := condition():
            return found
        assert time.monotonic() < deadline, f"no {what} within {timeout} s"
        time.sleep(0.1)
