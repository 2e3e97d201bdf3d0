"""A proxy that loses answers: a client does not hear what became of its request, and asks again."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 65_536


class Cut:
    """Where the proxy is, and how many answers it has lost."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.lost = 0


@contextmanager
def cutting(server: str, times: int = 1) -> Iterator[Cut]:
    """A proxy before that server. Of the first `times` connections the server's answer is read to its first
    bytes, and thrown away with the connection.
    """
    upstream = urlsplit(server)
    listener = socket.create_server(("127.0.0.1", 0))
    cut = Cut(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve(client: socket.socket, *, lose: bool) -> None:
        with (
            client,
            socket.create_connection((upstream.hostname or "", upstream.port or 0)) as behind,
            suppress(OSError),
        ):
            asking = threading.Thread(target=_pass_on, args=(client, behind), daemon=True)
            asking.start()
            while answer := behind.recv(_CHUNK):
                if lose:
                    cut.lost += 1
                    break
                client.sendall(answer)
            for end in (client, behind):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join()

    def accept() -> None:
        left = times
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                lose, left = left > 0, left - 1
                threading.Thread(
                    target=serve, args=(client,), kwargs={"lose": lose}, daemon=True
                ).start()

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
