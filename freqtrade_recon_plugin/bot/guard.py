"""Decides whether an order or an exit may leave the bot, by one read of the store.

Invariants: whatever increases exposure needs a store that answers and no open breaker; whatever
cannot be told apart counts as an increase; no method raises, and an error of ours refuses the
increase and lets the exit pass.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from time import perf_counter
from typing import Any, Protocol

from freqtrade.enums import ExitType

from freqtrade_recon_plugin.bot.said import Said
from freqtrade_recon_plugin.domain.lifecycle import BreakerReason
from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.domain.policy import HaltExits, Mode, Policy
from freqtrade_recon_plugin.metrics import Metrics

logger = logging.getLogger(__name__)

#: Exits that limit a loss or that a person asked for; an open breaker never holds them back.
PROTECTIVE_EXITS = frozenset(
    {
        ExitType.STOP_LOSS,
        ExitType.STOPLOSS_ON_EXCHANGE,
        ExitType.TRAILING_STOP_LOSS,
        ExitType.LIQUIDATION,
        ExitType.EMERGENCY_EXIT,
        ExitType.FORCE_EXIT,
    }
)


class Refused(StrEnum):
    """Why an order is refused, in the words of the metric `orders_blocked`."""

    BREAKER = "breaker"
    STORE_UNAVAILABLE = "store_unavailable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something may not leave the bot, for the metric and for a person."""

    reason: Refused
    text: str


class Reads(Protocol):
    """What the guard asks the store; `store.GuardReads` is the real one."""

    def blocking(self, bot_id: str, symbol: str) -> Any:
        """The open breaker of the symbol or of the whole bot, or None."""
        ...

    def saw_flat(self, action_id: str) -> bool:
        """Whether the action's evidence confirmed that the exchange holds nothing."""
        ...


class Guard:
    """The guard of one bot; called from the loop and from API threads alike."""

    def __init__(
        self,
        bot_id: str,
        mode: TradingMode | None,
        policy: Policy,
        reads: Reads,
        metrics: Metrics,
        clock_s: Callable[[], float] = perf_counter,
    ) -> None:
        self._bot_id = bot_id
        self._mode = mode
        self._policy = policy
        self._reads = reads
        self._metrics = metrics
        self._clock_s = clock_s
        self._said = Said(logger)

    def increases(self, side: Any, reduce_only: Any) -> bool:
        """Whether an order may increase exposure: all but reduce-only ones and spot sales."""
        if reduce_only is True:
            return False
        return not (self._mode is TradingMode.SPOT and side == "sell")

    def refuses_increase(self, symbol: str) -> Refusal | None:
        """Why the symbol may not get new exposure now; None where it may."""
        try:
            refusal = self._refusal(symbol)
            if refusal is not None:
                self._metrics.order_blocked(self._bot_id, symbol, refusal.reason)
            text = None if refusal is None else f"New exposure refused: {refusal.text}"
            self._said.now(("increase", symbol), text)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here refuses the increase
            return Refusal(Refused.STORE_UNAVAILABLE, f"the guard of {symbol} failed: {error!r}")
        return refusal

    def refuses_stop(self, symbol: str) -> str | None:
        """Why a stop may not be placed: the position is confirmed flat. None where it may.

        Whatever cannot be known lets the stop pass.
        """
        try:
            blocking = self._reads.blocking(self._bot_id, symbol)
            flat = blocking and blocking[2] and self._reads.saw_flat(blocking[2])
            text = f"Stop refused: the exchange holds nothing of {symbol}" if flat else None
            self._said.now(("stop", symbol), text)
        except Exception:  # an error of ours must not cost a position its stop
            logger.exception("The guard of %s failed; its stop passes", symbol)
            return None
        return text

    def passing_exits(self, symbol: str, exits: Sequence[Any]) -> Sequence[Any]:
        """Those of the exits that may go ahead now."""
        discretionary = [one for one in exits if one.exit_type not in PROTECTIVE_EXITS]
        if not discretionary or not self.holds_exits(symbol):
            return exits
        return [one for one in exits if one not in discretionary]

    def holds_exits(self, symbol: str) -> bool:
        """Whether discretionary exits of the symbol are held back now.

        A store that does not answer holds nothing back.
        """
        if self._policy.halt_exits is HaltExits.NONE:
            return False
        try:
            refusal = self._refusal(symbol)
            held = refusal is not None and refusal.reason is Refused.BREAKER
            text = f"Exit held back: {refusal.text}" if refusal is not None and held else None
            self._said.now(("exit", symbol), text)
        except Exception:  # an error of ours must not keep a position from its exit
            logger.exception("The guard of %s failed; its exit passes", symbol)
            return False
        return held

    def _refusal(self, symbol: str) -> Refusal | None:
        started = self._clock_s()
        try:
            blocking = self._reads.blocking(self._bot_id, symbol)
        except Exception as error:  # noqa: BLE001 - fails shut, whatever the store's driver raises
            return Refusal(Refused.STORE_UNAVAILABLE, f"the store cannot be read ({error})")
        finally:
            took = timedelta(seconds=self._clock_s() - started)
            self._metrics.guard_check(self._bot_id, took)
        if blocking is None or not blocking[0]:
            return None
        _, reason, action_id = blocking
        if self._policy.mode is Mode.SHADOW and reason != BreakerReason.MANUAL:
            return None
        told = f", action {action_id}" if action_id else ""
        return Refusal(Refused.BREAKER, f"the breaker of {symbol} is open ({reason}{told})")
