"""How a task ends that cannot do its work: one line in the log, another try only if that helps."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from freqtrade_recon_plugin.errors import ReconError, StoreUnavailable

log = logging.getLogger(__name__)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turns this project's errors into one line; only a store out of reach is worth a retry."""
    try:
        yield
    except StoreUnavailable as error:
        try_again(str(error))
    except ReconError as error:
        fail(str(error))


def fail(line: str) -> NoReturn:
    """Fails the task for good, with the line that the person on call reads."""
    log.error("%s", line)
    raise AirflowFailException(line) from None


def try_again(line: str) -> NoReturn:
    """Fails this attempt; Airflow makes another one."""
    log.warning("%s", line)
    raise AirflowException(line) from None


def skip(line: str) -> NoReturn:
    """Skips the task and what follows it."""
    log.info("%s", line)
    raise AirflowSkipException(line)
