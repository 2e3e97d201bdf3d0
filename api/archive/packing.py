"""A zip file written from front to back, with several of its files growing at once."""

import csv
import io
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import orjson

from api.archive import markup
from api.archive.markup import Html
from api.archive.words import Words
from api.render import defused

_ROWS = 500
_PAGE_BYTES = 1 << 20
"""A page is full with so many rows, or with so much in them."""
_OLDEST = datetime(1980, 1, 1, tzinfo=UTC)
_PRIVATE = 0o600 << 16


class Packing:
    """The archive. What is put is written at once; what grows waits in a file without a name, which is
    gone with the process however that ends.
    """

    def __init__(self, file: BinaryIO, at: datetime, folder: Path) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, allowZip64=True)
        self._at = max(at.astimezone(UTC), _OLDEST).timetuple()[:6]
        self._folder = folder
        self._growing: dict[str, BinaryIO] = {}

    def put(self, name: str, content: bytes) -> None:
        """A file, whole."""
        self._zip.writestr(self._entry(name), content)

    def grow(self, name: str) -> BinaryIO:
        """A file that grows until the archive is closed."""
        growing = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 -- closed with the archive
        self._growing[name] = growing
        return growing

    def close(self) -> None:
        """Write what has grown, and the list of contents."""
        for name, growing in self._growing.items():
            growing.seek(0)
            with self._zip.open(self._entry(name), "w", force_zip64=True) as entry:
                shutil.copyfileobj(growing, entry)
        self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for growing in self._growing.values():
            growing.close()
        with suppress(OSError, ValueError):  # of one that was given up nobody needs the contents
            self._zip.close()

    def _entry(self, name: str) -> ZipInfo:
        entry = ZipInfo(name, self._at)
        entry.compress_type = ZIP_DEFLATED
        entry.external_attr = _PRIVATE
        return entry


class Sheet:
    """Rows for spreadsheets: CSV (RFC 4180) in UTF-8 with the mark that spreadsheets know it by. Nothing
    in it is executed there.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
        self._rows = csv.writer(self._text)
        self._rows.writerow(columns)

    def add(self, cells: Sequence[object]) -> None:
        """A row; numbers stay numbers, of lists and objects it is their JSON."""
        self._rows.writerow([_cell(cell) for cell in cells])

    def close(self) -> None:
        """All of it is in the file, which stays open."""
        self._text.detach()


class Lines:
    """JSON, a value a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, value: Mapping[str, Any]) -> None:
        """A line."""
        self._file.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))


class Pages:
    """Rows for people: as many pages as it takes, each with a way to the next."""

    def __init__(
        self, packing: Packing, words: Words, name: str, title: str, header: Sequence[str]
    ) -> None:
        self.name = name
        self.title = title
        self.pages = 0
        self.count = 0
        self._packing = packing
        self._words = words
        self._header = header
        self._rows: list[Sequence[Html]] = []
        self._bytes = 0

    def add(self, row: Sequence[Html]) -> None:
        """A row."""
        if len(self._rows) == _ROWS or self._bytes > _PAGE_BYTES:
            self._write(last=False)
        self._rows.append(row)
        self._bytes += sum(map(len, row))
        self.count += 1

    def close(self) -> None:
        """All pages are written; one at the least."""
        self._write(last=True)

    def page(self, number: int) -> str:
        """The name of a page's file."""
        return f"{self.name}-{number}.html"

    def _write(self, *, last: bool) -> None:
        self.pages += 1
        words, number = self._words, self.pages
        ways = [markup.link("index.html", words.say("start"))]
        if number > 1:
            ways.append(markup.link(self.page(number - 1), words.say("previous")))
        if not last:
            ways.append(markup.link(self.page(number + 1), words.say("next")))
        body = (
            markup.table(self._header, self._rows)
            if self._rows
            else markup.text(words.say("nothing"))
        )
        title = f"{self.title} · {words.say('page', page=words.number(number))}"
        whole = markup.page(words.language, title, ways, body)
        self._packing.put(self.page(number), whole)
        self._rows, self._bytes = [], 0


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, int):
        return value
    return defused(value if isinstance(value, str) else orjson.dumps(value).decode())
