"""How often the reconciliation runs, from `RECON_SCHEDULE`: a cron expression or seconds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta

from freqtrade_recon_plugin.errors import SettingsError

SCHEDULE = "RECON_SCHEDULE"
DEFAULT_SECONDS = 60


def schedule(environ: Mapping[str, str] = os.environ) -> str | timedelta:
    """The schedule as Airflow takes it.

    :raises SettingsError: neither a number of seconds of at least 1, nor shaped like a cron
        expression.
    """
    text = environ.get(SCHEDULE, "").strip()
    if not text:
        return timedelta(seconds=DEFAULT_SECONDS)
    if text.startswith("@") or len(text.split()) in (5, 6):
        return text
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 1 <= seconds < float("inf"):
        raise SettingsError(
            f"{SCHEDULE}: must be seconds (1 or more) or a cron expression (got {text!r})"
        )
    return timedelta(seconds=seconds)
