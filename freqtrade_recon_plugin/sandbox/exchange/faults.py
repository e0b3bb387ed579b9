"""Faults on demand: which requests go wrong, how, and how often.

A fault decides by itself whether the request is carried out first (`executed`): an order whose
answer is lost is in the book all the same.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from freqtrade_recon_plugin.sandbox.exchange.errors import ControlError
from freqtrade_recon_plugin.sandbox.exchange.routing import Group

ALL = "all"


class FaultKind(StrEnum):
    """How a request goes wrong."""

    ERROR_500 = "error_500"  # JSON with Binance's -1001
    BAD_GATEWAY = "bad_gateway"  # 502, HTML
    UNAVAILABLE = "unavailable"  # 503, HTML
    GATEWAY_TIMEOUT = "gateway_timeout"  # 504, JSON with -1007
    RATE_LIMIT = "rate_limit"  # 429, JSON with -1003
    BANNED = "banned"  # 418, JSON with -1003
    API_ERROR = "api_error"  # the code, message and status that the fault names
    TIMEOUT = "timeout"  # no answer for some seconds, then the connection closes
    DISCONNECT = "disconnect"
    GARBAGE = "garbage"  # 200 and bytes that are no JSON
    TRUNCATED = "truncated"  # 200 and the first half of the true answer
    HTML = "html"  # 200 and a web page
    EMPTY = "empty"  # 200 and no body
    EMPTY_LIST = "empty_list"
    EMPTY_OBJECT = "empty_object"
    NULL_QUANTITY = "null_quantity"  # the true answer with null for every quantity
    MISSING_QUANTITY = "missing_quantity"  # the true answer without its quantities
    ANSWER_LOST = "answer_lost"  # executed, then the connection closes
    ANSWER_LOST_504 = "answer_lost_504"  # executed, then 504
    LATENCY = "latency"  # the true answer, some seconds late


# These need the true answer to spoil it, or are about what happens after execution.
ALWAYS_EXECUTED = frozenset(
    {
        FaultKind.TRUNCATED,
        FaultKind.NULL_QUANTITY,
        FaultKind.MISSING_QUANTITY,
        FaultKind.ANSWER_LOST,
        FaultKind.ANSWER_LOST_504,
        FaultKind.LATENCY,
    }
)

QUANTITIES = frozenset(
    {
        "positionAmt",
        "notional",
        "free",
        "locked",
        "walletBalance",
        "marginBalance",
        "availableBalance",
        "balance",
        "origQty",
        "executedQty",
        "cumQty",
        "quantity",
        "qty",
    }
)

HTML_PAGE = b"<html><head><title>Sorry</title></head><body>Please come back later.</body></html>"
GARBAGE_BYTES = b'\x00{"positions": [[[ %%'


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the customer. Nothing goes back when `dropped`."""

    status: int
    body: bytes
    content_type: str = "application/json;charset=UTF-8"
    dropped: bool = False


def json_answer(status: int, content: Any) -> Answer:
    return Answer(status, json.dumps(content).encode())


@dataclass(slots=True)
class Fault:
    """One arranged fault.

    :ivar target: a group, a path prefix that begins with `/`, or `all`
    :ivar times: how many calls are left; None is until cleared
    :ivar skip: how many matching calls pass first
    :ivar key: a key's name (`main/readonly`) or an account's name; None is anybody
    :ivar symbol: Binance's id (`BTCUSDT`), for requests that name it; None is any
    :ivar seconds: how long a time-out or a latency lasts
    """

    fault_id: int
    kind: FaultKind
    target: str
    times: int | None = 1
    skip: int = 0
    key: str | None = None
    method: str | None = None
    symbol: str | None = None
    executed: bool = False
    seconds: float = 5.0
    status: int = 400
    code: int = -1000
    message: str = "An unknown error occurred while processing the request."
    hits: int = 0

    def require_valid(self) -> None:
        """:raises ControlError: naming what is wrong"""
        groups = {group.value for group in Group} | {ALL}
        if self.target not in groups and not self.target.startswith("/"):
            raise ControlError(
                f"target {self.target!r} is neither a path nor one of {', '.join(sorted(groups))}"
            )
        if self.times is not None and self.times < 1:
            raise ControlError("times must be at least 1, or null for 'until cleared'")

    def matches(self, call: "Call") -> bool:
        by_path = self.target.startswith("/") and call.path.startswith(self.target)
        return (
            (self.target in (ALL, call.group) or by_path)
            and self.method in (None, call.method)
            and self.key in (None, call.key, call.key.partition("/")[0])
            and self.symbol in (None, call.symbol)
        )

    @property
    def executes(self) -> bool:
        return self.executed or self.kind in ALWAYS_EXECUTED


@dataclass(frozen=True, slots=True)
class Call:
    """What of a request a fault can be aimed at; empty text where there is none."""

    method: str
    path: str
    group: str
    key: str
    symbol: str


class Faults:
    """The arranged faults, oldest first. Callers hold the venue's lock."""

    def __init__(self) -> None:
        self.arranged: list[Fault] = []

    def add(self, fault: Fault) -> None:
        fault.require_valid()
        self.arranged.append(fault)

    def clear(self, fault_id: int | None = None) -> None:
        """Drop one fault, or all."""
        self.arranged = [fault for fault in self.arranged if fault_id not in (None, fault.fault_id)]

    def pick(self, call: Call) -> Fault | None:
        """The first fault that strikes this call; counts it."""
        for fault in self.arranged:
            if not fault.matches(call):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times == 0:
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


def spoil(fault: Fault, true_answer: Answer | None) -> Answer:
    """The answer of a faulty request; `true_answer` is None when it was not carried out."""
    if fault.kind is FaultKind.API_ERROR:
        return json_answer(fault.status, {"code": fault.code, "msg": fault.message})
    if fault.kind in _FIXED:
        return _FIXED[fault.kind]
    assert true_answer is not None, "the rest are in ALWAYS_EXECUTED"
    if fault.kind is FaultKind.TRUNCATED:
        return Answer(true_answer.status, true_answer.body[: len(true_answer.body) // 2])
    if fault.kind is FaultKind.LATENCY:
        return true_answer
    content = json.loads(true_answer.body)
    missing = fault.kind is FaultKind.MISSING_QUANTITY
    return json_answer(true_answer.status, _without_quantities(content, missing=missing))


def _without_quantities(content: Any, *, missing: bool) -> Any:
    if isinstance(content, list):
        return [_without_quantities(item, missing=missing) for item in content]
    if not isinstance(content, dict):
        return content
    return {
        name: None if name in QUANTITIES else _without_quantities(value, missing=missing)
        for name, value in content.items()
        if not (missing and name in QUANTITIES)
    }


_DROPPED = Answer(0, b"", dropped=True)
_TIMEOUT_504 = json_answer(
    504,
    {
        "code": -1007,
        "msg": "Timeout waiting for response from backend server. Send status unknown.",
    },
)
_TOO_MANY = {"code": -1003, "msg": "Too many requests; current limit is 1200 request weight."}
_FIXED = {
    FaultKind.ERROR_500: json_answer(
        500, {"code": -1001, "msg": "Internal error; unable to process your request."}
    ),
    FaultKind.BAD_GATEWAY: Answer(502, HTML_PAGE, "text/html"),
    FaultKind.UNAVAILABLE: Answer(503, HTML_PAGE, "text/html"),
    FaultKind.GATEWAY_TIMEOUT: _TIMEOUT_504,
    FaultKind.RATE_LIMIT: json_answer(429, _TOO_MANY),
    FaultKind.BANNED: json_answer(418, _TOO_MANY),
    FaultKind.TIMEOUT: _DROPPED,
    FaultKind.DISCONNECT: _DROPPED,
    FaultKind.GARBAGE: Answer(200, GARBAGE_BYTES),
    FaultKind.HTML: Answer(200, HTML_PAGE, "text/html"),
    FaultKind.EMPTY: Answer(200, b""),
    FaultKind.EMPTY_LIST: json_answer(200, []),
    FaultKind.EMPTY_OBJECT: json_answer(200, {}),
    FaultKind.ANSWER_LOST: _DROPPED,
    FaultKind.ANSWER_LOST_504: _TIMEOUT_504,
}
