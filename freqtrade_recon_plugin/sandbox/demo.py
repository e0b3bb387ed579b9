"""The classic failure, played on real parts: a missed fill, and the system wins.

Book 100 BTC, exchange 150: the bot would buy 50 more of what it has already bought. Each step asks
the real parts (the exchange's request log, the bot's database and REST API, Airflow, the store)
whether it came true, and the play ends with an error if one did not.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from freqtrade_recon_plugin.domain.document import decimal_text
from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.sandbox.airflow_api import USERS, AirflowTrouble
from freqtrade_recon_plugin.sandbox.live_bot import BotTrouble
from freqtrade_recon_plugin.sandbox.stack import ACCOUNT, BOT_ID, NotSo, Stack
from freqtrade_recon_plugin.store import ActionRow

APPROVAL_DAG = "divergence_approval"
#: How long a person may take with `make demo MANUAL=1`.
PATIENCE_S = 3600
_REFUSED = "New exposure refused"
POLICY = {"max_position": {"BTC/USDT:USDT": "175"}}


def play(manual: bool = False, keep_running: bool = False) -> int:
    """Plays the demo; returns the exit status.

    :param manual: waits for a person to approve in the Airflow UI.
    :param keep_running: plays nothing, and keeps the stack up until Ctrl-C.
    """
    directory = Path(tempfile.mkdtemp(prefix="recon-demo-"))
    story = Story()
    try:
        with _ending_on_signals(), _stack(directory, story) as stack:
            if keep_running:
                _keep(stack, story)
            else:
                _tell(stack, story, manual)
    except KeyboardInterrupt:
        story.line("Ended; nothing is left running.")
        shutil.rmtree(directory, ignore_errors=True)
        return 0 if keep_running else 130
    except (NotSo, BotTrouble, AirflowTrouble) as error:
        story.line(f"FAILED: {error}")
        story.line(f"Logs are kept in {directory}")
        return 1
    story.line("All of it came true. Nothing is left running.")
    shutil.rmtree(directory, ignore_errors=True)
    return 0


class Story:
    """Prints what happens, each line with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def line(self, text: str) -> None:
        """One line of the story."""
        print(f"[{time.monotonic() - self._began:5.0f} s]  {text}", flush=True)

    def step(self, title: str) -> None:
        """A heading."""
        print(f"\n== {title}", flush=True)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the play, also where a shell started it with Ctrl-C ignored."""

    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stack(directory: Path, story: Story) -> Stack:
    story.step("Starting a simulated exchange, a live bot and a real Airflow")
    return Stack(directory, policy=POLICY, say=story.line)


# --- the play -------------------------------------------------------------------------------------


def _tell(stack: Stack, story: Story, manual: bool) -> None:
    _enter(stack, story)
    action = _miss_a_fill(stack, story)
    _want_more(stack, story)
    _approve(stack, story, action, manual)
    _see_it_corrected(stack, story, action)
    _trade_again(stack, story)
    _correct_a_small_one(stack, story)
    _show_what_is_left(stack, story)


def _enter(stack: Stack, story: Story) -> None:
    story.step("The bot goes long 100 BTC")
    stack.wait_for(lambda: _book(stack) == 100, "the bot's entry of 100 BTC")
    stack.bot.signal()
    stack.wait_for(lambda: _stop(stack) == 100, "the stop on the exchange")
    _compare(stack, story)
    story.line(f"its stop on the exchange covers {_stop(stack)} BTC")
    stack.wait_for(lambda: _reconciled(stack), "the first reconciliation")
    story.line("Airflow has compared both sides: they agree")


def _miss_a_fill(stack: Stack, story: Story) -> ActionRow:
    story.step("A fill of 50 BTC is missed")
    stack.exchange.missed_fill(ACCOUNT, "50", symbol=stack.symbol, side="buy")
    _compare(stack, story)
    story.line("the bot knows nothing of it; Airflow will find it in its next cycle")
    action: ActionRow = stack.wait_for(
        lambda: _latest(stack, ActionStatus.PENDING_APPROVAL), "the detection"
    )
    _expect(f"{action.divergence_pct:.2f}", "33.33", "the divergence in percent")
    _expect(_breaker(stack), True, "the breaker is open")
    story.line(f"found: {action.verdict['reason']}")
    story.line("the breaker of the symbol is open; the alert is out:")
    alert = stack.wait_for(lambda: _alert(stack, action), "the delivery of the alert")
    story.line(f"  {alert}")
    return action


def _want_more(stack: Stack, story: Story) -> None:
    story.step("The strategy wants 150 BTC, so with its wrong book it would buy 50 more")
    before = _newest_request(stack)
    stack.bot.signal(target=150)
    refusal: str = stack.wait_for(lambda: _refusal(stack), "the refusal in the bot's log")
    story.line(f"the bot's log: {refusal}")
    loops = _loops(stack)
    stack.wait_for(lambda: _loops(stack) >= loops + 3, "three more loops of the bot")
    orders = _orders_since(stack, before)
    _expect(orders, [], "orders that grow the position, in the exchange's request log")
    story.line("the exchange's request log shows no order (without the halt: 200, limit 175)")


def _approve(stack: Stack, story: Story, action: ActionRow, manual: bool) -> None:
    story.step("A person approves")
    run, task = action.action_id, "await_approval"
    stack.airflow.wait_task(APPROVAL_DAG, run, task, frozenset({"awaiting_input"}), 90)
    url = f"{stack.airflow.url}/dags/{APPROVAL_DAG}/runs/{run}/tasks/{task}"
    if manual:
        story.line(f"open {url}")
        story.line(f"log in as approver with the password {USERS['approver'][1]}, read what is")
        story.line("asked, and press Approve, or mark the task as success. Waiting for you ...")
        return
    answer = stack.airflow.mark_success(APPROVAL_DAG, run, task, "checked on the exchange")
    _expect(answer.status_code, 200, "Airflow's answer to the user approver")
    story.line("the user approver marked the task await_approval successful in Airflow")


def _see_it_corrected(stack: Stack, story: Story, action: ActionRow) -> None:
    story.step("The book is corrected, checked, and the symbol resumes")
    done: ActionRow = stack.wait_for(
        lambda: _ended(stack, action.action_id), "the end of the correction", PATIENCE_S
    )
    _expect(str(done.status), "corrected", f"the action ({done.note})")
    _expect(_book(stack), Decimal(150), "the bot's REST API says")
    _compare(stack, story)
    _expect(_breaker(stack), False, "the breaker is open")
    story.line(f"approved by {done.decided_by}; the breaker is closed")
    stack.wait_for(lambda: _stop(stack) == 150, "the stop on the exchange for 150 BTC")
    story.line(f"its stop on the exchange covers {_stop(stack)} BTC now")
    story.line("the strategy wanted 150 and has 150: it buys nothing")


def _trade_again(stack: Stack, story: Story) -> None:
    story.step("The next order goes through")
    for target in (160, 150):
        stack.bot.signal(target=target)
        stack.wait_for(partial(_both_are, stack, Decimal(target)), f"{target} BTC")
        _compare(stack, story)
    stack.bot.signal()


def _correct_a_small_one(stack: Stack, story: Story) -> None:
    story.step("A small divergence is corrected by itself")
    stack.exchange.missed_fill(ACCOUNT, "3", symbol=stack.symbol, side="buy")
    _compare(stack, story)
    action: ActionRow = stack.wait_for(
        lambda: _latest(stack, ActionStatus.CORRECTED, severity="small"), "the correction"
    )
    _expect(f"{action.divergence_pct:.2f}", "1.96", "the divergence in percent")
    _expect(_book(stack), Decimal(153), "the bot's REST API says")
    _expect(_breaker(stack), False, "the breaker is open")
    took = (action.updated_at - action.detected_at).total_seconds()
    story.line(f"{action.verdict['reason']} It took {took:.1f} s from detection to verified.")
    _compare(stack, story)


def _show_what_is_left(stack: Stack, story: Story) -> None:
    story.step("What statsd received")
    totals = stack.statsd.totals()
    label = f"{BOT_ID}.BTC_USDT_USDT"
    expected = {
        f"recon.position_divergence_detected.{label}.large": "1",
        f"recon.position_divergence_detected.{label}.small": "1",
        f"recon.position_corrections.{label}.manual_required": "1",
        f"recon.position_corrections.{label}.manual": "1",
        f"recon.position_corrections.{label}.auto": "1",
        f"recon.position_corrections.{label}.failed": "0",
        f"recon.position_divergence_amount.{label}": "0",
        f"recon.breaker_open.{label}": "0",
    }
    for name, value in expected.items():
        _expect(totals.get(name), value, name)
        story.line(f"{name} = {totals[name]}")
    story.line(
        f"recon.orders_blocked.{label}.breaker = {totals[f'recon.orders_blocked.{label}.breaker']}"
    )
    story.step("The audit trail")
    with stack.store.reading() as tx:
        records = list(tx.audit.list())
        check = tx.audit.verify()
    _expect(check.ok, True, "the audit chain is whole")
    for record in records:
        story.line(f"{record.number:>3}  {record.actor:<16} {record.event}")


# --- asking the real parts ------------------------------------------------------------------------


def _expect(found: Any, wanted: Any, what: str) -> None:
    if found != wanted:
        raise NotSo(f"{what}: {found!r}, not {wanted!r}")


def _compare(stack: Stack, story: Story) -> None:
    book, exchange = decimal_text(_book(stack)), decimal_text(_position(stack))
    story.line(f"book {book} BTC, exchange {exchange} BTC")


def _book(stack: Stack) -> Decimal:
    """The bot's own word, through its REST API."""
    amounts = (Decimal(str(trade["amount"])) for trade in stack.bot.open_trades())
    return sum(amounts, Decimal(0))


def _both_are(stack: Stack, amount: Decimal) -> bool:
    return _book(stack) == amount == _position(stack)


def _position(stack: Stack) -> Decimal:
    return stack.exchange.position(ACCOUNT, stack.symbol)


def _stop(stack: Stack) -> Decimal:
    """How much the open conditional orders on the exchange cover."""
    orders = stack.exchange.state(ACCOUNT)["algo_orders"]
    waiting = (order["quantity"] for order in orders if order["algoStatus"] == "NEW")
    return sum((Decimal(quantity) for quantity in waiting), Decimal(0))


def _reconciled(stack: Stack) -> bool:
    with stack.store.reading() as tx:
        bot = tx.bots.get(BOT_ID)
    return bot is not None and bot.last_reconciliation_at is not None


def _latest(stack: Stack, status: ActionStatus, severity: str | None = None) -> ActionRow | None:
    with stack.store.reading() as tx:
        found = tx.actions.list(status=status)
    wanted = [action for action in found if severity in (None, action.severity)]
    return wanted[-1] if wanted else None


def _ended(stack: Stack, action_id: str) -> ActionRow | None:
    with stack.store.reading() as tx:
        action = tx.actions.get(action_id)
    waiting = {ActionStatus.PENDING_APPROVAL, ActionStatus.APPROVED, ActionStatus.APPLYING}
    return action if action is not None and action.status not in waiting else None


def _breaker(stack: Stack) -> bool:
    with stack.store.reading() as tx:
        return bool(tx.breakers.list_open(BOT_ID))


def _alert(stack: Stack, action: ActionRow) -> str | None:
    """The title of the action's alert, once it was delivered."""
    with stack.store.reading() as tx:
        alerts = tx.alerts.of(action.action_id)
    return next((alert.title for alert in alerts if alert.delivered_at), None)


def _newest_request(stack: Stack) -> int:
    return max((entry["number"] for entry in stack.exchange.requests()), default=0)


def _orders_since(stack: Stack, number: int) -> list[Any]:
    return [
        entry["params"]
        for entry in stack.exchange.requests(group="order_create", after=number)
        if entry["params"].get("side") == "BUY"
    ]


def _refusal(stack: Stack) -> str | None:
    lines = stack.bot.log.splitlines()
    return next(
        (f"{_REFUSED}{line.partition(_REFUSED)[2]}" for line in lines if _REFUSED in line), None
    )


def _loops(stack: Stack) -> int:
    """How often the bot has published its book, in whole seconds of its heartbeat."""
    with stack.store.reading() as tx:
        bot = tx.bots.get(BOT_ID)
    return int(bot.heartbeat_at.timestamp()) if bot else 0


def _keep(stack: Stack, story: Story) -> None:
    user, password = stack.bot.login
    story.step("Up. Press Ctrl-C to end it")
    for name in ("admin", "approver", "viewer"):
        story.line(f"Airflow   {stack.airflow.url}  {name} / {USERS[name][1]}")
    story.line(f"bot       {stack.bot_url}/docs  {user} / {password}")
    story.line(f"store     export RECON_DATABASE_URL={stack.store_url}")
    story.line(f"exchange  {stack.sandbox.url}")
    story.line("miss a fill of 50 BTC:")
    story.line(
        f"  curl -X POST {stack.sandbox.url}/_control/missed_fill -d "
        f'\'{{"account": "{ACCOUNT}", "symbol": "{stack.symbol}", '
        '"side": "buy", "amount": "50"}\''
    )
    while True:
        stack.wait_for(lambda: False, "nothing", within_s=float("inf"))
