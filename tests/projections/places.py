"""Places for views, in either store; what a test leaves on the server is taken away after it."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from projections.definition import Fold, parse_fold
from projections.store import ViewStore
from projections.stores import open_views

KINDS = ("sqlite", "postgres")
BY_COPY = "postgres, by COPY"
"""The store on the server as it takes many rows in, though there be few."""


@contextmanager
def place(kind: str, postgres_url: str) -> Iterator[Path | str]:
    """An empty one: a file, or a book's address on the server, which has views beside it."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "views.db"
        return
    schema = f"v{uuid4().hex}"
    yield f"{postgres_url}?schema={schema}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        for name in (schema, f"{schema}_views"):
            admin.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'.encode())


@contextmanager
def opened(kind: str, postgres_url: str) -> Iterator[ViewStore]:
    """A store in an empty place."""
    with (
        pytest.MonkeyPatch.context() as patched,
        place(kind, postgres_url) as at,
        closing(open_views(at)) as store,
    ):
        if kind == BY_COPY:
            patched.setattr("projections.postgres.store._FEW", 0)
        yield store


def tables_at(at: Path | str) -> list[str]:
    """The tables that stand there, ours and everybody's."""
    if isinstance(at, Path):
        with closing(sqlite3.connect(at)) as db:
            found = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return sorted(name for (name,) in found)
    url, _, schema = at.partition("?schema=")
    with psycopg.connect(url) as db:
        listed = "SELECT tablename::text FROM pg_tables WHERE schemaname = %s"
        return sorted(name for (name,) in db.execute(listed, (f"{schema}_views",)))


def plain(at: str, **how: Any) -> psycopg.Connection[Any]:
    """Connect to the schema of the views as anybody could, in autocommit."""
    url, _, schema = at.partition("?schema=")
    options = f'-c search_path="{schema}_views"'
    return psycopg.connect(url, options=options, autocommit=True, **how)


def fold_of(name: str, columns: str) -> Fold:
    """A fold by source."""
    text = f"-- {name}: tried.\nSELECT source, {columns} FROM events GROUP BY source"
    return parse_fold(name, text)
