"""Reads both sides of an account and turns what differs into evidence.

One positions call (futures) and one balance call (spot) per account settle all that agrees. Only
symbols that differ are read again, with a fresh snapshot of the bot between the exchange reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Context,
    Evidence,
    Grade,
    LocalRead,
    Market,
    PositionSide,
    TradingMode,
)
from freqtrade_recon_plugin.domain.reads import seconds
from freqtrade_recon_plugin.errors import ExchangeReadError
from freqtrade_recon_plugin.exchange import AccountReading
from freqtrade_recon_plugin.ports import Ports, Reader
from freqtrade_recon_plugin.store import BotRow, PositionRow, SightingRow, Store

#: Seconds to wait for the bot's next snapshot. A loop takes 5 s by default, and its own calls.
SNAPSHOT_WAIT_S = 25
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Book:
    """One bot and what it has published, read from the store in one transaction."""

    bot: BotRow
    positions: dict[str, PositionRow]

    def quantity(self, symbol: str) -> Decimal:
        """The bot's signed position in one symbol."""
        return self.local_read(symbol).quantity

    def local_read(self, symbol: str) -> LocalRead:
        """The read of one symbol; a symbol without a row is flat."""
        at = self.bot.heartbeat_at
        row = self.positions.get(symbol)
        if row is None:
            return LocalRead(at=at, side=PositionSide.FLAT, amount=ZERO)
        return LocalRead(
            at=at,
            side=row.side,
            amount=row.amount,
            open_rate=row.open_rate,
            open_entry_filled=row.open_entry_filled,
            open_exit_filled=row.open_exit_filled,
            last_activity_at=row.last_activity_at,
            known_order_ids=row.known_order_ids,
            stop_expected=row.stop_expected,
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """One symbol of one bot as seen in this cycle.

    :param quantity: the bot's signed position in it, base coin.
    :param evidence: None where one read of each side already settled that they agree.
    """

    bot: BotRow
    symbol: str
    at: datetime
    quantity: Decimal
    evidence: Evidence | None


def read_books(store: Store, account_id: str) -> list[Book]:
    """The books of all bots of an account."""
    with store.reading() as tx:
        return [
            Book(bot, tx.positions.of(bot.bot_id))
            for bot in tx.bots.list()
            if bot.account_id == account_id
        ]


def observe(
    ports: Ports, account_id: str, only: tuple[str, str] | None = None
) -> list[Observation]:
    """Looks at every symbol of every bot of an account, or at one bot's symbol alone.

    :param only: bot id and symbol: read in full, whether both sides seem to agree or not.
    """
    books = read_books(ports.store, account_id)
    found: list[Observation] = []
    for mode in sorted({book.bot.trading_mode for book in books}):
        theirs = [book for book in books if book.bot.trading_mode is mode]
        found += _observe_mode(ports, mode, theirs, only)
    return found


def _observe_mode(
    ports: Ports, mode: TradingMode, books: list[Book], only: tuple[str, str] | None
) -> list[Observation]:
    reader = ports.reader(mode)
    wanted = sorted({symbol for book in books for symbol in _own_symbols(book)})
    first = reader.read(wanted)
    seen: list[Observation] = []
    differing: list[tuple[str, str]] = []
    for book in books:
        for symbol in _symbols(book, books, first):
            subject = (book.bot.bot_id, symbol)
            if only is not None and subject != only:
                continue
            if only is None and _agree(book, symbol, books, first):
                seen.append(Observation(book.bot, symbol, first.at, book.quantity(symbol), None))
            else:
                differing.append(subject)
    if only is not None and not differing:
        differing.append(only)
    return seen + _look_closer(ports, reader, books, differing, first, wanted)


def _own_symbols(book: Book) -> set[str]:
    return set(book.bot.pairs) | {s for s, row in book.positions.items() if row.side != "flat"}


def _symbols(book: Book, books: list[Book], reading: AccountReading) -> list[str]:
    """The symbols to compare for a bot: its own, and futures positions that no bot claims."""
    own = _own_symbols(book)
    if book.bot.trading_mode is TradingMode.FUTURES:
        claimed = {symbol for other in books for symbol in _own_symbols(other)}
        own |= {symbol for symbol, read in reading.reads.items() if read.quantity} - claimed
    return sorted(own)


def _agree(book: Book, symbol: str, books: list[Book], reading: AccountReading) -> bool:
    """Whether one read of each side already settles that they agree: equality is a lookup."""
    oldest = reading.at - seconds(book.bot.policy.snapshot_max_age_s)
    if book.bot.heartbeat_at < oldest:
        return False
    read, local = reading.of(symbol), book.quantity(symbol)
    if read.grade is Grade.ABSENT and not local:
        return True
    if read.grade is not Grade.EXPLICIT:
        return False
    others = _other_bots(book, symbol, books)
    return read.quantity - others - _external(book.bot, symbol) == local


def _other_bots(book: Book, symbol: str, books: list[Book]) -> Decimal:
    return sum((other.quantity(symbol) for other in books if other is not book), ZERO)


def _external(bot: BotRow, symbol: str) -> Decimal:
    if bot.trading_mode is TradingMode.FUTURES:
        return ZERO
    return bot.external_holdings.get(symbol.split("/")[0], ZERO)


def _look_closer(
    ports: Ports,
    reader: Reader,
    books: list[Book],
    subjects: Sequence[tuple[str, str]],
    first: AccountReading,
    wanted: list[str],
) -> list[Observation]:
    """Reads the differing symbols again, with fresh snapshots between the exchange reads."""
    if not subjects:
        return []
    by_id = {book.bot.bot_id: book for book in books}
    policies = [by_id[bot_id].bot.policy for bot_id, _ in subjects]
    readings, fresh = [first], list(by_id.values())
    if first.usable:
        fresh = _fresh_books(ports, by_id, {bot_id for bot_id, _ in subjects}, first.at)
        pause = max(seconds(policy.confirm_delay_s) for policy in policies)
        reads = max(policy.confirm_reads for policy in policies)
        for _ in range(reads - 1):
            _wait_until(ports, readings[-1].at + pause / (reads - 1))
            readings.append(reader.read(wanted))
        symbols = [symbol for _, symbol in subjects]
        readings = [reader.confirm_absent(reading, symbols) for reading in readings]
    by_id = {book.bot.bot_id: book for book in fresh}
    markets = {symbol: _market(reader, symbol) for symbol in {symbol for _, symbol in subjects}}
    return [
        _full(ports, by_id[bot_id], symbol, fresh, readings, markets[symbol])
        for bot_id, symbol in subjects
    ]


def _fresh_books(
    ports: Ports, by_id: dict[str, Book], bot_ids: set[str], after: datetime
) -> list[Book]:
    """The books once every bot has published since a moment; those that hang, as they are."""
    account_id = next(iter(by_id.values())).bot.account_id
    mode = next(iter(by_id.values())).bot.trading_mode
    deadline = ports.clock() + timedelta(seconds=SNAPSHOT_WAIT_S)
    while True:
        books = [
            book for book in read_books(ports.store, account_id) if book.bot.trading_mode is mode
        ]
        late = [
            book
            for book in books
            if book.bot.bot_id in bot_ids and _may_still_publish(book.bot, after)
        ]
        if not late or ports.clock() >= deadline:
            return books
        ports.sleep(_POLL_S)


def _may_still_publish(bot: BotRow, after: datetime) -> bool:
    """Has not published since, and is not long silent either."""
    silent = bot.heartbeat_at < after - seconds(bot.policy.snapshot_max_age_s)
    return bot.heartbeat_at <= after and not silent


def _wait_until(ports: Ports, moment: datetime) -> None:
    while (left := (moment - ports.clock()).total_seconds()) > 0:
        ports.sleep(min(left, 1.0))


def _market(reader: Reader, symbol: str) -> Market:
    try:
        return reader.market(symbol)
    except ExchangeReadError:
        base, _, rest = symbol.partition("/")
        return Market(base=base, quote=rest.partition(":")[0])  # switches off what needs numbers


def _full(
    ports: Ports,
    book: Book,
    symbol: str,
    books: list[Book],
    readings: list[AccountReading],
    market: Market,
) -> Observation:
    now = ports.clock()
    bot = book.bot
    with ports.store.reading() as tx:
        sighting = tx.sightings.get(bot.bot_id, symbol)
        count, pct = tx.actions.budget_used(bot.bot_id, symbol, now)
    evidence = Evidence(
        bot_id=bot.bot_id,
        account_id=bot.account_id,
        exchange=bot.exchange,
        trading_mode=bot.trading_mode,
        symbol=symbol,
        market=market,
        local_reads=(book.local_read(symbol),),
        exchange_reads=tuple(reading.of(symbol) for reading in readings),
        policy=bot.policy,
        context=Context(
            auto_corrections_last_hour=count,
            auto_corrected_pct_last_day=pct,
            in_flight_since=sighting.in_flight_since if sighting else None,
            no_evidence_since=sighting.no_evidence_since if sighting else None,
            other_bots=_other_bots(book, symbol, books),
            now=now,
        ),
        external_holding=_external(bot, symbol),
    )
    return Observation(bot, symbol, now, book.quantity(symbol), evidence)


def sighting_after(before: SightingRow | None, seen: Observation, verdict: str) -> SightingRow:
    """What the next cycle is told of this one."""

    def since(word: str, earlier: datetime | None) -> datetime | None:
        return (earlier or seen.at) if verdict == word else None

    return SightingRow(
        bot_id=seen.bot.bot_id,
        symbol=seen.symbol,
        in_flight_since=since("in_flight", before.in_flight_since if before else None),
        no_evidence_since=since("no_evidence", before.no_evidence_since if before else None),
        verdict=verdict,
        at=seen.at,
    )
