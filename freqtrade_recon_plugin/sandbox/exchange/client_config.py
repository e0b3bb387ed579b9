"""How to point ccxt and freqtrade at a sandbox instead of at Binance."""

from typing import Any, Protocol

# Every key of ccxt's binance `urls["api"]`: one that is left out keeps its real host.
_PATHS = {
    "public": "/api/v3",
    "private": "/api/v3",
    "v1": "/api/v1",
    "sapi": "/sapi/v1",
    "sapiV2": "/sapi/v2",
    "sapiV3": "/sapi/v3",
    "sapiV4": "/sapi/v4",
    "fapiPublic": "/fapi/v1",
    "fapiPublicV2": "/fapi/v2",
    "fapiPublicV3": "/fapi/v3",
    "fapiPrivate": "/fapi/v1",
    "fapiPrivateV2": "/fapi/v2",
    "fapiPrivateV3": "/fapi/v3",
    "fapiData": "/futures/data",
    "dapiPublic": "/dapi/v1",
    "dapiPrivate": "/dapi/v1",
    "dapiPrivateV2": "/dapi/v2",
    "dapiData": "/futures/data",
    "eapiPublic": "/eapi/v1",
    "eapiPrivate": "/eapi/v1",
    "papi": "/papi/v1",
    "papiV2": "/papi/v2",
}


class Keys(Protocol):
    """A key and its secret."""

    @property
    def key(self) -> str: ...
    @property
    def secret(self) -> str: ...


def ccxt_urls(base_url: str) -> dict[str, dict[str, str]]:
    """ccxt's `urls` for a sandbox at `base_url`: nothing is left at a real host."""
    base = base_url.rstrip("/")
    return {"api": {name: base + path for name, path in _PATHS.items()}}


def freqtrade_exchange_config(
    base_url: str,
    account: Keys,
    trading_mode: str = "futures",
    pairs: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """The `exchange` section of a bot's config.

    :param trading_mode: `futures` or `spot`
    :param pairs: the whitelist; BTC against USDT when None
    """
    default = "BTC/USDT:USDT" if trading_mode == "futures" else "BTC/USDT"
    return {
        "name": "binance",
        "key": account.key,
        "secret": account.secret,
        "enable_ws": False,
        "ccxt_config": {"urls": ccxt_urls(base_url), "enableRateLimit": False},
        "pair_whitelist": list(pairs or (default,)),
        "pair_blacklist": [],
    }
