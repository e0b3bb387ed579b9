"""Reads an exchange account through ccxt, with a key that can only read.

The only module that imports ccxt. Whatever goes wrong on the way is a grade of the reading, never
an exception: a fault of the exchange is an answer too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import ccxt

from freqtrade_recon_plugin import answers
from freqtrade_recon_plugin.activity import Activity, Source, check_list, read_activity
from freqtrade_recon_plugin.answers import AccountReading, decimal_of, positive
from freqtrade_recon_plugin.domain.model import Grade, Market, TradingMode
from freqtrade_recon_plugin.errors import ExchangeReadError
from freqtrade_recon_plugin.settings import AccountSettings

#: Exchanges whose raw answers are checked field by field; the others through ccxt's unified form.
BINANCE = frozenset({"binance", "binanceusdm"})
#: Seconds that one request may take.
TIMEOUT_S = 10.0


class ExchangeReader:
    """Reads one account in one trading mode.

    :param clock: tells the time at which the exchange answered, UTC.
    :param timeout_s: seconds that one request may take.
    :raises ExchangeReadError: the exchange id is not one of ccxt's.
    """

    def __init__(
        self,
        account: AccountSettings,
        mode: TradingMode,
        clock: Callable[[], datetime],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if account.exchange not in ccxt.exchanges:
            raise ExchangeReadError(
                f"account {account.id}: exchange {account.exchange!r} is not known to ccxt"
            )
        self._account = account
        self._mode = mode
        self._clock = clock
        self._is_binance = account.exchange in BINANCE
        self._api = getattr(ccxt, account.exchange)(_config(account, mode, timeout_s))
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
            self._load_markets()
            if self._mode is TradingMode.SPOT:
                return self._read_balances(symbols)
            return self._read_positions(self._api.fetch_positions())
        except Exception as error:  # noqa: BLE001 - ccxt raises anything at a malformed answer
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
            second = self._binance_positions(self._clock())
        except Exception:  # noqa: BLE001 - as in `read`
            return reading  # what was not confirmed stays as it is
        confirmed = {
            symbol: replace(second.of(symbol), grade=Grade.ABSENT_CONFIRMED, at=reading.at)
            for symbol in absent
            if second.of(symbol).grade is Grade.EXPLICIT and not second.of(symbol).quantity
        }
        return replace(reading, reads={**reading.reads, **confirmed})

    def activity(self, symbol: str, since: datetime) -> Activity:
        """Orders and fills of one symbol since a moment; without them where they cannot be read."""
        try:
            self._load_markets()
            size = positive(self._api.market(symbol).get("contractSize")) or Decimal(1)
            return read_activity(self._source(symbol), size, since, self._clock())
        except Exception as error:  # noqa: BLE001 - as in `read`
            return Activity(self._clock(), note=self._plain(error))

    def _source(self, symbol: str) -> Source:
        """How this exchange is asked for one symbol's orders and fills."""
        api, futures = self._api, self._mode is TradingMode.FUTURES
        windowed = self._is_binance and futures
        conditional = self._lister(symbol, api.fetch_orders, windowed, {"stop": True})
        return Source(
            list_orders=self._lister(symbol, api.fetch_orders, windowed)
            if api.has.get("fetchOrders")
            else None,
            list_conditional=conditional if windowed else None,
            list_fills=self._lister(symbol, api.fetch_my_trades, windowed)
            if api.has.get("fetchMyTrades")
            else None,
            windowed=windowed,
        )

    def _lister(
        self,
        symbol: str,
        ask: Callable[..., Sequence[dict[str, Any]]],
        windowed: bool,
        params: dict[str, Any] | None = None,
    ) -> Callable[[int, int, int], Sequence[dict[str, Any]]]:
        def listed(start: int, stop: int, limit: int) -> Sequence[dict[str, Any]]:
            span = {"until": stop} if windowed else {}
            items = ask(symbol, start, limit, {**span, **(params or {})})
            check_list(self._api.last_json_response, self._is_binance)
            return items

        return listed

    def market(self, symbol: str) -> Market:
        """The rules of a market, and its price where the exchange tells it.

        :raises ExchangeReadError: the exchange has no such symbol, or does not answer.
        """
        try:
            self._load_markets()
            market = self._api.market(symbol)
        except Exception as error:  # noqa: BLE001 - as in `read`
            raise ExchangeReadError(f"{symbol}: {self._plain(error)}") from None
        contract_size = positive(market.get("contractSize")) or Decimal(1)
        limits = market.get("limits") or {}
        step = self._amount_step(market)
        min_amount = positive((limits.get("amount") or {}).get("min"))
        return Market(
            base=market["base"],
            quote=market["quote"],
            contract_size=contract_size,
            amount_step=step * contract_size if step else None,
            min_amount=min_amount * contract_size if min_amount else None,
            min_cost=decimal_of((limits.get("cost") or {}).get("min")),
            price=self._price(symbol),
        )

    def _load_markets(self) -> None:
        """Loads the markets once. A malformed answer leaves none, and is asked for again."""
        if not self._api.load_markets():
            raise ccxt.BadResponse("the exchange names no markets")

    def _price(self, symbol: str) -> Decimal | None:
        try:
            ticker = self._api.fetch_ticker(symbol)
        except Exception:  # noqa: BLE001 - as in `read`
            return None  # an action without a price waits for one
        return positive(ticker.get("markPrice")) or positive(ticker.get("last"))

    def _amount_step(self, market: dict[str, Any]) -> Decimal | None:
        precision = decimal_of((market.get("precision") or {}).get("amount"))
        if precision is None or self._api.precisionMode == ccxt.SIGNIFICANT_DIGITS:
            return None
        if self._api.precisionMode == ccxt.DECIMAL_PLACES:
            return Decimal(1).scaleb(-int(precision))
        return precision

    def _read_positions(self, positions: list[dict[str, Any]]) -> AccountReading:
        at = self._clock()
        if self._is_binance:
            return self._binance_positions(at)
        raw = self._api.last_json_response
        return answers.unified_positions(raw, positions, at, self._contract_size)

    def _binance_positions(self, at: datetime) -> AccountReading:
        def symbol_of(market_id: str) -> str:
            return str(self._api.safe_symbol(market_id, None, None, "swap"))

        return answers.binance_positions(self._api.last_json_response, at, symbol_of)

    def _contract_size(self, symbol: str) -> Decimal:
        return positive(self._api.market(symbol).get("contractSize")) or Decimal(1)

    def _read_balances(self, symbols: Collection[str]) -> AccountReading:
        balance = self._api.fetch_balance()
        at, raw = self._clock(), self._api.last_json_response
        if self._is_binance and raw and not answers.are_binance_balances(raw):
            return answers.malformed(at, "the balance answer has no list of balances")
        return answers.balances(
            raw, balance, at, {symbol: self._base(symbol) for symbol in symbols}
        )

    def _base(self, symbol: str) -> str:
        market = self._api.markets.get(symbol)
        return str(market["base"]) if market else symbol.split("/")[0]

    def _failed(self, error: Exception) -> AccountReading:
        """Failed: the exchange did not answer, or with an error. Malformed: with anything else."""
        answered = not isinstance(error, ccxt.BaseError) or isinstance(error, ccxt.BadResponse)
        grade = Grade.MALFORMED if answered else Grade.FAILED
        return AccountReading(self._clock(), grade, {}, self._plain(error))

    def _plain(self, error: Exception) -> str:
        """An error in one line, without the query string of a signed URL and without keys."""
        text = re.sub(r"\?\S+", "", f"{type(error).__name__}: {error}")
        secrets = (self._account.api_key, self._account.secret, self._account.password)
        for secret in secrets:
            if secret is not None and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "***")
        return " ".join(text.split())[:300]


def _config(account: AccountSettings, mode: TradingMode, timeout_s: float) -> dict[str, Any]:
    market_type = "spot" if mode is TradingMode.SPOT else "swap"
    config: dict[str, Any] = {
        "apiKey": account.api_key.get_secret_value(),
        "secret": account.secret.get_secret_value(),
        "timeout": int(timeout_s * 1000),
        "options": {"defaultType": market_type, **account.options},
    }
    if account.password is not None:
        config["password"] = account.password.get_secret_value()
    if account.urls is not None:
        config["urls"] = account.urls
    return config
