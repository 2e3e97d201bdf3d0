"""What kind of file it is, found by its first bytes where the mapping does not say."""

import codecs
import csv
import io
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ledger.errors import BadUsage
from streams.files.mapping import WHITESPACE, FileShape
from streams.files.source import Source, in_lines

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 20


@dataclass(frozen=True, slots=True)
class Shape:
    """A file's format; delimiter, header and encoding are those of its text, if it is text."""

    format: Literal["csv", "jsonl", "parquet"]
    delimiter: str
    header: bool
    encoding: str


def shape_of(source: Source, given: FileShape) -> Shape:
    """What `given` says, completed from the file. Raises `BadUsage` for a file that cannot be read."""
    sample = source.sample()
    encoding = given.encoding or _encoding(sample, source)
    if given.format == "parquet" or (given.format is None and sample.startswith(b"PAR1")):
        return Shape("parquet", "", True, encoding)
    text = _text(sample, encoding)
    if given.format == "jsonl" or (given.format is None and text.startswith("{")):
        return Shape("jsonl", "", True, encoding)
    return Shape("csv", given.delimiter or _delimiter(text), given.header, encoding)


def _text(sample: bytes, encoding: str) -> str:
    """The sample in Unicode, from its first character that is neither mark nor blank."""
    stream, encoding = in_lines(io.BytesIO(sample), encoding)
    return stream.read().decode(encoding, "replace").lstrip("\r\n \t")


def _encoding(sample: bytes, source: Source) -> str:
    wide = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if sample.startswith(wide):
        return "utf-16"
    if b"\x00" in sample[:4]:
        raise BadUsage(
            f"{source.path}: neither text in UTF-8 nor Parquet; say encoding in the mapping"
        )
    return "utf-8"


def _delimiter(text: str) -> str:
    """The character that parts the most rows into as many cells as the first; else white space."""
    best, most = ",", (0, 0)
    for delimiter in _DELIMITERS:
        widths = _widths(text, delimiter)
        if widths and widths[0] > 1 and (score := (widths.count(widths[0]), widths[0])) > most:
            best, most = delimiter, score
    blanks = len(text.partition("\n")[0].split()) > 1
    return WHITESPACE if most == (0, 0) and blanks else best


def _widths(text: str, delimiter: str) -> list[int]:
    """Cells of the first rows, blank ones left out."""
    widths = []
    with suppress(csv.Error):  # a row that this delimiter cannot be for; those before it count
        for cells in islice(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), _SAMPLE_ROWS
        ):
            widths.append(len(cells))  # noqa: PERF401 — what was read before an error is kept
    return [width for width in widths if width]
