"""Erasing people: one out of a small book and out of a large one, two thousand in a go, and who appends meanwhile."""

import atexit
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import islice
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

from api.wiring import Bahi
from commands.privacy.erasing import erase, erase_each
from commands.privacy.ordering import Order
from commands.record import record
from commands.touchpoint import Touchpoint
from ledger.identifiers import Identifier
from ledger.settings import Settings
from tests.bench import made, server
from tests.bench.runner import Comparison, Side

_SMALL, _LARGE = 10_000, 1_000_000
_ONE_BY_ONE = 20
_BASIS = "gdpr-17-1-b"
_STORES = ("SQLite", "PostgreSQL")
_CROWD = 2_000
_MEANWHILE = 300
"""People who are erased while somebody appends."""
_ALONE_S = 3.0
_AT_ONCE = 100


def comparisons(count: int) -> Iterator[Comparison]:
    """Views, keyring and vault included: everything that stands when the certificate is written."""
    large = min(max(count, 10 * _SMALL), _LARGE)
    crowd = _CROWD * made.EVENTS_A_CUSTOMER
    for store in _STORES:
        durability = f"both: every step committed before the next, on {store}"
        yield Comparison(
            what=f"erase one customer, {large:,} events in a book on {store}",
            baseline=f"the same, {_SMALL:,} events",
            durability=durability,
            ours=partial(_one_by_one, store, large),
            theirs=partial(_one_by_one, store, _SMALL),
            must=0.8,
        )
        yield Comparison(
            what=f"erase 2,000 in a go on {store}: the second thousand",
            baseline="the first thousand",
            durability=durability,
            ours=partial(_in_a_go, store, crowd, second=True),
            theirs=partial(_in_a_go, store, crowd, second=False),
            must=0.8,
        )
        yield Comparison(
            what=f"append to {store} while people are erased, {_AT_ONCE} touchpoints at once",
            baseline="the same while nobody is",
            durability=f"{durability}; the eraser is a process of its own and does not pause",
            ours=partial(_appending, store, crowd, erasing=True),
            theirs=partial(_appending, store, crowd, erasing=False),
            must=0.1,
        )


def _one_by_one(store: str, events: int, folder: Path) -> Side:
    bahi = Bahi.open(_a_copy(store, events, folder))
    actor = bahi.staff("eraser")
    chosen = _customers(bahi, events)[:: events // made.EVENTS_A_CUSTOMER // _ONE_BY_ONE]

    def side() -> int:
        for customer in chosen[:_ONE_BY_ONE]:
            erase(bahi.office, [customer], legal_basis=_BASIS, actor=actor)
        bahi.close(in_order=False)
        return _ONE_BY_ONE

    return side


def _in_a_go(store: str, events: int, folder: Path, *, second: bool) -> Side:
    bahi = Bahi.open(_a_copy(store, events, folder))
    order = Order.of(bahi.actor(), _BASIS, None, None)
    chosen = _customers(bahi, events)
    half = len(chosen) // 2
    if second:
        list(erase_each(bahi.office, chosen[:half], order))

    def side() -> int:
        erased = list(erase_each(bahi.office, chosen[half:] if second else chosen[:half], order))
        bahi.close(in_order=False)
        return len(erased)

    return side


def _appending(store: str, events: int, folder: Path, *, erasing: bool) -> Side:
    settings = _a_copy(store, events, folder)
    bahi = Bahi.open(settings)
    chosen = _customers(bahi, events)[:_MEANWHILE]
    given = made.touchpoints(1_000_000, seed=2)
    apart = multiprocessing.get_context("spawn")
    begun, over = apart.Event(), apart.Event()

    def side() -> int:
        eraser = apart.Process(target=_erase, args=(settings, chosen, begun, over))
        until = time.monotonic() + _ALONE_S
        if erasing:
            eraser.start()
            begun.wait(60)
        appended = 0
        while not over.is_set() if erasing else time.monotonic() < until:
            appended += _append(bahi, islice(given, _AT_ONCE))
        if erasing:
            eraser.join()
            assert eraser.exitcode == 0
        bahi.close(in_order=False)
        return appended

    return side


def _append(bahi: Bahi, given: Iterator[Touchpoint]) -> int:
    tolerance = bahi.intake.future_tolerance
    return sum(1 for _ in record(bahi.ledger, given, clock=bahi.clock, future_tolerance=tolerance))


def _erase(settings: Settings, chosen: Sequence[UUID], begun: Event, over: Event) -> None:
    """Be the process that erases."""
    try:
        with Bahi.open(settings) as bahi:
            order = Order.of(bahi.actor(), _BASIS, None, None)
            for number, _ in enumerate(erase_each(bahi.office, chosen, order)):
                if number == 0:
                    begun.set()
    finally:
        begun.set()
        over.set()


def _customers(bahi: Bahi, events: int) -> Sequence[UUID]:
    named = (
        bahi.ledger.vault.look_up(Identifier("user", f"u{number}"))
        for number in range(events // made.EVENTS_A_CUSTOMER)
    )
    return [customer for customer in named if customer is not None]


def _a_copy(store: str, events: int, folder: Path) -> Settings:
    """Settings of a ledger that is as the filled one, and this side's alone."""
    filled = _filled(store, events)
    home = folder / "home"
    shutil.copytree(filled.home, home)
    if store == "SQLite":
        return _settings(home, "")
    return _settings(home, server.a_copy_of(urlsplit(filled.ledger).path.removeprefix("/")))


@cache
def _filled(store: str, events: int) -> Settings:
    """A ledger with that many events and current views. It is filled once a run."""
    home = Path(tempfile.mkdtemp(prefix="bahi-bench-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    settings = _settings(home, "" if store == "SQLite" else _database(f"filled_{events}"))
    with Bahi.open(settings) as bahi:
        intake = bahi.intake
        given = made.touchpoints(events)
        for _ in record(
            bahi.ledger, given, clock=bahi.clock, future_tolerance=intake.future_tolerance
        ):
            pass
        bahi.catch_up()
    return settings


def _settings(home: Path, address: str) -> Settings:
    return Settings(home=home, ledger=address, vault=address, keyring=None)


def _database(name: str) -> str:
    with psycopg.connect(server.postgres(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return urlsplit(server.postgres())._replace(path=f"/{name}").geturl()
