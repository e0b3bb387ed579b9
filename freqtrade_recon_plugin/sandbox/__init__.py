"""A simulated Binance on loopback: spot and USD-M futures, real enough for freqtrade and ccxt.

It needs nothing but the standard library.
"""

from freqtrade_recon_plugin.sandbox.exchange.client import SandboxClient
from freqtrade_recon_plugin.sandbox.exchange.client_config import (
    ccxt_urls,
    freqtrade_exchange_config,
)
from freqtrade_recon_plugin.sandbox.exchange.controls import AccountKeys, Controls
from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError
from freqtrade_recon_plugin.sandbox.exchange.faults import FaultKind
from freqtrade_recon_plugin.sandbox.exchange.server import Sandbox, serve_forever, start_sandbox

__all__ = [
    "AccountKeys",
    "ControlError",
    "Controls",
    "FaultKind",
    "Sandbox",
    "SandboxClient",
    "ccxt_urls",
    "freqtrade_exchange_config",
    "serve_forever",
    "start_sandbox",
]
