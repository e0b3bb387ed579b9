"""A strategy that does what a file tells it, and a complete live config around it."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

STRATEGY_NAME = "SandboxStrategy"
SIGNAL_FILE = "signal.json"
# freqtrade cuts amounts down to the step: a hair more stake than wanted gives the whole amount.
STAKE_HAIR = 0.1

_STRATEGY = '''\
import json
from pathlib import Path

from freqtrade.strategy import IStrategy
{imports}

class {name}({bases}):
    """Does what `signal.json` in the user directory says: enter, exit, or grow to a target."""

    INTERFACE_VERSION = 3
    can_short = {can_short}
    timeframe = "5m"
    startup_candle_count = 0
    process_only_new_candles = False
    minimal_roi = {{"0": 100}}
    stoploss = -0.1
    position_adjustment_enable = True
    order_types = {{
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "force_entry": "limit",
        "force_exit": "market",
        "stoploss": "{stoploss_type}",
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_interval": 60,
    }}

    def wanted(self):
        return json.loads((Path(self.config["user_data_dir"]) / "{signal_file}").read_text())

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        wanted = self.wanted()["enter"]
        dataframe["enter_long"] = int(wanted == "long")
        dataframe["enter_short"] = int(wanted == "short")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = dataframe["exit_short"] = int(self.wanted()["exit"])
        return dataframe

    def leverage(self, *args, **kwargs):
        return {leverage}

    def adjust_trade_position(self, trade, current_time, current_rate, *args, **kwargs):
        target = self.wanted()["target"]
        if target is None or trade.has_open_orders or abs(target - trade.amount) < 1e-9:
            return None
        missing = target - trade.amount
        stake = missing * current_rate / trade.leverage
        return stake + {hair} if missing > 0 else stake
{extra}'''


def strategy_source(
    trading_mode: str = "futures",
    *,
    name: str = STRATEGY_NAME,
    bases: str = "IStrategy",
    imports: str = "",
    extra: str = "",
    leverage: float = 1.0,
) -> str:
    """The text of a strategy that obeys `LiveBot.signal`, with a stop on the exchange at 10 %.

    :param bases: the class's bases, e.g. `ReconciliationMixin, IStrategy`
    :param imports: import lines to add
    :param extra: methods to add, indented by four spaces
    """
    futures = trading_mode == "futures"
    return _STRATEGY.format(
        name=name,
        bases=bases,
        imports=imports,
        extra=extra,
        can_short=futures,
        stoploss_type="market" if futures else "limit",
        signal_file=SIGNAL_FILE,
        leverage=leverage,
        hair=STAKE_HAIR,
    )


def bot_config(
    exchange: Mapping[str, Any], trading_mode: str, stake: float, throttle_secs: float
) -> Json:
    """A complete live-mode config but for the paths and the API's address."""
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    futures = {"margin_mode": "isolated"} if trading_mode == "futures" else {}
    return {
        "dry_run": False,
        "trading_mode": trading_mode,
        **futures,
        "max_open_trades": 1,
        "stake_currency": "USDT",
        "stake_amount": stake + STAKE_HAIR,
        "tradable_balance_ratio": 0.99,
        "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "minutes"},
        "entry_pricing": pricing | {"check_depth_of_market": {"enabled": False}},
        "exit_pricing": pricing,
        "exchange": dict(exchange),
        "pairlists": [{"method": "StaticPairList"}],
        "force_entry_enable": True,
        "initial_state": "running",
        "internals": {"process_throttle_secs": throttle_secs},
    }


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    """`over` laid upon `base`, dictionaries merged key by key."""
    result = dict(base)
    for name, value in over.items():
        old = result.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result
