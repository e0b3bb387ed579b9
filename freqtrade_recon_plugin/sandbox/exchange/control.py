"""The control commands behind `/_control/<command>`: one function each, JSON in and out.

Commands run under the venue's lock. Quantities come as text or as whole numbers.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from freqtrade_recon_plugin.sandbox.exchange.amounts import parse_decimal
from freqtrade_recon_plugin.sandbox.exchange.application import Application
from freqtrade_recon_plugin.sandbox.exchange.commands import COMMANDS
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError, ControlError
from freqtrade_recon_plugin.sandbox.exchange.orders import Side

DECIMALS = frozenset({"amount", "price", "futures_wallet", "amount_step", "price_tick", "min_cost"})


WHOLE_NUMBERS = frozenset({"order_id", "fault_id", "milliseconds", "after"})


def run(app: Application, command: str, arguments: Mapping[str, Any]) -> Any:
    """Carry out a control command.

    :raises ControlError: for an unknown command, a wrong argument or an impossible wish
    """
    function = COMMANDS.get(command)
    if function is None:
        raise ControlError(f"no command {command!r}; there are: {', '.join(sorted(COMMANDS))}")
    values = {name: _value(name, value) for name, value in arguments.items()}
    signature = inspect.signature(function)
    try:
        signature.bind(app, **values)
    except TypeError as error:
        raise ControlError(f"{command}: {error}") from None
    for name, parameter in signature.parameters.items():
        if parameter.default is parameter.empty and values.get(name, app) is None:
            raise ControlError(f"{command}: {name} must not be null")
    try:
        with app.venue.lock:
            return function(app, **values)
    except ApiError as error:
        raise ControlError(f"{command}: {error}") from error


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in DECIMALS:
        number = parse_decimal(value)
        if number is None or isinstance(value, bool):
            raise ControlError(f"{name}: {value!r} is no number")
        return number
    if name == "side":
        try:
            return Side(str(value).upper())
        except ValueError:
            raise ControlError(f"side: {value!r} is neither buy nor sell") from None
    if name in WHOLE_NUMBERS:
        if not str(value).lstrip("-").isdigit():
            raise ControlError(f"{name}: {value!r} is no whole number")
        return int(value)
    if name == "spot":
        if not isinstance(value, Mapping):
            raise ControlError("spot: a mapping of coins to amounts is needed")
        return {asset: _value("amount", amount) for asset, amount in value.items()}
    return value
