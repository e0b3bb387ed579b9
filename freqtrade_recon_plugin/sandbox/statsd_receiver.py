"""A statsd daemon's ear: receives what is sent over UDP on loopback, and keeps the lines."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from types import TracebackType
from typing import Self


class StatsdReceiver:
    """Listens on a free port from `start` (or `with`) until `stop`."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._listen, name="statsd receiver", daemon=True)

    @property
    def port(self) -> int:
        """The UDP port it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def lines(self) -> list[str]:
        """What was received so far, one metric a line, oldest first."""
        return list(self._lines)

    def totals(self) -> dict[str, str]:
        """Each counter's sum and each gauge's last value, by name. Timings are left out."""
        counters: Counter[str] = Counter()
        gauges: dict[str, str] = {}
        for line in self.lines:
            name, _, rest = line.partition(":")
            value, _, kind = rest.partition("|")
            if kind == "c":
                counters[name] += int(value)
            elif kind == "g":
                gauges[name] = value
        return {**{name: str(count) for name, count in counters.items()}, **gauges}

    def start(self) -> Self:
        """Starts listening."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends listening."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while packet := self._socket.recv(65_535):
            self._lines += packet.decode("utf-8", "replace").splitlines()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
