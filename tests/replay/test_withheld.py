"""Who is gone, or whose data is restricted, is in nothing that is read; all other figures stay as they are.

What must be seen is worked out here from what a reader saw before, row by row and event by event.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger.book import Book
from ledger.event import MERGED, SPLIT, Event
from ledger.gone import Gone
from ledger.people import People
from ledger.restricted import Restricted
from ledger.stores import open_book
from projections import SqliteViews, Views
from projections.engine import Engine
from replay.history import NOW as LIVE
from replay.history import Clocks, Past
from replay.verify import verify_views
from tests.projections.business import NOW, PEOPLE, business, happening

ERASED, ALIAS, RESTRICTED, FORMER, LIVING = PEOPLE[:5]
"""ALIAS is one person with ERASED; FORMER was, for a while, with the one who is restricted."""
HIDDEN = {ERASED, ALIAS, RESTRICTED}
THEN = Clocks(as_of=NOW - timedelta(days=30))
PROOFS = ("erasure", "hold", "privacy_request")


def link(kind: str, one: UUID, other: UUID, days: int) -> Event:
    event = happening("task.completed", NOW - timedelta(days=days), one, other=str(other))
    return replace(event, type=kind, domain="audit")


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}"
    return f"{request.getfixturevalue('postgres_url')}?schema=hidden_{uuid4().hex}"


def a_story() -> list[Event]:
    """A business of a few people, most of whom have deals, tickets, campaigns and restrictions."""
    private = {"privacy.requested", "customer.erasing", "customer.erased", "customer.restricted"}
    events = [e for e in business(400, 11) if e.type not in {*private, "customer.unrestricted"}]
    return [
        *events,
        link(MERGED, ERASED, ALIAS, 50),
        link(MERGED, FORMER, RESTRICTED, 60),
        link(SPLIT, RESTRICTED, FORMER, 9),
    ]


@contextmanager
def told(address: str) -> Iterator[Book]:
    """A book of that story."""
    with open_book(address) as book:
        book.append(a_story())
        yield book


def views_at(address: str, tmp_path: Path, gone: Gone | None = None) -> Views:
    at = address if address.startswith("postgres") else tmp_path / "views.db"
    return Views.open(at, clock=lambda: NOW, gone=gone)


def say(book: Book, kind: str, *about: UUID, **data: Any) -> None:
    stamp = datetime.now(UTC)
    book.append(
        [replace(happening(kind, NOW, who, **data), id=uuid4(), occurred_at=stamp) for who in about]
    )


Rows = dict[str, list[dict[str, Any]]]


def rows(history: Past, at: Clocks, *names: str) -> Rows:
    return {name: sorted(history.view(name, at).to_pylist(), key=repr) for name in names}


def without(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is left of a row, seen by somebody who may not see them."""
    if row.get("customer") in HIDDEN:
        return None
    return {**row, "contact": None} if row.get("contact") in HIDDEN else {**row}


def test_they_are_in_no_view_and_all_other_figures_stay(address: str, tmp_path: Path) -> None:
    with told(address) as book:
        with closing(views_at(address, tmp_path)) as views:
            views.catch_up(book)
            folds = [name for name in views.folds if name not in PROOFS]
            every = Past(book, views, People(book))
            before = {at: rows(every, at, *folds, "pipeline") for at in (LIVE, THEN)}
        gone, people = Gone(book), People(book)
        restricted = Restricted(book, people)
        say(book, "customer.restricted", RESTRICTED, ground="accuracy")
        say(book, "customer.erasing", ERASED, ALIAS, legal_basis="art17")
        with closing(views_at(address, tmp_path, gone)) as views:
            views.catch_up(book)
            history = Past(book, views, people, lambda: gone.now() | restricted.now())
            for at in (LIVE, THEN):
                after = rows(history, at, *folds, "pipeline")
                demand_all_that_is_left(before[at], after)
                alone = history.persons(at)
                assert [alone.members(who) for who in PEOPLE[:5]] == [(who,) for who in PEOPLE[:5]]
                for one in HIDDEN:
                    assert history.timeline(one, at) == []
                    assert set(history.customer(one, at)) <= set(PROOFS)
            # Who may look for the purpose that allows it sees the restricted, and nobody who is gone.
            legal = Past(book, views, people, gone.now)
            (seen,) = rows(legal, LIVE, "customer_milestone").values()
            assert {row["customer"] for row in seen} & HIDDEN == {RESTRICTED}
            for name in ("customer_milestone", "customer_month", "consent"):
                assert name not in history.customer(RESTRICTED)
            assert legal.customer(RESTRICTED)["customer_milestone"].num_rows == 1
            assert legal.timeline(RESTRICTED) != []


def demand_all_that_is_left(before: Rows, after: Rows) -> None:
    """Every row of others as it was, but for whom it names; FORMER's are no longer read as one with another's."""
    for name, found in after.items():
        told_now = {"customer.restricted", "customer.erasing"} if name == "daily" else set()
        kept = [row for row in map(without, before[name]) if row and row.get("customer") != FORMER]
        found = [  # noqa: PLW2901
            row
            for row in found
            if row.get("customer") != FORMER and row.get("type") not in told_now
        ]
        assert found == sorted(kept, key=repr), name
    for name in ("pipeline", "campaign", "deal_stage"):
        assert after[name] == before[name] != [], name
    for name in ("deal", "ticket", "task"):
        assert HIDDEN.isdisjoint({row["contact"] for row in after[name]}), name
    assert {row["contact"] for row in before["deal"]} & HIDDEN


def test_lifting_a_restriction_loses_nothing(tmp_path: Path) -> None:
    with told(f"sqlite:///{tmp_path}") as book:
        people = People(book)
        restricted = Restricted(book, people)
        with closing(views_at("", tmp_path)) as views:
            views.catch_up(book)
            history = Past(book, views, people, restricted.now)
            names = [name for name in views.folds if name not in (*PROOFS, "daily", "consent")]
            before = rows(history, LIVE, *names)
            timeline = history.timeline(RESTRICTED)
            say(book, "customer.restricted", RESTRICTED, ground="accuracy")
            views.catch_up(book)
            assert rows(history, LIVE, *names) != before
            say(book, "customer.unrestricted", RESTRICTED, ground="settled")
            views.catch_up(book)
            assert rows(history, LIVE, *names) == before
            assert history.timeline(RESTRICTED)[: len(timeline)] == timeline


def test_events_name_nobody_who_is_hidden_but_for_what_proves_it(
    address: str, tmp_path: Path
) -> None:
    with told(address) as book, closing(views_at(address, tmp_path)) as views:
        say(book, "customer.erasing", ERASED, ALIAS, legal_basis="art17")
        say(book, "customer.restricted", RESTRICTED, ground="accuracy")
        views.catch_up(book)
        history = Past(book, views, People(book), lambda: frozenset(HIDDEN))
        query = "SELECT position, type, customer, other, data FROM events ORDER BY 1"
        for at in (LIVE, Clocks(known_upto=book.head() - 2), THEN):
            found = history.sql(query, at).to_pylist()
            whole = {e.position: e.event for e in book.read()}
            assert {row["position"] for row in found} == {
                position
                for position, event in whole.items()
                if (at.as_of is None or event.occurred_at <= at.as_of)
                and (at.known_upto is None or position <= at.known_upto)
            }
            for row in found:
                event = whole[row["position"]]
                hidden = event.customer in HIDDEN and event.domain != "privacy"
                assert row["customer"] == (None if hidden else event.customer)
                other = UUID(event.data["other"]) if "other" in event.data else None
                assert row["other"] == (None if other in HIDDEN else other)
                named = other in HIDDEN or (hidden and other is not None)
                assert (row["data"] is None) is named
        count = "SELECT count(*) AS n, count(customer) AS named FROM events"
        (line,) = history.sql(count).to_pylist()
        assert line["n"] == book.head()
        assert line["named"] < sum(e.event.customer is not None for e in book.read())
        for relation in ("merged", "joined"):
            named = history.sql(f"SELECT * FROM {relation}", THEN).to_pylist()
            assert not {value for row in named for value in row.values()} & HIDDEN
        types = history.sql("SELECT DISTINCT type FROM events WHERE customer IS NOT NULL", LIVE)
        assert {"customer.erasing", "customer.restricted"} <= set(types["type"].to_pylist())
        # A query that names nobody reads no column that could.
        assert history.sql("SELECT count(*) AS n FROM events").to_pylist() == [{"n": book.head()}]


def test_what_happened_to_a_thing_is_told_without_them(tmp_path: Path) -> None:
    with told(f"sqlite:///{tmp_path}") as book, closing(views_at("", tmp_path)) as views:
        history = Past(book, views, People(book), lambda: frozenset(HIDDEN))
        seen = 0
        deals = {tag for e in book.read() for tag in e.event.tags if tag.startswith("deal:")}
        for deal in deals:
            told_of = history.about(deal, THEN)
            raw = [e for e in book.read() if deal in e.event.tags]
            by_then = [e for e in raw if THEN.as_of and e.event.occurred_at <= THEN.as_of]
            order = sorted(by_then, key=lambda e: (e.event.occurred_at, e.position))
            assert [e.position for e in told_of] == [e.position for e in order]
            for shown, event in zip(told_of, order, strict=True):
                kept = event.event.domain == "privacy" or event.event.customer not in HIDDEN
                assert shown.event.customer == (event.event.customer if kept else None)
                seen += not kept
        assert seen > 5
        merges = [e.event.type for e in history.timeline(FORMER) if e.event.domain == "audit"]
        assert merges == [], "it would name whom they were one with"


def test_why_tells_of_nobody_hidden(tmp_path: Path) -> None:
    with told(f"sqlite:///{tmp_path}") as book, closing(views_at("", tmp_path)) as views:
        views.catch_up(book)
        every = Past(book, views, People(book))
        history = Past(book, views, People(book), lambda: frozenset(HIDDEN))
        assert every.why("customer_milestone", "orders", RESTRICTED).events.num_rows > 0
        assert history.why("customer_milestone", "orders", RESTRICTED).events.num_rows == 0
        living = history.why("customer_milestone", "orders", LIVING).events
        assert living.equals(every.why("customer_milestone", "orders", LIVING).events)
        for row in every.view("deal").to_pylist():
            before = every.why("deal", "contact", row["deal"]).events.to_pylist()
            after = history.why("deal", "contact", row["deal"]).events.to_pylist()
            assert after == [
                {**event, "value": None if event["value"] in HIDDEN else event["value"]}
                for event in before
            ]
        say(book, "customer.erasing", ERASED, legal_basis="art17")
        proof = history.why("erasure", "erasing_at", ERASED).events
        assert proof["type"].to_pylist() == ["customer.erasing"]


def test_views_are_verified_without_those_whom_time_will_take(tmp_path: Path) -> None:
    with told(f"sqlite:///{tmp_path}") as book:
        with closing(views_at("", tmp_path)) as unaware:
            unaware.catch_up(book)
        gone = Gone(book)
        say(book, "customer.erasing", ERASED, legal_basis="art17")
        with closing(views_at("", tmp_path, gone)) as views:
            assert set(verify_views(book, views).values()) == {None}, "not folded yet"
            views.forget([ERASED])
            assert set(verify_views(book, views).values()) == {None}, "forgotten ahead of it"
            views.catch_up(book)
            assert set(verify_views(book, views).values()) == {None}
            store, fold = SqliteViews(tmp_path / "views.db"), views.folds["customer_360"]
            with closing(store), closing(Engine(store)) as heedless:
                store.create(fold)
                heedless.catch_up({"customer_360": fold}, book)
            wrong = {name: what for name, what in verify_views(book, views).items() if what}
        assert list(wrong) == ["customer_360"], "whoever was gone by then has rows"


def test_whoever_keeps_the_views_keeps_nobody_who_is_gone(tmp_path: Path) -> None:
    """Catching up, rebuilding, and the worker that waits for events: each heeds what the book tells."""

    def kept(views: Views) -> set[UUID]:
        return {row["customer"] for row in views.kept("customer_milestone")[1].to_pylist()}

    with told(f"sqlite:///{tmp_path}") as book:
        gone = Gone(book)
        say(book, "customer.erasing", ERASED, legal_basis="art17")
        with closing(views_at("", tmp_path, gone)) as views:
            views.catch_up(book)
            assert kept(views) >= {ALIAS, RESTRICTED, FORMER, LIVING}
            assert ERASED not in kept(views)
            views.rebuild("customer_milestone", book)
            assert ERASED not in kept(views)
            say(book, "customer.erasing", ALIAS, legal_basis="art17")
            say(book, "order.placed", ERASED, ALIAS, amount_minor=5, currency="EUR")
            rested: list[bool] = []
            views.run(book, lambda: bool(rested), at_rest=lambda: rested.append(True))
            assert kept(views) >= {RESTRICTED, FORMER, LIVING}
            assert kept(views).isdisjoint({ERASED, ALIAS})
            assert set(verify_views(book, views).values()) == {None}
