"""Live = history: a view as of T is what is kept where only that had occurred by T has ever come in; as
known at K, what stood in the live store when K was the last position; and both together.

Live here is a store of its own, which is read as it goes, never knowing what is to come. Whoever is
erased or restricted by the end is so on every day.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ledger.book import Book
from ledger.event import MERGED, SPLIT, Event, encode_body
from ledger.gone import Gone
from ledger.people import People
from ledger.restricted import Restricted
from ledger.stores import open_book
from projections import Views
from projections.views import load
from replay.columns import Columns
from replay.columns.writing import Sizes
from replay.history import NOW as LIVE
from replay.history import Clocks, Past
from tests.ledger.searched import Link, Searched
from tests.projections import model
from tests.projections.business import NOW, PEOPLE, business, happening
from tests.projections.test_consent_views import history as consents
from tests.replay.test_one_person import link, nothing

SOME = PEOPLE[:5]
VIEWS = {
    "customer_360": model.CUSTOMER_360,
    "customer_money": model.CUSTOMER_MONEY,
    "customer_channel": model.CUSTOMER_CHANNEL,
}
"""Of these, and of `daily`, there is a model besides."""
EVERY = sorted(name for views in load() for name in views if name not in VIEWS)
MOST = 3
SIZES = Sizes(group=16, small=32, large=64)
"""So that a few hundred events make segments of either size, and leave a tail."""
BEGUN = len(SOME)
"""Positions in which everybody is first heard of, long before anything is asked."""

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Told:
    """What is told of a few people, everything at any moment and in any order, and when somebody looks."""

    seed: int
    size: int
    judged: Sequence[tuple[str, Sequence[UUID], int]]
    """Merges and splits, and how many days ago."""
    said: Sequence[tuple[str, UUID, int]]
    """Who is erased or restricted."""
    pauses: Sequence[float]
    back: int
    """As of how many days ago."""

    @cached_property
    def events(self) -> Sequence[Event]:
        chance = Random(self.seed)
        told = [
            *business(self.size, self.seed),
            *(e for n in range(4) for e in consents(chance, n)),
        ]
        events = [
            replace(event, customer=_known(event.customer))
            for event in told
            if event.type not in (MERGED, SPLIT)
        ]
        for kind, (one, other), day in self.judged:
            events.append(link(kind, one, other, NOW - timedelta(days=day)))
        for word, who, day in self.said:
            at = NOW - timedelta(days=day)
            events.append(
                happening(word, at, who, legal_basis="art17" if word == ERASING else None)
            )
        chance.shuffle(events)
        bought: dict[str, Any] = {"currency": "EUR", "amount_minor": 300}
        begun = [happening("order.placed", NOW - timedelta(days=900), w, **bought) for w in SOME]
        return [*{event.id: event for event in [*begun, *events]}.values()]

    @cached_property
    def looks(self) -> Sequence[int]:
        """The last positions at which somebody looks."""
        last = len(self.events)
        some = {BEGUN + int((last - BEGUN) * pause) for pause in self.pauses}
        return [*sorted(some - {last}), last]

    @property
    def as_of(self) -> datetime:
        return NOW - timedelta(days=self.back)

    @cached_property
    def names(self) -> Sequence[str]:
        """The views that are looked at, of all that there are."""
        return [*VIEWS, *Random(self.seed).sample(EVERY, MOST)]


ERASING = "customer.erasing"
WORDS = (ERASING, "customer.restricted", "customer.unrestricted")
days = st.integers(0, 400)
pairs = st.permutations(SOME).map(lambda people: people[:2])


def histories(size: int) -> st.SearchStrategy[Told]:
    judged = st.tuples(st.sampled_from([MERGED, MERGED, SPLIT]), pairs, days)
    said = st.tuples(st.sampled_from(WORDS), st.sampled_from(SOME), days)
    return st.builds(
        Told,
        st.integers(0, 2**16),
        st.just(size),
        st.lists(judged, min_size=2, max_size=6),
        st.lists(said, max_size=3),
        st.lists(st.floats(0, 1), min_size=1, max_size=1),
        days,
    )


def _known(customer: UUID | None) -> UUID | None:
    return None if customer is None else SOME[customer.int % len(SOME)]


@contextmanager
def place(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty book."""
    if kind == "sqlite":
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}"
    else:
        yield f"{request.getfixturevalue('postgres_url')}?schema=live_{uuid4().hex}"


def views_of(book: Book, address: str, now: datetime) -> Views:
    at = address if "postgres" in address else Path(address.removeprefix("sqlite:///")) / "views.db"
    return Views.open(at, clock=lambda: now, gone=Gone(book))


def hidden(book: Book) -> frozenset[UUID]:
    return Gone(book).now() | Restricted(book, People(book)).now()


def live(told: Told, as_of: datetime | None, unseen: frozenset[UUID], address: str) -> list[Rows]:
    """What a store showed at each look, as it took in what had occurred by then, and nothing else.

    In the place of what had not stands something about nobody.
    """
    events = [e if as_of is None or e.occurred_at <= as_of else nothing(as_of) for e in told.events]
    found, before = [], 0
    with (
        open_book(address, lambda: NOW) as book,
        closing(views_of(book, address, as_of or NOW)) as views,
    ):
        people = People(book)
        for look in told.looks:
            book.append(events[before:look])
            before = look
            views.catch_up(book)
            found.append(shown(Past(book, views, people, lambda: unseen), LIVE, told.names))
    return found


def shown(history: Past, at: Clocks, names: Sequence[str]) -> Rows:
    """The rows of these views, without those of what was only put in between."""
    return {
        name: sorted(
            (r for r in history.view(name, at).to_pylist() if r.get("type") != "rate.published"),
            key=repr,
        )
        for name in names
    }


def modelled(told: Told, at: Clocks, unseen: frozenset[UUID]) -> dict[str, Any]:
    """By the model: what had occurred and was known, each event under the oldest of whoever it is about."""
    seen = [
        (position, event)
        for position, event in enumerate(told.events[: at.known_upto], 1)
        if at.as_of is None or event.occurred_at <= at.as_of
    ]
    moments = sorted({event.occurred_at for _, event in seen})
    age = {who: place for place, who in enumerate(SOME)}
    links = []
    for position, event in seen:
        if event.type in (MERGED, SPLIT) and event.customer is not None:
            two = [event.customer, UUID(event.data["other"])]
            if unseen.isdisjoint(two):
                day = moments.index(event.occurred_at)
                one, other = (age[who] for who in two)
                links.append((position, Link(event.type == MERGED, one, other, day)))
    people = Searched(links)
    given = []
    for position, event in seen:
        if event.customer is not None and event.customer not in unseen:
            oldest = SOME[min(people.reached(age[event.customer]))]
            body = encode_body(event).decode()
            given.append({**model.seen(position, body), "customer": oldest})
    return {name: model.rows(view, given) for name, view in VIEWS.items()}


def keyed(rows: Rows) -> dict[str, Any]:
    return {
        name: {tuple(row.pop(key) for key in view.keys): row for row in map(dict, rows[name])}
        for name, view in VIEWS.items()
    }


@pytest.mark.parametrize(("kind", "size", "examples"), [("sqlite", 90, 2), ("postgres", 50, 1)])
def test_live_history_and_model_agree(
    kind: str, size: int, examples: int, request: pytest.FixtureRequest
) -> None:
    @settings(max_examples=examples, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(histories(size))
    def agree(told: Told) -> None:
        with (
            place(kind, request) as address,
            TemporaryDirectory() as folder,
            open_book(address, lambda: NOW) as book,
            closing(views_of(book, address, NOW)) as views,
        ):
            book.append(told.events)
            columns = Columns(Path(folder), book, sizes=SIZES)
            assert columns.keep() > 0
            unseen, people = hidden(book), People(book)
            for as_of in (None, told.as_of):
                with place(kind, request) as another:
                    then = live(told, as_of, unseen, another)
                for look, rows in zip(told.looks, then, strict=True):
                    at = Clocks(as_of, look)
                    for source in (book, columns) if look == told.looks[-1] else (columns,):
                        history = Past(book, views, people, lambda: unseen, source)
                        assert shown(history, at, told.names) == rows, (at, source)
                    assert keyed(rows) == modelled(told, at, unseen)
                same_people(history, at)

    agree()


def same_people(history: Past, at: Clocks) -> None:
    """One person looked up alone is who they are among all, and their page has just their rows."""
    persons = history.persons(at)
    every = {name: history.view(name, at).to_pylist() for name in VIEWS}
    for who in SOME:
        person = history.person(who, at)
        assert person.groups.get(who) == persons.groups.get(who)
        page, oldest = history.customer(who, at), persons.canonical(who)
        for name, rows in every.items():
            mine = [row for row in rows if row["customer"] == oldest]
            assert (page[name].to_pylist() if name in page else []) == mine
