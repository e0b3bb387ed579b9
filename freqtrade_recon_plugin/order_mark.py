"""The client order id that a bot gives each of its orders, so that a lost order is found again.

It carries the bot's mark, a short hash of the bot's id, and keeps the broker's prefix that ccxt
would have put there. Invariants: the forms never change, since orders placed by an older version
must still be known; where an exchange or ccxt could refuse an id there is none, because a refused
stop makes freqtrade sell; all forms are lower case (BingX lowers what it is given).

| form | where | mark | left to the token |
|---|---|---|---|
| text: 16 of 0-9 a-z behind the prefix | all others | 6 characters, 30.2 bits | 51.7 bits |
| uuid: version 4, 32 hex digits | Kraken, Kraken Futures, Bitvavo | 12 digits, 48 bits | 74 bits |
| 0x and the 32 digits of such a uuid | Hyperliquid | 48 bits | 74 bits |

So of a million orders of one bot, two get the same text with a chance of about 1 in 7,000, and two
bots of one account share a text mark with a chance of 1 in 1.2 thousand million. The mark begins
with a letter after f: the ids that ccxt makes up are hexadecimal, so none of them is a mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NOT_HEX = "ghijklmnopqrstuvwxyz"
_MARK = 6
_BODY = 16
_HEX_MARK = 12

#: What may stand before the text form: Gate's `t-`, Binance's `x-...`, OKX's and HTX's broker ids.
_HEAD = re.compile(r"t-|x-[0-9a-z]{1,14}|[0-9a-z]{0,16}")
_TAIL = re.compile(r"[g-z][0-9a-z]{15}")
_HEX = re.compile(r"[0-9a-f]{32}")
_PREFIX = re.compile(r"(x-)?[0-9A-Za-z]+")


class _Form(StrEnum):
    TEXT = "text"
    SHORT_UUID = "short_uuid"
    LONG_UUID = "long_uuid"
    PREFIXED_HEX = "prefixed_hex"


def _no_broker(_options: Mapping[str, Any], _trading_mode: str) -> Any:
    return None


def _binance_broker(options: Mapping[str, Any], trading_mode: str) -> Any:
    futures = trading_mode == "futures"
    default = "x-cvBPrNm9" if futures else "x-TKT5PX2F"
    return _inside(options, "broker", "swap" if futures else "spot") or default


def _okx_broker(options: Mapping[str, Any], _trading_mode: str) -> Any:
    return options.get("brokerId") or "6b9ad766b55dBCDE"


def _htx_broker(options: Mapping[str, Any], _trading_mode: str) -> Any:
    return _inside(options, "broker", "id") or "AA03022abc"


def _gate_lead(_options: Mapping[str, Any], _trading_mode: str) -> Any:
    return "t-"


def _inside(options: Mapping[str, Any], *names: str) -> Any:
    found: Any = options
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one exchange takes, as its documentation and ccxt 4.5.90 have it.

    :param limit: of the whole id, in characters.
    :param prefix: what stands before the text form.
    :param stops: the parameter that takes it on a conditional order, or None where none does.
    :param tagged: ccxt sends the broker's id as `tag` too, beside an id of its own making only.
    """

    limit: int
    form: _Form = _Form.TEXT
    prefix: Callable[[Mapping[str, Any], str], Any] = _no_broker
    modes: tuple[str, ...] = ("spot", "futures")
    stops: str | None = "clientOrderId"
    tagged: bool = False


# Binance takes 36, says "less than 36" in its error -4015, and ccxt itself uses 32. ccxt turns
# clientOrderId into clientAlgoId for conditional orders. Bybit's and Bitget's broker travels in a
# header. OKX wants letters and digits only; on its algo orders clOrdId is the later real order's,
# so ccxt keeps its own there and the mark goes into algoClOrdId. Gate documents web, api and app as
# the only texts of a price-triggered order, BingX client ids for limit and market orders only, and
# freqtrade finds a triggered Bitget stop by the id that Bitget itself puts there.
_BINANCE = _Rule(32, prefix=_binance_broker)
_BYBIT = _Rule(36)
_OKX = _Rule(32, prefix=_okx_broker, stops="algoClOrdId", tagged=True)
_GATE = _Rule(28, prefix=_gate_lead, stops=None)
_RULES: Mapping[str, _Rule] = {
    "binance": _BINANCE,
    "binanceus": _BINANCE,
    "binanceusdm": _BINANCE,
    "bingx": _Rule(40, stops=None),
    "bitget": _Rule(32, stops=None),
    "bitvavo": _Rule(36, _Form.LONG_UUID, modes=("spot",)),
    "bybit": _BYBIT,
    "bybiteu": _BYBIT,
    "gate": _GATE,
    "gateeu": _GATE,
    # HTX futures take an integer, which has no room for a mark; freqtrade trades spot there.
    "htx": _Rule(64, prefix=_htx_broker, modes=("spot",)),
    "hyperliquid": _Rule(34, _Form.PREFIXED_HEX),
    # Free text may have 18 characters only, a UUID is taken as it is.
    "kraken": _Rule(32, _Form.SHORT_UUID, modes=("spot",)),
    "krakenfutures": _Rule(100, _Form.LONG_UUID, modes=("futures",)),
    "kucoin": _Rule(40),
    "myokx": _OKX,
    "okx": _OKX,
    "okxus": _OKX,
}


def new_client_id(
    exchange_id: str,
    bot_id: str,
    token: str,
    trading_mode: str,
    *,
    conditional: bool = False,
    options: Mapping[str, Any] | None = None,
) -> str | None:
    """The client order id for one order of a bot.

    :param exchange_id: ccxt's id of the exchange.
    :param token: unique per order; the same token gives the same id.
    :param trading_mode: `spot` or `futures`.
    :param conditional: it is a stop or another order that waits for a trigger.
    :param options: ccxt's options of the exchange, for a broker id other than ccxt's default.
    :return: None where no id can be passed; then only the intent's numbers are known.
    """
    rule = _RULES.get(exchange_id)
    if rule is None or trading_mode not in rule.modes or (conditional and rule.stops is None):
        return None
    if rule.form is _Form.TEXT:
        body = _text_mark(bot_id) + _text(_number("order", bot_id, token), _BODY - _MARK)
        return _prefix(rule, options, trading_mode) + body
    digits = _uuid_digits(bot_id, token)
    if rule.form is _Form.SHORT_UUID:
        return digits
    if rule.form is _Form.PREFIXED_HEX:
        return f"0x{digits}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def client_id_params(
    exchange_id: str,
    client_id: str | None,
    *,
    conditional: bool = False,
    options: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """The `params` that make ccxt's `create_order` send this id; empty for None.

    :param client_id: from `new_client_id`, called with the same exchange and kind of order.
    """
    rule = _RULES.get(exchange_id)
    if client_id is None or rule is None or (conditional and rule.stops is None):
        return {}
    name = rule.stops if conditional else "clientOrderId"
    params = {name or "clientOrderId": client_id}
    if rule.tagged and not conditional:
        tag = rule.prefix(options or {}, "")
        if isinstance(tag, str):
            params["tag"] = tag
    return params


def carries_mark(client_id: str | None, bot_id: str) -> bool:
    """Whether an exchange's client order id is one that `new_client_id` made for this bot."""
    if not client_id:
        return False
    text = client_id.strip().lower()
    digits = text.removeprefix("0x").replace("-", "")
    if _HEX.fullmatch(digits):
        return digits.startswith(_hex_mark(bot_id)) and digits[_HEX_MARK] == "4"
    head, tail = text[:-_BODY], text[-_BODY:]
    if not _TAIL.fullmatch(tail) or not _HEAD.fullmatch(head):
        return False
    return tail.startswith(_text_mark(bot_id))


def _prefix(rule: _Rule, options: Mapping[str, Any] | None, trading_mode: str) -> str:
    found = rule.prefix(options or {}, trading_mode)
    if found == "t-":
        return "t-"
    # An id that somebody configured and that is too long or too odd for the exchange is left out.
    fits = isinstance(found, str) and len(found) + _BODY <= rule.limit
    return found if fits and _PREFIX.fullmatch(found) else ""


def _text_mark(bot_id: str) -> str:
    number = _number("mark", bot_id)
    number, first = divmod(number, len(_NOT_HEX))
    return _NOT_HEX[first] + _text(number, _MARK - 1)


def _hex_mark(bot_id: str) -> str:
    return f"{_number('mark', bot_id) >> 80:012x}"


def _uuid_digits(bot_id: str, token: str) -> str:
    left = f"{_number('order', bot_id, token):032x}"
    variant = "89ab"[int(left[0], 16) % 4]
    return f"{_hex_mark(bot_id)}4{left[1:4]}{variant}{left[4:19]}"


def _text(number: int, length: int) -> str:
    found = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        found += _DIGITS[digit]
    return found


def _number(purpose: str, *parts: str) -> int:
    """128 bits that depend on every part and on where one ends and the next begins."""
    framed = "".join(f"{len(part)}:{part}" for part in parts)
    # A lone surrogate in a name must not stop an order.
    hashed = framed.encode("utf-8", "surrogatepass")
    person = f"recon {purpose}".encode()
    return int.from_bytes(blake2b(hashed, digest_size=16, person=person).digest(), "big")
