"""Says a thing once per change instead of once per loop."""

from __future__ import annotations

import logging
from threading import Lock


class Said:
    """Remembers what was last said about each subject, for any thread.

    A subject is a tuple of words, such as ("increase", symbol).
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._last: dict[tuple[str, ...], str] = {}
        self._lock = Lock()

    def now(
        self,
        subject: tuple[str, ...],
        text: str | None,
        level: int = logging.WARNING,
        *,
        trace: bool = False,
    ) -> bool:
        """Logs `text` unless it was the last thing said about this subject.

        :param text: None where there is nothing to say any more; what comes next is news again.
        :param trace: with the traceback of the exception that is being handled.
        :return: whether this is a change: something new, or nothing any more.
        """
        with self._lock:
            if self._last.get(subject) == text:
                return False
            if text is None:
                del self._last[subject]
                return True
            self._last[subject] = text
        self._logger.log(level, text, exc_info=trace)
        return True
