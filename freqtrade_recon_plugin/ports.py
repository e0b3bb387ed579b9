"""What the use cases need of the world, handed to them as one value."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Protocol

from freqtrade_recon_plugin.alerts import Alerts
from freqtrade_recon_plugin.answers import AccountReading
from freqtrade_recon_plugin.domain.model import Market, TradingMode
from freqtrade_recon_plugin.metrics import Metrics
from freqtrade_recon_plugin.settings import AccountSettings
from freqtrade_recon_plugin.store import Store


class Reader(Protocol):
    """What is asked of an account in one trading mode; `ExchangeReader` is the real one."""

    def read(self, symbols: Collection[str]) -> AccountReading: ...
    def confirm_absent(self, reading: AccountReading, symbols: Iterable[str]) -> AccountReading: ...
    def market(self, symbol: str) -> Market: ...


@dataclass(frozen=True, slots=True)
class Waits:
    """For how many seconds the use cases wait for a bot.

    :param snapshot_s: for its next snapshot. A loop takes 5 s by default, and its own calls.
    :param take_s: until it takes a command; then the command is withdrawn.
    :param finish_s: until it finishes a command that it took; then the next cycle goes on.
    :param poll_s: between two looks into the store.
    """

    snapshot_s: float = 25
    take_s: float = 60
    finish_s: float = 60
    poll_s: float = 0.2


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
    waits: Waits = Waits()


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


def ports_of(
    store: Store,
    account: AccountSettings,
    metrics: Metrics,
    alerts: Alerts,
    *,
    clock: Callable[[], datetime] = now,
    waits: Waits = Waits(),
    timeout_s: float | None = None,
) -> Ports:
    """The real ports of one exchange account; asks the exchange nothing yet.

    :param timeout_s: seconds that one request to the exchange may take; the reader's own when None.
    """

    @cache
    def reader(mode: TradingMode) -> Reader:
        # ccxt takes about two seconds to import; who asks no exchange need not wait for it.
        from freqtrade_recon_plugin.exchange import TIMEOUT_S, ExchangeReader

        return ExchangeReader(account, mode, clock, timeout_s or TIMEOUT_S)

    return Ports(store, reader, clock, time.sleep, metrics, alerts, waits)
