"""Who may do what: two keys per account, signatures and clocks."""

import ccxt
import pytest

from freqtrade_recon_plugin.sandbox import AccountKeys, Sandbox, ccxt_urls
from tests.sandbox.conftest import FUTURES, SPOT, Connect, client_options


def test_a_read_only_key_reads_and_every_write_gets_401_with_2015(
    connect: Connect, sandbox: Sandbox
) -> None:
    reader = connect("swap", read_only=True)
    assert reader.fetch_balance()["USDT"]["total"] == 100_000_000
    assert reader.fetch_positions() == []
    for write in (
        lambda: reader.create_order(FUTURES, "limit", "buy", 1, 50_000),
        lambda: reader.create_order(FUTURES, "market", "sell", 1, None, {"stopPrice": 40_000}),
        lambda: reader.cancel_order("1", FUTURES),
        lambda: reader.set_leverage(5, FUTURES),
        lambda: reader.set_margin_mode("isolated", FUTURES),
        lambda: reader.create_order(SPOT, "limit", "buy", 1, 50_000),
    ):
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            write()
    written = [r for r in sandbox.controls.requests() if r["method"] != "GET"]
    assert [r["status"] for r in written] == [401] * 6
    assert {r["key"] for r in written} == {"main/readonly"}
    assert sandbox.controls.state("main")["orders"] == []


def test_the_restrictions_of_a_key_tell_that_it_cannot_trade(connect: Connect) -> None:
    reader = connect("swap", read_only=True).sapi_get_account_apirestrictions()
    trader = connect("swap").sapi_get_account_apirestrictions()
    assert reader["enableReading"] is True
    assert reader["enableFutures"] is reader["enableSpotAndMarginTrading"] is False
    assert trader["enableFutures"] is trader["enableSpotAndMarginTrading"] is True
    assert trader["enableWithdrawals"] is False


def test_an_unknown_key_and_a_wrong_secret_are_refused(sandbox: Sandbox, keys: AccountKeys) -> None:
    options = client_options(sandbox.url, "swap", keys)
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        ccxt.binance(options | {"apiKey": "nobody"}).fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        ccxt.binance(options | {"secret": "wrong"}).fetch_balance()


@pytest.mark.parametrize("offset_ms", [60_000, -60_000])
def test_a_clock_that_is_off_gets_1021(sandbox: Sandbox, connect: Connect, offset_ms: int) -> None:
    client = connect("swap")
    sandbox.controls.set_clock_offset(offset_ms)
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        client.fapiprivatev3_get_account()
    sandbox.controls.set_clock_offset(0)
    assert client.fapiprivatev3_get_account()["totalWalletBalance"] == "100000000"


def test_accounts_are_apart(sandbox: Sandbox, connect: Connect, futures: ccxt.binance) -> None:
    other = sandbox.controls.create_account("other", spot={"BTC": "1.5"}, futures_wallet="1000")
    futures.create_order(FUTURES, "market", "buy", 2)
    theirs = connect("swap", account=other)
    assert theirs.fetch_positions() == []
    assert theirs.fetch_balance()["USDT"]["total"] == 1000
    assert connect("spot", account=other).fetch_balance()["BTC"]["free"] == 1.5
    assert futures.fetch_positions()[0]["contracts"] == 2


def test_no_url_of_ccxt_is_left_at_a_real_host(sandbox: Sandbox) -> None:
    known = ccxt.binance().urls["api"]
    overridden = ccxt_urls(sandbox.url)["api"]
    assert set(overridden) == set(known)
    assert all(url.startswith(sandbox.url) for url in overridden.values())


def test_secrets_do_not_show_in_the_text_of_keys(keys: AccountKeys) -> None:
    assert keys.secret not in repr(keys)
    assert keys.read_only_secret not in repr(keys)
