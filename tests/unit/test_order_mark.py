"""The mark in client order ids: what each exchange takes, and whose order it is."""

from __future__ import annotations

import random
import re
import uuid
from typing import Any

import ccxt
import pytest

from freqtrade_recon_plugin.order_mark import carries_mark, client_id_params, new_client_id

#: Length and characters that the exchanges' documentation allows, per exchange and trading mode.
BINANCE = r"[a-zA-Z0-9\-_]{1,36}"
OKX = r"[a-zA-Z0-9]{1,32}"
GATE = r"t-[0-9A-Za-z_.\-]{1,28}"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
ALLOWED = {
    ("binance", "spot"): BINANCE,
    ("binance", "futures"): BINANCE,
    ("binanceus", "spot"): BINANCE,
    ("binanceusdm", "futures"): BINANCE,
    ("bingx", "spot"): r"[a-z0-9_]{1,40}",
    ("bingx", "futures"): r"[a-z0-9_]{1,40}",
    ("bitget", "spot"): r"[.A-Z:/a-z0-9_\-]{1,32}",
    ("bitget", "futures"): r"[.A-Z:/a-z0-9_\-]{1,32}",
    ("bitvavo", "spot"): UUID4,
    ("bybit", "spot"): r"[0-9A-Za-z\-_]{1,36}",
    ("bybit", "futures"): r"[0-9A-Za-z\-_]{1,36}",
    ("bybiteu", "spot"): r"[0-9A-Za-z\-_]{1,36}",
    ("gate", "spot"): GATE,
    ("gate", "futures"): GATE,
    ("gateeu", "spot"): GATE,
    ("htx", "spot"): r"[0-9A-Za-z_\-]{1,64}",
    ("hyperliquid", "spot"): r"0x[0-9a-f]{32}",
    ("hyperliquid", "futures"): r"0x[0-9a-f]{32}",
    ("kraken", "spot"): UUID4.replace("-[", "[").replace("-4", "4"),
    ("krakenfutures", "futures"): UUID4,
    ("kucoin", "spot"): r"[0-9A-Za-z_\-]{1,40}",
    ("myokx", "spot"): OKX,
    ("okx", "spot"): OKX,
    ("okx", "futures"): OKX,
    ("okxus", "spot"): OKX,
}
#: Where a stop takes no id that the exchange documents and freqtrade can live with.
NO_STOP_ID = {"bingx", "bitget", "gate", "gateeu"}
#: The exchanges that freqtrade 2026.9 names as supported, with the modes that it trades there.
SUPPORTED = {
    "binance",
    "binanceus",
    "binanceusdm",
    "bingx",
    "bitget",
    "bybit",
    "bybiteu",
    "gate",
    "gateeu",
    "htx",
    "hyperliquid",
    "kraken",
    "krakenfutures",
    "okx",
    "myokx",
}
BROKERS = {
    ("binance", "spot"): "x-TKT5PX2F",
    ("binance", "futures"): "x-cvBPrNm9",
    ("htx", "spot"): "AA03022abc",
    ("okx", "spot"): "6b9ad766b55dBCDE",
    ("okx", "futures"): "6b9ad766b55dBCDE",
}
EACH = sorted(ALLOWED)


def test_every_exchange_that_freqtrade_supports_is_known() -> None:
    assert {exchange for exchange, _ in ALLOWED} >= SUPPORTED


@pytest.mark.parametrize(("exchange", "mode"), EACH)
@pytest.mark.parametrize("conditional", [False, True], ids=["order", "stop"])
def test_an_id_has_the_length_and_the_characters_that_the_exchange_allows(
    exchange: str, mode: str, conditional: bool
) -> None:
    for number in range(200):
        made = new_client_id(exchange, f"bot {number}", str(number), mode, conditional=conditional)
        if conditional and exchange in NO_STOP_ID:
            assert made is None
        else:
            assert made is not None
            assert re.fullmatch(ALLOWED[exchange, mode], made), made


@pytest.mark.parametrize(
    ("exchange", "mode"),
    [("htx", "futures"), ("kraken", "futures"), ("krakenfutures", "spot"), ("coinex", "spot")],
)
def test_where_no_id_can_be_passed_there_is_none(exchange: str, mode: str) -> None:
    assert new_client_id(exchange, "btc-1", "t", mode) is None
    assert client_id_params(exchange, None) == {}


# --- whose it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("exchange", "mode"), EACH)
def test_a_bots_mark_is_known_and_another_bots_is_not(exchange: str, mode: str) -> None:
    made = new_client_id(exchange, "btc-1", "t", mode)
    assert made is not None
    assert carries_mark(made, "btc-1")
    assert carries_mark(made.lower(), "btc-1"), "some exchanges change the case"
    for other in ("btc-2", "btc-1 ", "BTC-1", "", *map(str, range(500))):
        assert not carries_mark(made, other)


def test_a_uuid_is_known_in_each_of_its_spellings() -> None:
    made = new_client_id("krakenfutures", "btc-1", "t", "futures")
    assert made is not None
    for spelling in (made, made.upper(), made.replace("-", ""), f"0x{made.replace('-', '')}"):
        assert carries_mark(spelling, "btc-1")


def ids_of_ccxt() -> list[str]:
    return [
        "x-TKT5PX2F" + ccxt.Exchange.uuid22(),
        "x-cvBPrNm9" + ccxt.Exchange.uuid22(),
        "6b9ad766b55dBCDE" + ccxt.Exchange.uuid16(),
        "ffb5405ad327SUDE" + ccxt.Exchange.uuid16(),
        "AA03022abc" + ccxt.Exchange.uuid(),
        "t-" + ccxt.Exchange.uuid16(),
        ccxt.Exchange.uuid16(),
        ccxt.Exchange.uuid(),
    ]


def test_what_ccxt_makes_up_itself_carries_no_mark() -> None:
    # Hexadecimal ids cannot be a text mark; a random uuid is a hex mark once in 2 ** 48.
    bots = ["btc-1", "eth", "ü", *map(str, range(100))]
    assert not any(
        carries_mark(made, bot) for _ in range(50) for made in ids_of_ccxt() for bot in bots
    )


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        "",
        " ",
        "0",
        "web_HmXyQ9Ijs7Ed3Dqq9LNn",
        "ios_5fTQzoSzfQ5TAWBKp1vR",
        "android_aTWmGQ4kXwVzW2T9bGqp",
        "electron_d3ab1c2d3e4f5a6b7c8d9e0f",
        "autoclose-1699999999999999999",
        "adl_autoclose",
        "settlement_autoclose-20261123",
        "api",
        "app",
        "t-my own order",
        "1512501029504577536",
        "41414141",
        "x-TKT5PX2F",
        "x-TKT5PX2F-jqyhn66od4conpb5",
        "freqtrade",
    ],
)
def test_what_people_and_exchanges_write_carries_no_mark(foreign: str | None) -> None:
    for bot in ("btc-1", "", "web", *map(str, range(200))):
        assert not carries_mark(foreign, bot)


def test_a_mark_behind_something_else_or_cut_short_is_none() -> None:
    made = new_client_id("bybit", "btc-1", "t", "spot")
    assert made is not None
    assert carries_mark(made, "btc-1")
    for changed in (
        made[1:],
        made[:-1],
        f"{made}0",
        f"web_{made}",
        f"autoclose-{made}",
        f"{made} ".replace(made[8], "_"),
        "0" * 17 + made,
    ):
        assert not carries_mark(changed, "btc-1"), changed


def test_a_random_id_of_the_same_shape_is_not_taken_for_the_bots() -> None:
    drawn = random.Random(7)
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    shaped = ["g" + "".join(drawn.choices(letters, k=15)) for _ in range(20_000)]
    shaped += [str(uuid.UUID(int=drawn.getrandbits(128), version=4)) for _ in range(20_000)]
    assert not any(carries_mark(one, "btc-1") for one in shaped)


# --- the token -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("exchange", "mode"), EACH)
def test_the_same_token_gives_the_same_id_and_another_one_another(exchange: str, mode: str) -> None:
    made = {new_client_id(exchange, "btc-1", f"{number}", mode) for number in range(20_000)}
    assert len(made) == 20_000
    assert new_client_id(exchange, "btc-1", "7", mode) in made
    assert new_client_id(exchange, "btc-2", "7", mode) not in made


def test_bot_and_token_are_not_run_together() -> None:
    ends = {carried[-10:] for carried in (
        new_client_id("bybit", "a", "bc", "spot") or "",
        new_client_id("bybit", "ab", "c", "spot") or "",
    )}  # fmt: skip
    assert len(ends) == 2


def test_every_character_after_the_mark_is_drawn_from_the_whole_alphabet() -> None:
    made = [new_client_id("bybit", "btc-1", str(number), "spot") or "" for number in range(2000)]
    for place in range(6, 16):
        assert len({one[place] for one in made}) == 36
    digits = [new_client_id("kraken", "btc-1", str(n), "spot") or "" for n in range(2000)]
    for place in range(13, 32):
        assert len({one[place] for one in digits}) == (4 if place == 16 else 16)


def test_the_forms_are_what_they_were_so_that_older_orders_are_still_known() -> None:
    assert new_client_id("binance", "btc-1", "t1", "spot") == "x-TKT5PX2Fjqyhn66od4conpb5"
    assert new_client_id("gate", "btc-1", "t1", "spot") == "t-jqyhn66od4conpb5"
    assert new_client_id("kraken", "btc-1", "t1", "spot") == "aeabff76b0b040eb8d9a2ba3705c18de"


def test_odd_names_stop_no_order() -> None:
    for odd in ("", "ü\N{PILE OF POO}", "\ud800", "a" * 10_000):
        made = new_client_id("okx", odd, odd, "spot")
        assert made is not None
        assert re.fullmatch(OKX, made)
        assert carries_mark(made, odd)


# --- the broker ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("exchange", "mode"), sorted(BROKERS))
def test_the_brokers_prefix_is_the_one_that_ccxt_would_have_put_there(
    exchange: str, mode: str
) -> None:
    options = getattr(ccxt, exchange)().options
    for given in (None, {}, options):
        made = new_client_id(exchange, "btc-1", "t", mode, options=given)
        assert made is not None
        assert made.startswith(BROKERS[exchange, mode])


def test_a_configured_broker_goes_before_the_default() -> None:
    freqtrades = {"brokerId": "ffb5405ad327SUDE"}
    made = new_client_id("okx", "btc-1", "t", "spot", options=freqtrades)
    assert made is not None
    assert made.startswith("ffb5405ad327SUDE")
    assert carries_mark(made, "btc-1")
    params = client_id_params("okx", made, options=freqtrades)
    assert params == {"clientOrderId": made, "tag": "ffb5405ad327SUDE"}


@pytest.mark.parametrize("broker", ["a" * 17, "with space", "under_score", 7, {"id": "x"}])
def test_a_broker_that_does_not_fit_is_left_out(broker: Any) -> None:
    made = new_client_id("okx", "btc-1", "t", "spot", options={"brokerId": broker})
    assert made is not None
    assert re.fullmatch(OKX, made)
    assert carries_mark(made, "btc-1")
