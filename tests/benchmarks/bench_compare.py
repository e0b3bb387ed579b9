"""From two parsed position tables to verdicts: how many symbols per second, and is it flat in N?

The service's own functions are timed, without its store and without an exchange. What agrees gets
a verdict by a lookup; what differs gets evidence, a booking, both documents and the hash.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from freqtrade_recon_plugin.answers import AccountReading
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Context,
    Decision,
    Evidence,
    ExchangeRead,
    FillReport,
    Grade,
    LegKind,
    Market,
    OrderReport,
    OrderSide,
    OrderStatus,
    PositionSide,
    TradingMode,
    VerdictKind,
)
from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.service.books import Book
from freqtrade_recon_plugin.service.judging import Documents, Judged, documents, judge
from freqtrade_recon_plugin.service.observation import Observation, first_look
from freqtrade_recon_plugin.store import BotRow, PositionRow
from tests.benchmarks.timing import SIZES, Run, measure, report

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
OFF = Decimal("1.03")
ENTRY = Decimal("20010.5")
MARKET = Market(
    base="BTC",
    quote="USDT",
    amount_step=Decimal("0.001"),
    min_amount=Decimal("0.001"),
    min_cost=Decimal(5),
    price=Decimal("20020"),
)


def amount_of(number: int) -> Decimal:
    """What the bot holds in the symbol of this number."""
    return Decimal("100.5") + number


def a_book(symbols: list[str]) -> Book:
    """A bot that holds a long position in each symbol."""
    bot = BotRow(
        bot_id="bench",
        account_id="main",
        exchange="binance",
        trading_mode=TradingMode.FUTURES,
        policy=Policy(),
        external_holdings={},
        pairs=tuple(symbols),
        state="running",
        version="1",
        registered_at=NOW - HOUR,
        heartbeat_at=NOW + timedelta(seconds=1),
    )
    rows = {
        symbol: PositionRow(
            bot_id="bench",
            symbol=symbol,
            trade_id=number,
            side=PositionSide.LONG,
            amount=amount_of(number),
            open_rate=Decimal("20000.5"),
            open_entry_filled=ZERO,
            open_exit_filled=ZERO,
            last_activity_at=NOW - HOUR,
            known_order_ids=(f"known-{number}",),
            booked_fills={f"known-{number}": amount_of(number)},
            stop_expected=None,
            trade_opened_at=NOW - HOUR,
            at=NOW - HOUR,
        )
        for number, symbol in enumerate(symbols)
    }
    return Book(bot, rows)


def a_reading(symbols: list[str], factor: Decimal, at: datetime) -> AccountReading:
    """An answer of the exchange: the bot's amounts times a factor."""
    reads = {
        symbol: ExchangeRead(
            at, Grade.EXPLICIT, PositionSide.LONG, amount_of(number) * factor, ENTRY
        )
        for number, symbol in enumerate(symbols)
    }
    return AccountReading(at, Grade.ABSENT, reads)


def symbols_of(count: int) -> list[str]:
    return [f"C{number:04}/USDT:USDT" for number in range(count)]


def in_sync(count: int) -> tuple[Run, Callable[[list[Judged]], None]]:
    """Both tables say the same."""
    symbols = symbols_of(count)
    book, reading = a_book(symbols), a_reading(symbols, Decimal(1), NOW)

    def run() -> list[Judged]:
        agreed, _ = first_look([book], reading)
        return [judge(seen) for seen in agreed]

    def check(judged: list[Judged]) -> None:
        assert len(judged) == count
        assert all(item.verdict.verdict is VerdictKind.IN_SYNC for item in judged)

    return run, check


def off(count: int, *, told: bool) -> tuple[Run, Callable[[list[Documents]], None]]:
    """The exchange holds 3 % more in every symbol.

    :param told: an own order and its fill explain it; else nothing does.
    """
    symbols = symbols_of(count)
    book, reading = a_book(symbols), a_reading(symbols, OFF, NOW)
    again = a_reading(symbols, OFF, NOW + timedelta(seconds=2))
    reports = {symbol: missed(number) for number, symbol in enumerate(symbols)} if told else {}

    def run() -> list[Documents]:
        _, differing = first_look([book], reading)
        return [documents(judge(observed(symbol))) for _, symbol in differing]

    def observed(symbol: str) -> Observation:
        bot = book.bot
        orders, fills = reports.get(symbol, (None, ()))
        evidence = Evidence(
            bot_id=bot.bot_id,
            account_id=bot.account_id,
            exchange=bot.exchange,
            trading_mode=bot.trading_mode,
            symbol=symbol,
            market=MARKET,
            local_reads=(book.local_read(symbol),),
            exchange_reads=(reading.of(symbol), again.of(symbol)),
            policy=bot.policy,
            context=Context(now=again.at + timedelta(seconds=1)),
            orders=orders,
            fills=fills,
        )
        return Observation(bot, symbol, again.at, book.quantity(symbol), evidence)

    def check(made: list[Documents]) -> None:
        assert len({item.digest for item in made}) == count
        for number, item in enumerate(made):
            (leg,) = item.verdict["booking"]
            assert item.verdict["decision"] == Decision.AUTO_CORRECT
            assert leg["kind"] == (LegKind.REAL if told else LegKind.SYNTHETIC)
            assert Decimal(item.verdict["final_local"]) == amount_of(number) * OFF

    return run, check


def missed(number: int) -> tuple[tuple[OrderReport, ...], tuple[FillReport, ...]]:
    """An own order that was filled an hour ago, and its fill."""
    name, amount = f"known-{number}", amount_of(number) * (OFF - 1)
    order = OrderReport(
        name, OrderSide.BUY, OrderStatus.CLOSED, amount, amount, ENTRY, own=True, at=NOW - HOUR
    )
    fill = FillReport(f"fill-{number}", name, OrderSide.BUY, amount, ENTRY, at=NOW - HOUR)
    return (order,), (fill,)


CASES: dict[str, Callable[[int], tuple[Run, Callable[[Any], None]]]] = {
    "in sync": in_sync,
    "3 % off": partial(off, told=False),
    "3 % off, fill found": partial(off, told=True),
}


def main() -> None:
    """Prints the speeds of the cases that the command line names, or of all."""
    named = [case for case in CASES if case in sys.argv] or list(CASES)
    report([measure(case, count, partial(CASES[case], count)) for case in named for count in SIZES])


if __name__ == "__main__":
    main()
