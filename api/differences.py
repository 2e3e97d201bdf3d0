"""A difference between two looks, as people read it: a line for what came to what, and rows of before → after."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from api.render import Format, out, readable, rich_table, say, write_parts, write_rows
from replay.comparing.diff import Change, Difference
from replay.rows.formats import FileFormat, encoded
from replay.rows.shown import in_python

_SHOWN = 50
_FIGURES = 6
"""How many figures are told of a row that came or went."""


def print_difference(found: Difference, how: Format, target: Path | None) -> None:
    """The rows that differ, and on stderr what it comes to."""
    if how is not Format.TABLE:
        write_parts(encoded(found.rows(), FileFormat(how.value)), target)
    elif target is not None:
        write_rows(_told(found, None), how, target)
    elif not found.nothing:
        out.print(rich_table(_told(found, _SHOWN)))
    for line in _summary(found):
        say(line)
    differing = found.added + found.gone + found.changed
    if how is Format.TABLE and target is None and differing > _SHOWN:
        say(f"{_SHOWN} of {differing:,} rows; --format json, csv or parquet has them all")
    if target is not None:
        say(f"{differing:,} rows written to {target}")


def _summary(found: Difference) -> Iterator[str]:
    told = (
        f"told apart by {', '.join(found.key)}"
        if found.key
        else "compared whole, as no key is known"
    )
    sizes = f"{found.rows_before:,} rows before, {found.rows_after:,} after, {told}"
    if found.nothing:
        yield f"nothing differs: {sizes}"
    else:
        counts = f"{found.added:,} added, {found.gone:,} gone"
        yield f"{counts}, {found.changed:,} changed: {sizes}" if found.key else f"{counts}: {sizes}"
    if found.by_column:
        columns = sorted(found.by_column.items(), key=lambda one: (-one[1], one[0]))
        yield "changed: " + ", ".join(f"{name} in {count:,}" for name, count in columns)
    for which, names in (("before", found.only_before), ("after", found.only_after)):
        if names:
            yield f"not compared, since only the rows {which} have it: {', '.join(names)}"


def _told(found: Difference, limit: int | None) -> pa.Table:
    """The rows that differ, in as many columns as a screen has room for."""
    reader = found.rows()
    rows = list(islice((row for batch in reader for row in in_python(batch)), limit))
    if not found.key:
        return pa.Table.from_batches([_as_text(rows, reader.schema.names)])
    change, *rest = reader.schema.names
    keys, columns = rest[: len(found.key)], rest[len(found.key)]
    told = [{**row, "what": _what(found, row, row[change], row[columns] or ())} for row in rows]
    return pa.Table.from_batches([_as_text(told, [change, *keys, "what"])])


def _as_text(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pa.RecordBatch:
    columns = [pa.array([readable(row[name]) for row in rows], pa.string()) for name in names]
    return pa.record_batch(columns, names=list(names))


def _what(found: Difference, row: Mapping[str, Any], change: str, columns: Sequence[str]) -> str:
    if change == Change.CHANGED:
        return ", ".join(
            f"{pair.name} {_value(row[pair.before])} → {_value(row[pair.after])}"
            for pair in found.pairs
            if pair.name in columns
        )
    sides = {Change.ADDED: "after", Change.GONE: "before"}
    places = [(pair.name, getattr(pair, sides[Change(change)])) for pair in found.pairs]
    told = [
        f"{name} {_value(row[place])}"
        for name, place in places
        if place and row[place] not in (None, 0, False, "")
    ]
    return ", ".join(told[:_FIGURES]) + (" …" if len(told) > _FIGURES else "")


def _value(value: object) -> str:
    return "nothing" if value is None else readable(value) or "''"
