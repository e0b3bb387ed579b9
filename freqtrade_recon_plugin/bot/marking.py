"""Gives every order that the bot places a client order id, and writes down that it is coming.

So an order whose answer is lost is known as the bot's own. Invariants: an order that increases
exposure and cannot be written down does not leave; every other one goes out all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import local
from typing import Any, Protocol
from uuid import uuid4

from freqtrade.exceptions import DependencyException

from freqtrade_recon_plugin.bot.positions import exact
from freqtrade_recon_plugin.bot.said import Said
from freqtrade_recon_plugin.domain.model import OrderSide, TradingMode
from freqtrade_recon_plugin.errors import StoreError
from freqtrade_recon_plugin.order_mark import client_id_params, new_client_id
from freqtrade_recon_plugin.store import IntentRow

logger = logging.getLogger(__name__)

#: Client ids that are remembered, the newest; older orders are known by their id.
_REMEMBERED = 5000


class Intents(Protocol):
    """Where intents go; `store.IntentWriter` is the real one."""

    def add(self, row: IntentRow) -> None:
        """Writes an intent."""
        ...

    def answered(self, bot_id: str, client_id: str, order_id: str) -> bool:
        """Adds the exchange's id."""
        ...


@dataclass(slots=True)
class Intent:
    """One order on its way: what ccxt is to send with it, and the name it is written down by."""

    client_id: str
    params: Mapping[str, str]
    written: bool = False


class Marking:
    """The marks of one bot's orders; called from the loop and from API threads alike."""

    def __init__(
        self,
        bot_id: str,
        exchange: Any,
        mode: TradingMode,
        intents: Intents,
        clock: Callable[[], datetime],
    ) -> None:
        self._bot_id = bot_id
        self._exchange = exchange
        self._mode = mode
        self._intents = intents
        self._clock = clock
        self._said = Said(logger)
        self._now = local()
        #: The exchange's order id to the client id, of orders that were placed since the start.
        self.client_ids: dict[str, str] = {}

    @contextmanager
    def order(
        self, pair: str, side: Any, amount: float, *, conditional: bool, must: bool
    ) -> Iterator[Intent]:
        """Writes the intent, and marks what this thread orders within the block.

        :param must: the order must not leave unless the intent is written.
        :raises DependencyException: it could not be.
        """
        options = getattr(self._exchange._api, "options", None)
        name, token = self._exchange.id, uuid4().hex
        client_id = new_client_id(
            name, self._bot_id, token, str(self._mode), conditional=conditional, options=options
        )
        params = client_id_params(name, client_id, conditional=conditional, options=options)
        intent = Intent(client_id or token, params)
        row = IntentRow(
            bot_id=self._bot_id,
            client_id=intent.client_id,
            symbol=pair,
            side=OrderSide(str(side)),
            amount=exact(amount),
            order_id=None,
            at=self._clock(),
        )
        try:
            self._intents.add(row)
            intent.written = True
        except StoreError as error:
            if must:
                raise DependencyException(
                    f"New exposure in {pair} refused: it cannot be written down first ({error})"
                ) from error
            self._said.now(("add", pair), f"An order of {pair} leaves unwritten: {error}")
        self._now.params = params
        try:
            yield intent
        finally:
            self._now.params = {}

    def params(self) -> Mapping[str, str]:
        """What ccxt is to send with the order that this thread is placing."""
        found: Mapping[str, str] = getattr(self._now, "params", {})
        return found

    def answered(self, intent: Intent, order_id: str) -> None:
        """Notes the exchange's id of an order."""
        if intent.params:
            while len(self.client_ids) >= _REMEMBERED:
                del self.client_ids[next(iter(self.client_ids))]
            self.client_ids[order_id] = intent.client_id
        if not intent.written:
            return
        try:
            self._intents.answered(self._bot_id, intent.client_id, order_id)
        except StoreError as error:
            self._said.now(("answered",), f"The id of order {order_id} is not noted: {error}")
