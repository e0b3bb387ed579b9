"""The peer's side of `bench_peers`: NautilusTrader reconciles the same position tables.

Run by the Python of an environment of its own. The engine is built as NautilusTrader's own tests
build it, with the least around it: no database, no portfolio, no strategy and no log, so that
nothing but `reconcile_execution_mass_status` is timed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.client import ExecutionClient
from nautilus_trader.execution.reports import ExecutionMassStatus, PositionStatusReport
from nautilus_trader.live.execution_engine import LiveExecutionEngine
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.enums import AccountType, OmsType, PositionSide
from nautilus_trader.model.events import AccountState
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientId,
    InstrumentId,
    Symbol,
    TraderId,
    Venue,
)
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import AccountBalance, Money, Price, Quantity

from tests.benchmarks.timing import SIZES, Run, measure, report

VENUE, CLIENT, ACCOUNT = Venue("BINANCE"), ClientId("BINANCE"), AccountId("BINANCE-001")
LOOP = asyncio.new_event_loop()


def instruments(count: int) -> list[CryptoPerpetual]:
    return [
        CryptoPerpetual(
            instrument_id=InstrumentId(Symbol(f"C{number:04}USDT-PERP"), VENUE),
            raw_symbol=Symbol(f"C{number:04}USDT"),
            base_currency=BTC,
            quote_currency=USDT,
            settlement_currency=USDT,
            is_inverse=False,
            price_precision=2,
            size_precision=3,
            price_increment=Price.from_str("0.01"),
            size_increment=Quantity.from_str("0.001"),
            ts_event=0,
            ts_init=0,
        )
        for number in range(count)
    ]


def amounts(count: int, factor: str) -> list[Decimal]:
    """As in `bench_compare`."""
    return [(Decimal("100.5") + number) * Decimal(factor) for number in range(count)]


def a_report(traded: list[CryptoPerpetual], factor: str, entry_price: str) -> ExecutionMassStatus:
    """What the exchange says of every position."""
    status = ExecutionMassStatus(CLIENT, ACCOUNT, VENUE, UUID4(), 0)
    status.add_position_reports(
        [
            PositionStatusReport(
                account_id=ACCOUNT,
                instrument_id=instrument.id,
                position_side=PositionSide.LONG,
                quantity=Quantity(amount, 3),
                report_id=UUID4(),
                ts_last=0,
                ts_init=0,
                avg_px_open=Decimal(entry_price),
            )
            for instrument, amount in zip(traded, amounts(len(traded), factor), strict=True)
        ]
    )
    return status


def an_engine(traded: list[CryptoPerpetual]) -> tuple[LiveExecutionEngine, Cache]:
    """An engine whose cache knows the account and the instruments, and no position yet."""
    clock = LiveClock()
    bus, cache = MessageBus(TraderId("BENCH-001"), clock), Cache(database=None)
    engine = LiveExecutionEngine(loop=LOOP, msgbus=bus, cache=cache, clock=clock)
    engine.register_client(
        ExecutionClient(CLIENT, VENUE, OmsType.NETTING, AccountType.MARGIN, None, bus, cache, clock)
    )
    money = AccountBalance(Money(1e9, USDT), Money(0, USDT), Money(1e9, USDT))
    state = AccountState(ACCOUNT, AccountType.MARGIN, None, True, [money], [], {}, UUID4(), 0, 0)
    cache.add_account(AccountFactory.create(state))
    for instrument in traded:
        cache.add_instrument(instrument)
    return engine, cache


def reconciled(count: int, factor: str) -> tuple[Run, Callable[[object], None]]:
    """An engine that holds the positions, and a report with the amounts times a factor."""
    traded = instruments(count)
    engine, cache = an_engine(traded)
    engine.reconcile_execution_mass_status(a_report(traded, "1", "20000.5"))
    assert held(cache, traded) == amounts(count, "1")
    status = a_report(traded, factor, "20010.5")

    def check(_: object) -> None:
        assert held(cache, traded) == amounts(count, factor)

    return lambda: engine.reconcile_execution_mass_status(status), check


def held(cache: Cache, traded: list[CryptoPerpetual]) -> list[Decimal]:
    return [
        sum((it.signed_decimal_qty() for it in cache.positions_open(None, each.id)), Decimal())
        for each in traded
    ]


CASES = {"in sync": "1", "3 % off": "1.03"}


def main() -> None:
    """Prints the speeds."""
    report(
        [
            measure(case, count, partial(reconciled, count, factor))
            for case, factor in CASES.items()
            for count in SIZES
        ]
    )


if __name__ == "__main__":
    main()
