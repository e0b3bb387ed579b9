"""A real freqtrade bot, trading live against a sandbox, as a process of its own.

It keeps everything in one directory, so that a killed bot can be started again where it was. What
it trades is told to its strategy through a small file (`signal`), not by waiting for a market.
"""

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from freqtrade_recon_plugin.sandbox.bot_setup import (
    SIGNAL_FILE,
    STRATEGY_NAME,
    bot_config,
    merged,
    strategy_source,
)

Json = dict[str, Any]

USER = "sandbox"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.1


class BotTrouble(RuntimeError):
    """The bot did not do in time what was waited for; holds the end of its log."""


class LiveBot:
    """One bot in one directory.

    :param directory: where config, strategy, database and log go; made when missing
    :param exchange: the `exchange` section, see `freqtrade_exchange_config`
    :param trading_mode: `futures` (isolated) or `spot`
    :param strategy: the strategy's source; its class is named `strategy_name`
    :param config: merged over the default config, dictionaries key by key
    :param stake: stake per entry in USDT; 5 million are 100 BTC at 50000
    :param throttle_secs: how long one loop of the bot lasts at least
    :param env: environment variables to add
    """

    def __init__(
        self,
        directory: Path,
        exchange: Mapping[str, Any],
        *,
        trading_mode: str = "futures",
        strategy: str | None = None,
        strategy_name: str = STRATEGY_NAME,
        config: Mapping[str, Any] | None = None,
        stake: float = 5_000_000,
        throttle_secs: float = 1,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.strategy_name = strategy_name
        self.port = _free_port()
        self.db_path = self.directory / "trades.sqlite"
        self.log_path = self.directory / "bot.log"
        self.config_path = self.directory / "config.json"
        self.process: subprocess.Popen[bytes] | None = None
        self._env = {**os.environ, **(env or {})}
        self._password = secrets.token_urlsafe(16)
        self._log_file: IO[bytes] | None = None
        default = bot_config(exchange, trading_mode, stake, throttle_secs)
        places = {
            "user_data_dir": str(self.directory),
            "db_url": f"sqlite:///{self.db_path}",
            "api_server": {
                "enabled": True,
                "listen_ip_address": "127.0.0.1",
                "listen_port": self.port,
                "verbosity": "error",
                "jwt_secret_key": secrets.token_hex(32),
                "ws_token": secrets.token_urlsafe(16),
                "username": USER,
                "password": self._password,
            },
        }
        self.config = merged(default | places, config or {})
        folder = self.directory / "strategies"
        folder.mkdir(parents=True, exist_ok=True)
        source = strategy_source(trading_mode) if strategy is None else strategy
        (folder / "sandbox_strategy.py").write_text(source)
        self.config_path.write_text(json.dumps(self.config, indent=2))
        if not (self.directory / SIGNAL_FILE).exists():
            self.signal(enter="long")

    def signal(
        self, *, enter: str | None = None, exit: bool = False, target: float | None = None
    ) -> None:
        """What the default strategy shall do from its next loop on.

        :param enter: `long`, `short` or None
        :param exit: exit what is open
        :param target: grow or shrink the open trade to this amount, as often as it takes
        """
        path = self.directory / SIGNAL_FILE
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({"enter": enter, "exit": exit, "target": target}))
        draft.replace(path)  # never half a file for the bot to read

    def start(self, timeout: float = START_TIMEOUT_S) -> Self:
        """Start the bot and wait until it says that it is running.

        :raises BotTrouble: when it ends or is not running in time
        """
        self.launch()
        self.wait_running(timeout)
        return self

    def launch(self) -> None:
        """Start the process and wait for nothing (for bots that are meant to refuse to start)."""
        if self.is_alive:
            raise BotTrouble("the bot is running already")
        self._log_file = self.log_path.open("ab")
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [
                *(sys.executable, "-m", "freqtrade", "trade"),
                *("--config", str(self.config_path)),
                *("--strategy", self.strategy_name),
                *("--strategy-path", str(self.directory / "strategies")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log_file,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            env=self._env,
            start_new_session=True,
        )

    def wait_running(self, timeout: float = START_TIMEOUT_S) -> None:
        """:raises BotTrouble: when the bot ends or is not running in time"""
        self.wait_for(
            lambda: self.api("show_config")["state"] == "running", timeout, "the state running"
        )

    def wait_for(
        self, condition: Callable[[], Any], timeout: float = 60, what: str = "a condition"
    ) -> Any:
        """Ask again and again until the answer is true; returns that answer.

        An API that does not answer yet counts as "not yet".

        :raises BotTrouble: when time is up or the bot has ended
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                if found := condition():
                    return found
            except (OSError, BotTrouble):
                pass  # the API is not up yet, or busy
            if not self.is_alive:
                raise BotTrouble(f"the bot ended while waiting for {what}\n{self.log_end()}")
            if time.monotonic() > deadline:
                raise BotTrouble(f"no {what} within {timeout} s\n{self.log_end()}")
            time.sleep(POLL_S)

    def wait_ended(self, timeout: float = START_TIMEOUT_S) -> int:
        """Wait until the process has ended by itself and return its exit code.

        :raises BotTrouble: when it goes on running
        """
        if self.process is None:
            raise BotTrouble("the bot was never started")
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise BotTrouble(f"the bot still runs after {timeout} s\n{self.log_end()}") from None
        self._close_log()
        return code

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def check_alive(self) -> None:
        """:raises BotTrouble: when the process has ended"""
        if not self.is_alive:
            raise BotTrouble(f"the bot ended\n{self.log_end()}")

    @property
    def login(self) -> tuple[str, str]:
        """User and password of the bot's REST API."""
        return USER, self._password

    def api(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        """Ask the bot's REST API.

        :param path: below `/api/v1/`, e.g. `status`
        :raises BotTrouble: when it answers with an error
        :raises OSError: when it does not answer
        """
        token = base64.b64encode(f"{USER}:{self._password}".encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/{path.lstrip('/')}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise BotTrouble(f"{method} {path}: {error.code} {text}") from None

    def open_trades(self) -> list[Json]:
        """The open trades as the API's `status` shows them."""
        found: list[Json] = self.api("status")
        return found

    @property
    def log(self) -> str:
        """All that the bot has written, over all of its starts."""
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def log_end(self, lines: int = 40) -> str:
        return "\n".join(self.log.splitlines()[-lines:])

    def stop(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """End the bot as Ctrl-C does; kill it when it does not end in time."""
        if self.process is not None and self.is_alive:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close_log()

    def kill(self) -> None:
        """SIGKILL to the bot and all that it started."""
        if self.process is not None and self.is_alive:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._close_log()

    def _close_log(self) -> None:
        if self._log_file is not None:
            self._log_file.close()
            self._log_file = None

    def __enter__(self) -> Self:
        return self if self.is_alive else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
