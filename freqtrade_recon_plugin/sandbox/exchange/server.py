"""The sandbox as a server: in a thread for tests (`start_sandbox`), or until interrupted
(`serve_forever`).

It listens on loopback and nowhere else: it has no passwords and does what it is told.
"""

import ipaddress
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import FrameType, TracebackType
from typing import Any
from urllib.parse import urlsplit

from freqtrade_recon_plugin.sandbox.exchange.application import Application, RawRequest
from freqtrade_recon_plugin.sandbox.exchange.client import LocalControls
from freqtrade_recon_plugin.sandbox.exchange.client_config import (
    ccxt_urls,
    freqtrade_exchange_config,
)
from freqtrade_recon_plugin.sandbox.exchange.control import run
from freqtrade_recon_plugin.sandbox.exchange.controls import AccountKeys
from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError
from freqtrade_recon_plugin.sandbox.exchange.faults import Answer, json_answer
from freqtrade_recon_plugin.sandbox.exchange.market import Market
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue

logger = logging.getLogger(__name__)

CONTROL_PREFIX = "/_control/"
DEFAULT_ACCOUNT = "main"


def require_loopback(host: str) -> None:
    """:raises ControlError: for a host that other machines could reach"""
    try:
        is_loopback = host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ControlError(f"the sandbox binds loopback only, not {host!r}; use 127.0.0.1")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet per answer, sent at once: otherwise each costs a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "_Server"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("utf-8", "replace")
        target = urlsplit(self.path)
        if target.path.startswith(CONTROL_PREFIX):
            command = target.path.removeprefix(CONTROL_PREFIX)
            self._send(_control(self.server.app, command, body))
            return
        self._send(
            self.server.app.answer(
                RawRequest(
                    method=self.command,
                    path=target.path,
                    query=target.query,
                    body=body,
                    headers=dict(self.headers.items()),
                )
            )
        )

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _send(self, answer: Answer) -> None:
        if answer.dropped:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """The request log of the sandbox is kept elsewhere; nothing goes to stderr."""


def _control(app: Application, command: str, body: str) -> Answer:
    try:
        arguments = json.loads(body) if body else {}
        if not isinstance(arguments, dict):
            raise ControlError("a control request is a JSON object")
        return json_answer(200, run(app, command, arguments))
    except json.JSONDecodeError as error:
        return json_answer(400, {"error": f"not JSON: {error}"})
    except ControlError as error:
        return json_answer(400, {"error": str(error)})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: Application) -> None:
        self.app = app
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look its own name up in the DNS here.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A customer that hangs up is no news; anything else is a fault of the sandbox."""
        if not isinstance(sys.exception(), ConnectionError):
            logger.exception("the sandbox failed to answer a request")


class Sandbox:
    """A running sandbox; a context manager that stops it.

    :ivar url: `http://127.0.0.1:PORT`
    :ivar controls: the control API, in-process
    """

    def __init__(self, app: Application, host: str, port: int) -> None:
        require_loopback(host)
        self.app = app
        self.controls = LocalControls(app)
        self._server = _Server((host, port), app)
        bound_host, bound_port = self._server.server_address[:2]
        self.url = f"http://{bound_host!s}:{bound_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def venue(self) -> Venue:
        return self.app.venue

    def keys(self, account: str = DEFAULT_ACCOUNT) -> AccountKeys:
        return self.controls.keys(account)

    def stop(self) -> None:
        """Stop serving; requests that hang on purpose end too."""
        self.app.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_sandbox(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    accounts: Iterable[str] = (DEFAULT_ACCOUNT,),
    markets: Iterable[Market] | None = None,
) -> Sandbox:
    """Start the exchange in a thread of this process.

    :param port: 0 takes a free one
    :param accounts: names of accounts to open, each with 100 million USDT on both sides
    :param markets: what is traded; `market.default_markets()` when None
    :raises ControlError: for a host that is not loopback
    :raises OSError: when the port is taken
    """
    venue = Venue(clock=lambda: time.time_ns() // 1_000_000, markets=markets)
    for name in accounts:
        venue.add_account(name)
    return Sandbox(Application(venue), host, port)


def serve_forever(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    accounts: Iterable[str] = (DEFAULT_ACCOUNT,),
) -> None:
    """Run the exchange until Ctrl-C or SIGTERM, and say how to use it.

    To be called in the main thread.
    """
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with start_sandbox(port, host=host, accounts=accounts) as sandbox:
            print(describe(sandbox), flush=True)
            stopped.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def describe(sandbox: Sandbox) -> str:
    """What a person needs to point clients at the sandbox."""
    lines = [f"Simulated Binance (spot and USD-M futures) at {sandbox.url}", ""]
    for name in sorted(sandbox.venue.accounts):
        keys = sandbox.keys(name)
        lines += [
            f"Account {name}",
            f"  trading key     {keys.key}",
            f"  trading secret  {keys.secret}",
            f"  read-only key    {keys.read_only_key}",
            f"  read-only secret {keys.read_only_secret}",
            "",
            f'Section "exchange" of a freqtrade config, futures, account {name}:',
            json.dumps(freqtrade_exchange_config(sandbox.url, keys, "futures"), indent=2),
            "",
        ]
    lines += [
        "ccxt: ccxt.binance({'apiKey': ..., 'secret': ..., 'urls': URLS}) with URLS =",
        json.dumps(ccxt_urls(sandbox.url)),
        "",
        f"Control API: POST JSON to {sandbox.url}{CONTROL_PREFIX}<command>",
        f"  e.g. curl {sandbox.url}{CONTROL_PREFIX}set_price "
        """-d '{"symbol": "BTC/USDT:USDT", "price": "51000"}'""",
        "Press Ctrl-C to stop.",
    ]
    return "\n".join(lines)
