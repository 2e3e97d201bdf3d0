"""A way to a PostgreSQL server that can be cut in the middle of something, and counts the trips."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_MOST = 65_536


class Proxy:
    """Passes bytes on to the server at `url`, and back; `address` is the way through it.

    `trips` counts how often clients said something and heard an answer. `cut` breaks a connection.
    """

    def __init__(self, url: str) -> None:
        server = urlsplit(url)
        assert server.hostname is not None
        assert server.port is not None
        self._server = (server.hostname, server.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        user = server.netloc.rpartition("@")[0]
        here = f"{user}@127.0.0.1:{self._listener.getsockname()[1]}"
        self.address = server._replace(netloc=here).geturl()
        self.trips = 0
        self.cuts = 0
        self._at: bytes | None = None
        self._passing = 0
        self._done = False
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self, at: bytes, *, done: bool, passing: int = 0) -> None:
        """Break the connection on which a client says this next, or once more often for each `passing`;
        after the server did it, or instead.
        """
        self._at, self._passing, self._done = at, passing, done

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                thread = threading.Thread(target=self._carry, args=(client, server))
                self._threads.append(thread)
                thread.start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        silent, answered = threading.Event(), threading.Event()
        back = threading.Thread(target=_answer, args=(server, client, silent, answered))
        back.start()
        with suppress(OSError):
            while said := client.recv(_MOST):
                if answered.is_set():  # not the rest of a long message
                    answered.clear()
                    self.trips += 1
                if self._is_the_one(said):
                    silent.set()
                    if self._done:
                        server.sendall(said)
                        back.join()
                    break
                server.sendall(said)
        _shut(server)
        back.join()
        client.close()
        server.close()

    def _is_the_one(self, said: bytes) -> bool:
        if self._at is None or self._at not in said:
            return False
        self._passing -= 1
        if self._passing >= 0:
            return False
        self._at = None
        self.cuts += 1
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _shut(self._listener)
        self._listener.close()
        for end in self._sockets:
            _shut(end)
        for thread in self._threads:
            thread.join()


def _answer(
    server: socket.socket,
    client: socket.socket,
    silent: threading.Event,
    answered: threading.Event,
) -> None:
    """Pass on what the server says, until it ends or is to be heard no more."""
    with suppress(OSError):
        while (told := server.recv(_MOST)) and not silent.is_set():
            answered.set()
            client.sendall(told)
    _shut(client)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
