"""One request to the trading API, parsed: parameters by name, Binance's errors for bad ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from freqtrade_recon_plugin.sandbox.exchange.account import Account, ApiKey
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, parse_decimal
from freqtrade_recon_plugin.sandbox.exchange.errors import (
    ApiError,
    illegal_parameter,
    missing_parameter,
)
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(slots=True)
class Request:
    """`key` is None for public endpoints. Handlers note the order they made in `order_id`."""

    venue: Venue
    params: Mapping[str, str]
    key: ApiKey | None = None
    order_id: int | None = None

    @property
    def account(self) -> Account:
        assert self.key is not None, "only signed endpoints ask for the account"
        return self.venue.account(self.key.account)

    def text(self, name: str, default: str | None = None) -> str:
        """:raises ApiError: -1102 when it is missing and has no default"""
        value = self.params.get(name) or default
        if value is None:
            raise missing_parameter(name)
        return value

    def number(self, name: str, default: Decimal | None = None) -> Decimal:
        """:raises ApiError: -1102 when it is missing, -1130 when it is no number"""
        if not self.params.get(name):
            if default is None:
                raise missing_parameter(name)
            return default
        value = parse_decimal(self.params[name])
        if value is None or value < 0:
            raise illegal_parameter(name)
        return value

    def integer(self, name: str, default: int | None = None) -> int | None:
        """:raises ApiError: -1100 when it is no whole number"""
        value = self.params.get(name)
        if not value:
            return default
        if not value.isdigit():
            raise ApiError(-1100, f"Illegal characters found in parameter '{name}'.")
        return int(value)

    def flag(self, name: str) -> bool:
        return self.params.get(name, "").lower() == "true"

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        """:raises ApiError: -1102 when it is missing, -1130 when it is none of the words"""
        value = self.text(name).upper()
        try:
            return kind(value)
        except ValueError:
            raise illegal_parameter(name) from None

    def market(self, kind: Kind) -> Market:
        """:raises ApiError: -1102 without a symbol, -1121 for an unknown one"""
        return self.venue.market_by_id(kind, self.text("symbol"))

    def optional_market(self, kind: Kind) -> Market | None:
        return self.market(kind) if self.params.get("symbol") else None

    def positive(self, name: str) -> Decimal:
        """:raises ApiError: -1102 when it is missing or zero"""
        value = self.number(name)
        if value == ZERO:
            raise missing_parameter(name)
        return value
