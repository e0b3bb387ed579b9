"""Reads Airflow Connections into the settings of the use cases, and opens store and ports.

Every Connection that is missing or wrong is one line that names it. Secrets are masked in Airflow's
logs before anything else sees them.

`recon_store` is a SQLAlchemy URL in the shape of a Connection:

- SQLite: `AIRFLOW_CONN_RECON_STORE=sqlite:////absolute/path/recon.sqlite` (four slashes), or in the
  form of the UI the type `sqlite` and the absolute path as host;
- PostgreSQL: type `postgres`, host, port, login, password, and the database as schema; what stands
  in the extra goes to the driver (`{"sslmode": "require"}`);
- anything else: the whole URL in the extra, `{"url": "postgresql+psycopg://…"}`, which wins.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret
from sqlalchemy.engine import URL

from freqtrade_recon_plugin.alerts import Alerts
from freqtrade_recon_plugin.domain.model import TradingMode
from freqtrade_recon_plugin.errors import ExchangeReadError, SettingsError
from freqtrade_recon_plugin.metrics import Metrics, open_metrics
from freqtrade_recon_plugin.ports import Ports, Reader, now, ports_of
from freqtrade_recon_plugin.settings import (
    DATABASE_URL,
    AccountSettings,
    StatsdSettings,
    account_from_mapping,
    alert_urls_from_environment,
    statsd_from_environment,
)
from freqtrade_recon_plugin.store import Store, open_store
from freqtrade_recon_plugin.workflow.names import STORE_CONNECTION, account_connection

_POSTGRES_TYPES = frozenset({"postgres", "postgresql"})


def find_connection(conn_id: str) -> Any | None:
    """A Connection, or None where it is not defined; its secrets are masked in the logs."""
    try:
        connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    for secret in (connection.login, connection.password):
        if secret:
            mask_secret(secret)
    return connection


def connection_extra(connection: Any) -> dict[str, Any]:
    """The extra of a Connection.

    :raises SettingsError: it is not a JSON object.
    """
    try:
        extra = json.loads(connection.extra or "{}")
    except json.JSONDecodeError:
        extra = None
    if not isinstance(extra, dict):
        raise SettingsError(f"Connection {connection.conn_id}: extra must be a JSON object")
    return extra


def store_url(environ: Mapping[str, str] = os.environ) -> str:
    """The store's URL: Connection `recon_store`, else `RECON_DATABASE_URL`.

    :raises SettingsError: neither is there, or the Connection names no database.
    """
    connection = find_connection(STORE_CONNECTION)
    if connection is not None:
        return url_of(connection)
    if url := environ.get(DATABASE_URL):
        return url
    raise SettingsError(
        f"Connection {STORE_CONNECTION}: missing, and {DATABASE_URL} is not set; "
        "one of them must hold the store's URL"
    )


def url_of(connection: Any) -> str:
    """The SQLAlchemy URL that a Connection stands for (see the top of this module).

    `Connection.get_uri` is no help: it gives `postgres://`, which SQLAlchemy refuses.

    :raises SettingsError: the Connection is of another type or lacks the database.
    """
    extra = connection_extra(connection)
    if url := extra.pop("url", None):
        return str(url)
    if connection.conn_type == "sqlite":
        # As a URI the path is the schema, in the form of the UI it is the host.
        if path := connection.host or connection.schema:
            return f"sqlite:///{path}"
        raise SettingsError(f"Connection {connection.conn_id}: host must be the path of the file")
    if connection.conn_type in _POSTGRES_TYPES:
        if not connection.schema:
            raise SettingsError(f"Connection {connection.conn_id}: schema must name the database")
        return URL.create(
            "postgresql+psycopg",
            username=connection.login,
            password=connection.password,
            host=connection.host,
            port=connection.port,
            database=connection.schema,
            query={key: str(value) for key, value in extra.items()},
        ).render_as_string(hide_password=False)
    raise SettingsError(
        f"Connection {connection.conn_id}: type must be sqlite or postgres, or extra.url be set "
        f"(type is {connection.conn_type!r})"
    )


def account_settings(account_id: str) -> AccountSettings:
    """The read-only key of an account, from Connection `recon_<account>`.

    A name that cannot stand in a shell's environment is also found with `_` for other characters.

    :raises SettingsError: the Connection is missing, or a part of it is missing or wrong.
    """
    conn_id = account_connection(account_id)
    connection = find_connection(conn_id) or find_connection(re.sub(r"\W", "_", conn_id))
    if connection is None:
        raise SettingsError(
            f"Connection {conn_id}: missing; add it with a read-only key "
            '(login = key, password = secret, extra = {"exchange": "…"})'
        )
    extra = connection_extra(connection)
    if extra.get("password"):
        mask_secret(extra["password"])
    given = {
        **extra,
        **({"apiKey": connection.login} if connection.login else {}),
        **({"secret": connection.password} if connection.password else {}),
    }
    return account_from_mapping(account_id, given, f"Connection {conn_id}")


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store of this Airflow, closed at the end.

    :raises SettingsError: no URL, or one that cannot be read.
    :raises StoreError: it cannot be reached, or its schema is not this code's.
    """
    with closing(open_store(store_url())) as store:
        yield store


def ports_for(store: Store, account_id: str | None = None) -> Ports:
    """All that the use cases need; without an account no exchange can be read.

    :raises SettingsError: the account's Connection, or a setting for metrics, is missing or wrong.
    """
    metrics = _metrics(statsd_from_environment())
    alerts = Alerts(alert_urls_from_environment())
    if account_id is not None:
        return ports_of(store, account_settings(account_id), metrics, alerts)
    return Ports(store, _no_reader, now, time.sleep, metrics, alerts)


@cache
def _metrics(settings: StatsdSettings) -> Metrics:
    return open_metrics(settings)  # one socket for the life of the process


def _no_reader(mode: TradingMode) -> Reader:
    raise ExchangeReadError(f"no account was opened, so no {mode} exchange can be read")
