"""What each command of `freqtrade-recon` does; `cli` reads the command line and calls these.

Each returns the exit status and leaves its answer with `say`: a document for `--json`, text else.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from freqtrade_recon_plugin.cli import views
from freqtrade_recon_plugin.cli.replay import replay
from freqtrade_recon_plugin.domain.lifecycle import OPEN_STATUSES
from freqtrade_recon_plugin.errors import ReconError, SettingsError, StoreError
from freqtrade_recon_plugin.settings import store_url
from freqtrade_recon_plugin.store import Store, is_current, open_store, upgrade

WELL, NOT_WELL = 0, 3


def say(args: Namespace, document: dict[str, Any], text: str) -> None:
    """Prints the answer: one JSON document with `--json`, the text otherwise."""
    print(json.dumps(document, ensure_ascii=False) if args.json else text)


@contextmanager
def opened(args: Namespace) -> Iterator[Store]:
    """The store of the command line."""
    with closing(open_store(store_url(args.store_url))) as store:
        yield store


def db_upgrade(args: Namespace) -> int:
    """Makes or migrates the store's schema."""
    upgrade(store_url(args.store_url))
    say(args, {"ok": True}, "The schema is current.")
    return WELL


def db_check(args: Namespace) -> int:
    """Whether the store's schema is the one that this code needs."""
    try:
        current = is_current(store_url(args.store_url))
        why = "" if current else "the schema is not current; run: freqtrade-recon db upgrade"
    except SettingsError:
        raise
    except StoreError as error:
        current, why = False, str(error)
    say(args, {"ok": current, "detail": why}, why or "The schema is current.")
    return WELL if current else NOT_WELL


def status(args: Namespace) -> int:
    """Bots, their ages and positions, open breakers, actions that are under way."""
    with opened(args) as store, store.reading() as tx:
        now = _now()
        bots = [views.bot(bot, tx.positions.of(bot.bot_id).values(), now) for bot in tx.bots.list()]
        breakers = [views.breaker(row) for row in tx.breakers.list_open()]
        under_way = [row for status in OPEN_STATUSES for row in tx.actions.list(status=status)]
        actions = [views.action(row) for row in sorted(under_way, key=lambda row: row.detected_at)]
    text = "\n\n".join(
        [
            _table_of(
                ("bot_id", "state", "snapshot_age_s", "last_reconciliation_at"),
                bots,
                "No bot has registered yet.",
            ),
            _table_of(
                ("bot_id", "symbol", "side", "amount", "open_rate"),
                [{"bot_id": b["bot_id"], **held} for b in bots for held in b["positions"]],
                "No open positions.",
            ),
            _breakers_text(breakers),
            _actions_text(actions, "No action is under way."),
        ]
    )
    say(args, {"bots": bots, "breakers": breakers, "actions": actions}, text)
    return WELL


def replay_files(args: Namespace) -> int:
    """The verdicts of recorded evidence, one a line."""
    for path in args.files:
        for document in replay(path):
            print(json.dumps(document, ensure_ascii=False))
    return WELL


def actions(args: Namespace) -> int:
    """The actions, newest last."""
    with opened(args) as store, store.reading() as tx:
        rows = [views.action(row) for row in tx.actions.list(status=args.status)]
    say(args, {"actions": rows}, _actions_text(rows, "There are no such actions."))
    return WELL


def show(args: Namespace) -> int:
    """One action with its evidence, its verdict and its history."""
    with opened(args) as store, store.reading() as tx:
        row = tx.actions.get(args.action)
        if row is None:
            raise ReconError(f"there is no action {args.action}")
        history = [views.audit_record(record) for record in tx.audit.list(action_id=row.action_id)]
    shown = views.action(row)
    document = {
        "action": shown,
        "evidence": row.evidence,
        "verdict": row.verdict,
        "history": history,
    }
    lines = [f"{key:<16} {value}" for key, value in shown.items()]
    lines += ["", row.verdict["reason"], ""]
    lines += [f"{item['at']}  {item['actor']:<16} {item['event']}" for item in history]
    say(args, document, "\n".join(lines))
    return WELL


def approve(args: Namespace) -> int:
    """A person approves a pending action."""
    return _decide(args, approved=True)


def reject(args: Namespace) -> int:
    """A person rejects a pending action; the symbol stays halted."""
    return _decide(args, approved=False)


def _decide(args: Namespace, approved: bool) -> int:
    from freqtrade_recon_plugin.service.approval import decide

    with opened(args) as store:
        row = decide(store, args.action, approved, args.by, args.note, _now())
    text = f"{row.symbol} of {row.bot_id}: {row.status} by {row.decided_by}."
    say(args, views.action(row), text)
    return WELL


def breakers(args: Namespace) -> int:
    """The open breakers."""
    with opened(args) as store, store.reading() as tx:
        rows = [views.breaker(row) for row in tx.breakers.list_open()]
    say(args, {"breakers": rows}, _breakers_text(rows))
    return WELL


def halt(args: Namespace) -> int:
    """A person halts a symbol, or the whole bot."""
    from freqtrade_recon_plugin.service.approval import halt as opens

    return _breaker_by_hand(args, opens)


def resume(args: Namespace) -> int:
    """A person closes a breaker."""
    from freqtrade_recon_plugin.service.approval import resume as closes

    return _breaker_by_hand(args, closes)


def _breaker_by_hand(args: Namespace, change: Callable[..., Any]) -> int:
    with opened(args) as store:
        row = change(store, args.bot, args.symbol, args.by, args.reason, _now())
    text = f"{row.symbol} of {row.bot_id} is {'halted' if row.is_open else 'resumed'}."
    say(args, views.breaker(row), text)
    return WELL


def audit(args: Namespace) -> int:
    """The audit trail."""
    with opened(args) as store, store.reading() as tx:
        records = [views.audit_record(row) for row in tx.audit.list(since=args.since)]
    lines = [
        f"{item['number']:>6}  {item['at']}  {item['actor']:<16} {item['event']:<24} "
        f"{item['bot_id'] or ''} {item['symbol'] or ''} {item['reason'] or ''}".rstrip()
        for item in records
    ]
    say(args, {"records": records}, "\n".join(lines) or "The audit trail is empty.")
    return WELL


def audit_verify(args: Namespace) -> int:
    """Whether the audit trail's chain is whole."""
    with opened(args) as store, store.reading() as tx:
        check = tx.audit.verify()
    document: dict[str, Any] = {"ok": check.ok, "records": check.records, "head": check.head}
    text = f"The chain of {check.records} records is whole; head {check.head}."
    if not check.ok:
        document["first_bad"] = check.first_bad
        text = f"The chain is broken: record {check.first_bad} is the first that does not fit."
    say(args, document, text)
    return WELL if check.ok else NOT_WELL


def sandbox(args: Namespace) -> int:
    """The simulated exchange, on loopback, until interrupted."""
    from freqtrade_recon_plugin.sandbox import serve_forever

    serve_forever(port=args.port, accounts=tuple(args.account or ("main",)))
    return WELL


def demo(args: Namespace) -> int:
    """The classic failure, played on real parts."""
    from freqtrade_recon_plugin.sandbox.demo import play

    return play(manual=args.manual, keep_running=args.keep_running)


def later(args: Namespace) -> int:
    """A command of the contract that is not built yet."""
    raise ReconError(f"{args.command}: this command comes with a later version")


def _now() -> datetime:
    return datetime.now(UTC)


def _table_of(keys: tuple[str, ...], rows: list[dict[str, Any]], nothing: str) -> str:
    headings = [key.upper().removesuffix("_ID").replace("_", " ") for key in keys]
    return views.table(headings, [[row[key] for key in keys] for row in rows], nothing)


def _breakers_text(rows: list[dict[str, Any]]) -> str:
    keys = ("bot_id", "symbol", "reason", "opened_at", "opened_by", "action_id")
    return _table_of(keys, rows, "No breaker is open.")


def _actions_text(rows: list[dict[str, Any]], nothing: str) -> str:
    keys = ("action_id", "bot_id", "symbol", "status", "severity", "local", "exchange")
    return _table_of(keys, rows, nothing)
