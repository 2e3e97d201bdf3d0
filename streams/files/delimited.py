"""Delimited text: CSV and its kin, row by row.

The standard library takes the quotes apart; what is ours is that a broken record costs no more
than its first line. A quote that is never closed would swallow every good row behind it, so the
lines that a broken record has taken are given back, and reading goes on at its second.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import IO

from ledger.errors import BadField, BadUsage, Refused, TooLarge
from streams.files.lines import Line, Lines
from streams.files.mapping import WHITESPACE
from streams.files.rows import MAX_ROW_BYTES, Record

MAX_RECORD_LINES = 1_000
"""Lines that one quoted record may span; bounds how often a line is read behind unclosed quotes."""

_PATIENCE = 20
"""Broken rows before the first good one, where that has to say how many columns there are."""


class _Broken(Exception):
    """The record at hand cannot be finished; `refusal` says why."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class _Feed:
    """What `csv.reader` reads: decoded lines, remembering those of the record at hand."""

    def __init__(self, lines: Lines, encoding: str, *, blanks: bool) -> None:
        self.taken: list[Line] = []
        self._lines = lines
        self._encoding = encoding
        self._blanks = blanks
        self._bytes = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.taken and (len(self.taken) == MAX_RECORD_LINES or self._bytes > MAX_ROW_BYTES):
            limit = f"within {MAX_RECORD_LINES:,} lines and {MAX_ROW_BYTES:,} bytes"
            raise _Broken(BadField("row", f"a closing quote {limit}", "none"))
        line = self._lines.next()
        if line is None:
            raise StopIteration
        self.taken.append(line)
        content = line[1]
        if isinstance(content, TooLarge):
            raise _Broken(content)
        self._bytes += len(content)
        text = content.decode(self._encoding)
        if self._blanks:
            text = text.replace("\t", " ").rstrip() + "\n"
        return text

    def begin(self) -> None:
        """Forget the record before."""
        self.taken.clear()
        self._bytes = 0

    def give_back(self) -> Line:
        """Return the first line of the record at hand; the others will come again."""
        first, *others = self.taken
        self._lines.give_back(others)
        return first


class Delimited:
    """The rows of delimited text. `columns` is its header, or numbers from "1"; empty without a row.

    Raises `BadUsage` for a header that cannot name columns. Header names are quoted only where they
    are in `known`: a file without a header has somebody's data there.
    """

    columns: Sequence[str] = ()

    def __init__(
        self,
        stream: IO[bytes],
        encoding: str,
        delimiter: str,
        *,
        header: bool,
        known: frozenset[str],
    ) -> None:
        # Process-wide, and only ever raised: the module's own limit is an eighth of ours.
        csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_ROW_BYTES))
        blanks = delimiter == WHITESPACE
        self._known = known
        self._encoding = encoding
        self._dialect = {"delimiter": " " if blanks else delimiter, "skipinitialspace": blanks}
        self._feed = _Feed(Lines(stream), encoding, blanks=blanks)
        self._reader = csv.reader(self._feed, strict=True, **self._dialect)  # type: ignore[arg-type]
        self._waiting: list[Record] = []
        self.columns = self._header() if header else self._numbers()

    def __iter__(self) -> Iterator[Record]:
        yield from self._waiting
        columns = self.columns
        width = len(columns)
        while (found := self._record()) is not None:
            line, cells = found
            if isinstance(cells, Record):
                yield cells
            elif len(cells) == width:
                yield Record(line, dict(zip(columns, cells, strict=True)))
            elif cells:
                yield self._broken(BadField("row", f"{width:,} cells", f"{len(cells):,}"))

    def _record(self) -> tuple[int, list[str] | Record] | None:
        """First line and cells of the next record, no cells for a blank line; None at the end."""
        self._feed.begin()
        try:
            cells = next(self._reader)
        except StopIteration:
            return None
        except _Broken as broken:
            record = self._broken(broken.refusal)
        except UnicodeDecodeError as error:
            record = self._broken(self._undecodable(error))
        except csv.Error as error:
            expected = "quotes that are closed, and doubled within"
            if str(error).startswith("new-line"):
                expected = "lines that end in LF or CRLF"
            record = self._broken(BadField("row", expected, "others"))
        else:
            return self._feed.taken[0][0], cells
        return record.line, record

    def _broken(self, refusal: Refused) -> Record:
        """Refuse the first line of the record at hand, alone."""
        number, content = self._feed.give_back()
        if isinstance(content, TooLarge):
            return Record(number, {}, b"", content)
        return Record(number, {}, content.rstrip(b"\r\n"), refusal)

    def _undecodable(self, error: UnicodeDecodeError) -> BadField:
        """Where the byte stands that is not in the encoding: the column, as far as it can be told."""
        expected = f"text in {self._encoding}"
        if len(self._feed.taken) == 1:
            text = error.object.decode("latin-1").rstrip("\r\n").replace("\r", " ")
            cells = next(csv.reader([text], **self._dialect), [])  # type: ignore[arg-type]
            for index, cell in enumerate(cells):
                try:
                    cell.encode("latin-1").decode(self._encoding)
                except UnicodeDecodeError as inner:
                    return BadField(
                        self._called(index), expected, f"another byte at {inner.start + 1:,}"
                    )
        return BadField("row", expected, f"another byte at {error.start + 1:,}")

    def _called(self, index: int) -> str:
        name = self.columns[index] if index < len(self.columns) else ""
        return name if name in self._known else f"column {index + 1}"

    def _header(self) -> list[str]:
        found = self._record()
        while found is not None and found[1] == []:
            found = self._record()
        if found is None:
            return []
        line, cells = found
        if isinstance(cells, Record):
            raise BadUsage(f"line {line}, the header: {cells.refusal}")
        columns = [cell.strip() for cell in cells]
        places: dict[str, int] = {}
        for place, name in enumerate(columns, 1):
            if not name:
                raise BadUsage(f"line {line}, the header: column {place} has no name")
            if name in places:
                called = f" {name!r}" if name in self._known else ""
                raise BadUsage(
                    f"line {line}, the header: columns {places[name]} and {place} have one name{called}"
                )
            places[name] = place
        return columns

    def _numbers(self) -> list[str]:
        """As many columns as the first good row has."""
        while (found := self._record()) is not None:
            line, cells = found
            if isinstance(cells, Record):
                self._waiting.append(cells)
                if len(self._waiting) == _PATIENCE:
                    raise BadUsage(
                        f"none of the first {_PATIENCE} rows can be read: {cells.refusal}"
                    )
            elif cells:
                columns = [str(number) for number in range(1, len(cells) + 1)]
                self._waiting.append(Record(line, dict(zip(columns, cells, strict=True))))
                return columns
        return []
