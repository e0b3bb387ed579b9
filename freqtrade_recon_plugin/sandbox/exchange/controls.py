"""What can be done to a sandbox from outside, as typed methods, wherever the sandbox runs.

Symbols are unified (`BTC/USDT`, `BTC/USDT:USDT`); amounts are in the base coin, prices in the
quote coin; orders come back as Binance shows them, with `unified_symbol` beside.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from freqtrade_recon_plugin.sandbox.exchange.faults import FaultKind

Json = dict[str, Any]
Number = Decimal | int | str


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """The two key pairs of an account."""

    name: str
    key: str
    secret: str = field(repr=False)
    read_only_key: str
    read_only_secret: str = field(repr=False)


class Controls(ABC):
    """What can be done to a sandbox from outside of its trading API.

    All methods raise `ControlError` when the sandbox refuses.
    """

    @abstractmethod
    def call(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Carry out one command by its name."""

    def create_account(
        self,
        name: str,
        *,
        spot: Mapping[str, Number] | None = None,
        futures_wallet: Number | None = None,
        fees_in_bnb: bool = False,
    ) -> AccountKeys:
        """Open an account. Without `spot` and `futures_wallet` it has 100 million USDT in each."""
        arguments = {
            "name": name,
            "spot": spot,
            "futures_wallet": futures_wallet,
            "fees_in_bnb": fees_in_bnb,
        }
        return AccountKeys(**self.call("create_account", arguments))

    def keys(self, name: str) -> AccountKeys:
        return AccountKeys(**self.call("keys", {"name": name}))

    def add_market(
        self,
        symbol: str,
        price: Number,
        *,
        amount_step: Number = "0.001",
        price_tick: Number = "0.1",
        min_cost: Number = 5,
    ) -> Json:
        """Trade one more symbol. Clients see it when they load their markets again."""
        return self._ask(
            "add_market",
            symbol=symbol,
            price=price,
            amount_step=amount_step,
            price_tick=price_tick,
            min_cost=min_cost,
        )

    def set_price(self, symbol: str, price: Number) -> Json:
        """Move the price (last, mark and index); orders fill, trigger and liquidate at once."""
        return self._ask("set_price", symbol=symbol, price=price)

    def set_liquidity(self, symbol: str, side: str, amount: Number | None) -> Json:
        """Limit what orders of this side (`buy` or `sell`) can still get at the price.

        With 0 every limit order rests; None removes the limit. Resting orders that cross take
        what is there at once.
        """
        return self._ask("set_liquidity", symbol=symbol, side=side, amount=amount)

    def fill_order(
        self,
        account: str,
        order_id: int | str,
        amount: Number | None = None,
        price: Number | None = None,
    ) -> Json:
        """Fill an open order, or part of it, at its limit price unless another is given."""
        return self._ask(
            "fill_order", account=account, order_id=int(order_id), amount=amount, price=price
        )

    def end_order(self, account: str, order_id: int | str, *, expired: bool = False) -> Json:
        """The exchange cancels an order or conditional order, or lets it expire."""
        return self._ask("end_order", account=account, order_id=int(order_id), expired=expired)

    def missed_fill(
        self,
        account: str,
        amount: Number,
        *,
        symbol: str | None = None,
        side: str | None = None,
        price: Number | None = None,
        order_id: int | str | None = None,
        client_order_id: str | None = None,
    ) -> Json:
        """A fill of the bot's own that it is not told of: a late one of `order_id`, else that of
        a new market order with ccxt's client-id mark (or `client_order_id`)."""
        return self._ask(
            "missed_fill",
            account=account,
            symbol=symbol,
            side=side,
            amount=amount,
            price=price,
            order_id=None if order_id is None else int(order_id),
            client_order_id=client_order_id,
        )

    def manual_trade(
        self,
        account: str,
        symbol: str,
        side: str,
        amount: Number,
        *,
        price: Number | None = None,
        client_order_id: str | None = None,
    ) -> Json:
        """A trade that a person made on the web page (client id `web_…`)."""
        return self._ask(
            "manual_trade",
            account=account,
            symbol=symbol,
            side=side,
            amount=amount,
            price=price,
            client_order_id=client_order_id,
        )

    def liquidate(
        self,
        account: str,
        symbol: str,
        amount: Number | None = None,
        price: Number | None = None,
    ) -> Json:
        """Forced close of a position, or part of it; open orders of the symbol are cancelled."""
        return self._ask("liquidate", account=account, symbol=symbol, amount=amount, price=price)

    def deposit(self, account: str, asset: str, amount: Number) -> Json:
        return self._ask("deposit", account=account, asset=asset, amount=amount)

    def withdraw(self, account: str, asset: str, amount: Number) -> Json:
        return self._ask("withdraw", account=account, asset=asset, amount=amount)

    def set_bnb_fees(self, account: str, *, enabled: bool) -> Json:
        return self._ask("set_bnb_fees", account=account, enabled=enabled)

    def set_clock_offset(self, milliseconds: int) -> Json:
        """Let the exchange's clock differ from this machine's."""
        return self._ask("set_clock_offset", milliseconds=milliseconds)

    def inject(
        self,
        kind: FaultKind | str,
        target: str,
        *,
        times: int | None = 1,
        **options: Any,
    ) -> int:
        """Make requests go wrong; returns the fault's number.

        :param target: a group (`positions`, `balance`, `orders`, `trades`, `order_create`,
            `order_cancel`, …), a path prefix, or `all`
        :param times: how many calls; None is until cleared
        :param options: `skip`, `key`, `method`, `symbol`, `executed`, `seconds`, and for
            `api_error` also `status`, `code`, `message`; see `faults.Fault`
        """
        arguments = {"kind": str(kind), "target": target, "times": times} | options
        return int(self.call("inject", arguments)["fault_id"])

    def faults(self) -> list[Json]:
        """The arranged faults with what is left of them and how often each has struck."""
        found: list[Json] = self.call("faults", {})
        return found

    def clear_faults(self, fault_id: int | None = None) -> None:
        self._ask("clear_faults", fault_id=fault_id)

    def requests(self, **filters: Any) -> list[Json]:
        """The request log, oldest first.

        :param filters: `method`, `path` (prefix), `group`, `key` (key or account), `after`
        """
        found: list[Json] = self.call("requests", filters)
        return found

    def clear_requests(self) -> None:
        self._ask("clear_requests")

    def state(self, account: str) -> Json:
        """Everything of an account: spot coins, wallet, positions, orders, fills."""
        return self._ask("state", account=account)

    def position(self, account: str, symbol: str) -> Decimal:
        """The signed position in base coins; zero when there is none."""
        row = self.state(account)["positions"].get(symbol)
        return Decimal(row["positionAmt"]) if row else Decimal(0)

    def overview(self) -> Json:
        """Accounts, prices and limited liquidity."""
        return self._ask("overview")

    def _ask(self, command: str, **arguments: Any) -> Json:
        found: Json = self.call(command, arguments)
        return found
