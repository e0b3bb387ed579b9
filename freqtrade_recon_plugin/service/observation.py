"""Reads both sides of an account and turns what differs into evidence.

One positions call (futures) and one balance call (spot) per account settle all that agrees. Only
symbols that differ are read again, with a fresh snapshot of the bot between the exchange reads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from freqtrade_recon_plugin.answers import AccountReading
from freqtrade_recon_plugin.domain.model import Context, Evidence, Market, TradingMode
from freqtrade_recon_plugin.domain.reads import seconds
from freqtrade_recon_plugin.errors import ExchangeReadError
from freqtrade_recon_plugin.ports import Ports, Reader
from freqtrade_recon_plugin.service.books import (
    Book,
    agreeing,
    external_holding,
    fresh_books,
    held_by_others,
    held_together,
    read_books,
    symbols_to_compare,
)
from freqtrade_recon_plugin.store import BotRow, SightingRow

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observation:
    """One symbol of one bot as seen in this cycle.

    :param quantity: the bot's signed position in it, base coin.
    :param evidence: None where one read of each side already settled that they agree.
    :param note: what was wrong with the exchange's last bad answer, for a person.
    """

    bot: BotRow
    symbol: str
    at: datetime
    quantity: Decimal
    evidence: Evidence | None
    note: str = ""


def observe(
    ports: Ports, account_id: str, only: tuple[str, str] | None = None
) -> list[Observation]:
    """Looks at every symbol of every bot of an account, or at one bot's symbol alone.

    :param only: bot id and symbol: read in full, whether both sides seem to agree or not.
    """
    books = read_books(ports.store, account_id)
    modes = {book.bot.trading_mode for book in books if only is None or book.bot.bot_id == only[0]}
    found: list[Observation] = []
    for mode in sorted(modes):
        theirs = [book for book in books if book.bot.trading_mode is mode]
        found += _observe_mode(ports, mode, theirs, only)
    return found


def _observe_mode(
    ports: Ports, mode: TradingMode, books: list[Book], only: tuple[str, str] | None
) -> list[Observation]:
    reader = ports.reader(mode)
    wanted = sorted({symbol for book in books for symbol in book.symbols} | _symbol_of(only))
    first = reader.read(wanted)
    if only is not None:
        return _look_closer(ports, reader, books, [only], first, wanted)
    seen, differing = first_look(books, first)
    return seen + _look_closer(ports, reader, books, differing, first, wanted)


def first_look(
    books: Sequence[Book], reading: AccountReading
) -> tuple[list[Observation], list[tuple[str, str]]]:
    """What one read of each side settles, and the bot ids and symbols that it does not."""
    seen: list[Observation] = []
    differing: list[tuple[str, str]] = []
    together = held_together(books)
    for book, symbols in symbols_to_compare(books, reading):
        agreed = agreeing(book, symbols, together, reading)
        seen += [
            Observation(book.bot, symbol, reading.at, quantity, None)
            for symbol, quantity in agreed.items()
        ]
        differing += [(book.bot.bot_id, symbol) for symbol in symbols if symbol not in agreed]
    return seen, differing


def _symbol_of(only: tuple[str, str] | None) -> set[str]:
    return set() if only is None else {only[1]}


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
    readings, fresh = [first], books
    if first.usable:
        names = {bot_id for bot_id, _ in subjects}
        bot = books[0].bot
        fresh = fresh_books(ports, bot.account_id, bot.trading_mode, names, first.at)
        policies = [book.bot.policy for book in books if book.bot.bot_id in names]
        pause = max(seconds(policy.confirm_delay_s) for policy in policies)
        reads = max(policy.confirm_reads for policy in policies)
        for _ in range(reads - 1):
            _wait_until(ports, readings[-1].at + pause / (reads - 1))
            readings.append(reader.read(wanted))
        symbols = sorted({symbol for _, symbol in subjects})
        readings = [reader.confirm_absent(reading, symbols) for reading in readings]
    note = next((reading.note for reading in reversed(readings) if not reading.usable), "")
    if note:
        logger.warning("account %s: %s", books[0].bot.account_id, note)
    by_id = {book.bot.bot_id: book for book in fresh}
    seen, markets = [], _Markets(reader)
    for bot_id, symbol in subjects:
        if bot_id in by_id:  # else it has just moved to another account
            market = markets.of(symbol, ask=_allow_a_statement(by_id[bot_id], readings))
            seen.append(_full(ports, by_id[bot_id], symbol, fresh, readings, market, note))
    return seen


def _allow_a_statement(book: Book, readings: Sequence[AccountReading]) -> bool:
    """Whether the reads can state anything at all, so that a market's rules are of use."""
    usable = sum(reading.usable for reading in readings)
    enough = usable >= book.bot.policy.confirm_reads
    return enough and readings[0].at <= book.bot.heartbeat_at <= readings[-1].at


def _wait_until(ports: Ports, moment: datetime) -> None:
    while (left := (moment - ports.clock()).total_seconds()) > 0:
        ports.sleep(min(left, 1.0))


class _Markets:
    """The markets of one look, each asked for once; an exchange that is away is not asked."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[str, Market] = {}

    def of(self, symbol: str, *, ask: bool) -> Market:
        if ask and symbol not in self._known:
            try:
                self._known[symbol] = self._reader.market(symbol)
            except ExchangeReadError as error:
                logger.warning("%s", error)
                self._known[symbol] = _unknown(symbol)
        return self._known.get(symbol) or _unknown(symbol)


def _unknown(symbol: str) -> Market:
    """A market without rules, which switches off every test that needs one."""
    base, _, rest = symbol.partition("/")
    return Market(base=base, quote=rest.partition(":")[0])


def _full(
    ports: Ports,
    book: Book,
    symbol: str,
    books: list[Book],
    readings: list[AccountReading],
    market: Market,
    note: str,
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
            other_bots=held_by_others(book, symbol, books),
            now=now,
        ),
        external_holding=external_holding(bot, symbol),
    )
    return Observation(bot, symbol, now, book.quantity(symbol), evidence, note)


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
