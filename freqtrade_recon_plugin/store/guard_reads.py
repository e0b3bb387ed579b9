"""The guard's question, asked before every order: is something open that holds this symbol?

Invariant: what cannot be read raises, it never reads as "nothing open".
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Engine

from freqtrade_recon_plugin.domain.lifecycle import WHOLE_BOT, BreakerReason
from freqtrade_recon_plugin.errors import StoreUnavailable
from freqtrade_recon_plugin.store.address import WAIT_S
from freqtrade_recon_plugin.store.kept import KeptConnection

_QUESTION = (
    "SELECT symbol, reason, action_id FROM recon_breakers "
    "WHERE bot_id = {mark} AND symbol IN ({mark}, '*') AND is_open"
)

_EXCHANGE = "SELECT exchange FROM recon_actions WHERE action_id = {mark}"

#: Open, why, and for which action.
Blocking = tuple[bool, BreakerReason, str | None]


class GuardReads:
    """The question; threads may share it, and a forked child may go on using it.

    :param wait_s: seconds that an answer may take; readers wait for no writer.
    """

    def __init__(self, engine: Engine, wait_s: float = WAIT_S) -> None:
        self._kept = KeptConnection(engine, wait_s, "read", reading=True)
        self._question = _QUESTION.format(mark=self._kept.mark)
        self._exchange = _EXCHANGE.format(mark=self._kept.mark)

    def blocking(self, bot_id: str, symbol: str) -> Blocking | None:
        """The open breaker that holds this symbol, or None.

        The symbol's own goes before the whole bot's.

        :raises StoreUnavailable: it cannot be known.
        """
        rows = self._kept.rows(self._question, (bot_id, symbol))
        if not rows:
            return None
        _, reason, action_id = min(rows, key=lambda row: row[0] == WHOLE_BOT)
        try:
            return True, BreakerReason(reason), action_id
        except ValueError:
            raise StoreUnavailable(f"the store holds a breaker of reason {reason!r}") from None

    def saw_flat(self, action_id: str) -> bool:
        """Whether the evidence of an action confirmed that the exchange holds nothing.

        :raises StoreUnavailable: it cannot be known.
        """
        rows = self._kept.rows(self._exchange, (action_id,))
        return bool(rows) and rows[0][0] is not None and not Decimal(rows[0][0])

    def close(self) -> None:
        """Gives the connection up; the next question opens a new one."""
        self._kept.close()
