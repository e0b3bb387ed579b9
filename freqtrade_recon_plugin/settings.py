"""Settings from outside: the bot's section `recon`, exchange accounts, statsd, the store's URL.

Every mistake is one line that names the key. Values that may hold a secret are never repeated in
an error, a log line or a `repr`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.errors import SettingsError

DATABASE_URL = "RECON_DATABASE_URL"
DEFAULT_STORE_URL = "sqlite:///user_data/recon.sqlite"
#: The section of the freqtrade config; error messages start with it.
SECTION = "recon"

_T = TypeVar("_T", bound=BaseModel)
#: Keys whose values may hold passwords or tokens.
_SECRET_KEYS = frozenset({"store_url", "alerts", "urls", "api_key", "apiKey", "secret", "password"})
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "unknown setting",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
}


def _named(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _policy(value: Any) -> Policy:
    if isinstance(value, Policy):
        return value
    return Policy.from_mapping(value, f"{SECTION}.policy")


def _amount(value: Any) -> Decimal:
    """An amount given as text or as the number that a JSON reader made of it."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or number < 0:
        raise ValueError("must be an amount of 0 or more")
    return number


Name = Annotated[str, AfterValidator(_named)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]


class _Settings(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, coerce_numbers_to_str=True
    )


class StatsdSettings(_Settings):
    """Where metrics go, over UDP.

    :param prefix: first segment of every name.
    """

    host: Name = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8125
    prefix: Name = "recon"


class AlertSettings(_Settings):
    """Where alerts go beside the log and the bot's own messages.

    :param urls: apprise URLs.
    """

    urls: tuple[str, ...] = Field(default=(), repr=False)


class BotSettings(_Settings):
    """The section `recon` of the freqtrade config of one bot.

    :param account: the exchange account, as Airflow and `RECON_ACCOUNT_<ID>` name it.
    :param external_holdings: spot: coin to the amount of it (base coin) that is not the bot's.
    """

    bot_id: Name
    account: Name
    store_url: str = Field(default=DEFAULT_STORE_URL, repr=False)
    policy: Annotated[Policy, BeforeValidator(_policy)] = Field(default_factory=Policy)
    external_holdings: dict[Name, Amount] = Field(default_factory=dict)
    statsd: StatsdSettings = Field(default_factory=StatsdSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> BotSettings:
        """Reads the section out of a freqtrade config; `RECON_DATABASE_URL` wins over its URL.

        :raises SettingsError: the section or a key is missing, unknown or out of range.
        """
        if SECTION not in config:
            raise SettingsError(f"{SECTION}: the section is missing from the config")
        section = config[SECTION]
        if not isinstance(section, Mapping):
            raise SettingsError(f"{SECTION}: must be an object")
        settings = _read(cls, dict(section), SECTION)
        return settings.model_copy(
            update={"store_url": environ.get(DATABASE_URL) or settings.store_url}
        )


class AccountSettings(_Settings):
    """One exchange account for the reconciliation, with a key that can only read.

    :param exchange: ccxt's id of the exchange.
    :param options, urls: handed to ccxt as they are.
    """

    id: Name
    exchange: Name
    api_key: SecretStr
    secret: SecretStr
    password: SecretStr | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    urls: dict[str, Any] | None = Field(default=None, repr=False)


def account_variable(account_id: str) -> str:
    """The environment variable of an account: `RECON_ACCOUNT_<ID>`, other characters as `_`."""
    return "RECON_ACCOUNT_" + re.sub(r"[^A-Z0-9]", "_", account_id.upper())


def account_from_environment(
    account_id: str, environ: Mapping[str, str] = os.environ
) -> AccountSettings:
    """Reads an account from `RECON_ACCOUNT_<ID>`, which holds JSON.

    :raises SettingsError: the variable is not set, is not JSON, or a key of it is wrong.
    """
    variable = account_variable(account_id)
    text = environ.get(variable)
    if not text:
        raise SettingsError(f"{variable}: is not set; it holds the key of account {account_id!r}")
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise SettingsError(f"{variable}: is not valid JSON ({where})") from None
    return account_from_mapping(account_id, values, variable)


def account_from_mapping(account_id: str, values: Any, where: str) -> AccountSettings:
    """Reads an account from an object with `exchange`, `apiKey`, `secret` and the like.

    :param where: how error messages name the object.
    :raises SettingsError: a key is missing, unknown or wrong.
    """
    if not isinstance(values, Mapping):
        raise SettingsError(f"{where}: must be an object")
    given = {"api_key" if key == "apiKey" else str(key): value for key, value in values.items()}
    if given.get("options", {}) is None:
        del given["options"]
    return _read(AccountSettings, {**given, "id": account_id}, where, {"api_key": "apiKey"})


def statsd_from_environment(environ: Mapping[str, str] = os.environ) -> StatsdSettings:
    """Statsd as Airflow has it: `RECON_STATSD_HOST`, `RECON_STATSD_PORT`, `RECON_STATSD_PREFIX`.

    :raises SettingsError: names the variable.
    """
    variables = {key: f"RECON_STATSD_{key.upper()}" for key in ("host", "port", "prefix")}
    given = {key: environ[name] for key, name in variables.items() if environ.get(name)}
    return _read(StatsdSettings, given, "", variables)


def alert_urls_from_environment(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The apprise URLs of `RECON_ALERT_URLS`, which are separated by spaces."""
    return tuple(environ.get("RECON_ALERT_URLS", "").split())


def store_url(explicit: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The store's URL: the one given, else `RECON_DATABASE_URL`, else the default file."""
    return explicit or environ.get(DATABASE_URL) or DEFAULT_STORE_URL


def _read(
    kind: type[_T], values: dict[str, Any], where: str, names: Mapping[str, str] | None = None
) -> _T:
    """Validates `values`; the first mistake becomes one line that names the key.

    :param names: what keys are called outside, where that differs.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    keys = [str(key) for key in first["loc"] if key != "[key]"]
    path = ".".join([*([where] if where else []), *((names or {}).get(key, key) for key in keys)])
    told = _WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    told = told[0].lower() + told[1:]
    quiet = first["type"] in ("missing", "extra_forbidden") or not _SECRET_KEYS.isdisjoint(keys)
    raise SettingsError(f"{path}: {told}" if quiet else f"{path}: {told} (got {first['input']!r})")
