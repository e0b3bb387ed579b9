"""What was asked of the exchange, by whom, and what it answered: the witness in tests."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 100_000
HIDDEN = frozenset({"signature"})


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """`key` is a key's name (`main/trading`), or empty; `status` is 0 when the connection was
    dropped; `order_id` is the order that was made or cancelled, also when the answer was lost."""

    number: int
    time_ms: int
    method: str
    path: str
    group: str
    params: dict[str, str]
    key: str
    status: int
    order_id: int | None
    fault: str | None


class RequestLog:
    """Requests in the order in which they were answered; the oldest fall out."""

    def __init__(self) -> None:
        self._rows: deque[LoggedRequest] = deque(maxlen=KEPT)
        self._count = 0

    def add(
        self,
        *,
        time_ms: int,
        method: str,
        path: str,
        group: str,
        params: Mapping[str, str],
        key: str,
        status: int,
        order_id: int | None,
        fault: str | None,
    ) -> None:
        self._count += 1
        self._rows.append(
            LoggedRequest(
                number=self._count,
                time_ms=time_ms,
                method=method,
                path=path,
                group=group,
                params={name: value for name, value in params.items() if name not in HIDDEN},
                key=key,
                status=status,
                order_id=order_id,
                fault=fault,
            )
        )

    def clear(self) -> None:
        """Forget all rows; the numbers go on."""
        self._rows.clear()

    def read(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        group: str | None = None,
        key: str | None = None,
        after: int = 0,
    ) -> list[dict[str, Any]]:
        """Rows that fit, oldest first.

        :param path: the beginning of the path
        :param key: a key's name, or an account's name for both of its keys
        :param after: only rows with a higher number
        """
        rows: Iterable[LoggedRequest] = self._rows
        return [
            asdict(row)
            for row in rows
            if method in (None, row.method)
            and row.path.startswith(path or "")
            and group in (None, row.group)
            and key in (None, row.key, row.key.partition("/")[0])
            and row.number > after
        ]
