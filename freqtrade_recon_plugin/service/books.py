"""The books of an account's bots as they published them, and what each lays claim to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from freqtrade_recon_plugin.answers import AccountReading
from freqtrade_recon_plugin.domain.model import (
    ZERO,
    Grade,
    LocalRead,
    PositionSide,
    TradingMode,
    signed,
)
from freqtrade_recon_plugin.domain.reads import seconds
from freqtrade_recon_plugin.ports import Ports
from freqtrade_recon_plugin.store import BotRow, PositionRow, Store


@dataclass(frozen=True)
class Book:
    """One bot and what it has published, read from the store in one transaction."""

    bot: BotRow
    positions: dict[str, PositionRow]

    @property
    def symbols(self) -> set[str]:
        """What the bot trades or holds."""
        rows = self.positions.items()
        held = {symbol for symbol, row in rows if row.side is not PositionSide.FLAT}
        return set(self.bot.pairs) | held

    @cached_property
    def quantities(self) -> dict[str, Decimal]:
        """The bot's signed position in each symbol that has a row, as `LocalRead.quantity`."""
        return {
            symbol: signed(row.side, row.amount + row.open_entry_filled - row.open_exit_filled)
            for symbol, row in self.positions.items()
        }

    def quantity(self, symbol: str) -> Decimal:
        """The bot's signed position in one symbol."""
        return self.quantities.get(symbol, ZERO)

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


def read_books(store: Store, account_id: str, mode: TradingMode | None = None) -> list[Book]:
    """The books of all bots of an account, or of those in one trading mode."""
    with store.reading() as tx:
        return [
            Book(bot, tx.positions.of(bot.bot_id))
            for bot in tx.bots.list()
            if bot.account_id == account_id and mode in (None, bot.trading_mode)
        ]


def fresh_books(
    ports: Ports, account_id: str, mode: TradingMode, bot_ids: set[str], after: datetime
) -> list[Book]:
    """The books once every bot has published since a moment; those that hang, as they are."""
    deadline = ports.clock() + timedelta(seconds=ports.waits.snapshot_s)
    while True:
        books = read_books(ports.store, account_id, mode)
        waiting = any(
            book.bot.bot_id in bot_ids and _may_still_publish(book.bot, after) for book in books
        )
        if not waiting or ports.clock() >= deadline:
            return books
        ports.sleep(ports.waits.poll_s)


def _may_still_publish(bot: BotRow, after: datetime) -> bool:
    """Has not published since, and is not long silent either."""
    silent = bot.heartbeat_at < after - seconds(bot.policy.snapshot_max_age_s)
    return bot.heartbeat_at <= after and not silent


def symbols_to_compare(
    books: Sequence[Book], reading: AccountReading
) -> list[tuple[Book, list[str]]]:
    """The symbols to compare for each bot: its own, and futures positions that no bot claims."""
    own = [book.symbols for book in books]
    claimed = set().union(*own)
    nobodys = {
        symbol for symbol, read in reading.reads.items() if symbol not in claimed and read.quantity
    }
    compared = []
    for book, symbols in zip(books, own, strict=True):
        futures = book.bot.trading_mode is TradingMode.FUTURES
        compared.append((book, sorted(symbols | nobodys if futures else symbols)))
    return compared


def held_together(books: Sequence[Book]) -> dict[str, Decimal]:
    """Symbol to the signed sum of what the account's bots hold in it."""
    total: dict[str, Decimal] = {}
    for book in books:
        for symbol, quantity in book.quantities.items():
            total[symbol] = total[symbol] + quantity if symbol in total else quantity
    return total


def agreeing(
    book: Book, symbols: Sequence[str], together: Mapping[str, Decimal], reading: AccountReading
) -> dict[str, Decimal]:
    """The symbols of which one read of each side already settles that they agree: a lookup each.

    :param together: what all the account's bots hold, by symbol.
    :returns: symbol to the bot's signed position in it.
    """
    oldest = reading.at - seconds(book.bot.policy.snapshot_max_age_s)
    if book.bot.heartbeat_at < oldest:
        return {}
    agreed: dict[str, Decimal] = {}
    for symbol in symbols:
        read, local = reading.of(symbol), book.quantity(symbol)
        if read.grade is Grade.EXPLICIT:
            bots = read.quantity - external_holding(book.bot, symbol)
            agrees = bots == together.get(symbol, ZERO)
        else:
            agrees = read.grade is Grade.ABSENT and not local
        if agrees:
            agreed[symbol] = local
    return agreed


def held_by_others(book: Book, symbol: str, books: Sequence[Book]) -> Decimal:
    """The signed sum of what the account's other bots hold in a symbol."""
    mine = book.bot.bot_id
    return sum((other.quantity(symbol) for other in books if other.bot.bot_id != mine), ZERO)


def external_holding(bot: BotRow, symbol: str) -> Decimal:
    """Spot: the amount of the symbol's base coin that is known not to be the bot's."""
    if bot.trading_mode is TradingMode.FUTURES:
        return ZERO
    return bot.external_holdings.get(symbol.split("/")[0], ZERO)
