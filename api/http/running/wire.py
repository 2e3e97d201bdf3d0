"""A connection, before anything of a request is known: what Uvicorn leaves to whoever sends, bounded.

Routes have a time and a limit for a body. Here are those for the rest: for a head, which anybody may send; for
what of a request still comes when it is answered already; and for who does not take their answer.
"""

import asyncio
import resource
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.headers import ALWAYS
from api.http.problems import KINDS, problem

HEAD_BYTES = 64 * 1024
"""A head, or what follows a body, may be so long, and longer by no more than comes at once."""
HEAD_S = 30.0
"""Whoever has connected, begun a head, or is answered before their body is there, has so long for the rest."""
STUCK_S = 60.0
"""Whoever takes nothing of an answer for so long is gone."""
_MOST = 4_096

_UNREADABLE = problem(
    HTTPStatus.BAD_REQUEST,
    "malformed",
    KINDS["malformed"].meaning,
    headers={**ALWAYS, "connection": "close"},
)


def most_connections() -> int:
    """Connections at once: never so many that no file can be opened any more."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else min(_MOST, files // 2)


class Wire(HttpToolsProtocol):
    """A connection that nobody can keep, or fill, without a request, or without taking the answer."""

    _in_head = True
    _unread_bytes = 0  # since a head was whole, or a piece of a body came
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.abort()
        else:
            self._await_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._rest_is_here()
        self._is_taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > HEAD_BYTES:
            self.send_400_response("")
        elif self._unread_bytes if self._in_head else self.cycle.response_complete:
            self._await_rest()

    def on_message_begin(self) -> None:
        """See `httptools`."""
        self._unread_bytes = max(1, self._unread_bytes)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See `httptools`."""
        self._in_head, self._unread_bytes = False, 0
        self._rest_is_here()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See `httptools`."""
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See `httptools`."""
        self._in_head, self._unread_bytes = True, 0
        self._rest_is_here()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._is_taken()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - Uvicorn's words
        """Hang up on what is no request; it is told so like everybody, where no answer is under way."""
        if self.transport.is_closing():
            return
        if getattr(self.cycle, "response_complete", True):  # there is none before the first
            heads = [b"%b: %b\r\n" % head for head in _UNREADABLE.raw_headers]
            self.transport.write(
                b"".join([STATUS_LINE[400], *heads, b"\r\n", bytes(_UNREADABLE.body)])
            )
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Anybody may ask for another protocol; they are answered in this one, and the log is spared."""

    def _await_rest(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_S, self.transport.close)

    def _rest_is_here(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _await_taking(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._stuck = self.loop.call_later(STUCK_S, self._look, left)

    def _look(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._await_taking()
        else:
            self.transport.abort()

    def _is_taken(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
