"""Views kept in a schema of a PostgreSQL database, beside the book's."""

from projections.postgres.store import PostgresViews

__all__ = ["PostgresViews"]
