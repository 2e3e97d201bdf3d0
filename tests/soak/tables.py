"""What the auditor reads: the tables of a book, the notes of who worked on it, and what users are shown.

Plain SQL and JSON; nothing of Bahi is in here.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import orjson
import psycopg


@dataclass(frozen=True)
class Row:
    """One event as the table has it."""

    position: int
    recorded_at: int
    id: UUID
    type: str
    occurred_at: int
    body: bytes
    personal: bytes
    leaf: bytes

    @cached_property
    def envelope(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class Store(Protocol):
    """Where the tables are: three queries, whose rows come in order of position."""

    def ask(self, query: str) -> list[tuple[Any, ...]]: ...


class PostgresStore:
    """The book in a schema."""

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._schema = schema

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url, options=f'-c search_path="{self._schema}"') as connection:
            return connection.execute(query.encode()).fetchall()


class SqliteStore:
    """The book in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path)) as connection:
            return connection.execute(query).fetchall()


@dataclass(frozen=True)
class Book:
    """The tables, and the notes of everybody who worked on them."""

    rows: Sequence[Row]
    tags: Sequence[tuple[int, str]]
    checkpoints: Sequence[tuple[int, bytes]]
    notes: Mapping[str, Sequence[Mapping[str, Any]]]
    views: Sequence[Mapping[str, Any]]
    verified: Mapping[str, Any]


def rows_of(store: Store) -> list[Row]:
    rows = store.ask(
        "SELECT position, recorded_at, id, type, occurred_at, body, personal, leaf"
        " FROM event ORDER BY position"
    )
    return [
        Row(at, us, i if isinstance(i, UUID) else UUID(bytes=i), kind, when, *map(bytes, blobs))
        for at, us, i, kind, when, *blobs in rows
    ]


def opened(folder: Path, store: Store) -> Book:
    return Book(
        rows=rows_of(store),
        tags=store.ask("SELECT position, tag FROM event_tag ORDER BY position, tag"),
        checkpoints=store.ask("SELECT size, root FROM checkpoint ORDER BY size"),
        notes={path.stem: [*_lines(path)] for path in sorted(folder.glob("*.notes"))},
        views=_said(folder / "views.said") or [],
        verified=_said(folder / "verify.said") or {},
    )


def _lines(notes: Path) -> Iterator[dict[str, Any]]:
    for line in notes.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):  # else its writer died as it wrote it
            yield orjson.loads(line)


def _said(said: Path) -> Any:
    """The JSON document that a program wrote; None if it wrote none."""
    try:
        return json.loads(said.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
