"""What the use cases need of the world, handed to them as one value."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Protocol

from freqtrade_recon_plugin.alerts import Alerts
from freqtrade_recon_plugin.domain.model import Market, TradingMode
from freqtrade_recon_plugin.exchange import AccountReading, ExchangeReader
from freqtrade_recon_plugin.metrics import Metrics
from freqtrade_recon_plugin.settings import AccountSettings
from freqtrade_recon_plugin.store import Store


class Reader(Protocol):
    """What is asked of an account in one trading mode; `ExchangeReader` is the real one."""

    def read(self, symbols: Collection[str]) -> AccountReading: ...
    def confirm_absent(self, reading: AccountReading, symbols: Iterable[str]) -> AccountReading: ...
    def market(self, symbol: str) -> Market: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The store, the readers of one account, and the rest of the world.

    :param reader: gives the reader of the account for a trading mode; may raise ExchangeReadError.
    :param sleep: waits so many seconds.
    """

    store: Store
    reader: Callable[[TradingMode], Reader]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    metrics: Metrics
    alerts: Alerts


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


def ports_of(store: Store, account: AccountSettings, metrics: Metrics, alerts: Alerts) -> Ports:
    """The real ports of one exchange account; asks the exchange nothing yet."""

    @cache
    def reader(mode: TradingMode) -> Reader:
        return ExchangeReader(account, mode, now)

    return Ports(store, reader, now, time.sleep, metrics, alerts)
