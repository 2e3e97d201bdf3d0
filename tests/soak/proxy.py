"""A way to PostgreSQL that is cut at the worst moment.

It passes on what clients and server say to each other, message by message (PostgreSQL's protocol,
version 3), and knows a request that it has been asked to look for: one whose statement has certain
words in it, such as `append_events`. Then it cuts the connection as it was told.
"""

import asyncio
import struct
from asyncio import StreamReader, StreamWriter
from collections import Counter, deque
from contextlib import suppress
from enum import StrEnum
from threading import Event, Thread
from types import TracebackType
from typing import Self

_LENGTH = struct.Struct("!I")
_PARSE, _BIND, _QUERY, _SYNC = b"P", b"B", b"Q", b"S"
_READY, _NOTIFICATION, _IDLE = b"Z", b"A", b"I"
_REQUESTS = (_QUERY, _SYNC)
"""What the server answers with `_READY`."""


class Cut(StrEnum):
    """Where a connection is cut."""

    TORN = "torn"
    """Half of the request has reached the server."""
    UNFINISHED = "unfinished"
    """The statement has reached it and is carried out; that this was all has not."""
    MIDWAY = "midway"
    """All of it is on its way, and nobody waits for what comes of it."""
    UNANSWERED = "unanswered"
    """It is committed, and the answer does not arrive."""
    BROKEN_OFF = "broken off"
    """Half of the answer arrives."""


_HELD = (Cut.UNANSWERED, Cut.BROKEN_OFF)
"""What is cut when the whole answer is there."""


class Proxy:
    """Listens on a port of 127.0.0.1, for the server on another one."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="proxy", daemon=True)
        self._open = Event()
        self._ways: set[_Way] = set()
        self.orders: deque[tuple[Cut, bytes]] = deque()
        self.done: Counter[str] = Counter()
        self.deaf = False
        """While set, no notification gets through; nobody is told of that."""
        self.swallowed = 0
        self.port = 0

    def cut(self, how: Cut, words: bytes = b"append_events") -> None:
        """Cut the next request with these words in it so; one request for each call."""
        self._loop.call_soon_threadsafe(self.orders.append, (how, words))

    def cut_all(self, words: bytes = b"") -> None:
        """Cut every connection at once, or those on which these words were said."""

        async def close() -> None:
            for way in [*self._ways]:
                if words in way.said:
                    way.close("at once")

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()

    def calm(self) -> None:
        """Forget what was ordered and not done yet."""
        self._loop.call_soon_threadsafe(self.orders.clear)

    def __enter__(self) -> Self:
        self._thread.start()
        self._open.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._pass_on, "127.0.0.1", 0, limit=2**24)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._open.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0.01))  # connections are told that they ended
        self._loop.close()

    async def _pass_on(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            server = await asyncio.open_connection("127.0.0.1", self._server_port, limit=2**24)
        except OSError:  # as the server itself would refuse
            writer.close()
            return
        way = _Way(self, (reader, writer), server)
        self._ways.add(way)
        try:
            await asyncio.gather(way.there(), way.back())
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._ways.discard(way)
            way.close("")


class _Way:
    """One connection of a client, and its other half to the server."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[StreamReader, StreamWriter],
        server: tuple[StreamReader, StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._client_in, self._client_out = client
        self._server_in, self._server_out = server
        for writer in (self._client_out, self._server_out):
            writer.transport.set_write_buffer_limits(0)  # drained is: handed to the system
        self._statements: dict[bytes, bytes] = {}
        self._cut: Cut | None = None
        self._owed = 1
        """Requests that the server has yet to answer, to be let in at first."""
        self._before = 0
        """How many of them are older than the one that is to be cut."""
        self.said = b""
        """The statement that was sent last."""

    def close(self, why: str) -> None:
        if why:
            self._proxy.done[why] += 1
        for writer in (self._client_out, self._server_out):
            with suppress(OSError, RuntimeError):
                writer.transport.abort()

    async def there(self) -> None:
        """From client to server."""
        head = await self._client_in.readexactly(_LENGTH.size)  # the first has no letter
        self._server_out.write(head + await self._client_in.readexactly(_rest(head)))
        while True:
            letter, message = await _message(self._client_in)
            self._look(letter, message)
            if self._cut is Cut.TORN:
                self._server_out.write(message[: len(message) // 2])
                await self._server_out.drain()
                return self.close(Cut.TORN)
            if self._cut is Cut.UNFINISHED and letter in _REQUESTS:
                return self.close(Cut.UNFINISHED)
            self._owed += letter in _REQUESTS
            self._server_out.write(message)
            await self._server_out.drain()
            if self._cut is Cut.MIDWAY and letter in _REQUESTS:
                return self.close(Cut.MIDWAY)

    async def back(self) -> None:
        """From server to client; of a request that is to be cut no answer gets through."""
        held = []
        while True:
            letter, message = await _message(self._server_in)
            if self._proxy.deaf and letter == _NOTIFICATION:
                self._proxy.swallowed += 1
                continue
            held.append(message)
            if letter == _READY:
                self._owed -= 1
                # In a transaction the answer that counts is that of its end.
                if self._cut in _HELD and not self._before and message[-1:] == _IDLE:
                    if self._cut is Cut.BROKEN_OFF:
                        answer = b"".join(held)
                        self._client_out.write(answer[: len(answer) // 2])
                        await self._client_out.drain()
                    return self.close(self._cut)
                self._before = max(0, self._before - 1)
            elif self._cut in _HELD:
                continue
            self._client_out.write(b"".join(held))
            await self._client_out.drain()
            held.clear()

    def _look(self, letter: bytes, message: bytes) -> None:
        """Find out what is said, and whether it is what somebody asked to be cut."""
        if letter == _PARSE:
            name, text, _ = message[5:].split(b"\0", 2)
            self._statements[name] = text  # it is carried out when it is bound, and not before
            return
        if letter == _BIND:
            _, name, _ = message[5:].split(b"\0", 2)
            self.said = self._statements.get(name, b"")
        elif letter == _QUERY:
            self.said = message[5:]
        else:
            return
        if self._cut is None and self._proxy.orders:
            how, words = self._proxy.orders[0]
            if words in self.said:
                self._proxy.orders.popleft()
                self._cut, self._before = how, self._owed


def _rest(head: bytes) -> int:
    length: int = _LENGTH.unpack(head[-_LENGTH.size :])[0]
    return length - _LENGTH.size


async def _message(reader: StreamReader) -> tuple[bytes, bytes]:
    """The next message: its letter, and all of it."""
    head = await reader.readexactly(1 + _LENGTH.size)
    return head[:1], head + await reader.readexactly(_rest(head))
