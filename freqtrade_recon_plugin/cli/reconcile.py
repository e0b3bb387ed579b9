"""The command `reconcile`: one cycle now, with the same use cases as the DAG."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections import defaultdict
from contextlib import closing
from typing import Any

from freqtrade_recon_plugin.alerts import Alerts
from freqtrade_recon_plugin.cli.commands import NOT_WELL, WELL, opened, say
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.domain.model import Decision, TradingMode, VerdictKind
from freqtrade_recon_plugin.errors import ReconError
from freqtrade_recon_plugin.metrics import Metrics, open_metrics
from freqtrade_recon_plugin.ports import Ports, ports_of
from freqtrade_recon_plugin.service.correction import (
    apply_approved,
    auto_correct,
    verify_and_resume,
)
from freqtrade_recon_plugin.service.detection import run_cycle
from freqtrade_recon_plugin.service.judging import Judged, compare_account, documents
from freqtrade_recon_plugin.settings import (
    account_from_environment,
    alert_urls_from_environment,
    statsd_from_environment,
)
from freqtrade_recon_plugin.store import Store

logger = logging.getLogger(__name__)

#: Verdicts that make the command say that not all is well.
_NOT_WELL = frozenset({VerdictKind.DIVERGENT, VerdictKind.NO_EVIDENCE})


def reconcile(args: Namespace) -> int:
    """Reconciles every account that has bots, or the account of one bot.

    Every account's settings are read before anything is done for the first.
    """
    with opened(args) as store, closing(open_metrics(statsd_from_environment())) as metrics:
        accounts = {
            account_id: _ports(store, account_id, modes, metrics)
            for account_id, modes in _accounts(store, args.bot).items()
        }
        results = []
        for account_id, ports in accounts.items():
            results += _one_account(ports, account_id, args.bot, args.dry_run)
    text = "\n".join(f"{r['bot_id']} {r['symbol']}: {r['verdict']}. {r['reason']}" for r in results)
    say(args, {"results": results}, text or "There is nothing to reconcile.")
    return NOT_WELL if any(result["verdict"] in _NOT_WELL for result in results) else WELL


def _accounts(store: Store, bot_id: str | None) -> dict[str, set[TradingMode]]:
    """The accounts to reconcile, and in which trading modes their bots trade."""
    with store.reading() as tx:
        bots = tx.bots.list()
    accounts: dict[str, set[TradingMode]] = defaultdict(set)
    for bot in bots:
        accounts[bot.account_id].add(bot.trading_mode)
    if bot_id is None:
        return accounts
    for bot in bots:
        if bot.bot_id == bot_id:
            return {bot.account_id: accounts[bot.account_id]}
    raise ReconError(f"--bot: no bot {bot_id!r} is registered")


def _ports(store: Store, account_id: str, modes: set[TradingMode], metrics: Metrics) -> Ports:
    account = account_from_environment(account_id)
    ports = ports_of(store, account, metrics, Alerts(alert_urls_from_environment()))
    for mode in modes:
        ports.reader(mode)  # names an exchange that ccxt does not know
    return ports


def _one_account(
    ports: Ports, account_id: str, bot_id: str | None, dry_run: bool
) -> list[dict[str, Any]]:
    if dry_run:
        judged = compare_account(ports, account_id, bot_id)
        return [_result(item, None) for item in judged]
    recorded = run_cycle(ports, account_id, bot_id)
    _act(ports, [finding.action_id for _, finding in recorded if _to_correct(finding.decision)])
    _apply_what_was_approved(ports, account_id, bot_id)
    return [_result(item, finding.action_id) for item, finding in recorded if item is not None]


def _to_correct(decision: str) -> bool:
    return decision == Decision.AUTO_CORRECT


def _act(ports: Ports, action_ids: list[str | None]) -> None:
    for action_id in action_ids:
        if action_id is not None:
            auto_correct(ports, action_id)


def _apply_what_was_approved(ports: Ports, account_id: str, bot_id: str | None) -> None:
    """Where no Airflow runs, this is who acts upon `freqtrade-recon approve`."""
    with ports.store.reading() as tx:
        actions = [
            action
            for action in tx.actions.list_open(bot_id=bot_id)
            if action.account_id == account_id
        ]
    for action in actions:
        if action.status in {ActionStatus.APPROVED, ActionStatus.APPLYING}:
            try:
                apply_approved(ports, action.action_id)
                verify_and_resume(ports, action.action_id)
            except ReconError as error:  # it stays approved, and the next call tries again
                logger.warning("%s of %s: %s", action.symbol, action.bot_id, error)
    ports.alerts.deliver(ports.store, ports.metrics, ports.clock())


def _result(item: Judged, action_id: str | None) -> dict[str, Any]:
    return {
        "bot_id": item.seen.bot.bot_id,
        "symbol": item.seen.symbol,
        "action_id": action_id,
        **documents(item).verdict,
    }
