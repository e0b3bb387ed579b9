"""How often the reconciliation runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from freqtrade_recon_plugin.errors import SettingsError
from freqtrade_recon_plugin.workflow.schedule import schedule


def test_every_minute_unless_told_otherwise() -> None:
    assert schedule({}) == timedelta(minutes=1)
    assert schedule({"RECON_SCHEDULE": " "}) == timedelta(minutes=1)


@pytest.mark.parametrize(("text", "seconds"), [("10", 10), ("90.5", 90.5)])
def test_a_number_is_seconds(text: str, seconds: float) -> None:
    assert schedule({"RECON_SCHEDULE": text}) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["*/5 * * * *", "@hourly"])
def test_a_cron_expression_is_handed_on(text: str) -> None:
    assert schedule({"RECON_SCHEDULE": text}) == text


@pytest.mark.parametrize("text", ["0", "-5", "soon", "nan", "inf", "* *"])
def test_anything_else_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(SettingsError, match="RECON_SCHEDULE"):
        schedule({"RECON_SCHEDULE": text})
