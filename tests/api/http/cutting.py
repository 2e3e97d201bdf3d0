"""A proxy that loses answers: a client does not hear what became of its request, and asks again."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 65_536
_MAY = b"HTTP/1.1 204 "
"""How the answer begins to a browser that asks whether it may: nothing is done yet that could be done twice."""


class Cut:
    """Where the proxy is, and how many answers it has lost."""

    def __init__(self, address: str, times: int) -> None:
        self.address = address
        self.lost = 0
        self._times = times
        self._lock = threading.Lock()

    def loses(self, answer: bytes) -> bool:
        """Whether an answer that begins so is one of those, as which it is counted."""
        with self._lock:
            lost = self.lost < self._times and not answer.startswith(_MAY)
            self.lost += lost
        return lost


@contextmanager
def cutting(server: str, times: int = 1) -> Iterator[Cut]:
    """A proxy before that server. The first `times` answers are read to their first bytes, and thrown away
    with the connection; what a browser may is told.
    """
    upstream = urlsplit(server)
    listener = socket.create_server(("127.0.0.1", 0))
    cut = Cut(f"http://127.0.0.1:{listener.getsockname()[1]}", times)

    def serve(client: socket.socket) -> None:
        with (
            client,
            socket.create_connection((upstream.hostname or "", upstream.port or 0)) as behind,
            suppress(OSError),
        ):
            asking = threading.Thread(target=_pass_on, args=(client, behind), daemon=True)
            asking.start()
            while answer := behind.recv(_CHUNK):
                if cut.loses(answer):
                    break
                client.sendall(answer)
            for end in (client, behind):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    doorkeeper = threading.Thread(target=accept, daemon=True)
    doorkeeper.start()
    try:
        yield cut
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        doorkeeper.join()


def _pass_on(client: socket.socket, behind: socket.socket) -> None:
    with suppress(OSError):
        while asked := client.recv(_CHUNK):
            behind.sendall(asked)
