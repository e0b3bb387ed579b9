"""The command line `freqtrade-recon`.

Exit status: 0 success, 2 bad usage or bad input (one line on standard error), 3 where the answer
is "not well".
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from freqtrade_recon_plugin.cli import commands
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.errors import ReconError

BAD_INPUT = 2
Command = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"freqtrade-recon: {message}\n")


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in ISO 8601") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument(
        "--store-url",
        default=argparse.SUPPRESS,
        help="default: RECON_DATABASE_URL, else sqlite:///user_data/recon.sqlite",
    )
    common.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document"
    )
    parser = _Parser(
        prog="freqtrade-recon",
        description="Position reconciliation for freqtrade bots.",
        parents=[common],
    )
    subs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Command, help_text: str) -> argparse.ArgumentParser:
        sub = subs.add_parser(name, help=help_text, description=help_text, parents=[common])
        sub.set_defaults(run=run)
        return sub

    db = add("db", commands.later, "migrate or check the store's schema")
    db_subs = db.add_subparsers(dest="what", required=True, metavar="upgrade|check")
    db_subs.add_parser("upgrade", parents=[common]).set_defaults(run=commands.db_upgrade)
    db_subs.add_parser("check", parents=[common]).set_defaults(run=commands.db_check)

    add("status", commands.status, "bots, positions, open breakers and actions under way")
    reconcile = add("reconcile", _reconcile, "one cycle now, as the DAG does it")
    reconcile.add_argument("--bot", help="only this bot")
    reconcile.add_argument("--dry-run", action="store_true", help="compare and change nothing")
    replay = add("replay", commands.replay_files, "the verdict of recorded evidence")
    replay.add_argument("files", nargs="+", metavar="FILE", help="JSON or JSON Lines; - is stdin")

    actions = add("actions", commands.actions, "list the actions")
    actions.add_argument("--status", type=str, choices=[str(word) for word in ActionStatus])
    show = add("show", commands.show, "one action with evidence, verdict and history")
    show.add_argument("action")
    for name, run in (("approve", commands.approve), ("reject", commands.reject)):
        decision = add(name, run, f"{name} a pending action")
        decision.add_argument("action")
        decision.add_argument("--by", required=True, metavar="NAME", help="who decides")
        decision.add_argument("--note")

    add("breakers", commands.breakers, "list the open breakers")
    for name, run in (("halt", commands.halt), ("resume", commands.resume)):
        by_hand = add(name, run, f"{name} a symbol by hand; * is the whole bot")
        by_hand.add_argument("bot")
        by_hand.add_argument("symbol")
        by_hand.add_argument("--by", required=True, metavar="NAME")
        by_hand.add_argument("--reason", required=True)

    audit = add("audit", commands.audit, "print the audit trail, or verify its chain")
    audit.add_argument("--since", type=_time, metavar="TIME", help="ISO 8601")
    audit_subs = audit.add_subparsers(dest="what", metavar="verify")
    audit_subs.add_parser("verify", parents=[common]).set_defaults(run=commands.audit_verify)

    add("doctor", commands.later, "check store, settings, key, statsd and clock")
    sandbox = add("sandbox", commands.sandbox, "the simulated exchange, on loopback")
    sandbox.add_argument("--port", type=int, default=0, help="default: any free port")
    sandbox.add_argument("--account", action="append", metavar="NAME", help="may be repeated")
    demo = add("demo", commands.demo, "the classic failure, played on real parts")
    demo.add_argument("--manual", action="store_true", help="you approve, in the Airflow UI")
    demo.add_argument("--keep-running", action="store_true", help="keep the stack up to play with")
    monitoring = add("monitoring", commands.later, "dashboards, mapping and rules")
    monitoring_subs = monitoring.add_subparsers(dest="what", required=True, metavar="export")
    export = monitoring_subs.add_parser("export", parents=[common])
    export.add_argument("directory", metavar="DIR")
    return parser


def _reconcile(args: argparse.Namespace) -> int:
    from freqtrade_recon_plugin.cli.reconcile import reconcile  # needs ccxt, the others do not

    return reconcile(args)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    defaults = argparse.Namespace(store_url=None, json=False)
    args = _parser().parse_args(argv, defaults)
    run: Command = args.run
    try:
        status = run(args)
        sys.stdout.flush()  # a reader that has gone is met here, and not when Python ends
        return status
    except ReconError as error:
        print(f"freqtrade-recon: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except ModuleNotFoundError as error:
        extra = {"ccxt": "airflow", "airflow": "airflow", "freqtrade": "bot"}.get(error.name or "")
        if extra is None:
            raise
        needs = f"{args.command} needs {error.name}: pip install 'freqtrade-recon-plugin[{extra}]'"
        print(f"freqtrade-recon: {needs}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
