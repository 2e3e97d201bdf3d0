"""A first mapping for a file, drafted from the names of its columns and the shape of what is in them.

The draft shows names and shapes, never a cell. It is a proposal: what it guessed is marked.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from streams.files.delimited import Delimited
from streams.files.guess import Column, column_of, flat, key_of
from streams.files.mapping import FileShape
from streams.files.reader import records
from streams.files.shape import Shape, shape_of
from streams.files.source import Source, in_lines

_ROWS = 200
_COLUMNS = 60

_PERSON = r"(customer|user|client|member|contact|person|visitor|buyer|kunde)"
_ID = r"(_|\b)(id|no|nr|num|number|key|code|uuid)$"
_ORDER = r"(order|invoice|transaction|receipt|purchase|sale)"
_AMOUNT = r"(amount|total|price|value|revenue|paid|sum|betrag|cost)"
_QUANTITY = r"(quantity|qty|pieces|items|count|number_of|units)"
_MONEY_WORDS = (
    ("USD", "dollar|usd"),
    ("EUR", "euro?"),
    ("GBP", "pound|gbp"),
    ("JPY", "yen|jpy"),
    ("INR", "rupee|inr"),
)
_PROFILE = (
    ("given_name", r"(first|given)_?name|vorname"),
    ("family_name", r"(last|family)_?name|surname|nachname"),
    ("name", r"(full_?)?name"),
    ("address", r"(street_?)?address|street"),
    ("birthday", r"birth(day|_?date)|date_of_birth|dob"),
    ("company", r"company|organi[sz]ation|firm"),
    ("job_title", r"(job_?)?title|role|position"),
)


def draft_mapping(path: Path) -> str:
    """A commented mapping for this file, ready to be corrected; it loads, unless the file has no row.

    Raises `NotFound` or `BadUsage` for what is no readable file.
    """
    source = Source(path)
    with source.readable():
        shape = shape_of(source, FileShape())
        headed = shape.format != "csv" or _has_header(source, shape)
        shape = Shape(shape.format, shape.delimiter, headed, shape.encoding)
        with records(source, shape, frozenset()) as found:
            rows = [flat(r.raw) for r in islice(found, _ROWS) if r.refusal is None]
            names = list(found.columns or dict.fromkeys(name for row in rows for name in row))
    names = [name for name in names if not rows or any(name in row for row in rows)]
    columns = [column_of(name, [row.get(name) for row in rows]) for name in names[:_COLUMNS]]
    return "\n".join(_Draft(path, shape, columns).lines()) + "\n"


def _has_header(source: Source, shape: Shape) -> bool:
    """Whether the first row names columns: words, all different, none of them a datum."""
    with source.open() as stream:
        plain, encoding = in_lines(stream, shape.encoding)
        rows = Delimited(plain, encoding, shape.delimiter, header=False, known=frozenset())
        first = next(iter(rows), None)
    if first is None or first.refusal is not None:
        return True
    cells = [str(cell).strip() for cell in first.raw.values()]
    words = all(
        column_of("", [cell]).shape in {"text", "currency"} and "@" not in cell for cell in cells
    )
    return words and len(set(cells)) == len(cells)


def _quoted(name: str) -> str:
    """A TOML string: JSON's escapes, and DEL, which TOML wants escaped as well."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(slots=True)
class _Draft:
    path: Path
    shape: Shape
    columns: list[Column]

    def lines(self) -> Iterator[str]:
        time = self._time()
        topic, by_column = self._type()
        people = dict(self._people(time))
        fields = dict(self._fields(topic, time))
        order = self._first(_ORDER + ".*" + _ID, "integer", "text")
        yield f"# Drafted from {self.path.name}: read it over before you import with it."
        yield f"source = {_quoted(self._source())}  # the system that these rows come from"
        yield ""
        yield from self._file()
        yield "[event]"
        yield f"type = {by_column or _quoted(topic)}" + (
            "" if by_column else "  # CHECK: a guess by the columns"
        )
        yield f"occurred_at = {self._occurred_at(time)}"
        yield '# message_id = ["column"]  # what tells a row from every other: name it, if there is such a thing'
        yield "\n[identifiers]  # who it is about, the most trusted first"
        yield from (f"{kind} = {cell}" for kind, cell in people.items())
        if order is not None:
            yield "\n[references]  # account, deal, ticket, order, task: by the number that the source uses"
            yield f"order = {_quoted(order.name)}"
        if fields:
            yield f"\n[fields]  # of {topic}"
            yield from (f"{name} = {cell}" for name, cell in fields.items())
        drafted = " ".join([*people.values(), *fields.values(), self._occurred_at(time), by_column])
        used = {order.name} if order else set()
        left = [c for c in self.columns if c.name not in used and _quoted(c.name) not in drafted]
        if left:
            yield "\n# Not mapped:"
            yield from (f"#   {_quoted(column.name)}: {column.shape}" for column in left)

    def _source(self) -> str:
        stem = re.sub(r"[^a-z0-9]+", "_", self.path.name.split(".")[0].lower()).strip("_")
        return stem[:64] or "file"

    def _file(self) -> Iterator[str]:
        if self.shape.format == "csv":
            yield "[file]"
            yield f"delimiter = {_quoted(self.shape.delimiter)}"
            if not self.shape.header:
                yield 'header = false  # its first row looks like data: columns are "1", "2", "3" …'
            yield ""

    def _first(self, pattern: str, *shapes: str) -> Column | None:
        """The first column of one of these shapes whose name matches."""
        for column in self.columns:
            if column.shape in shapes and re.search(pattern, column.key):
                return column
        return None

    def _time(self) -> Column | None:
        return self._first("date|time|occurred|created|when|_at$|day", "time") or self._first(
            "", "time"
        )

    def _type(self) -> tuple[str, str]:
        """The type to draft for, and the cell that says it where a column does."""
        for column in self.columns:
            if column.shape == "event type":
                return "customer.identified", f"{{ column = {_quoted(column.name)} }}"
        return ("order.placed", "") if self._amount() else ("customer.identified", "")

    def _amount(self) -> Column | None:
        return (
            self._first(_AMOUNT, "amount")
            or self._first(_AMOUNT, "integer")
            or self._first("", "amount")
        )

    def _occurred_at(self, time: Column | None) -> str:
        if time is None:
            fallback = self.columns[0].name if self.columns else "occurred_at"
            return f"{{ column = {_quoted(fallback)} }}  # CHECK: no column looks like a time"
        keys = [f"column = {_quoted(time.name)}"]
        if time.format:
            keys.append(f'format = "{time.format}"')
        note = "" if time.sure else "  # CHECK: day and month could be the other way round"
        if time.naive:
            keys.append('zone = "UTC"')
            note = note or "  # CHECK: the times say no zone"
        return f"{{ {', '.join(keys)} }}{note}"

    def _people(self, time: Column | None) -> Iterator[tuple[str, str]]:
        person = self._first(_PERSON + ".*" + _ID, "integer", "text") or self._first(
            f"^{_PERSON}$", "integer", "text"
        )
        email = self._first("", "e-mail")
        phone = self._first("phone|mobile|^tel", "phone", "integer") or self._first("", "phone")
        for kind, column in (("user", person), ("email", email), ("phone", phone)):
            if column is not None:
                yield kind, _quoted(column.name)
        if person or email or phone:
            return
        others = [c for c in self.columns if c is not time and c.shape in {"integer", "text"}]
        likely = [c for c in others if re.search(_ID, c.key)] or others or self.columns
        name = likely[0].name if likely else "customer_id"
        yield "user", f"{_quoted(name)}  # CHECK: no column clearly names a person"

    def _fields(self, topic: str, time: Column | None) -> Iterator[tuple[str, str]]:
        if topic == "order.placed":
            yield from self._order_fields()
            return
        taken: set[str] = set()
        for kind in ("email", "phone"):
            shape = "e-mail" if kind == "email" else kind
            if (column := self._first("", shape)) is not None:
                yield kind, _quoted(column.name)
        for name, pattern in _PROFILE:
            for column in self.columns:
                leaf = key_of(column.name.rpartition(".")[2])
                if column is not time and column.name not in taken and re.fullmatch(pattern, leaf):
                    taken.add(column.name)
                    yield name, _quoted(column.name)
                    break

    def _order_fields(self) -> Iterator[tuple[str, str]]:
        amount = self._amount()
        assert amount is not None
        stated = self._first("", "currency")
        words = " ".join(column.key for column in self.columns)
        code = next((c for c, pattern in _MONEY_WORDS if re.search(pattern, words)), "USD")
        currency = f"{{ column = {_quoted(stated.name)} }}" if stated else f'{{ value = "{code}" }}'
        if re.search("minor|cents", amount.key) and amount.shape == "integer":
            yield "amount_minor", _quoted(amount.name)
        else:
            marks = "".join(f", {key} = {_quoted(mark)}" for key, mark in amount.separators)
            of = _quoted(code) if stated is None else currency
            yield (
                "amount_minor",
                (f"{{ column = {_quoted(amount.name)}, money = {{ currency = {of}{marks} }} }}"),
            )
        yield "currency", currency + ("" if stated else "  # CHECK: the file does not say")
        quantity = self._first(_QUANTITY, "integer")
        if quantity is not None and quantity is not amount:
            yield "quantity", _quoted(quantity.name)
