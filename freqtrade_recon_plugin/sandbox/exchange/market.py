"""The markets that the sandbox trades, and what an order must look like to be taken there.

Symbols are ccxt's unified ones (`BTC/USDT`, `BTC/USDT:USDT`); Binance's own id is `Market.id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError


class Kind(StrEnum):
    """Which of the two exchanges a market belongs to."""

    SPOT = "spot"
    FUTURES = "futures"


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to `notional_cap` (quote coin) a position may have `max_leverage`."""

    notional_cap: Decimal
    max_leverage: int
    maintenance_rate: Decimal
    maintenance_deduction: Decimal = Decimal(0)


DEFAULT_TIERS = (
    Tier(Decimal(50_000_000), 125, Decimal("0.004")),
    Tier(Decimal(500_000_000), 50, Decimal("0.01"), Decimal(300_000)),
    Tier(Decimal(5_000_000_000), 10, Decimal("0.05"), Decimal(20_300_000)),
)


@dataclass(frozen=True, slots=True)
class Market:
    """One tradable pair. Amounts are in `base`, prices and costs in `quote`."""

    symbol: str
    base: str
    quote: str
    kind: Kind
    price: Decimal
    amount_step: Decimal
    price_tick: Decimal
    min_cost: Decimal = Decimal(5)
    max_amount: Decimal = Decimal(1_000_000_000)
    tiers: tuple[Tier, ...] = DEFAULT_TIERS

    @property
    def id(self) -> str:
        return self.base + self.quote

    def tier(self, notional: Decimal) -> Tier:
        """The bracket that a position of this absolute notional falls in (the last at most)."""
        for tier in self.tiers:
            if notional <= tier.notional_cap:
                return tier
        return self.tiers[-1]


def make_market(
    symbol: str,
    price: Decimal,
    *,
    amount_step: Decimal = Decimal("0.001"),
    price_tick: Decimal = Decimal("0.1"),
    min_cost: Decimal = Decimal(5),
) -> Market:
    """A market from its unified symbol.

    :raises ControlError: when the symbol is neither `BASE/QUOTE` nor `BASE/QUOTE:QUOTE`
    """
    pair, _, settle = symbol.partition(":")
    base, slash, quote = pair.partition("/")
    if not slash or not base or not quote or settle not in ("", quote):
        raise ControlError(f"symbol {symbol!r} is neither BASE/QUOTE nor BASE/QUOTE:QUOTE")
    if price <= 0 or amount_step <= 0 or price_tick <= 0:
        raise ControlError(f"price and steps of {symbol} must be above zero")
    return Market(
        symbol=symbol,
        base=base,
        quote=quote,
        kind=Kind.FUTURES if settle else Kind.SPOT,
        price=price,
        amount_step=amount_step,
        price_tick=price_tick,
        min_cost=min_cost,
    )


def default_markets() -> tuple[Market, ...]:
    """BTC, ETH, DOGE and BNB on spot; BTC, ETH and DOGE as perpetuals; all against USDT."""
    rows: Sequence[tuple[str, str, str, str]] = (
        ("BTC/USDT", "50000", "0.00001", "0.01"),
        ("ETH/USDT", "2500", "0.0001", "0.01"),
        ("DOGE/USDT", "0.1", "1", "0.00001"),
        ("BNB/USDT", "500", "0.001", "0.01"),
        ("BTC/USDT:USDT", "50000", "0.001", "0.1"),
        ("ETH/USDT:USDT", "2500", "0.001", "0.01"),
        ("DOGE/USDT:USDT", "0.1", "1", "0.00001"),
    )
    return tuple(
        make_market(
            symbol,
            Decimal(price),
            amount_step=Decimal(step),
            price_tick=Decimal(tick),
        )
        for symbol, price, step, tick in rows
    )
