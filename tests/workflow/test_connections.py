"""Connections into settings: what is read from where, and the one line when it is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from freqtrade_recon_plugin.errors import ExchangeReadError, SettingsError
from freqtrade_recon_plugin.store import open_store, upgrade
from freqtrade_recon_plugin.workflow import connections
from freqtrade_recon_plugin.workflow.airflow_rest import base_url


def given(
    monkeypatch: pytest.MonkeyPatch, conn_id: str, text: str | None = None, **parts: Any
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", text or json.dumps(parts))


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECON_DATABASE_URL", raising=False)
    monkeypatch.delenv("AIRFLOW_CONN_RECON_STORE", raising=False)


def test_a_sqlite_file_as_a_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "recon_store", "sqlite:////srv/recon.sqlite")
    assert connections.store_url() == "sqlite:////srv/recon.sqlite"


def test_a_sqlite_file_as_the_form_of_the_ui_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "recon_store", conn_type="sqlite", host="/srv/recon.sqlite")
    assert connections.store_url() == "sqlite:////srv/recon.sqlite"


def test_postgres_in_parts_with_a_password_that_needs_escaping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(
        monkeypatch,
        "recon_store",
        conn_type="postgres",
        host="db",
        port=5433,
        login="recon",
        password="p@ss/word",
        schema="recon",
        extra={"sslmode": "require"},
    )
    url = make_url(connections.store_url())
    assert url.drivername == "postgresql+psycopg"
    assert (url.host, url.port, url.database) == ("db", 5433, "recon")
    assert (url.username, url.password) == ("recon", "p@ss/word")
    assert url.query == {"sslmode": "require"}


def test_postgres_as_the_uri_that_airflow_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "recon_store", "postgres://recon:secret@db:5432/recon")
    assert connections.store_url() == "postgresql+psycopg://recon:secret@db:5432/recon"


def test_a_whole_url_in_the_extra_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "postgresql+psycopg://recon@/recon?host=/run/postgresql"
    given(monkeypatch, "recon_store", conn_type="generic", host="x", extra={"url": whole})
    assert connections.store_url() == whole


def test_the_connection_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_DATABASE_URL", "sqlite:////env.sqlite")
    assert connections.store_url() == "sqlite:////env.sqlite"
    given(monkeypatch, "recon_store", "sqlite:////connection.sqlite")
    assert connections.store_url() == "sqlite:////connection.sqlite"


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"conn_type": "mysql", "host": "db", "schema": "x"}, "type must be sqlite or postgres"),
        ({"conn_type": "postgres", "host": "db"}, "schema must name the database"),
        ({"conn_type": "sqlite"}, "host must be the path"),
        ({"conn_type": "sqlite", "host": "/x", "extra": "[1]"}, "extra must be a JSON object"),
    ],
)
def test_a_store_connection_that_is_wrong_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, str], line: str
) -> None:
    given(monkeypatch, "recon_store", **parts)
    with pytest.raises(SettingsError, match=f"^Connection recon_store: {line}"):
        connections.store_url()


def test_no_store_at_all_names_both_places() -> None:
    with pytest.raises(SettingsError, match=r"recon_store.*RECON_DATABASE_URL"):
        connections.store_url()


def test_an_account_is_read_with_its_key_and_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = {"api": {"public": "http://127.0.0.1:1"}}
    given(
        monkeypatch,
        "recon_binance-main",
        conn_type="generic",
        login="key",
        password="secret",
        extra={"exchange": "binance", "urls": urls, "options": {"x": 1}, "password": "phrase"},
    )
    account = connections.account_settings("binance-main")
    assert (account.id, account.exchange) == ("binance-main", "binance")
    assert account.api_key.get_secret_value() == "key"
    assert account.secret.get_secret_value() == "secret"
    assert account.password is not None
    assert account.password.get_secret_value() == "phrase"
    assert (account.urls, account.options) == (urls, {"x": 1})


def test_an_account_whose_name_no_shell_can_export_is_found_with_underscores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extra = {"exchange": "binance"}
    given(monkeypatch, "recon_binance_main", login="key", password="s", extra=extra)
    assert connections.account_settings("binance-main").id == "binance-main"


def test_a_missing_account_is_one_line_that_says_what_to_add() -> None:
    with pytest.raises(SettingsError) as error:
        connections.account_settings("binance-main")
    line = str(error.value)
    assert line.startswith("Connection recon_binance-main: missing")
    assert "read-only key" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"password": "s", "extra": {"exchange": "binance"}}, "apiKey: is required"),
        ({"login": "k", "extra": {"exchange": "binance"}}, "secret: is required"),
        ({"login": "k", "password": "s"}, "exchange: is required"),
        (
            {"login": "k", "password": "s", "extra": {"exchange": "binance", "sandbox": True}},
            "sandbox: unknown setting",
        ),
    ],
)
def test_an_incomplete_account_names_the_field_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any], line: str
) -> None:
    given(monkeypatch, "recon_a", **parts)
    with pytest.raises(SettingsError, match=f"Connection recon_a.*{line}"):
        connections.account_settings("a")


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({"conn_type": "http", "host": "airflow", "port": 8080}, "http://airflow:8080"),
        ({"conn_type": "https", "host": "airflow"}, "https://airflow"),
        ({"conn_type": "http", "host": "airflow", "schema": "https"}, "https://airflow"),
        ({"conn_type": "generic", "host": "https://a.example/af/"}, "https://a.example/af"),
    ],
)
def test_where_the_api_server_is(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any], url: str
) -> None:
    given(monkeypatch, "recon_airflow_api", **parts)
    found = connections.find_connection("recon_airflow_api")
    assert base_url(found) == url


def test_an_api_connection_without_a_host_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "recon_airflow_api", conn_type="http", login="x")
    with pytest.raises(SettingsError, match="Connection recon_airflow_api: host"):
        base_url(connections.find_connection("recon_airflow_api"))


def test_ports_without_an_account_read_no_exchange(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'recon.sqlite'}"
    upgrade(url)
    store = open_store(url)
    ports = connections.ports_for(store)
    with pytest.raises(ExchangeReadError):
        ports.reader("spot")  # type: ignore[arg-type]
    store.close()
