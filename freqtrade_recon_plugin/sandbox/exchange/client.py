"""The control API in Python: over HTTP (`SandboxClient`) or in-process (`LocalControls`)."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.sandbox.exchange.amounts import text
from freqtrade_recon_plugin.sandbox.exchange.application import Application
from freqtrade_recon_plugin.sandbox.exchange.control import run
from freqtrade_recon_plugin.sandbox.exchange.controls import Controls
from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError

TIMEOUT_S = 30


class LocalControls(Controls):
    """The controls of a sandbox in this process."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def call(self, command: str, arguments: Mapping[str, Any]) -> Any:
        return run(self._app, command, arguments)


class SandboxClient(Controls):
    """The controls of a sandbox in another process.

    :param url: as the sandbox printed it, `http://127.0.0.1:PORT`
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, command: str, arguments: Mapping[str, Any]) -> Any:
        body = json.dumps(arguments, default=_plain).encode()
        request = urllib.request.Request(  # noqa: S310 - the URL is the sandbox's own
            f"{self.url}/_control/{command}", data=body, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ControlError(json.load(error)["error"]) from None
        except urllib.error.URLError as error:
            raise ControlError(f"no sandbox at {self.url}: {error.reason}") from error


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return text(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to the sandbox")
