"""The state of the simulated exchange: markets, books, accounts, ids and the clock.

All of it is guarded by `Venue.lock`; whoever reads or changes more than one thing holds it.
"""

import threading
from collections.abc import Callable, Iterable
from decimal import Decimal

from freqtrade_recon_plugin.sandbox.exchange.account import Account, ApiKey, make_keys
from freqtrade_recon_plugin.sandbox.exchange.book import Book
from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError, unknown_symbol
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market, default_markets

DEFAULT_FUTURES_WALLET = Decimal(100_000_000)
DEFAULT_SPOT_WALLET = {"USDT": Decimal(100_000_000)}
# Ids start here so that they look like Binance's and differ from trade ids at a glance.
FIRST_ID = 8_000_000_001


class Venue:
    """One exchange with a spot and a futures side.

    :param clock: milliseconds since the epoch
    :param markets: what is traded; the default is `default_markets()`
    """

    def __init__(self, clock: Callable[[], int], markets: Iterable[Market] | None = None) -> None:
        self.lock = threading.RLock()
        self.markets: dict[str, Market] = {}
        self.books: dict[str, Book] = {}
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, ApiKey] = {}
        self.clock_offset_ms = 0
        self.auto_liquidation = True
        self._clock = clock
        self._last_id = FIRST_ID - 1
        for market in default_markets() if markets is None else markets:
            self.add_market(market)

    def now_ms(self) -> int:
        return self._clock() + self.clock_offset_ms

    def next_id(self) -> int:
        """A number never given before; orders, conditional orders and fills share the row."""
        self._last_id += 1
        return self._last_id

    def add_market(self, market: Market) -> None:
        """:raises ControlError: when the symbol is already traded"""
        if market.symbol in self.markets:
            raise ControlError(f"market {market.symbol} exists already")
        self.markets[market.symbol] = market
        self.books[market.symbol] = Book(price=market.price)

    def market(self, symbol: str) -> Market:
        """:raises ControlError: when there is no such unified symbol"""
        try:
            return self.markets[symbol]
        except KeyError:
            known = ", ".join(sorted(self.markets))
            raise ControlError(f"no market {symbol!r}; there are {known}") from None

    def market_by_id(self, kind: Kind, market_id: str) -> Market:
        """:raises ApiError: -1121 for an id that this side does not trade"""
        for market in self.markets.values():
            if market.kind is kind and market.id == market_id:
                return market
        raise unknown_symbol()

    def markets_of(self, kind: Kind) -> list[Market]:
        return [market for market in self.markets.values() if market.kind is kind]

    def price_of(self, asset: str, quote: str) -> Decimal | None:
        """Spot price of a coin, or None where it is not traded."""
        book = self.books.get(f"{asset}/{quote}")
        return book.price if book else None

    def add_account(
        self,
        name: str,
        *,
        spot: dict[str, Decimal] | None = None,
        futures_wallet: Decimal = DEFAULT_FUTURES_WALLET,
        fees_in_bnb: bool = False,
    ) -> Account:
        """Open an account with two fresh keys.

        :param spot: coins to begin with; the default is 100 million USDT
        :raises ControlError: when the name is taken or empty
        """
        if not name or name in self.accounts:
            raise ControlError(f"account name {name!r} is empty or taken")
        trading, read_only = make_keys(name)
        account = Account(
            name=name,
            trading=trading,
            read_only=read_only,
            spot=dict(DEFAULT_SPOT_WALLET if spot is None else spot),
            futures_wallet=futures_wallet,
            fees_in_bnb=fees_in_bnb,
            created_ms=self.now_ms(),
        )
        self.accounts[name] = account
        self.keys |= {trading.key: trading, read_only.key: read_only}
        return account

    def account(self, name: str) -> Account:
        """:raises ControlError: when there is no such account"""
        try:
            return self.accounts[name]
        except KeyError:
            known = ", ".join(sorted(self.accounts)) or "none"
            raise ControlError(f"no account {name!r}; there are: {known}") from None
