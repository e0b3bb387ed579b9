"""Settings from outside: what is accepted, and the one line that names each mistake."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.errors import SettingsError
from freqtrade_recon_plugin.settings import (
    DEFAULT_STORE_URL,
    AccountSettings,
    BotSettings,
    account_from_environment,
    account_from_mapping,
    statsd_from_environment,
    store_url,
)

MINIMAL = {"bot_id": "btc-futures-1", "account": "binance-main"}


def bot_settings(environ: dict[str, str] | None = None, **section: Any) -> BotSettings:
    return BotSettings.from_config({"recon": {**MINIMAL, **section}}, environ or {})


def test_bot_id_and_account_are_enough() -> None:
    settings = bot_settings()
    assert settings.store_url == DEFAULT_STORE_URL
    assert settings.policy == Policy()
    assert settings.external_holdings == {}
    assert (settings.statsd.host, settings.statsd.port, settings.statsd.prefix) == (
        "127.0.0.1",
        8125,
        "recon",
    )
    assert settings.alerts.urls == ()


def test_the_example_of_the_contract_is_accepted() -> None:
    settings = bot_settings(
        store_url="sqlite:///user_data/recon.sqlite",
        policy={"auto_correct_below_pct": 5, "max_position": {"BTC/USDT:USDT": "175"}},
        external_holdings={"BNB": "2.5"},
        statsd={"host": "127.0.0.1", "port": 8125, "prefix": "recon"},
        alerts={"urls": ["json://example.org"]},
    )
    assert settings.policy.max_position == {"BTC/USDT:USDT": Decimal(175)}
    assert settings.external_holdings == {"BNB": Decimal("2.5")}
    assert settings.alerts.urls == ("json://example.org",)


def test_numbers_that_arrive_as_floats_stay_exact() -> None:
    settings = bot_settings(policy={"auto_correct_below_pct": 2.5}, external_holdings={"BNB": 0.1})
    assert settings.policy.auto_correct_below_pct == Decimal("2.5")
    assert settings.external_holdings == {"BNB": Decimal("0.1")}


def test_a_bot_id_that_the_environment_made_a_number_is_text_again() -> None:
    assert bot_settings(bot_id=7).bot_id == "7"


def test_the_environment_wins_over_the_store_url_of_the_section() -> None:
    environ = {"RECON_DATABASE_URL": "postgresql://recon@db/recon"}
    assert bot_settings(environ, store_url="sqlite:///x").store_url == "postgresql://recon@db/recon"
    assert bot_settings({"RECON_DATABASE_URL": ""}, store_url="sqlite:///x").store_url == (
        "sqlite:///x"
    )


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"foo": 1}, "recon.foo: unknown setting"),
        (
            {"policy": {"auto_correct_below_pct": 150}},
            "recon.policy.auto_correct_below_pct: must be a percentage between 0 and 100 (got 150)",
        ),
        (
            {"policy": {"settle_s": "soon"}},
            "recon.policy.settle_s: must be a number (got 'soon')",
        ),
        ({"policy": {"colour": "red"}}, "recon.policy.colour: unknown setting"),
        ({"policy": 5}, "recon.policy: must be an object"),
        ({"bot_id": " "}, "recon.bot_id: must not be empty (got ' ')"),
        ({"bot_id": None}, "recon.bot_id: must be text (got None)"),
        ({"statsd": {"port": "abc"}}, "recon.statsd.port: must be a whole number (got 'abc')"),
        ({"statsd": {"port": 70000}}, "recon.statsd.port: is too large (got 70000)"),
        ({"statsd": {"hosts": "x"}}, "recon.statsd.hosts: unknown setting"),
        (
            {"external_holdings": {"BNB": "some"}},
            "recon.external_holdings.BNB: must be an amount of 0 or more (got 'some')",
        ),
        (
            {"external_holdings": {"BNB": -1}},
            "recon.external_holdings.BNB: must be an amount of 0 or more (got -1)",
        ),
        (
            {"external_holdings": ["BNB"]},
            "recon.external_holdings: must be an object (got ['BNB'])",
        ),
        ({"store_url": 5.5j}, "recon.store_url: must be text"),
        ({"alerts": {"urls": "json://token"}}, "recon.alerts.urls: must be a list"),
    ],
)
def test_a_mistake_in_the_section_is_one_line_that_names_the_key(
    section: dict[str, Any], line: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        bot_settings(**section)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({}, "recon: the section is missing from the config"),
        ({"recon": "on"}, "recon: must be an object"),
        ({"recon": {"account": "a"}}, "recon.bot_id: is required"),
        ({"recon": {"bot_id": "b"}}, "recon.account: is required"),
    ],
)
def test_a_missing_section_or_key_is_named(config: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        BotSettings.from_config(config, {})
    assert str(caught.value) == line


def test_secrets_are_in_no_error_and_in_no_repr() -> None:
    password = "hunter2"
    shown = repr(bot_settings(store_url=f"postgresql://recon:{password}@db/recon"))
    assert password not in shown
    with pytest.raises(SettingsError) as caught:
        bot_settings(alerts=f"json://{password}@host")
    assert password not in str(caught.value)
    account = account_from_mapping(
        "main", {"exchange": "binance", "apiKey": password, "secret": password}, "recon_main"
    )
    assert password not in repr(account)


def test_an_account_is_read_from_its_environment_variable() -> None:
    values = {
        "exchange": "binance",
        "apiKey": "key",
        "secret": "secret",
        "password": None,
        "options": {"defaultType": "swap"},
        "urls": None,
    }
    account = account_from_environment(
        "binance-main", {"RECON_ACCOUNT_BINANCE_MAIN": json.dumps(values)}
    )
    assert isinstance(account, AccountSettings)
    assert (account.id, account.exchange) == ("binance-main", "binance")
    assert account.api_key.get_secret_value() == "key"
    assert account.secret.get_secret_value() == "secret"
    assert account.password is None
    assert account.options == {"defaultType": "swap"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "RECON_ACCOUNT_MAIN: is not set; it holds the key of account 'main'"),
        ("{", "RECON_ACCOUNT_MAIN: is not valid JSON (line 1 column 2)"),
        ("[]", "RECON_ACCOUNT_MAIN: must be an object"),
        ('{"exchange": "binance", "secret": "s"}', "RECON_ACCOUNT_MAIN.apiKey: is required"),
        (
            '{"exchange": "binance", "apiKey": "k", "secret": "s", "key": 1}',
            "RECON_ACCOUNT_MAIN.key: unknown setting",
        ),
        (
            '{"exchange": "binance", "apiKey": ["k"], "secret": "s"}',
            "RECON_ACCOUNT_MAIN.apiKey: must be text",
        ),
    ],
)
def test_a_mistake_in_an_account_names_variable_and_key(text: str | None, line: str) -> None:
    environ = {} if text is None else {"RECON_ACCOUNT_MAIN": text}
    with pytest.raises(SettingsError) as caught:
        account_from_environment("main", environ)
    assert str(caught.value) == line


def test_statsd_of_airflow_is_read_from_the_environment() -> None:
    settings = statsd_from_environment({"RECON_STATSD_HOST": "statsd", "RECON_STATSD_PORT": "9125"})
    assert (settings.host, settings.port, settings.prefix) == ("statsd", 9125, "recon")
    with pytest.raises(SettingsError, match=r"^RECON_STATSD_PORT: must be a whole number"):
        statsd_from_environment({"RECON_STATSD_PORT": "x"})


def test_the_store_is_the_one_given_else_of_the_environment_else_the_default() -> None:
    environ = {"RECON_DATABASE_URL": "sqlite:///env"}
    assert store_url("sqlite:///given", environ) == "sqlite:///given"
    assert store_url(None, environ) == "sqlite:///env"
    assert store_url(None, {}) == DEFAULT_STORE_URL
