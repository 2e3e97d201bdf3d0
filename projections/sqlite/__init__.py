"""Views kept in one SQLite file."""

from projections.sqlite.store import SqliteViews

__all__ = ["SqliteViews"]
