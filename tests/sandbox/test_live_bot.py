"""A real freqtrade bot, trading live against the sandbox: enters, is protected, exits."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from freqtrade_recon_plugin.sandbox import AccountKeys, Sandbox, freqtrade_exchange_config
from tests.live_bot import BotTrouble, LiveBot
from tests.sandbox.conftest import FUTURES, SPOT

pytestmark = pytest.mark.bot


def entered(bot: LiveBot, amount: float) -> dict:
    def trades() -> list[dict]:
        return [
            t for t in bot.open_trades() if t["amount"] == amount and t["orders"][-1]["is_open"]
        ]

    return bot.wait_for(trades, 60, f"a trade of {amount} with its stop")[0]


def closed_trades(bot: LiveBot) -> list[tuple]:
    with sqlite3.connect(bot.db_path) as db:
        return db.execute("select is_open, amount, exit_reason from trades").fetchall()


def failed_requests(sandbox: Sandbox) -> list[tuple[str, int]]:
    return [(r["path"], r["status"]) for r in sandbox.controls.requests() if r["status"] != 200]


def test_a_futures_bot_enters_is_stopped_out_or_exits_and_survives_a_kill(
    tmp_path: Path, sandbox: Sandbox, keys: AccountKeys
) -> None:
    control = sandbox.controls
    with LiveBot(tmp_path, freqtrade_exchange_config(sandbox.url, keys, "futures")) as bot:
        trade = entered(bot, 100)
        assert (trade["open_rate"], trade["fee_open_currency"]) == (50_000, "USDT")
        assert control.position("main", FUTURES) == 100
        (stop,) = control.state("main")["algo_orders"]
        assert (stop["quantity"], stop["triggerPrice"], stop["reduceOnly"]) == (
            "100",
            "45000",
            True,
        )

        bot.signal(target=150)
        entered(bot, 150)
        assert control.position("main", FUTURES) == 150

        bot.kill()
        assert not bot.is_alive
        bot.start()
        assert bot.open_trades()[0]["amount"] == 150

        bot.signal(exit=True)
        bot.wait_for(lambda: not bot.open_trades(), 60, "the exit")
        assert control.position("main", FUTURES) == 0
        assert {a["algoStatus"] for a in control.state("main")["algo_orders"]} == {"CANCELED"}

        bot.signal(enter="short")
        entered(bot, 100)
        assert control.position("main", FUTURES) == -100
        bot.signal()
        control.set_price(FUTURES, 55_001)
        bot.wait_for(lambda: not bot.open_trades(), 60, "the trade to be stopped out")
    assert [row[2] for row in closed_trades(bot)] == ["exit_signal", "stoploss_on_exchange"]
    # The second entry finds the margin type as it wants it, which Binance calls an error.
    assert {path for path, _status in failed_requests(sandbox)} == {"/fapi/v1/marginType"}


def test_a_spot_bot_enters_is_protected_and_exits(
    tmp_path: Path, sandbox: Sandbox, keys: AccountKeys
) -> None:
    control = sandbox.controls
    exchange = freqtrade_exchange_config(sandbox.url, keys, "spot")
    with LiveBot(tmp_path, exchange, trading_mode="spot") as bot:
        # 100 bought, 0.1 of them paid as the fee.
        trade = entered(bot, 99.9)
        assert (trade["pair"], trade["fee_open_currency"]) == (SPOT, "BTC")
        coins = control.state("main")["spot"]["BTC"]
        assert (coins["total"], coins["locked"]) == ("99.9", "99.9")
        bot.signal(exit=True)
        bot.wait_for(lambda: not bot.open_trades(), 60, "the exit")
        assert Decimal(control.state("main")["spot"]["BTC"]["total"]) == 0
    assert [row[2] for row in closed_trades(bot)] == ["exit_signal"]
    assert failed_requests(sandbox) == []


def test_a_bot_that_cannot_start_says_why(
    tmp_path: Path, sandbox: Sandbox, keys: AccountKeys
) -> None:
    exchange = freqtrade_exchange_config(sandbox.url, keys, "futures")
    bot = LiveBot(tmp_path, exchange, strategy="class SandboxStrategy(\n")
    with pytest.raises(BotTrouble, match="the bot ended"):
        bot.start()
    assert bot.wait_ended() != 0
    assert "SandboxStrategy" in bot.log_end()
