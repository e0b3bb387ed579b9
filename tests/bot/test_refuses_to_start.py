"""A bot whose guard could not work does not start, and says why in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from freqtrade_recon_plugin.sandbox import freqtrade_exchange_config, start_sandbox
from freqtrade_recon_plugin.store import upgrade
from tests.bot.rig import guarded_strategy, recon_section
from tests.live_bot import LiveBot

pytestmark = pytest.mark.bot

#: Gives the bot a freqtrade that lacks one thing.
_WITHOUT_A_SEAM = """
    def __init__(self, config):
        super().__init__(config)
        from freqtrade.freqtradebot import FreqtradeBot
        del FreqtradeBot.handle_cancel_enter
"""


def test_each_mistake_ends_the_bot_with_one_clear_line(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/recon.sqlite"
    upgrade(store)
    sections: dict[str, dict[str, Any]] = {
        "unknown": recon_section(store_url=store, foo=1),
        "text": recon_section(store_url=store, policy={"settle_s": "soon"}),
        "percent": recon_section(store_url=store, policy={"auto_correct_below_pct": 150}),
        "no-store": recon_section(store_url=f"sqlite:///{tmp_path}/nowhere.sqlite"),
        "away": recon_section(store_url="postgresql://nobody:hunter2@127.0.0.1:1/recon"),
        "seam": recon_section(store_url=store),
    }
    lines = {
        "unknown": "recon.foo: unknown setting",
        "text": "recon.policy.settle_s: must be a number (got 'soon')",
        "percent": "recon.policy.auto_correct_below_pct: "
        "must be a percentage between 0 and 100 (got 150)",
        "no-store": f"there is no store at sqlite:///{tmp_path}/nowhere.sqlite: "
        "run `freqtrade-recon db upgrade`",
        "away": "the store at postgresql+psycopg://nobody:***@127.0.0.1:1/recon cannot be used: ",
        "seam": "freqtrade 2026.9 lacks handle_cancel_enter, which the guard needs; "
        "trade with a version that this plugin supports",
    }
    with start_sandbox(port=0) as sandbox:
        exchange = freqtrade_exchange_config(sandbox.url, sandbox.keys("main"), "futures")
        bots = {
            name: LiveBot(
                tmp_path / name,
                exchange,
                strategy=guarded_strategy(
                    "futures", extra=_WITHOUT_A_SEAM if name == "seam" else ""
                ),
                config={"recon": section},
            )
            for name, section in sections.items()
        }
        try:
            for bot in bots.values():
                bot.launch()
            for name, bot in bots.items():
                assert bot.wait_ended() == 2, name
        finally:
            for bot in bots.values():
                bot.kill()
    for name, bot in bots.items():
        assert "Traceback" not in bot.log, name
        assert bot.log.count(" - ERROR - ") == 1, name
        said = "".join(bot.log.split())  # freqtrade breaks long lines anywhere
        line = f"Reconciliation refuses to start: {lines[name]}"
        assert "".join(line.split()) in said, bot.log_end(5)
        assert "hunter2" not in said
