"""What an exchange's answer about a whole account is worth, symbol by symbol.

Invariant: an answer that is not what the endpoint promises never looks like flat. What a symbol's
quantity is and what it is worth are told together (`Grade`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from freqtrade_recon_plugin.domain.model import (
    ExchangeRead,
    Grade,
    PositionSide,
    side_of,
)


@dataclass(frozen=True, slots=True)
class AccountReading:
    """One answer about a whole account: positions (futures) or balances (spot), by symbol.

    :param grade: what a symbol that is not in `reads` is worth: `absent` in a good answer.
    :param note: what was wrong with the answer, for a person; without keys.
    """

    at: datetime
    grade: Grade
    reads: dict[str, ExchangeRead] = field(default_factory=dict)
    note: str = ""

    def of(self, symbol: str) -> ExchangeRead:
        """The read of one symbol."""
        return self.reads.get(symbol) or ExchangeRead(at=self.at, grade=self.grade)

    @property
    def usable(self) -> bool:
        """Whether the exchange answered at all, and with what the endpoint promises."""
        return self.grade is Grade.ABSENT


def malformed(at: datetime, note: str) -> AccountReading:
    """An answer that is not what the endpoint promises, whatever its HTTP status."""
    return AccountReading(at, Grade.MALFORMED, {}, note)


def binance_positions(raw: Any, at: datetime, symbol_of: Callable[[str], str]) -> AccountReading:
    """Binance's raw answer: ccxt's own drops rows and invents quantities where fields are missing.

    :param symbol_of: the unified symbol of an id.
    """
    if not isinstance(raw, list) or not all(_names(row, "symbol") for row in raw):
        return malformed(at, "the positions answer is not a list of positions")
    reads: dict[str, ExchangeRead] = {}
    for row in raw:
        amount = decimal_of(row.get("positionAmt"))
        read = ExchangeRead(at, Grade.NULL_QUANTITY)
        if amount is not None:
            entry = positive(row.get("entryPrice"))
            read = ExchangeRead(at, Grade.EXPLICIT, side_of(amount), abs(amount), entry)
        _add(reads, symbol_of(row["symbol"]), read)
    return AccountReading(at, Grade.ABSENT, reads)


def unified_positions(
    raw: Any,
    positions: Sequence[Mapping[str, Any]],
    at: datetime,
    contract_size_of: Callable[[str], Decimal],
) -> AccountReading:
    """The positions as ccxt unified them, beside the raw answer that they were made of."""
    if not isinstance(raw, (dict, list)):
        return malformed(at, "the positions answer is not JSON")
    reads: dict[str, ExchangeRead] = {}
    for position in positions:
        symbol = str(position["symbol"])
        contracts, side = decimal_of(position.get("contracts")), str(position.get("side"))
        read = ExchangeRead(at, Grade.NULL_QUANTITY)
        if contracts is not None and (not contracts or side in ("long", "short")):
            read = ExchangeRead(
                at,
                Grade.EXPLICIT,
                PositionSide(side) if contracts else PositionSide.FLAT,
                abs(contracts) * contract_size_of(symbol),
                positive(position.get("entryPrice")),
            )
        _add(reads, symbol, read)
    return AccountReading(at, Grade.ABSENT, reads)


def _add(reads: dict[str, ExchangeRead], symbol: str, read: ExchangeRead) -> None:
    """A symbol that is named twice (hedge mode) has no one quantity."""
    twice = symbol in reads
    reads[symbol] = ExchangeRead(read.at, Grade.NULL_QUANTITY) if twice else read


def balances(
    raw: Any, balance: Mapping[str, Any], at: datetime, coins: Mapping[str, str]
) -> AccountReading:
    """The balances as ccxt unified them, beside the raw answer that they were made of.

    :param coins: symbol to base coin of what is wanted.
    """
    if not isinstance(raw, (dict, list)) or not raw:
        return malformed(at, "the balance answer is not an object")
    reads = {
        symbol: _coin_read(at, balance[coin])
        for symbol, coin in coins.items()
        if isinstance(balance.get(coin), dict)
    }
    return AccountReading(at, Grade.ABSENT, reads)


def are_binance_balances(raw: Any) -> bool:
    """Whether a raw answer is the account object of Binance's spot market."""
    rows = raw.get("balances") if isinstance(raw, dict) else None
    return isinstance(rows, list) and all(_names(row, "asset") for row in rows)


def _coin_read(at: datetime, coin: Mapping[str, Any]) -> ExchangeRead:
    """Total of one coin: free and used, where both are told."""
    free, used = decimal_of(coin.get("free")), decimal_of(coin.get("used"))
    total = decimal_of(coin.get("total"))
    if free is not None and used is not None:
        total = free + used
    if total is None or total < 0:
        return ExchangeRead(at, Grade.NULL_QUANTITY)
    return ExchangeRead(at, Grade.EXPLICIT, side_of(total), total)


def _names(row: Any, key: str) -> bool:
    return isinstance(row, dict) and isinstance(row.get(key), str)


def decimal_of(value: Any) -> Decimal | None:
    """A number of an answer; None where it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def positive(value: Any) -> Decimal | None:
    """A price or a size of an answer; None where it is none, zero or negative."""
    number = decimal_of(value)
    return number if number is not None and number > 0 else None
