"""Who asks: API keys, HMAC-SHA256 signatures and timestamps, as Binance checks them."""

import hashlib
import hmac
from collections.abc import Mapping

from freqtrade_recon_plugin.sandbox.exchange.account import ApiKey
from freqtrade_recon_plugin.sandbox.exchange.errors import (
    ApiError,
    missing_parameter,
    no_permission,
)
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue

DEFAULT_RECV_WINDOW_MS = 5_000
MAX_RECV_WINDOW_MS = 60_000
# How far ahead of the exchange a customer's clock may be.
MAX_AHEAD_MS = 1_000


def sign(secret: str, payload: str) -> str:
    """The signature of a query string (and body) under a secret."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def find_key(venue: Venue, api_key: str | None) -> ApiKey:
    """:raises ApiError: -2014 without a key, -2015 for one that nobody has"""
    if not api_key:
        raise ApiError(-2014, "API-key format invalid.", status=401)
    try:
        return venue.keys[api_key]
    except KeyError:
        raise no_permission() from None


def require_signature(
    key: ApiKey, raw_query: str, raw_body: str, params: Mapping[str, str], now_ms: int
) -> None:
    """Check signature and timestamp of a request.

    :raises ApiError: -1102 when one is missing, -1022 for a wrong signature, -1021 for a
        timestamp outside of the receive window
    """
    given = params.get("signature")
    if not given:
        raise missing_parameter("signature")
    if not params.get("timestamp", "").isdigit():
        raise missing_parameter("timestamp")
    payload = without_signature(raw_query) + without_signature(raw_body)
    if not hmac.compare_digest(given.encode(), sign(key.secret, payload).encode()):
        raise ApiError(-1022, "Signature for this request is not valid.")
    window = int(params.get("recvWindow") or DEFAULT_RECV_WINDOW_MS)
    if window > MAX_RECV_WINDOW_MS:
        raise ApiError(-1131, "recvWindow must be less than 60000.")
    age = now_ms - int(params["timestamp"])
    if age > window or age < -MAX_AHEAD_MS:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def without_signature(raw: str) -> str:
    return "&".join(part for part in raw.split("&") if not part.startswith("signature="))
