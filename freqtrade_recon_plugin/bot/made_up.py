"""Orders that exist in the book alone: synthetic ones, and parts of orders that are not the bot's.

freqtrade must never ask the exchange for their ids, which it would not know. Their tag tells what
they are; a part's names the order that it is a part of.
"""

from __future__ import annotations

from typing import Any

from freqtrade.persistence import Order
from sqlalchemy import select

#: Entry tag of adopted trades, exit reason where the exchange gave none.
TAG = "reconciliation"
#: Order tags. An entry tag can come to stand on a real order of freqtrade's, these cannot.
SYNTHETIC = "reconciliation: synthetic"
_PART = "reconciliation: part of "


def part_tag(order_id: str) -> str:
    """The tag of a part of an order."""
    return f"{_PART}{order_id}"


def is_synthetic(order: Any) -> bool:
    """Whether an order was never made: it stands for a change without a known fill."""
    return bool(order.ft_order_tag == SYNTHETIC)


def whole_of(order: Any) -> str | None:
    """The id of the exchange's order that this row is a part of; None for any other row."""
    tag = order.ft_order_tag or ""
    return tag.removeprefix(_PART) if tag.startswith(_PART) else None


def is_made_up(order: Any) -> bool:
    """Whether the exchange does not know the order's id."""
    return is_synthetic(order) or whole_of(order) is not None


def made_up_ids() -> set[tuple[str, str]]:
    """Pair and id of every such order in the trade database."""
    query = select(Order.ft_pair, Order.order_id).where(
        (Order.ft_order_tag == SYNTHETIC) | Order.ft_order_tag.startswith(_PART)
    )
    return {(pair, order_id) for pair, order_id in Order.session.execute(query)}


def as_ccxt(order: Any) -> dict[str, Any]:
    """Such an order as the exchange would report it, with a fee of nothing."""
    trade = order.trade
    fee = {"currency": trade.stake_currency, "cost": 0.0, "rate": trade.fee_open}
    return {**order.to_ccxt_object(), "symbol": order.ft_pair, "fee": fee, "fees": [fee]}
