"""Looks for readable personal data in files: any text, in every way it could have been written.

One pass over the bytes for all texts at once. What is compressed is searched as it is and again
unpacked: gzip, zstd, Parquet, zip and tar, inside one another too.
"""

import base64
import gzip
import io
import json
import re
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from ahocorasick_rs import BytesAhoCorasick

PIECE_BYTES = 16
"""A text is looked for by its head and by its tail, at most so much of each.

So a page break in the middle of it hides nothing, and neither does a copy that was cut short.
"""

SHORTEST_BYTES = 10
"""Shorter pieces would be found by chance."""

ENCODINGS: dict[str, Callable[[str], Iterable[bytes]]] = {
    "utf-8": lambda text: [text.encode()],
    "utf-16-le": lambda text: [text.encode("utf-16-le")],
    "utf-16-be": lambda text: [text.encode("utf-16-be")],
    "json": lambda text: [json.dumps(text)[1:-1].encode()],
    "hex": lambda text: [text.encode().hex().encode(), text.encode().hex().upper().encode()],
    "base64": lambda text: _base64(text.encode()),
    "base64 of utf-16": lambda text: _base64(text.encode("utf-16-le")),
}


@dataclass(frozen=True)
class Leak:
    """A text that can be read in a file: which, how it is encoded, and where it stands."""

    text: str
    encoding: str
    where: str


class Search:
    """Texts to look for, prepared once for any number of files."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._found: dict[bytes, tuple[str, str]] = {}
        for text in texts:
            for form in _forms(text):
                for name, encode in ENCODINGS.items():
                    for pattern in encode(form):
                        for piece in _pieces(pattern):
                            self._found.setdefault(piece, (text, name))
        self._patterns = list(self._found)
        self._automaton = BytesAhoCorasick(self._patterns)

    def in_bytes(self, content: bytes, where: str) -> set[Leak]:
        """Return every text found in the content, or in what it unpacks to."""
        leaks = set()
        for how, unpacked in unpack(content):
            for pattern, _, _ in self._automaton.find_matches_as_indexes(
                unpacked, overlapping=True
            ):
                leaks.add(Leak(*self._found[self._patterns[pattern]], where + how))
        return leaks

    def in_folder(self, folder: Path) -> set[Leak]:
        """Return what can be read in the files of a folder, and in their names."""
        leaks = self.in_bytes("\n".join(map(str, folder.rglob("*"))).encode(), f"{folder} (names)")
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                leaks |= self.in_bytes(path.read_bytes(), str(path))
        return leaks


def unpack(content: bytes, how: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield the content as it is, then everything that is packed in it; what is broken is passed by."""
    yield how, content
    if content[:2] == b"\x1f\x8b":
        yield from unpack(gzip.decompress(content), how + " (gzip)")
    elif content[:4] == b"\x28\xb5\x2f\xfd":
        with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
            yield from unpack(stream.read(), how + " (zstd)")
    elif content[:4] == b"PAR1":
        for column in pq.read_table(pa.BufferReader(content)).columns:
            for chunk in column.chunks:
                for buffer in chunk.buffers():
                    yield how + " (parquet)", b"" if buffer is None else buffer.to_pybytes()
    elif content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from unpack(archive.read(member), f"{how} (zip: {member})")
    elif content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for entry in archive:
                if (file := archive.extractfile(entry)) is not None:
                    yield from unpack(file.read(), f"{how} (tar: {entry.name})")


def _forms(text: str) -> set[str]:
    """Return a text as it is, composed, decomposed and in small letters; of a phone number the digits."""
    forms = {text, text.lower()}
    forms |= {unicodedata.normalize(form, t) for form in ("NFC", "NFD") for t in tuple(forms)}
    if re.fullmatch(r"\+[\d ()-]+", text):
        forms.add(re.sub(r"\D", "", text))
    return forms


def _base64(content: bytes) -> list[bytes]:
    """Return what a content is in base64, whatever number of bytes stands before it, and after."""
    found = []
    for before, lost in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(before) + content)
        core = encoded[lost : (before + len(content)) * 8 // 6]
        found += [core, core.translate(bytes.maketrans(b"+/", b"-_"))]
    return found


def _pieces(pattern: bytes) -> list[bytes]:
    size = min(PIECE_BYTES, max(SHORTEST_BYTES, len(pattern) // 2))
    pieces = {pattern[:size], pattern[-size:]}
    return [piece for piece in pieces if len(piece) >= SHORTEST_BYTES]
