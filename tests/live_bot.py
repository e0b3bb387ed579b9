"""The live bot that tests start; see the module that it comes from."""

from freqtrade_recon_plugin.sandbox.live_bot import (
    STRATEGY_NAME,
    BotTrouble,
    LiveBot,
    strategy_source,
)

__all__ = ["STRATEGY_NAME", "BotTrouble", "LiveBot", "strategy_source"]
