"""Where views are kept, by where the book is."""

from pathlib import Path

from projections.sqlite import SqliteViews
from projections.store import ViewStore


def open_views(at: Path | str) -> ViewStore:
    """The store in an SQLite file, or beside the book at `postgresql://…?schema=book`."""
    if isinstance(at, Path):
        return SqliteViews(at)
    from projections.postgres import PostgresViews  # drivers that an embedded book need not load

    return PostgresViews(at)
