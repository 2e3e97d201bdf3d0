"""Appending to a book that holds six million events, against an empty one."""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from ledger.event import Event
from ledger.stores import open_book
from tests.bench import made, server
from tests.bench.runner import Comparison, Side

_FULL = 6_000_000
_SMALLEST_SCALE = 10_000_000
"""Loading it takes minutes, so it is done at the full sizes only."""
_MEASURED, _AT_ONCE, _LOADED_AT_ONCE = 100_000, 1_000, 10_000
_NAME = "full"


def comparisons(count: int) -> Iterator[Comparison]:
    """Ids and customers of the one come in no order, so every page of two indexes is as likely."""
    if count >= _SMALLEST_SCALE:
        yield Comparison(
            what="append to PostgreSQL, 1,000 at once, six million events in the book",
            baseline="the same, the book being empty",
            durability=f"both: a commit an append; right after a checkpoint; {server.settings()}",
            ours=_appending_to_the_full_one,
            theirs=_appending_to_an_empty_one,
            must=0.6,
        )


def _appending_to_the_full_one(_folder: Path) -> Side:
    return _appending(server.a_copy_of(_full()))


def _appending_to_an_empty_one(_folder: Path) -> Side:
    return _appending(server.an_empty_database())


def _appending(address: str) -> Side:
    book = open_book(address)
    batches = [*_batches(islice(made.events(_FULL, seed=2), _MEASURED), _AT_ONCE)]
    book.head()  # connects

    def side() -> int:
        for batch in batches:
            book.append(batch)
        book.close()
        return _MEASURED

    return side


@cache
def _full() -> str:
    """The name of a database with that book. It is filled once a run."""
    with psycopg.connect(server.postgres(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(_NAME))
        )
    with open_book(urlsplit(server.postgres())._replace(path=f"/{_NAME}").geturl()) as book:
        for batch in _batches(made.events(_FULL), _LOADED_AT_ONCE):
            book.append(batch)
    return _NAME


def _batches(events: Iterator[Event], size: int) -> Iterator[list[Event]]:
    while batch := [*islice(events, size)]:
        yield batch
