"""The server itself: loopback only, the request log, the command line's entry."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import ccxt
import pytest

from freqtrade_recon_plugin.sandbox import ControlError, Sandbox, SandboxClient, start_sandbox
from tests.sandbox.conftest import FUTURES, wait_until


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "::1", ""])
def test_a_host_that_is_not_loopback_is_refused(host: str) -> None:
    with pytest.raises(ControlError, match="loopback only"):
        start_sandbox(host=host)


def test_a_port_that_is_taken_is_an_error(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        start_sandbox(port)


def test_the_request_log_tells_who_did_what_without_signatures(
    sandbox: Sandbox, futures: ccxt.binance
) -> None:
    control = sandbox.controls
    control.clear_requests()
    order = futures.create_order(FUTURES, "limit", "buy", 100, 50_000)
    futures.fetch_balance()
    (placed,) = control.requests(method="POST", path="/fapi/v1/order")
    assert (placed["key"], placed["status"]) == ("main/trading", 200)
    assert str(placed["order_id"]) == order["id"]
    assert placed["params"]["quantity"] == "100"
    assert "signature" not in placed["params"]
    later = control.requests(after=placed["number"], key="main")
    assert [row["path"] for row in later] == ["/fapi/v3/account"]
    assert futures.secret not in json.dumps(control.requests())
    control.clear_requests()
    assert control.requests() == []


def test_an_unknown_path_is_404_and_in_the_log(sandbox: Sandbox) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{sandbox.url}/fapi/v1/nonsense", timeout=5)
    assert sandbox.controls.requests()[0]["status"] == 404


def test_a_control_request_that_is_no_json_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(f"{sandbox.url}/_control/overview", data=b"{", timeout=5)


def test_stopping_does_not_wait_for_a_request_that_hangs(sandbox: Sandbox) -> None:
    sandbox.controls.inject("timeout", "all", seconds=600)
    code = f"import urllib.request; urllib.request.urlopen('{sandbox.url}/api/v3/ping')"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as customer:
        try:
            wait_until(sandbox.controls.requests)
            sandbox.stop()
            assert customer.wait(10) != 0
        finally:
            customer.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_from_the_command_line_prints_the_url_and_ends_on_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = (
        "from freqtrade_recon_plugin.sandbox import serve_forever;"
        "serve_forever(accounts=('desk-a', 'desk-b'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert SandboxClient(url).overview()["accounts"] == ["desk-a", "desk-b"]
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(10) == 0
    assert "read-only secret" in rest
    assert "urls" in rest


def test_the_sandbox_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules);"
        "import freqtrade_recon_plugin.sandbox;"
        "import freqtrade_recon_plugin.sandbox.live_bot;"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before};"
        "print(sorted(new - sys.stdlib_module_names - {'freqtrade_recon_plugin'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
