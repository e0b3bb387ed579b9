"""ForceSync: carries out the reconciliation's commands on the bot's own book.

Invariants: a command is booked exactly once or not at all, whatever is killed and whenever (one
commit for all legs, with a marker that a second try finds); a refusal leaves nothing behind; stops
on the exchange are on their way to the new amount before the command is acknowledged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from freqtrade.enums import RPCMessageType
from freqtrade.exceptions import ExchangeError
from freqtrade.persistence import Order, Trade
from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper

from freqtrade_recon_plugin.bot import booking
from freqtrade_recon_plugin.bot.execution import Booked, book_plan, booked_before
from freqtrade_recon_plugin.bot.late_fills import replace_covered, stop_watching, watched_trades
from freqtrade_recon_plugin.bot.made_up import as_ccxt, is_synthetic, made_up_ids
from freqtrade_recon_plugin.bot.own_read import leverage_of_position, refuse_contradiction
from freqtrade_recon_plugin.bot.positions import book_of
from freqtrade_recon_plugin.bot.real_orders import read_real_orders, refuse_disagreement
from freqtrade_recon_plugin.bot.said import Said
from freqtrade_recon_plugin.bot.stops import release_orders, renew_stops
from freqtrade_recon_plugin.bot.sync_plan import SyncPlan, read_plan
from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.lifecycle import CommandStatus
from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.errors import BookingRefused
from freqtrade_recon_plugin.settings import BotSettings
from freqtrade_recon_plugin.store import CommandRow, Store, Transaction

logger = logging.getLogger(__name__)


class ForceSync:
    """Executes commands on the bot's loop thread, each under the bot's own lock.

    :param publish: writes the book as it stands into a transaction of the store.
    :param owns: says of a client order id whether the bot gave it.
    """

    def __init__(
        self,
        bot: Any,
        store: Store,
        settings: BotSettings,
        mode: TradingMode | None,
        publish: Callable[[Transaction], None],
        clock: Callable[[], datetime],
        owns: Callable[[str | None], bool],
    ) -> None:
        self._bot = bot
        self._store = store
        self._settings = settings
        self._mode = mode
        self._publish = publish
        self._clock = clock
        self._owns = owns
        self._said = Said(logger)
        self._made_up = made_up_ids()
        self._watched = watched_trades()
        self._stops_due = set(self._watched)  # a killed bot may have left one undone

    def made_up_order(self, order_id: str, pair: str) -> Any:
        """One of the orders that only the book knows, as ccxt has it; None for any other."""
        if (pair, order_id) not in self._made_up:
            return None
        order = Order.order_by_id(order_id, pair)
        return None if order is None else as_ccxt(order)

    def replace_covered(self) -> None:
        """Takes synthetic orders back whose real fills freqtrade has found by itself."""
        if not self._watched and not self._stops_due:
            return
        with self._bot._exit_lock:
            Trade.commit()  # sees what other threads have written
            for trade_id in sorted(self._watched):
                trade = Trade.get_trades([Trade.id == trade_id]).first()
                if trade is None or stop_watching(trade):
                    self._watched.discard(trade_id)
                elif replace_covered(trade):
                    Trade.commit()
                    self._stops_due.add(trade_id)
            Trade.commit()
            due = [trade for trade in Trade.get_open_trades() if trade.id in self._stops_due]
            self._stops_due = {trade.id for trade in due}
            for trade in due:
                self._renew(trade)

    def _renew(self, trade: Any) -> None:
        subject = ("stop", str(trade.id))
        try:
            renew_stops(self._bot, trade)
        except ExchangeError as error:
            Trade.rollback()
            self._said.now(subject, f"The stop of {trade.pair} is not renewed yet: {error}")
            return
        self._stops_due.discard(trade.id)
        self._said.now(subject, None)

    def run(self, command: CommandRow) -> None:
        """Carries out one waiting command, or leaves it waiting where the exchange is away.

        :raises StoreError: the answer could not be written; the next call writes it.
        """
        with self._bot._exit_lock:
            Trade.commit()  # sees what other threads have written
            try:
                plan = read_plan(command)
                booked = booked_before(plan)
                done_before = booked is not None
                if booked is None:
                    if not self._take(command):
                        return
                    booked = self._book(plan)
            except BookingRefused as refusal:
                Trade.rollback()
                self._refuse(command, str(refusal))
                return
            except ExchangeError as error:
                Trade.rollback()
                self._wait(command, error)
                return
            except Exception as error:
                Trade.rollback()
                logger.exception("ForceSync of %s failed; nothing is booked", command.symbol)
                self._refuse(command, f"failed: {error!r}")
                return
            self._settle(command, plan, booked, tell=not done_before)

    def _take(self, command: CommandRow) -> bool:
        """Reads the exchange, so that one that is away leaves the command queued; then takes it."""
        now = self._clock()
        expired = command.expires_at <= now
        if expired and command.status is CommandStatus.EXECUTING:
            raise BookingRefused("the command has expired")
        if not expired:
            self._bot.wallets.update()
        with self._store.transaction() as tx:
            if expired:
                tx.commands.withdraw(command.command_id, self._name, now)
                return False
            return tx.commands.take(command.command_id, now)

    def _book(self, plan: SyncPlan) -> Booked:
        """Books all steps in one commit.

        :return: what was booked; nothing where the book has reached the target by itself.
        :raises BookingRefused: the book or the exchange is not as the plan expects.
        :raises ExchangeError: the exchange does not answer.
        """
        trades = booking.open_trades(plan.symbol)
        orders = read_real_orders(self._bot, plan, booking.latest_trades(plan.symbol), self._owns)
        if plan.closes and book_of(trades) == plan.expected_local:
            keep = {order.row.order_id for order in orders.values() if order.row is not None}
            for trade in trades:
                release_orders(self._bot, trade, keep)
            trades = booking.open_trades(plan.symbol)
        local = book_of(trades)
        moves = plan.target != plan.expected_local
        if local == plan.target and (moves or not any(one.unbooked for one in orders.values())):
            return Booked([])
        if local != plan.expected_local:
            raise BookingRefused(
                f"the book has moved: it is {decimal_text(local)}, "
                f"not {decimal_text(plan.expected_local)}"
            )
        if len(trades) > 1:
            raise BookingRefused("there is more than one open trade")
        refuse_disagreement(plan, orders)
        refuse_contradiction(self._bot, plan, self._settings, self._mode, self._learned())
        leverage = leverage_of_position(self._bot, plan.symbol, plan.price)
        booked = book_plan(self._bot, plan, orders, trades[0] if trades else None, leverage)
        self._made_up.update((plan.symbol, order_id) for order_id in plan.order_ids)
        self._watched |= watched_trades()
        return booked

    def _learned(self) -> Mapping[str, Decimal]:
        with self._store.reading() as tx:
            row = tx.bots.get(self._settings.bot_id)
        return {} if row is None else row.learned_holdings

    def _settle(self, command: CommandRow, plan: SyncPlan, booked: Booked, *, tell: bool) -> None:
        """What follows a booking, now or in a later try: stops, wallets, news, the answer."""
        warning = None
        try:
            for follow_up in booked.afterwards:
                follow_up()
            for trade in booking.open_trades(plan.symbol):
                renew_stops(self._bot, trade)
            self._bot.update_all_liquidation_prices()
            self._bot.wallets.update()
        except ExchangeError as error:
            Trade.rollback()
            if command.expires_at > self._clock():
                self._wait(command, error)
                return
            warning = f"the stop on the exchange or the wallet was not renewed: {error}"
        if tell:
            self._tell(plan)
        result: dict[str, Any] = {
            "local": decimal_text(book_of(booking.open_trades(plan.symbol))),
            "orders": booked.order_ids,
        }
        if warning is not None:
            result["warning"] = warning
        with self._store.transaction() as tx:
            self._publish(tx)
            tx.commands.finish(
                command.command_id, CommandStatus.DONE, result, self._clock(), self._name
            )
        logger.info("ForceSync acknowledged: %s", plan.told())

    def _tell(self, plan: SyncPlan) -> None:
        """Tells the strategy, the protections and the people that read the bot's messages.

        Of real orders freqtrade has told the first two itself.
        """
        for order_id in plan.order_ids:
            order = Order.order_by_id(order_id, plan.symbol)
            if order is None or not is_synthetic(order):
                continue
            strategy_safe_wrapper(self._bot.strategy.order_filled, supress_error=True)(
                pair=plan.symbol, trade=order.trade, order=order, current_time=self._clock()
            )
            if not order.trade.is_open:
                self._bot.handle_protections(plan.symbol, order.trade.trade_direction)
        text = f"Reconciliation booked {plan.told()}"
        self._bot.rpc.send_msg({"type": RPCMessageType.WARNING, "status": text})

    def _refuse(self, command: CommandRow, reason: str) -> None:
        logger.warning("ForceSync of %s refused: %s", command.symbol, reason)
        now = self._clock()
        with self._store.transaction() as tx:
            if tx.commands.take(command.command_id, now):
                tx.commands.finish(
                    command.command_id, CommandStatus.REFUSED, {"reason": reason}, now, self._name
                )
            else:
                tx.commands.withdraw(command.command_id, self._name, now)

    def _wait(self, command: CommandRow, error: Exception) -> None:
        text = f"ForceSync of {command.symbol} waits, the exchange does not answer: {error}"
        self._said.now(("wait", command.command_id), text)

    @property
    def _name(self) -> str:
        return f"bot:{self._settings.bot_id}"
