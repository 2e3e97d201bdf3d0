"""A row of a file: where it stood, what stood there, and what became of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Never

import orjson

from commands.touchpoint import Touchpoint
from ledger.errors import BadField, Refused, TooLarge, came
from ledger.identifiers import Identifier

MAX_ROW_BYTES = 1024 * 1024
"""Longest row, as it stands in the file. A longer one is refused, and not held in memory."""
MAX_DEPTH = 32
"""Lists and objects of a JSON row inside one another."""

Raw = Mapping[str, Any]
"""A row as it came: column → text, number, truth, list, object, or None. Fractions are `Decimal`."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a format makes of one row. `verbatim` is kept where it could not be taken apart."""

    line: int
    raw: Raw = field(repr=False)
    verbatim: bytes | None = field(default=None, repr=False)
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, good or bad.

    `row` counts from 1 without the header, bad rows too; `line` is its first line, from 1, and 0
    in Parquet. `row_id` is the message id that the row has by its place in the file, where no
    column gives it one: whoever tries the row again must hand it back to `touchpoint_of`.
    `named` and `market` are what could be read of a refused row: an erasure must find it.
    """

    row: int
    line: int
    item: Touchpoint | Refused
    row_id: str | None
    raw: Raw = field(repr=False)
    verbatim: bytes | None = field(repr=False)
    named: tuple[Identifier, ...] = ()
    market: str | None = None

    @property
    def content(self) -> bytes:
        """The row for a dead letter: JSON of column → cell, or its bytes where it has no cells.

        Empty for a row over the limit: its refusal tells the length. Personal: to be sealed.
        """
        return content_of(self.raw) if self.verbatim is None else self.verbatim


def content_of(raw: Raw) -> bytes:
    """A raw row as JSON that `raw_of` reads back, fractions exact."""
    return orjson.dumps(raw, default=_decimal)


def raw_of(content: bytes) -> dict[str, Any]:
    """The raw row that a dead letter holds.

    Raises `BadField` where it holds bytes that could not be taken apart: their file has to be
    corrected, or the columns given anew.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadField("row", "text in UTF-8", f"another byte at {error.start:,}") from None
    return parse_object(text)


def parse_object(text: str) -> dict[str, Any]:
    """A row of JSON Lines. Raises `BadField` or `TooLarge`, on `row`."""
    found = parse_json(text, "row")
    if not isinstance(found, dict):
        raise BadField("row", "a JSON object", came(found))
    return found


def parse_json(text: str, field: str) -> Any:
    """JSON with exact fractions, no NaN, no half surrogates, each name once in an object, at most
    `MAX_DEPTH` deep.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _demand_shallow(text, field)
    try:
        found = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise BadField(field, "text in Unicode", "half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise BadField(field, "JSON", f"something else at character {error.pos + 1:,}") from None
    except _Twice:
        raise BadField(field, "JSON with each name once in an object", "one twice") from None
    except (ValueError, ArithmeticError):  # of more digits or powers of ten than can be read
        raise BadField(field, "JSON with numbers of ordinary size", came(text)) from None
    return found


def _demand_shallow(text: str, field: str) -> None:
    depth = 0
    # Of a text that was cut within a string, that string is the rest: looked for again from each of its
    # quotes, it would be read as many times as it has quotes.
    for found in re.finditer(r'[\[\]{}]|"(?:[^"\\]++|\\.)*+"?', text):
        bracket = found[0]
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > MAX_DEPTH:
            raise TooLarge(field, f"JSON at most {MAX_DEPTH} levels deep", "more of them")


def _no_number(_word: str) -> Never:
    raise ValueError


class _Twice(ValueError):
    """A name stands twice in an object: readers differ in which of the two they take."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _whole(word: str) -> int:
    """A whole number; none that others read as another, or not at all."""
    number = int(word)
    if not -(2**63) <= number < 2**64:
        raise ValueError
    return number


_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_int=_whole, parse_constant=_no_number, object_pairs_hook=_once
)


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError
