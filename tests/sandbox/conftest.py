"""A sandbox per test, and real ccxt clients that are pointed at it."""

import time
from collections.abc import Callable, Iterator

import ccxt
import pytest

from freqtrade_recon_plugin.sandbox import AccountKeys, Sandbox, ccxt_urls, start_sandbox

FUTURES = "BTC/USDT:USDT"
SPOT = "BTC/USDT"

Connect = Callable[..., ccxt.binance]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox() as running:
        yield running


@pytest.fixture
def keys(sandbox: Sandbox) -> AccountKeys:
    return sandbox.keys()


@pytest.fixture
def connect(sandbox: Sandbox, keys: AccountKeys) -> Connect:
    """Make a ccxt client: `connect("swap")`, `connect("spot", read_only=True)`."""

    def make(kind: str, *, read_only: bool = False, account: AccountKeys = keys) -> ccxt.binance:
        return ccxt.binance(client_options(sandbox.url, kind, account, read_only=read_only))

    return make


@pytest.fixture
def futures(connect: Connect) -> ccxt.binance:
    """A trading client in isolated margin at leverage 20."""
    client = connect("swap")
    client.set_margin_mode("isolated", FUTURES)
    client.set_leverage(20, FUTURES)
    return client


@pytest.fixture
def spot(connect: Connect) -> ccxt.binance:
    return connect("spot")


def wait_until(condition: Callable[[], object], timeout: float = 10) -> None:
    """Ask until the answer is true; an AssertionError when time is up."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "time is up"
        time.sleep(0.02)


def client_options(
    url: str, kind: str, account: AccountKeys, *, read_only: bool = False
) -> dict[str, object]:
    return {
        "apiKey": account.read_only_key if read_only else account.key,
        "secret": account.read_only_secret if read_only else account.secret,
        "urls": ccxt_urls(url),
        "enableRateLimit": False,
        "timeout": 3000,
        "options": {
            "defaultType": kind,
            "fetchMargins": True,
            "fetchOpenOrders": {"warnWithoutSymbol": False},
        },
    }
