"""Several of freqtrade's own bookings as one commit, with everything outward after it.

`update_trade_state` commits more than once, cancels stops and sends messages on its way. Within
`one_commit` it books in memory alone; what it would have done outward waits for the caller, who
does it once the commit stands. Other threads of the bot are not affected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from freqtrade.persistence import Trade

#: What is still to be done, in its order.
Afterwards = list[Callable[[], Any]]


@contextmanager
def one_commit(bot: Any) -> Iterator[Afterwards]:
    """Holds freqtrade's commits back within the block, on this thread.

    The block ends without a commit; the caller commits or rolls back.

    :return: what freqtrade would have done after its commits: the strategy's callback, stops,
        liquidation price, wallets, messages, protections.
    """
    afterwards: Afterwards = []
    thread = get_ident()
    after_fill, notify = bot._update_trade_after_fill, bot.order_close_notify

    def later(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(trade: Any, *args: Any, **kwargs: Any) -> Any:
            if get_ident() != thread:
                return original(trade, *args, **kwargs)
            afterwards.append(lambda: original(trade, *args, **kwargs))
            return trade

        return call

    session = Trade.session()
    session.commit = _nothing
    bot._update_trade_after_fill, bot.order_close_notify = later(after_fill), later(notify)
    try:
        yield afterwards
    finally:
        del session.commit
        bot._update_trade_after_fill, bot.order_close_notify = after_fill, notify


def _nothing() -> None:
    """In place of a commit."""
