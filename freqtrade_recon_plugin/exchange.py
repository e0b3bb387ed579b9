"""Reads an exchange account through ccxt, with a key that can only read.

The only module that imports ccxt. What a symbol's quantity is and what the answer is worth are
told together (`Grade`): an answer that is not what the endpoint promises never looks like flat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import ccxt

from freqtrade_recon_plugin.domain.model import (
    ExchangeRead,
    Grade,
    Market,
    PositionSide,
    TradingMode,
    side_of,
)
from freqtrade_recon_plugin.errors import ExchangeReadError
from freqtrade_recon_plugin.settings import AccountSettings

#: Exchanges whose raw answers are checked field by field; the others through ccxt's unified form.
BINANCE = frozenset({"binance", "binanceusdm"})
#: Seconds that one request may take.
TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class AccountReading:
    """One answer about a whole account: positions (futures) or balances (spot), by symbol.

    :param grade: what a symbol that is not in `reads` is worth: `absent` in a good answer.
    :param note: what was wrong with the answer, for a person; without keys.
    :param refused: the exchange refused the key itself.
    """

    at: datetime
    grade: Grade
    reads: dict[str, ExchangeRead] = field(default_factory=dict)
    note: str = ""
    refused: bool = False

    def of(self, symbol: str) -> ExchangeRead:
        """The read of one symbol."""
        return self.reads.get(symbol) or ExchangeRead(at=self.at, grade=self.grade)

    @property
    def usable(self) -> bool:
        """Whether the exchange answered at all, and with what the endpoint promises."""
        return self.grade is Grade.ABSENT


class ExchangeReader:
    """Reads one account in one trading mode.

    :param clock: tells the time at which the exchange answered, UTC.
    :raises ExchangeReadError: the exchange id is not one of ccxt's.
    """

    def __init__(
        self, account: AccountSettings, mode: TradingMode, clock: Callable[[], datetime]
    ) -> None:
        if account.exchange not in ccxt.exchanges:
            raise ExchangeReadError(
                f"account {account.id}: exchange {account.exchange!r} is not known to ccxt"
            )
        self._account = account
        self._mode = mode
        self._clock = clock
        self._is_binance = account.exchange in BINANCE
        self._api = getattr(ccxt, account.exchange)(_config(account, mode))
        self._api.number = Decimal
        self._api.enableLastJsonResponse = True  # the raw answer, to check what ccxt made of it
        if self._is_binance:
            types = ["spot"] if mode is TradingMode.SPOT else ["linear"]
            self._api.options["fetchMarkets"] = {"types": types}
            self._api.has["fetchCurrencies"] = False  # needs a permission and tells nothing needed

    def read(self, symbols: Collection[str]) -> AccountReading:
        """Asks once for all positions (futures) or all balances (spot).

        :param symbols: spot: the symbols whose base coins are wanted. Futures: every symbol that
            the exchange reports is in the answer, asked for or not.
        """
        try:
            self._api.load_markets()
            if self._mode is TradingMode.SPOT:
                return self._read_balances(symbols)
            return self._read_positions(self._api.fetch_positions())
        except ccxt.BaseError as error:
            return self._failed(error)

    def confirm_absent(self, reading: AccountReading, symbols: Iterable[str]) -> AccountReading:
        """Asks for symbols alone that a good answer did not name; flat there too is confirmed.

        Binance's older positions endpoint names every symbol, flat ones too: its explicit zero is
        the second source. Elsewhere, and on spot, nothing is upgraded.
        """
        absent = [symbol for symbol in symbols if reading.of(symbol).grade is Grade.ABSENT]
        if not self._is_binance or self._mode is TradingMode.SPOT or not absent:
            return reading
        try:
            self._api.fetch_positions(absent, {"useV2": True})
        except ccxt.BaseError:
            return reading
        second = self._binance_positions(self._clock())
        confirmed = {
            symbol: replace(second.of(symbol), grade=Grade.ABSENT_CONFIRMED, at=reading.at)
            for symbol in absent
            if second.of(symbol).grade is Grade.EXPLICIT and not second.of(symbol).quantity
        }
        return replace(reading, reads={**reading.reads, **confirmed})

    def market(self, symbol: str) -> Market:
        """The rules of a market, and its price where the exchange tells it.

        :raises ExchangeReadError: the exchange has no such symbol, or does not answer.
        """
        try:
            self._api.load_markets()
            market = self._api.market(symbol)
        except ccxt.BaseError as error:
            raise ExchangeReadError(f"{symbol}: {self._plain(error)}") from None
        contract_size = _decimal(market.get("contractSize")) or Decimal(1)
        limits = market.get("limits") or {}
        step = self._amount_step(market)
        min_amount = _decimal((limits.get("amount") or {}).get("min"))
        return Market(
            base=market["base"],
            quote=market["quote"],
            contract_size=contract_size,
            amount_step=step * contract_size if step else None,
            min_amount=min_amount * contract_size if min_amount else None,
            min_cost=_decimal((limits.get("cost") or {}).get("min")),
            price=self._price(symbol),
        )

    def _price(self, symbol: str) -> Decimal | None:
        try:
            ticker = self._api.fetch_ticker(symbol)
        except ccxt.BaseError:
            return None  # an action without a price waits for one
        return _decimal(ticker.get("markPrice")) or _decimal(ticker.get("last"))

    def _amount_step(self, market: dict[str, Any]) -> Decimal | None:
        precision = _decimal((market.get("precision") or {}).get("amount"))
        if precision is None or self._api.precisionMode == ccxt.SIGNIFICANT_DIGITS:
            return None
        if self._api.precisionMode == ccxt.DECIMAL_PLACES:
            return Decimal(1).scaleb(-int(precision))
        return precision

    # --- futures ---------------------------------------------------------------------------------

    def _read_positions(self, positions: list[dict[str, Any]]) -> AccountReading:
        at = self._clock()
        if self._is_binance:
            return self._binance_positions(at)
        if not isinstance(self._api.last_json_response, (dict, list)):
            return _malformed(at, "the positions answer is not JSON")
        reads = {}
        for position in positions:
            size = _decimal(self._api.market(position["symbol"]).get("contractSize")) or Decimal(1)
            contracts = _decimal(position.get("contracts"))
            side = str(position.get("side"))
            if contracts is None or (contracts and side not in ("long", "short")):
                reads[position["symbol"]] = ExchangeRead(at, Grade.NULL_QUANTITY)
                continue
            reads[position["symbol"]] = ExchangeRead(
                at,
                Grade.EXPLICIT,
                PositionSide(side) if contracts else PositionSide.FLAT,
                abs(contracts) * size,
                _positive(position.get("entryPrice")),
            )
        return AccountReading(at, Grade.ABSENT, reads)

    def _binance_positions(self, at: datetime) -> AccountReading:
        """The raw answer: ccxt's own drops rows and invents quantities where fields are missing."""
        rows = self._api.last_json_response
        if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
            return _malformed(at, "the positions answer is not a list of positions")
        reads = {}
        for row in rows:
            amount = _decimal(row.get("positionAmt"))
            symbol = self._api.safe_symbol(row["symbol"], None, None, "swap")
            if amount is None:
                reads[symbol] = ExchangeRead(at, Grade.NULL_QUANTITY)
                continue
            entry = _positive(row.get("entryPrice"))
            reads[symbol] = ExchangeRead(at, Grade.EXPLICIT, side_of(amount), abs(amount), entry)
        return AccountReading(at, Grade.ABSENT, reads)

    # --- spot ------------------------------------------------------------------------------------

    def _read_balances(self, symbols: Collection[str]) -> AccountReading:
        balance = self._api.fetch_balance()
        at = self._clock()
        raw = self._api.last_json_response
        if not isinstance(raw, (dict, list)) or not raw:
            return _malformed(at, "the balance answer is not an object")
        if self._is_binance and not _are_balances(raw):
            return _malformed(at, "the balance answer has no list of balances")
        reads = {}
        for symbol in symbols:
            coin = self._base(symbol)
            if coin in balance and isinstance(balance[coin], dict):
                reads[symbol] = _coin_read(at, balance[coin])
        return AccountReading(at, Grade.ABSENT, reads)

    def _base(self, symbol: str) -> str:
        market = (self._api.markets or {}).get(symbol)
        return str(market["base"]) if market else symbol.split("/")[0]

    # --- faults ----------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> AccountReading:
        refused = isinstance(error, ccxt.AuthenticationError)
        return AccountReading(self._clock(), Grade.FAILED, {}, self._plain(error), refused)

    def _plain(self, error: Exception) -> str:
        """An error in one line, without the query string of a signed URL and without keys."""
        text = re.sub(r"\?\S+", "", f"{type(error).__name__}: {error}")
        secrets = (self._account.api_key, self._account.secret, self._account.password)
        for secret in secrets:
            if secret is not None and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "***")
        return " ".join(text.split())[:300]


def _config(account: AccountSettings, mode: TradingMode) -> dict[str, Any]:
    market_type = "spot" if mode is TradingMode.SPOT else "swap"
    config: dict[str, Any] = {
        "apiKey": account.api_key.get_secret_value(),
        "secret": account.secret.get_secret_value(),
        "timeout": TIMEOUT_S * 1000,
        "options": {"defaultType": market_type, **account.options},
    }
    if account.password is not None:
        config["password"] = account.password.get_secret_value()
    if account.urls is not None:
        config["urls"] = account.urls
    return config


def _malformed(at: datetime, note: str) -> AccountReading:
    return AccountReading(at, Grade.MALFORMED, {}, note)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("symbol"), str)


def _are_balances(raw: Any) -> bool:
    rows = raw.get("balances") if isinstance(raw, dict) else None
    return isinstance(rows, list) and all(
        isinstance(row, dict) and isinstance(row.get("asset"), str) for row in rows
    )


def _coin_read(at: datetime, coin: dict[str, Any]) -> ExchangeRead:
    """Total of one coin: free and used, where both are told."""
    free, used = _decimal(coin.get("free")), _decimal(coin.get("used"))
    total = _decimal(coin.get("total"))
    if free is not None and used is not None:
        total = free + used
    if total is None or total < 0:
        return ExchangeRead(at, Grade.NULL_QUANTITY)
    return ExchangeRead(at, Grade.EXPLICIT, side_of(total), total)


def _decimal(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _positive(value: Any) -> Decimal | None:
    number = _decimal(value)
    return number if number is not None and number > 0 else None
