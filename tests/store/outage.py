"""A database that can be taken away and brought back, on either kind of store."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

from sqlalchemy import make_url


class HiddenFolder:
    """The folder of a SQLite file, moved away and back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._folder = Path(make_url(url).database or "").parent
        self._elsewhere = self._folder.with_name("elsewhere")

    def begin(self) -> None:
        self._folder.rename(self._elsewhere)

    def end(self) -> None:
        self._elsewhere.rename(self._folder)

    def close(self) -> None:
        """Nothing is running."""


class CutLine:
    """A relay before a PostgreSQL server.

    Cut, it drops its connections and takes no new ones. Frozen, it takes everything and answers
    nothing, as a server does whose machine still stands.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self._server = (parsed.host or "127.0.0.1", parsed.port or 5432)
        self._sockets: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._listener = self._listen(0)
        self._port: int = self._listener.getsockname()[1]
        relayed = parsed.set(host="127.0.0.1", port=self._port)
        self.url = relayed.render_as_string(hide_password=False)

    def begin(self) -> None:
        self._shut(self._listener)
        while self._sockets:
            self._shut(self._sockets.pop())

    def end(self) -> None:
        self._listener = self._listen(self._port)

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def close(self) -> None:
        self.thaw()
        self.begin()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._server)
                self._sockets += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
        self._shut(source)
        self._shut(target)

    @staticmethod
    def _shut(end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
