"""Faults on demand, and what real ccxt makes of them."""

import time
from collections.abc import Callable

import ccxt
import pytest

from freqtrade_recon_plugin.sandbox import FaultKind, Sandbox
from tests.sandbox.conftest import FUTURES, Connect


@pytest.fixture
def loaded(futures: ccxt.binance) -> ccxt.binance:
    """A client with a position of 150, all its start-up calls behind it."""
    futures.create_order(FUTURES, "market", "buy", 150)
    futures.fetch_positions()
    return futures


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.ERROR_500, ccxt.OperationFailed),
        (FaultKind.BAD_GATEWAY, ccxt.ExchangeNotAvailable),
        (FaultKind.UNAVAILABLE, ccxt.ExchangeNotAvailable),
        (FaultKind.GATEWAY_TIMEOUT, ccxt.RequestTimeout),
        (FaultKind.RATE_LIMIT, ccxt.DDoSProtection),
        (FaultKind.BANNED, ccxt.DDoSProtection),
        (FaultKind.DISCONNECT, ccxt.NetworkError),
    ],
)
def test_an_error_strikes_once_and_then_all_is_well(
    loaded: ccxt.binance, sandbox: Sandbox, kind: FaultKind, error: type[Exception]
) -> None:
    sandbox.controls.inject(kind, "positions")
    with pytest.raises(error):
        loaded.fetch_positions()
    assert loaded.fetch_positions()[0]["contracts"] == 150
    assert sandbox.controls.faults()[0]["hits"] == 1


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.GARBAGE,
        FaultKind.TRUNCATED,
        FaultKind.HTML,
        FaultKind.EMPTY,
        FaultKind.EMPTY_LIST,
        FaultKind.EMPTY_OBJECT,
    ],
)
def test_a_spoiled_answer_looks_flat_to_ccxt(
    loaded: ccxt.binance, sandbox: Sandbox, kind: FaultKind
) -> None:
    sandbox.controls.inject(kind, "positions")
    assert loaded.fetch_positions() == []
    assert loaded.fetch_positions()[0]["contracts"] == 150


@pytest.mark.parametrize("kind", [FaultKind.NULL_QUANTITY, FaultKind.MISSING_QUANTITY])
def test_an_answer_without_quantities_has_no_amounts(
    loaded: ccxt.binance, sandbox: Sandbox, kind: FaultKind
) -> None:
    sandbox.controls.inject(kind, "positions")
    sandbox.controls.inject(kind, "balance")
    assert loaded.fetch_positions()[0]["side"] is None
    assert loaded.fetch_balance()["USDT"]["total"] is None
    row = loaded.fapiprivatev3_get_positionrisk()[0]
    assert row["positionAmt"] == "150"


def test_a_null_quantity_is_null_and_a_missing_one_is_missing(
    loaded: ccxt.binance, sandbox: Sandbox
) -> None:
    sandbox.controls.inject(FaultKind.NULL_QUANTITY, "positions")
    assert loaded.fapiprivatev3_get_positionrisk()[0]["positionAmt"] is None
    sandbox.controls.inject(FaultKind.MISSING_QUANTITY, "positions")
    assert "positionAmt" not in loaded.fapiprivatev3_get_positionrisk()[0]


@pytest.mark.parametrize("kind", [FaultKind.ANSWER_LOST, FaultKind.ANSWER_LOST_504])
def test_an_order_whose_answer_is_lost_is_in_the_book(
    futures: ccxt.binance, sandbox: Sandbox, kind: FaultKind
) -> None:
    sandbox.controls.inject(kind, "order_create")
    with pytest.raises(ccxt.NetworkError):
        futures.create_order(FUTURES, "market", "buy", 3)
    order = futures.fetch_orders(FUTURES)[0]
    assert (order["status"], order["filled"]) == ("closed", 3)
    logged = sandbox.controls.requests(group="order_create")[0]
    assert str(logged["order_id"]) == order["id"]
    assert logged["fault"] == kind


def test_an_order_that_fails_before_execution_is_not_in_the_book(
    futures: ccxt.binance, sandbox: Sandbox
) -> None:
    for kind in (FaultKind.ERROR_500, FaultKind.DISCONNECT, FaultKind.EMPTY):
        sandbox.controls.inject(kind, "order_create")
    for _ in range(2):
        with pytest.raises(ccxt.BaseError):
            futures.create_order(FUTURES, "market", "buy", 3)
    assert futures.create_order(FUTURES, "market", "buy", 3)["status"] is None
    assert futures.fetch_orders(FUTURES) == []


def test_any_fault_can_strike_after_execution(futures: ccxt.binance, sandbox: Sandbox) -> None:
    sandbox.controls.inject(FaultKind.ERROR_500, "order_create", executed=True)
    with pytest.raises(ccxt.OperationFailed):
        futures.create_order(FUTURES, "market", "buy", 3)
    assert sandbox.controls.position("main", FUTURES) == 3


def test_a_timeout_hangs_and_closes(loaded: ccxt.binance, sandbox: Sandbox) -> None:
    loaded.timeout = 200
    sandbox.controls.inject(FaultKind.TIMEOUT, "positions", seconds=30)
    with pytest.raises(ccxt.RequestTimeout):
        loaded.fetch_positions()
    assert loaded.fetch_positions()[0]["contracts"] == 150


def test_latency_delays_the_true_answer(loaded: ccxt.binance, sandbox: Sandbox) -> None:
    sandbox.controls.inject(FaultKind.LATENCY, "positions", seconds=0.3)
    began = time.monotonic()
    assert loaded.fetch_positions()[0]["contracts"] == 150
    assert time.monotonic() - began >= 0.3


def test_an_api_error_has_the_code_that_was_asked_for(
    loaded: ccxt.binance, sandbox: Sandbox
) -> None:
    sandbox.controls.inject(
        FaultKind.API_ERROR, "order_create", code=-2019, message="Margin is insufficient."
    )
    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        loaded.create_order(FUTURES, "market", "buy", 1)


def test_a_fault_can_be_aimed_at_one_key(
    loaded: ccxt.binance, connect: Connect, sandbox: Sandbox
) -> None:
    reader = connect("swap", read_only=True)
    reader.fetch_positions()
    sandbox.controls.inject(FaultKind.UNAVAILABLE, "all", times=None, key="main/readonly")
    assert loaded.fetch_positions()[0]["contracts"] == 150
    for _ in range(3):
        with pytest.raises(ccxt.ExchangeNotAvailable):
            reader.fetch_positions()
    sandbox.controls.clear_faults()
    assert reader.fetch_positions()[0]["contracts"] == 150


@pytest.mark.parametrize(
    ("target", "options", "struck"),
    [
        ("/fapi/v3/positionRisk", {}, lambda c: c.fetch_positions()),
        ("/fapi/v1/order", {"method": "GET"}, lambda c: c.fetch_order("1", FUTURES)),
        ("trades", {"symbol": "BTCUSDT"}, lambda c: c.fetch_my_trades(FUTURES)),
        ("orders", {}, lambda c: c.fetch_open_orders(FUTURES)),
        ("order_cancel", {}, lambda c: c.cancel_order("1", FUTURES)),
        ("prices", {}, lambda c: c.fetch_order_book(FUTURES)),
    ],
)
def test_a_fault_strikes_its_target_and_nothing_else(
    loaded: ccxt.binance,
    sandbox: Sandbox,
    target: str,
    options: dict[str, str],
    struck: Callable[[ccxt.binance], object],
) -> None:
    sandbox.controls.inject(FaultKind.BAD_GATEWAY, target, **options)
    loaded.fetch_balance()
    loaded.create_order(FUTURES, "market", "buy", 1)
    loaded.fetch_my_trades("ETH/USDT:USDT")
    with pytest.raises(ccxt.ExchangeNotAvailable):
        struck(loaded)


def test_a_fault_can_let_some_calls_pass_first(loaded: ccxt.binance, sandbox: Sandbox) -> None:
    sandbox.controls.inject(FaultKind.EMPTY_LIST, "positions", skip=1, times=1)
    seen = [len(loaded.fetch_positions()) for _ in range(3)]
    assert seen == [1, 0, 1]
