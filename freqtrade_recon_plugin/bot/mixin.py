"""`ReconciliationMixin`: what an operator adds to a strategy.

It attaches in `ft_bot_start` and wraps the seams on the instances, so that a strategy that
overrides the callbacks without `super()` is guarded all the same. Outside live trading it does
nothing: a simulated book is on no exchange.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy.interface import IStrategy

from freqtrade_recon_plugin.bot import hooks
from freqtrade_recon_plugin.bot.force_sync import ForceSync
from freqtrade_recon_plugin.bot.guard import Guard
from freqtrade_recon_plugin.bot.halt import Halt
from freqtrade_recon_plugin.bot.host import check_seams, find_bot, trading_mode, versions
from freqtrade_recon_plugin.bot.marking import Marking
from freqtrade_recon_plugin.bot.snapshot import Snapshot
from freqtrade_recon_plugin.bot.watch import Publisher, Watch
from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.metrics import open_metrics
from freqtrade_recon_plugin.order_mark import carries_mark
from freqtrade_recon_plugin.settings import BotSettings
from freqtrade_recon_plugin.store import BotRow, GuardReads, IntentWriter, open_store

logger = logging.getLogger(__name__)


class ReconciliationMixin:
    """Guards a live bot, keeps its book true: `class MyStrategy(ReconciliationMixin, IStrategy)`.

    Reads the section `recon` of the bot's config. A setting that is wrong, a store that cannot be
    used or a freqtrade that lacks a seam ends the start with one line.
    """

    _recon: Attachment | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuses an order of bases in which freqtrade would never come by the mixin."""
        super().__init_subclass__(**kwargs)
        bases = cls.__mro__
        if IStrategy in bases and bases.index(IStrategy) < bases.index(ReconciliationMixin):
            raise OperationalException(
                f"Reconciliation refuses to start: write `class {cls.__name__}"
                "(ReconciliationMixin, IStrategy)`, the mixin first; it guards nothing otherwise"
            )

    def ft_bot_start(self, **kwargs: Any) -> None:
        """freqtrade's own start of a strategy, once per bot object, also after a reload."""
        config: dict[str, Any] = self.config  # type: ignore[attr-defined]
        live = config.get("runmode") == RunMode.LIVE and not config.get("dry_run")
        if live:
            # Before the strategy's own start, which may take its time while the API is up.
            self._recon = _refusing_clearly(self, config)
        elif config.get("runmode") == RunMode.DRY_RUN:
            logger.info("Dry run: reconciliation is off, since this book is on no exchange.")
        super().ft_bot_start(**kwargs)  # type: ignore[misc]
        if self._recon is not None:
            # After it, so that what the strategy sets on itself there is wrapped as well.
            self._recon.guard_strategy(self)

    def ft_bot_cleanup(self) -> None:
        """freqtrade's own end of a strategy; says goodbye to the store."""
        super().ft_bot_cleanup()  # type: ignore[misc]
        if self._recon is not None:
            self._recon.leave()
            self._recon = None


class Attachment:
    """Everything of the plugin that belongs to one bot object.

    :raises UnsupportedHost: freqtrade lacks a seam.
    :raises SettingsError: a setting is wrong.
    :raises StoreError: the store cannot be used.
    """

    def __init__(self, strategy: Any, config: dict[str, Any]) -> None:
        bot = find_bot(strategy)
        check_seams(bot)
        settings = BotSettings.from_config(config)
        mode = trading_mode(bot)
        if mode is None:
            raise ReconError(f"trading mode {bot.trading_mode} is not supported")
        metrics = open_metrics(settings.statsd)
        self._store = open_store(settings.store_url)
        self._reads = GuardReads(self._store.engine)
        self._guard = Guard(settings.bot_id, mode, settings.policy, self._reads, metrics)
        self._intents = IntentWriter(self._store.engine)
        marking = Marking(settings.bot_id, bot.exchange, mode, self._intents, _now)
        publisher = Publisher(
            bot,
            settings.bot_id,
            self._store,
            Snapshot(settings.bot_id, strategy, marking.client_ids),
            lambda: _registration(bot, settings, mode),
            _now,
        )
        try:
            publisher.register()
        except ReconError:
            self._close()
            raise
        halt = Halt(bot, settings.bot_id, metrics, _now)
        force_sync = ForceSync(
            bot,
            self._store,
            settings,
            mode,
            publisher.into,
            _now,
            lambda client_id: carries_mark(client_id, settings.bot_id),
        )
        self._watch = Watch(bot, settings.bot_id, self._store, publisher, halt, force_sync, _now)
        hooks.mark_orders(bot.exchange, self._guard, marking)
        hooks.guard_orders(bot.exchange, self._guard)
        hooks.guard_stops(bot.exchange, self._guard)
        hooks.explain_forced_entries(bot.rpc._rpc, self._guard)
        hooks.answer_for_made_up_orders(bot.exchange, force_sync.made_up_order)
        hooks.while_stopped(bot, self._watch.stopped)
        metrics.zeros(settings.bot_id, list(bot.active_pair_whitelist))
        logger.info(
            "Reconciliation guards bot %s of account %s.", settings.bot_id, settings.account
        )

    def guard_strategy(self, strategy: Any) -> None:
        """Wraps the strategy's callbacks."""
        hooks.guard_entries(strategy, self._guard)
        hooks.guard_adjustments(strategy, self._guard)
        hooks.hold_exits(strategy, self._guard)
        hooks.before_each_loop(strategy, self._watch.running)

    def leave(self) -> None:
        """Publishes for the last time and lets go of the store; orders stay guarded."""
        self._watch.leave()
        self._close()

    def _close(self) -> None:
        self._reads.close()
        self._intents.close()
        self._store.close()


def _refusing_clearly(strategy: Any, config: dict[str, Any]) -> Attachment:
    try:
        return Attachment(strategy, config)
    except ReconError as error:
        # freqtrade ends on it with this line and exit code 2. (A ConfigurationError ends with 0.)
        raise OperationalException(f"Reconciliation refuses to start: {error}") from error


def _registration(bot: Any, settings: BotSettings, mode: TradingMode) -> BotRow:
    now = _now()
    return BotRow(
        bot_id=settings.bot_id,
        account_id=settings.account,
        exchange=bot.exchange.id,
        trading_mode=mode,
        policy=settings.policy,
        external_holdings=settings.external_holdings,
        pairs=tuple(sorted(bot.active_pair_whitelist)),
        state=bot.state.name.lower(),
        version=versions(),
        registered_at=now,
        heartbeat_at=now,
    )


def _now() -> datetime:
    return datetime.now(UTC)
