"""The cage: somebody else's SELECT over history, and nothing else within its reach.

`query` reads it and lets it in, `asking` runs it, `events` is what it sees of the book.
"""

from replay.cage.asking import Scanned, Table, run

__all__ = ["Scanned", "Table", "run"]
