"""History in columns: the book in Parquet segments, read together with what is not in a segment yet."""

from replay.columns.columns import Columns

__all__ = ["Columns"]
