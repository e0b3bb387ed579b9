"""Pages of orders and fills, and look-ups by client id, as Binance cuts and finds them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from freqtrade_recon_plugin.sandbox.exchange.market import Market
from freqtrade_recon_plugin.sandbox.exchange.orders import Order
from freqtrade_recon_plugin.sandbox.exchange.request import Request

MAX_ROWS = 1000
DEFAULT_ROWS = 500

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a history are wanted. Times are inclusive, in milliseconds."""

    start_ms: int | None
    end_ms: int | None
    first_id: int | None
    limit: int

    @classmethod
    def from_request(cls, request: Request, *, first_id: str) -> "Page":
        """:param first_id: the name of the parameter that gives the first id wanted"""
        return cls(
            start_ms=request.integer("startTime"),
            end_ms=request.integer("endTime"),
            first_id=request.integer(first_id),
            limit=min(request.integer("limit", DEFAULT_ROWS) or DEFAULT_ROWS, MAX_ROWS),
        )


def page_of(
    rows: Iterable[Row], page: Page, id_and_time: Callable[[Row], tuple[int, int]]
) -> list[Row]:
    """The page of rows that are in ascending order: from a given start the first ones, else the
    newest ones."""
    found = [row for row in rows if _within(page, *id_and_time(row))]
    from_start = page.start_ms is not None or page.first_id is not None
    return found[: page.limit] if from_start else found[-page.limit :]


def newest_by_client_id(orders: Iterable[Order], market: Market, client_id: str) -> Order | None:
    found = None
    for order in orders:
        if order.market == market and order.client_order_id == client_id:
            found = order
    return found


def _within(page: Page, row_id: int, time_ms: int) -> bool:
    return (
        (page.first_id is None or row_id >= page.first_id)
        and (page.start_ms is None or time_ms >= page.start_ms)
        and (page.end_ms is None or time_ms <= page.end_ms)
    )
