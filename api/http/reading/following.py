"""Following the stream: one thread waits for the book on behalf of all, and each follower reads at its own pace.

A follower holds no more than the page that it is being sent: the next one is read when that has gone. Whoever has
not taken a page in a minute is let go, as is whoever's key is no longer good, and everybody when the process is
about to end; they come back and resume after the last position that they had.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Collection
from functools import partial
from http import HTTPStatus

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.types import Message, Receive, Scope, Send

from api.http.problems import Problem
from api.http.running import wire
from api.wiring import Bahi
from streams.outgoing import Outgoing, Page

HEARTBEAT_S = 15.0
MOST = 200
"""Followers and those who wait for a page, at once."""
_PAGE = 500
_CHECK_S = 1.0
_AGAIN_S = 5
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

StillMay = Callable[[], bool]
"""Whether the key of a follower is still good; asked in a thread."""


class Followers:
    """Everybody who waits for what comes next in the book."""

    def __init__(self, bahi: Bahi, stopping: threading.Event) -> None:
        self._bahi = bahi
        self._stopping = stopping
        self._outgoing: Outgoing | None = None
        self._waiting = 0
        self._head = 0
        self._moved = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        # Of their own, so that no writer waits for a thread behind followers.
        self._threads = CapacityLimiter(4)
        self._watcher = CapacityLimiter(1)
        self.following = 0

    def come(self) -> None:
        """One more, until they `go`. Raises `Problem` if there are too many."""
        if self.following >= MOST:
            detail = f"expected at most {MOST} who follow at once"
            again = {"Retry-After": str(_AGAIN_S)}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", detail, headers=again)
        self.following += 1

    def go(self) -> None:
        """One less."""
        self.following -= 1

    async def page(
        self, after: int, types: Collection[str], most: int, wait_s: float = 0.0
    ) -> Page:
        """Events after a position, as soon as there are some; none when the time is up, or all is to end."""
        until = time.monotonic() + wait_s
        while True:
            page = await self._read(after, types, most)
            left = until - time.monotonic()
            if page.events or left <= 0 or self._stopping.is_set():
                return page
            if page.position == after:
                await self._past(after, min(left, _CHECK_S))
            after = page.position

    async def stream(
        self, after: int, types: Collection[str], still_may: StillMay
    ) -> AsyncGenerator[bytes]:
        """Server-sent events: `id` is the position, `data` a CloudEvent. A heartbeat moves the `id` on too."""
        checked = told = time.monotonic()
        yield format_sse_event(comment="bahi", id=str(after), retry=_AGAIN_S * 1000)
        while not self._stopping.is_set():
            if time.monotonic() - checked >= _CHECK_S:
                if not await run_sync(still_may, limiter=self._threads):
                    return
                checked = time.monotonic()
            page = await self._read(after, types, _PAGE)
            if page.events:
                yield b"".join(
                    format_sse_event(data_str=event.decode(), id=str(position))
                    for position, event in page.events
                )
                told = time.monotonic()
            elif time.monotonic() - told >= HEARTBEAT_S:
                yield format_sse_event(comment="nothing new", id=str(page.position))
                told = time.monotonic()
            if page.position == after:
                await self._past(after, _CHECK_S)
            after = page.position

    async def _read(self, after: int, types: Collection[str], most: int) -> Page:
        return await run_sync(partial(self._page, after, types, most), limiter=self._threads)

    def _page(self, after: int, types: Collection[str], most: int) -> Page:
        if self._outgoing is None:
            ledger = self._bahi.ledger
            self._outgoing = Outgoing(self._bahi.reading, ledger.keyring.ledger_id)
        return self._outgoing.page(after, types, most)

    async def _past(self, after: int, timeout_s: float) -> None:
        """Wait until the book is past a position, or the time is up."""
        self._waiting += 1
        try:
            if self._watching is None or self._watching.done():
                self._watching = asyncio.create_task(self._watch())
            async with asyncio.timeout(timeout_s):
                while self._head <= after:
                    await self._moved.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1

    async def _watch(self) -> None:
        """See the book move, for as long as anybody waits for that."""
        book = self._bahi.ledger.book
        while self._waiting and not self._stopping.is_set():
            head = await run_sync(book.wait, self._head, _CHECK_S, limiter=self._watcher)
            if head > self._head:
                self._head = head
                self._moved.set()
                self._moved = asyncio.Event()


class Followed(EventSourceResponse):
    """A stream without end to somebody who has `come`; it drops whoever is too slow for a page of it."""

    def __init__(self, followers: Followers, stream: AsyncGenerator[bytes]) -> None:
        super().__init__(stream, headers=_HEADERS)
        self._followers = followers
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._followers.go()
            await self._stream.aclose()

    async def stream_response(self, send: Send) -> None:
        """Send what comes; raises `OSError`, as if they had gone, for who is stuck."""

        async def sent(message: Message) -> None:
            try:
                async with asyncio.timeout(wire.STUCK_S):
                    await send(message)
            except TimeoutError:
                raise OSError("too little was taken of a stream") from None

        await super().stream_response(sent)
