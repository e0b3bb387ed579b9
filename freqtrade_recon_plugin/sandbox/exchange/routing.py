"""The shape of an endpoint: method, path, who may call it, and the group that faults name."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from freqtrade_recon_plugin.sandbox.exchange.request import Request


class Group(StrEnum):
    """What an endpoint is about; faults can be aimed at a group."""

    POSITIONS = "positions"
    BALANCE = "balance"
    ORDERS = "orders"  # queries of orders and conditional orders
    TRADES = "trades"
    ORDER_CREATE = "order_create"
    ORDER_CANCEL = "order_cancel"
    SETTINGS = "settings"  # leverage, margin type, modes
    HISTORY = "history"  # income, funding, forced orders
    MARKETS = "markets"  # exchange information, coins, brackets
    PRICES = "prices"
    SERVER = "server"  # time and ping


Handler = Callable[[Request], Any]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    group: Group
    signed: bool = True

    @property
    def writes(self) -> bool:
        """Whether a read-only key is refused."""
        return self.signed and self.method != "GET"


def public(path: str, handler: Handler, group: Group) -> Route:
    return Route("GET", path, handler, group, signed=False)
