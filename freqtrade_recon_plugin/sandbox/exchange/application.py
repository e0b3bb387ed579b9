"""One trading request from bytes to answer: route, key, fault, execution, log.

The venue's lock is held while a request is carried out, never while a fault makes it wait.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from freqtrade_recon_plugin.sandbox.exchange import (
    routes_futures,
    routes_futures_account,
    routes_public,
    routes_spot,
)
from freqtrade_recon_plugin.sandbox.exchange.auth import find_key, require_signature
from freqtrade_recon_plugin.sandbox.exchange.errors import ApiError, no_permission
from freqtrade_recon_plugin.sandbox.exchange.faults import (
    Answer,
    Call,
    FaultKind,
    Faults,
    json_answer,
    spoil,
)
from freqtrade_recon_plugin.sandbox.exchange.request import Request
from freqtrade_recon_plugin.sandbox.exchange.request_log import RequestLog
from freqtrade_recon_plugin.sandbox.exchange.routing import Route
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue

logger = logging.getLogger(__name__)

ROUTES: dict[tuple[str, str], Route] = {
    (route.method, route.path): route
    for module in (routes_public, routes_spot, routes_futures, routes_futures_account)
    for route in module.ROUTES
}


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it came over the wire."""

    method: str
    path: str
    query: str
    body: str
    headers: Mapping[str, str]


class Application:
    """The trading API over a venue, with faults and a request log."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.faults = Faults()
        self.log = RequestLog()
        # Set when the server stops, so that a request that hangs on purpose ends too.
        self.stopping = threading.Event()

    def answer(self, raw: RawRequest) -> Answer:
        """Carry out one request. Never raises for what the customer sent."""
        params = dict(parse_qsl(raw.query, keep_blank_values=True))
        params |= dict(parse_qsl(raw.body, keep_blank_values=True))
        route = ROUTES.get((raw.method, raw.path))
        key = self.venue.keys.get(_api_key(raw.headers) or "")
        call = Call(
            method=raw.method,
            path=raw.path,
            group=route.group if route else "",
            key=key.name if key else "",
            symbol=params.get("symbol", ""),
        )
        with self.venue.lock:
            fault = self.faults.pick(call)
        request = Request(venue=self.venue, params=params, key=key)
        answer: Answer | None = None
        if fault is not None and fault.kind is FaultKind.LATENCY:
            self.stopping.wait(fault.seconds)
        if fault is None or fault.executes:
            answer = self._carry_out(route, raw, request)
        if fault is not None:
            answer = spoil(fault, answer)
        assert answer is not None, "a request without a fault is carried out"
        with self.venue.lock:
            self.log.add(
                time_ms=self.venue.now_ms(),
                method=call.method,
                path=call.path,
                group=call.group,
                params=params,
                key=call.key,
                status=answer.status,
                order_id=request.order_id,
                fault=fault.kind if fault else None,
            )
        if fault is not None and fault.kind is FaultKind.TIMEOUT:
            self.stopping.wait(fault.seconds)
        return answer

    def _carry_out(self, route: Route | None, raw: RawRequest, request: Request) -> Answer:
        if route is None:
            message = f"Path {raw.path}, Method {raw.method} is invalid"
            return json_answer(404, {"code": -5000, "msg": message})
        try:
            with self.venue.lock:
                if route.signed:
                    self._authorise(route, raw, request)
                return json_answer(200, route.handler(request))
        except ApiError as error:
            return json_answer(error.status, {"code": error.code, "msg": error.message})

    def _authorise(self, route: Route, raw: RawRequest, request: Request) -> None:
        key = find_key(self.venue, _api_key(raw.headers))
        require_signature(key, raw.query, raw.body, request.params, self.venue.now_ms())
        if route.writes and not key.can_trade:
            raise no_permission()


def _api_key(headers: Mapping[str, str]) -> str | None:
    # Header names come in whatever case the client likes.
    for name, value in headers.items():
        if name.upper() == "X-MBX-APIKEY":
            return value
    return None
