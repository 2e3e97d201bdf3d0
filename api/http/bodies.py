"""Bodies of requests: read within a limit, also where they were packed."""

import zlib
from http import HTTPStatus

import orjson
from fastapi import Request

from api.http.limits import Room
from api.http.problems import Problem

MEASURED_HERE = 2**63
"""The `max_body_size` of a route that reads its body with `body_of`, and answers for its limit itself."""

KEYED_BYTES = 500 * 1024
"""The most that is read of a request before it is known who sends it."""

_GZIP = 31
"""The window of zlib that reads gzip and nothing else."""
_PACKED = ("gzip", "x-gzip")
_DIGITS = 18
"""Of a length that is too large, whatever they are."""


async def body_of(
    request: Request,
    limit_bytes: int,
    too_large: HTTPStatus = HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
) -> bytes:
    """The body, unpacked; read once, however often it is asked for.

    Nothing past the limit is held, and of what is packed nothing past it is unpacked. Raises `Problem`:
    `too_large` past the limit, 400 for a body that is not packed as it says, 415 for other packings, 429 where
    there is no room beside other bodies of the caller's. `let_go` gives the room back.
    """
    if not hasattr(request.state, "body"):
        request.state.body = await _read(request, limit_bytes, too_large)
    body: bytes = request.state.body
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes, too_large)
    return body


def let_go(request: Request) -> None:
    """Nothing of the body is held any longer."""
    whose, size_bytes = getattr(request.state, "held", (None, 0))
    if size_bytes:
        _room(request).give_back(whose, size_bytes)


def _room(request: Request) -> Room:
    room = request.app.state.serving.room
    assert isinstance(room, Room)
    return room


async def write_key(request: Request) -> str | None:
    """The key that a body of Segment's libraries brings, if it does. Raises `Problem`, as `body_of` does."""
    body = await body_of(request, KEYED_BYTES, HTTPStatus.BAD_REQUEST)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    key = found.get("writeKey") if isinstance(found, dict) else None
    return key if isinstance(key, str) else None


async def _read(request: Request, limit_bytes: int, too_large: HTTPStatus) -> bytes:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", *_PACKED):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "content-encoding: expected gzip, or none, came another",
            headers={"Accept-Encoding": "gzip"},
        )
    said = request.headers.get("content-length", "")
    if said.isdecimal() and (len(said) > _DIGITS or int(said) > limit_bytes):
        raise _too_large(limit_bytes, too_large)
    room, whose = _room(request), request.state.whose
    unpack = _Unpacking(limit_bytes) if coding in _PACKED else None
    parts: list[bytes] = []
    came = left = 0
    async for chunk in request.stream():
        came += len(chunk)
        part = chunk if unpack is None else unpack.take(chunk)
        left += len(part)
        if max(came, left) > limit_bytes:
            raise _too_large(limit_bytes, too_large)
        room.take(whose, len(part))
        request.state.held = whose, left
        parts.append(part)
    if unpack is not None and not unpack.is_whole:
        raise _not_packed()
    return b"".join(parts)


class _Unpacking:
    """A gzip stream, of one member or several, of which no more is unpacked than is allowed, and a byte."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes + 1
        self._member = zlib.decompressobj(_GZIP)

    @property
    def is_whole(self) -> bool:
        return self._member.eof

    def take(self, chunk: bytes) -> bytes:
        found = []
        try:
            while chunk and self._left > 0:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP)
                part = self._member.decompress(chunk, self._left)
                self._left -= len(part)
                found.append(part)
                chunk = self._member.unused_data if self._member.eof else b""
        except zlib.error:
            raise _not_packed() from None
        return b"".join(found)


def _too_large(limit_bytes: int, status: HTTPStatus) -> Problem:
    return Problem(
        status,
        "too-large",
        f"body: expected at most {limit_bytes:,} bytes, came more",
        field="body",
        expected=f"at most {limit_bytes:,} bytes",
        came="more",
    )


def _not_packed() -> Problem:
    return Problem(
        HTTPStatus.BAD_REQUEST, "malformed", "body: expected gzip to its end, came something else"
    )
