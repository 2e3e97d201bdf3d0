"""A file on disk as a stream of its decompressed bytes, with how far it has been read."""

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa

from ledger.errors import BadUsage, NotFound

Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all: of the file as it lies on disk, twice that where it is read twice."""

Compression = Literal["gzip", "none"]
_GZIP = b"\x1f\x8b"
_CHUNK = 256 * 1024
SAMPLE = 64 * 1024
"""Bytes at the beginning of a file by which its shape is judged."""


class Source:
    """A regular file, perhaps gzip'd. Raises `NotFound`, or `BadUsage` where it is something else."""

    def __init__(self, path: Path, compression: Compression | None = None) -> None:
        if not path.exists():
            raise NotFound("file", str(path))
        if not path.is_file():
            raise BadUsage(f"{path}: expected a file, came a folder or device")
        self.path = path
        self.size = path.stat().st_size
        self._disk: IO[bytes] | None = None
        with self.readable(), path.open("rb") as disk:
            self._zipped = (compression or _compression(disk.read(2))) == "gzip"

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The decompressed bytes from their beginning; seekable, at a price where it is gzip."""
        with self.path.open("rb") as disk:
            self._disk = disk
            if not self._zipped:
                yield disk
                return
            with gzip.GzipFile(fileobj=disk) as inner, io.BufferedReader(inner, _CHUNK) as stream:
                yield stream

    def position(self) -> int:
        """Bytes of the file on disk that the open stream has taken so far."""
        return self._disk.tell() if self._disk and not self._disk.closed else self.size

    @contextmanager
    def readable(self, rows: Callable[[], int] = lambda: 0) -> Iterator[None]:
        """Say plainly what a broken or forbidden file is, and how many `rows` were read before."""
        try:
            yield
        except EOFError:
            why = "the gzip data is cut off"
        except (gzip.BadGzipFile, zlib.error):
            why = "the gzip data is damaged"
        except (OSError, pa.ArrowException) as error:  # pyarrow raises both, without an errno
            why = getattr(error, "strerror", None) or "the Parquet data is damaged"
        else:
            return
        so_far = f"after row {rows():,}" if rows() else "before any row was read"
        raise BadUsage(f"{self.path}: {why}, {so_far}")

    def sample(self) -> bytes:
        """The first bytes, decompressed."""
        with self.readable(), self.open() as stream:
            return stream.read(SAMPLE)

    def digest(self, told: Callable[[int], None]) -> str:
        """SHA-256 of the decompressed content, in hex; reads it all, so that a cut file is known here."""
        found = hashlib.sha256()
        with self.readable(), self.open() as stream:
            while chunk := stream.read(_CHUNK):
                found.update(chunk)
                told(self.position())
        return found.hexdigest()


def _compression(beginning: bytes) -> Compression:
    return "gzip" if beginning == _GZIP else "none"


class _Utf8(io.RawIOBase):
    """A stream in UTF-16 given out in UTF-8; half surrogates stay wrong, for their line to be refused."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
        self._ready = b""
        self._begun = False
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            chunk = self._stream.read(_CHUNK)
            self._ended = not chunk
            try:
                text = self._decoder.decode(chunk, final=self._ended)
                if text and not self._begun:
                    text, self._begun = text.removeprefix("\ufeff"), True
                self._ready = text.encode("utf-8", "surrogatepass")
            except (
                UnicodeDecodeError
            ):  # surrogates pass, so only this can be: the file ends in half a unit
                self._ready = b"\xff"
        given = self._ready[: len(buffer)]
        self._ready = self._ready[len(given) :]
        buffer[: len(given)] = given
        return len(given)


def in_lines(stream: IO[bytes], encoding: str) -> tuple[IO[bytes], str]:
    """The stream with line breaks of one byte and no byte order mark, and the encoding of its lines."""
    name = codecs.lookup(encoding).name
    if name.startswith("utf-16"):
        return io.BufferedReader(_Utf8(stream, name), _CHUNK), "utf-8"
    if name in {"utf-8", "utf-8-sig"}:
        name = "utf-8"
        if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            stream.seek(0)
    return stream, name
