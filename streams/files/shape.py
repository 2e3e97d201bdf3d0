"""What kind of file it is, found by its first bytes where the mapping does not say."""

import codecs
import csv
import io
from dataclasses import dataclass
from typing import Literal

from ledger.errors import BadUsage
from streams.files.mapping import WHITESPACE, FileShape
from streams.files.source import Source, in_lines

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 20


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
    lines = sample_lines(sample, encoding)
    if given.format == "jsonl" or (
        given.format is None and "".join(lines).lstrip().startswith("{")
    ):
        return Shape("jsonl", "", True, encoding)
    return Shape("csv", given.delimiter or _delimiter(lines), given.header, encoding)


def sample_lines(sample: bytes, encoding: str) -> list[str]:
    """The first lines of a sample, without those that may be cut off, byte order mark and blanks."""
    stream, encoding = in_lines(io.BytesIO(sample), encoding)
    text = stream.read().decode(encoding, "replace")
    lines = [line for line in text.replace("\r", "").split("\n") if line.strip()]
    return lines[: min(_SAMPLE_LINES, max(1, len(lines) - 1))]


def _encoding(sample: bytes, source: Source) -> str:
    wide = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if sample.startswith(wide):
        return "utf-16"
    if b"\x00" in sample[:4]:
        raise BadUsage(f"{source.path}: neither text in UTF-8 nor Parquet; say encoding in the mapping")
    return "utf-8"


def _delimiter(lines: list[str]) -> str:
    """The character that parts the most lines into as many cells as the first; else white space."""
    if not lines:
        return ","
    best, most = ",", (0, 0)
    for delimiter in (*_DELIMITERS, WHITESPACE):
        if delimiter == WHITESPACE and most[1] > 1:
            break
        widths = [_width(line, delimiter) for line in lines]
        score = (widths.count(widths[0]) if widths[0] > 1 else 0, widths[0])
        if score > most:
            best, most = delimiter, score
    return best


def _width(line: str, delimiter: str) -> int:
    if delimiter == WHITESPACE:
        return len(line.split())
    return len(next(csv.reader([line], delimiter=delimiter), []))
