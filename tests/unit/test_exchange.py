"""The reader against real HTTP: what each answer is worth, and what a market's rules are."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from freqtrade_recon_plugin.answers import decimal_of, positive
from freqtrade_recon_plugin.domain.model import Grade, PositionSide, TradingMode
from freqtrade_recon_plugin.errors import ExchangeReadError
from freqtrade_recon_plugin.exchange import ExchangeReader
from freqtrade_recon_plugin.sandbox import FaultKind, ccxt_urls, start_sandbox
from freqtrade_recon_plugin.settings import AccountSettings

SYMBOL = "BTC/USDT:USDT"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Venue:
    """An exchange on loopback that answers what a test says, and else what another one says.

    :param answers: path to body; a body that is not bytes is sent as JSON.
    :param behind: URL of the exchange that answers the rest.
    """

    def __init__(self, answers: dict[str, Any] | None = None, behind: str | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []
        venue = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                venue.asked.append(path)
                status, body = venue.answer(path, self.path, dict(self.headers), behind)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(
        self, path: str, target: str, headers: dict[str, str], behind: str | None
    ) -> tuple[int, bytes]:
        if path in self.answers:
            said = self.answers[path]
            return 200, said if isinstance(said, bytes) else json.dumps(said).encode()
        if behind is None:
            return 404, b'{"code": "404", "msg": "nothing here", "data": []}'
        request = urllib.request.Request(behind + target, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    with start_sandbox(port=0, accounts=("main",)) as running:
        running.controls.manual_trade("main", SYMBOL, "buy", "150")
        running.controls.manual_trade("main", "ETH/USDT:USDT", "sell", "7")
        running.controls.deposit("main", "BTC", "12.5")
        running.controls.add_market("SOL/USDT:USDT", "100")
        yield running


@pytest.fixture(autouse=True)
def faultless(sandbox: Any) -> None:
    sandbox.controls.clear_faults()


def reader_of(
    sandbox: Any, mode: TradingMode = TradingMode.FUTURES, url: str | None = None, **said: Any
) -> ExchangeReader:
    keys = sandbox.keys("main")
    account = AccountSettings(
        id="main",
        exchange=said.pop("exchange", "binance"),
        api_key=keys.read_only_key,
        secret=keys.read_only_secret,
        urls=ccxt_urls(url or sandbox.url),
        **said,
    )
    return ExchangeReader(account, mode, lambda: NOW)


# --- Binance --------------------------------------------------------------------------------------


@pytest.mark.parametrize("exchange", ["binance", "binanceusdm"])
def test_positions_are_read_with_side_amount_and_entry_price(sandbox: Any, exchange: str) -> None:
    reading = reader_of(sandbox, exchange=exchange).read([])

    assert reading.usable
    assert set(reading.reads) == {SYMBOL, "ETH/USDT:USDT"}
    long, short = reading.of(SYMBOL), reading.of("ETH/USDT:USDT")
    assert (long.grade, long.side, long.amount) == (
        Grade.EXPLICIT,
        PositionSide.LONG,
        Decimal(150),
    )
    assert (long.entry_price, long.at) == (Decimal(50000), NOW)
    assert short.quantity == Decimal(-7)
    assert reading.of("SOL/USDT:USDT").grade is Grade.ABSENT


def test_balances_are_read_as_totals(sandbox: Any) -> None:
    reading = reader_of(sandbox, TradingMode.SPOT).read(["BTC/USDT", "ETH/USDT", "XYZ/USDT"])
    assert reading.of("BTC/USDT").quantity == Decimal("12.5")
    assert reading.of("XYZ/USDT").grade is Grade.ABSENT


def test_coins_in_open_orders_are_part_of_the_total(sandbox: Any) -> None:
    venue = Venue(
        {
            "/api/v3/account": {
                "balances": [
                    {"asset": "BTC", "free": "0.10000000", "locked": "0.20000000"},
                    {"asset": "ETH", "free": "1", "locked": None},
                    {"asset": "SOL", "free": "-1", "locked": "0"},
                    {"asset": "BNB", "free": "0", "locked": "0"},
                ]
            }
        },
        behind=sandbox.url,
    )
    reading = reader_of(sandbox, TradingMode.SPOT, venue.url).read(
        ["BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT"]
    )
    venue.close()
    assert reading.of("BTC/USDT").quantity == Decimal("0.3")
    assert reading.of("ETH/USDT").grade is Grade.NULL_QUANTITY
    assert reading.of("SOL/USDT").grade is Grade.NULL_QUANTITY
    assert (reading.of("BNB/USDT").grade, reading.of("BNB/USDT").quantity) == (Grade.EXPLICIT, 0)


ROW = {"symbol": "BTCUSDT", "positionAmt": "150", "entryPrice": "50000", "positionSide": "BOTH"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"true",
        b"42",
        b'"text"',
        b"[1, 2]",
        b"[null]",
        b"[[]]",
        b"{}",
        b'{"code": 0}',
        b'[{"positionAmt": "150"}]',
        b'[{"symbol": null, "positionAmt": "150"}]',
        b'[{"symbol": 7, "positionAmt": "150"}]',
        b'[{"symbol": "BTCUSDT", "positionAmt": "150"}, "and more"]',
        b"\xff\xfe\x00",
    ],
)
@pytest.mark.parametrize(
    ("mode", "path"),
    [(TradingMode.FUTURES, "/fapi/v3/positionRisk"), (TradingMode.SPOT, "/api/v3/account")],
    ids=["futures", "spot"],
)
def test_an_answer_of_another_shape_is_malformed(
    sandbox: Any, mode: TradingMode, path: str, body: bytes
) -> None:
    venue = Venue({path: body}, behind=sandbox.url)
    reading = reader_of(sandbox, mode, venue.url).read(["BTC/USDT"])
    venue.close()
    assert reading.grade is Grade.MALFORMED
    assert not reading.usable
    assert reading.note
    assert reading.reads == {}


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "many"])
def test_a_quantity_that_ccxt_stumbles_over_spoils_the_answer(sandbox: Any, amount: Any) -> None:
    venue = Venue({"/fapi/v3/positionRisk": [{**ROW, "positionAmt": amount}]}, behind=sandbox.url)
    reading = reader_of(sandbox, url=venue.url).read([])
    venue.close()
    assert reading.grade is Grade.MALFORMED
    assert "ValueError" in reading.note


@pytest.mark.parametrize("amount", [None, "", True, [], {}])
def test_a_quantity_that_is_none_is_no_quantity(sandbox: Any, amount: Any) -> None:
    venue = Venue({"/fapi/v3/positionRisk": [{**ROW, "positionAmt": amount}]}, behind=sandbox.url)
    reading = reader_of(sandbox, url=venue.url).read([])
    venue.close()
    assert reading.of(SYMBOL).grade is Grade.NULL_QUANTITY


def test_a_symbol_that_is_named_twice_has_no_one_quantity(sandbox: Any) -> None:
    """Hedge mode: a long and a short position of one symbol."""
    rows = [
        {**ROW, "positionSide": "LONG"},
        {**ROW, "positionSide": "SHORT", "positionAmt": "-20"},
        {**ROW, "symbol": "ETHUSDT"},
    ]
    venue = Venue({"/fapi/v3/positionRisk": rows}, behind=sandbox.url)
    reading = reader_of(sandbox, url=venue.url).read([])
    venue.close()
    assert reading.of(SYMBOL).grade is Grade.NULL_QUANTITY
    assert reading.of("ETH/USDT:USDT").grade is Grade.EXPLICIT


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"symbols": null}', b'{"symbols": [1]}', b'{"symbols": [{}]}']
)
def test_without_markets_no_position_has_a_name(sandbox: Any, body: bytes) -> None:
    venue = Venue({"/fapi/v1/exchangeInfo": body}, behind=sandbox.url)
    reader = reader_of(sandbox, url=venue.url)
    reading = reader.read([])
    assert not reading.usable
    assert reading.reads == {}
    with pytest.raises(ExchangeReadError, match="BTC/USDT:USDT"):
        reader.market(SYMBOL)
    venue.answers.clear()
    assert reader.read([]).of(SYMBOL).quantity == Decimal(150)
    venue.close()


@pytest.mark.parametrize(
    ("kind", "grade"),
    [
        (FaultKind.ERROR_500, Grade.FAILED),
        (FaultKind.RATE_LIMIT, Grade.FAILED),
        (FaultKind.DISCONNECT, Grade.FAILED),
        (FaultKind.GARBAGE, Grade.MALFORMED),
    ],
)
def test_a_reading_after_a_bad_one_is_not_spoiled_by_it(
    sandbox: Any, kind: FaultKind, grade: Grade
) -> None:
    reader = reader_of(sandbox)
    reader.read([])
    sandbox.controls.inject(kind, "positions", times=1)
    assert reader.read([]).grade is grade
    assert reader.read([]).of(SYMBOL).quantity == Decimal(150)


def test_what_went_wrong_is_told_in_one_line_without_keys(sandbox: Any) -> None:
    keys = sandbox.keys("main")
    told = f"bad\nkey {keys.read_only_key} and {keys.read_only_secret}"
    reader = reader_of(sandbox)
    reader.read([])
    sandbox.controls.inject(
        FaultKind.API_ERROR, "positions", times=1, status=401, code=-2015, message=told
    )
    note = reader.read([]).note
    assert note.startswith("AuthenticationError: ")
    assert "***" in note
    for secret in (keys.read_only_key, keys.read_only_secret, "signature", "\n"):
        assert secret not in note
    assert len(note) <= 300


def test_a_time_out_is_as_long_as_it_is_set(sandbox: Any) -> None:
    keys = sandbox.keys("main")
    account = AccountSettings(
        id="main",
        exchange="binance",
        api_key=keys.read_only_key,
        secret=keys.read_only_secret,
        urls=ccxt_urls(sandbox.url),
    )
    reader = ExchangeReader(account, TradingMode.FUTURES, lambda: NOW, timeout_s=0.3)
    reader.read([])
    sandbox.controls.inject(FaultKind.TIMEOUT, "positions", times=1, seconds=3)
    reading = reader.read([])
    assert (reading.grade, reading.note[:15]) == (Grade.FAILED, "RequestTimeout:")


def test_an_exchange_that_ccxt_does_not_know_is_named(sandbox: Any) -> None:
    with pytest.raises(ExchangeReadError, match="account main: exchange 'binanze' is not known"):
        reader_of(sandbox, exchange="binanze")


# --- a second source ------------------------------------------------------------------------------


def test_what_a_second_endpoint_names_as_flat_is_confirmed(sandbox: Any) -> None:
    reader = reader_of(sandbox)
    reading = reader.confirm_absent(reader.read([]), ["SOL/USDT:USDT", SYMBOL])
    assert reading.of("SOL/USDT:USDT").grade is Grade.ABSENT_CONFIRMED
    assert reading.of(SYMBOL).grade is Grade.EXPLICIT


def test_what_the_second_endpoint_knows_to_be_held_is_not_confirmed(sandbox: Any) -> None:
    venue = Venue({"/fapi/v3/positionRisk": []}, behind=sandbox.url)
    reader = reader_of(sandbox, url=venue.url)
    reading = reader.confirm_absent(reader.read([]), [SYMBOL, "SOL/USDT:USDT"])
    venue.close()
    assert reading.of(SYMBOL).grade is Grade.ABSENT
    assert reading.of("SOL/USDT:USDT").grade is Grade.ABSENT_CONFIRMED


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[1]", b'[{"symbol": "SOLUSDT"}]'])
def test_a_bad_answer_of_the_second_endpoint_confirms_nothing(sandbox: Any, body: bytes) -> None:
    venue = Venue({"/fapi/v2/positionRisk": body}, behind=sandbox.url)
    reader = reader_of(sandbox, url=venue.url)
    reading = reader.confirm_absent(reader.read([]), ["SOL/USDT:USDT"])
    venue.close()
    assert reading.of("SOL/USDT:USDT").grade is Grade.ABSENT


def test_a_second_source_is_only_asked_where_something_is_absent(sandbox: Any) -> None:
    venue = Venue(behind=sandbox.url)
    reader = reader_of(sandbox, url=venue.url)
    reading = reader.read([])
    assert reader.confirm_absent(reading, [SYMBOL]) is reading
    spot = reader_of(sandbox, TradingMode.SPOT, venue.url)
    coins = spot.read(["XYZ/USDT"])
    assert spot.confirm_absent(coins, ["XYZ/USDT"]) is coins
    venue.close()
    assert "/fapi/v2/positionRisk" not in venue.asked


# --- markets --------------------------------------------------------------------------------------


def test_a_market_has_its_rules_and_its_price(sandbox: Any) -> None:
    market = reader_of(sandbox).market(SYMBOL)
    assert (market.base, market.quote, market.contract_size) == ("BTC", "USDT", Decimal(1))
    assert (market.amount_step, market.min_amount) == (Decimal("0.001"), Decimal("0.001"))
    assert (market.min_cost, market.price) == (Decimal(5), Decimal(50000))


def test_a_market_without_a_price_has_its_rules_all_the_same(sandbox: Any) -> None:
    sandbox.controls.inject(FaultKind.ERROR_500, "prices", times=1)
    market = reader_of(sandbox).market(SYMBOL)
    assert (market.price, market.amount_step) == (None, Decimal("0.001"))


def test_a_symbol_that_the_exchange_does_not_have_is_named(sandbox: Any) -> None:
    with pytest.raises(ExchangeReadError, match="XYZ/USDT:USDT"):
        reader_of(sandbox).market("XYZ/USDT:USDT")


# --- other exchanges, through ccxt's unified form -------------------------------------------------

OKX_MARKET = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "uly": "BTC-USDT",
    "settleCcy": "USDT",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "ctType": "linear",
    "tickSz": "0.1",
    "lotSz": "0.1",
    "minSz": "0.1",
    "state": "live",
    "lever": "100",
}
OKX_POSITION = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "pos": "1500",
    "posSide": "net",
    "avgPx": "50000",
    "mgnMode": "isolated",
}


def okx(**answers: Any) -> Venue:
    def said(data: Any) -> Any:
        return data if isinstance(data, bytes) else {"code": "0", "msg": "", "data": data}

    return Venue(
        {
            "/api/v5/public/instruments": said(answers.get("markets", [OKX_MARKET])),
            "/api/v5/asset/currencies": said([]),
            "/api/v5/account/positions": said(answers.get("positions", [OKX_POSITION])),
            "/api/v5/market/ticker": said([{"instId": "BTC-USDT-SWAP", "last": "51000"}]),
            "/api/v5/account/balance": said(answers.get("balances", [])),
        }
    )


def okx_reader(venue: Venue, mode: TradingMode = TradingMode.FUTURES) -> ExchangeReader:
    account = AccountSettings(
        id="main",
        exchange="okx",
        api_key="key-of-okx",
        secret="secret-of-okx",
        password="password-of-okx",
        options={"fetchMarkets": {"types": ["swap"]}},
        urls={"api": {"rest": venue.url}},
    )
    return ExchangeReader(account, mode, lambda: NOW)


def test_contracts_become_base_coins(sandbox: Any) -> None:
    venue = okx()
    reader = okx_reader(venue)
    read, market = reader.read([]).of(SYMBOL), reader.market(SYMBOL)
    venue.close()
    assert (read.grade, read.quantity) == (Grade.EXPLICIT, Decimal(15))
    assert read.entry_price == Decimal(50000)
    assert market.contract_size == Decimal("0.01")
    assert (market.amount_step, market.min_amount) == (Decimal("0.001"), Decimal("0.001"))
    assert market.price == Decimal(51000)


def test_a_short_position_has_its_sign(sandbox: Any) -> None:
    venue = okx(positions=[{**OKX_POSITION, "pos": "-200"}])
    assert okx_reader(venue).read([]).of(SYMBOL).quantity == Decimal(-2)
    venue.close()


@pytest.mark.parametrize(
    ("positions", "grade"),
    [
        ([{**OKX_POSITION, "pos": None, "notionalUsd": "5"}], Grade.NULL_QUANTITY),
        ([OKX_POSITION, {**OKX_POSITION, "posSide": "short"}], Grade.NULL_QUANTITY),
        ([], Grade.ABSENT),
        (b"<html>", Grade.MALFORMED),
        (b"", Grade.MALFORMED),
    ],
)
def test_a_unified_answer_is_graded_too(sandbox: Any, positions: Any, grade: Grade) -> None:
    venue = okx(positions=positions)
    reader = okx_reader(venue)
    reading = reader.read([])
    assert reading.of(SYMBOL).grade is grade
    assert reader.confirm_absent(reading, [SYMBOL]) is reading
    venue.close()


def test_spot_balances_of_another_exchange_are_totals(sandbox: Any) -> None:
    details = [{"ccy": "BTC", "cashBal": "3", "availBal": "1", "frozenBal": "2", "eq": "3"}]
    venue = okx(balances=[{"details": details}])
    reading = okx_reader(venue, TradingMode.SPOT).read(["BTC/USDT", "ETH/USDT"])
    venue.close()
    assert reading.of("BTC/USDT").quantity == Decimal(3)
    assert reading.of("ETH/USDT").grade is Grade.ABSENT


@pytest.mark.parametrize("body", [b"", b"null", b"7", b"[]", b"{}"])
def test_a_balance_of_another_exchange_that_says_nothing_is_of_no_use(
    sandbox: Any, body: bytes
) -> None:
    venue = okx(balances=body)
    reading = okx_reader(venue, TradingMode.SPOT).read(["BTC/USDT"])
    venue.close()
    assert reading.grade in {Grade.MALFORMED, Grade.FAILED}
    assert reading.reads == {}


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1.50", Decimal("1.50")),
        (0.1, Decimal("0.1")),
        (Decimal("1E-9"), Decimal("1E-9")),
        (0, Decimal(0)),
        (None, None),
        (False, None),
        ("", None),
        ("nan", None),
        ("-inf", None),
        ({}, None),
    ],
)
def test_a_number_of_an_answer_is_exact_or_none(value: Any, number: Decimal | None) -> None:
    assert decimal_of(value) == number


@pytest.mark.parametrize("value", ["0", "-1", None, "x"])
def test_a_price_is_more_than_nothing(value: Any) -> None:
    assert positive(value) is None
