"""How the mixin is imported and written into a strategy, and where it does nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy import IStrategy

from freqtrade_recon_plugin import ReconciliationMixin

_WITHOUT_FREQTRADE = "import sys; sys.modules['freqtrade'] = None; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["freqtrade_recon_plugin", "freqtrade_recon_plugin.settings"])
def test_the_package_is_imported_without_freqtrade(module: str) -> None:
    assert run(f"{_WITHOUT_FREQTRADE} import {module}").returncode == 0


def test_the_mixin_asks_for_freqtrade_when_it_is_used() -> None:
    code = "import freqtrade_recon_plugin as plugin; plugin.ReconciliationMixin"
    failed = run(_WITHOUT_FREQTRADE + code)
    assert failed.returncode == 1
    assert "freqtrade" in failed.stderr.splitlines()[-1]
    loaded = run(f"{code}; import sys; assert 'airflow' not in sys.modules")
    assert loaded.returncode == 0, loaded.stderr


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import freqtrade_recon_plugin

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        freqtrade_recon_plugin.Nothing  # noqa: B018


def test_a_strategy_that_would_not_be_guarded_cannot_even_be_written() -> None:
    type("Guarded", (ReconciliationMixin, IStrategy), {})
    with pytest.raises(OperationalException, match="the mixin first"):
        type("Unguarded", (IStrategy, ReconciliationMixin), {})


class _Host:
    """Stands where IStrategy does: freqtrade's own start and end of a strategy."""

    def __init__(self, runmode: RunMode, dry_run: bool) -> None:
        self.config = {"runmode": runmode, "dry_run": dry_run}
        self.calls: list[str] = []

    def ft_bot_start(self, **kwargs: object) -> None:
        self.calls.append("start")

    def ft_bot_cleanup(self) -> None:
        self.calls.append("cleanup")


class _Guarded(ReconciliationMixin, _Host):
    pass


@pytest.mark.parametrize(
    ("runmode", "dry_run"),
    [(RunMode.BACKTEST, True), (RunMode.HYPEROPT, True), (RunMode.DRY_RUN, True)],
)
def test_outside_live_trading_the_mixin_does_nothing_and_needs_no_settings(
    runmode: RunMode, dry_run: bool
) -> None:
    strategy = _Guarded(runmode, dry_run)
    strategy.ft_bot_start()
    strategy.ft_bot_cleanup()
    assert strategy.calls == ["start", "cleanup"]


def test_live_trading_does_not_start_without_a_bot_to_guard() -> None:
    with pytest.raises(OperationalException, match="lacks the way from the data provider"):
        _Guarded(RunMode.LIVE, False).ft_bot_start()
