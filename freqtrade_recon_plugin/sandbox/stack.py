"""The whole system on one machine: sandbox exchange, store, a live bot, Airflow, a statsd ear.

Everything is real but the exchange. It keeps everything in one directory, and ends all that it
started, in the reverse order, whatever happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from freqtrade_recon_plugin.sandbox.bot_setup import strategy_source
from freqtrade_recon_plugin.sandbox.exchange.client_config import (
    ccxt_urls,
    freqtrade_exchange_config,
)
from freqtrade_recon_plugin.sandbox.exchange.controls import Controls
from freqtrade_recon_plugin.sandbox.exchange.server import Sandbox, start_sandbox
from freqtrade_recon_plugin.sandbox.live_airflow import LiveAirflow, connection
from freqtrade_recon_plugin.sandbox.live_bot import LiveBot
from freqtrade_recon_plugin.sandbox.statsd_receiver import StatsdReceiver
from freqtrade_recon_plugin.store import Store, open_store, upgrade

ACCOUNT = "main"
BOT_ID = "demo"
_POLL_S = 0.2


class NotSo(RuntimeError):
    """Something that should have come true did not."""


class Stack:
    """Starts with `with`, and ends all with it.

    :param directory: where everything is kept; made when missing, never removed.
    :param trading_mode: `futures` or `spot`.
    :param cycle_s: seconds between two reconciliations.
    :param policy: the bot's policy, by the names of the settings.
    :param strategy_extra: lines to add to the bot's strategy, indented by four spaces.
    :param store_url: a SQLite file in the directory when None.
    :param say: is told the progress in single lines.
    """

    def __init__(
        self,
        directory: Path,
        *,
        trading_mode: str = "futures",
        cycle_s: int = 15,
        policy: dict[str, Any] | None = None,
        strategy_extra: str = "",
        store_url: str | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.directory = directory.resolve()
        self.trading_mode = trading_mode
        self.symbol = "BTC/USDT:USDT" if trading_mode == "futures" else "BTC/USDT"
        self.store_url = store_url or f"sqlite:///{self.directory}/recon.sqlite"
        self._cycle_s = cycle_s
        self._policy = policy or {}
        self._strategy_extra = strategy_extra
        self._say = say
        self._parts = ExitStack()
        self.statsd: StatsdReceiver
        self.sandbox: Sandbox
        self.store: Store
        self.bot: LiveBot
        self.airflow: LiveAirflow

    @property
    def exchange(self) -> Controls:
        """The controls of the simulated exchange."""
        return self.sandbox.controls

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:  # whatever ended the start, also Ctrl-C: nothing may stay behind
            self._parts.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._parts.close()

    def _start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.statsd = self._parts.enter_context(StatsdReceiver())
        self.sandbox = self._parts.enter_context(start_sandbox(port=0, accounts=(ACCOUNT,)))
        self._say(f"the simulated exchange answers on {self.sandbox.url}")
        upgrade(self.store_url)
        self.store = open_store(self.store_url)
        self._parts.callback(self.store.close)
        self.bot = self._make_bot()
        self.airflow = self._make_airflow()
        self._parts.callback(self.bot.stop)
        self._parts.callback(self.airflow.stop)
        self._say("a live freqtrade bot is starting, and Airflow ...")
        with ThreadPoolExecutor(max_workers=2) as starting:
            bot, airflow = starting.submit(self.bot.start), starting.submit(self.airflow.start)
            bot.result()
            airflow.result()
        self._say(f"a live freqtrade bot trades there; its REST API is {self.bot_url}")
        self._say(f"Airflow reconciles every {self._cycle_s} s; its page is {self.airflow.url}")

    @property
    def bot_url(self) -> str:
        """The bot's REST API."""
        return f"http://127.0.0.1:{self.bot.port}"

    def _make_bot(self) -> LiveBot:
        strategy = strategy_source(
            self.trading_mode,
            bases="ReconciliationMixin, IStrategy",
            imports="from freqtrade_recon_plugin import ReconciliationMixin\n",
            extra=self._strategy_extra,
        )
        recon = {
            "bot_id": BOT_ID,
            "account": ACCOUNT,
            "store_url": self.store_url,
            "policy": self._policy,
            "statsd": {"host": "127.0.0.1", "port": self.statsd.port},
        }
        keys = self.sandbox.keys(ACCOUNT)
        return LiveBot(
            self.directory / "bot",
            freqtrade_exchange_config(self.sandbox.url, keys, self.trading_mode),
            trading_mode=self.trading_mode,
            strategy=strategy,
            config={"recon": recon},
            env={"RECON_DATABASE_URL": self.store_url},
        )

    def _make_airflow(self) -> LiveAirflow:
        keys = self.sandbox.keys(ACCOUNT)
        read_only = connection(
            conn_type="generic",
            login=keys.read_only_key,
            password=keys.read_only_secret,
            extra={"exchange": "binance", "urls": ccxt_urls(self.sandbox.url)},
        )
        return LiveAirflow(
            self.directory / "airflow",
            connections={f"recon_{ACCOUNT}": read_only},
            env={
                "RECON_DATABASE_URL": self.store_url,
                "RECON_SCHEDULE": str(self._cycle_s),
                "RECON_STATSD_HOST": "127.0.0.1",
                "RECON_STATSD_PORT": str(self.statsd.port),
            },
        )

    def wait_for(self, holds: Callable[[], Any], what: str, within_s: float = 90) -> Any:
        """Asks until the answer is truthy and returns it.

        :raises NotSo: the time was over.
        :raises BotTrouble, AirflowTrouble: one of the two ended meanwhile.
        """
        deadline = time.monotonic() + within_s
        while not (answer := holds()):
            self.airflow.check_alive()
            self.bot.check_alive()
            if time.monotonic() > deadline:
                raise NotSo(f"waited {within_s:.0f} s in vain for {what}")
            time.sleep(_POLL_S)
        return answer
