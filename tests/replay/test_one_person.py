"""People and their figures under any merges and splits, as of any day and as known at any position."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from commands.deciding import Desk
from commands.identity import merge, split
from commands.record import record
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import Domain
from ledger.clock import random_ids
from ledger.errors import Refused
from ledger.event import MERGED, SPLIT, Event, Moment, Recorded, moment_of
from ledger.identifiers import Identifier
from ledger.naming import Limits
from ledger.opening import Ledger, open_ledger
from ledger.people import People
from ledger.sqlite.book import SqliteBook
from ledger.stores import open_book
from projections import Views
from replay.history import Clocks, Past, Stretch
from tests.ledger.searched import Link, Searched
from tests.projections import model
from tests.projections.business import NOW as TODAY
from tests.projections.business import PEOPLE, business, happening
from tests.projections.test_consent_views import history as consents
from tests.replay import histories
from tests.replay.histories import Judged, Mistake, Step, Touch, days, mistaken, random_histories
from tests.replay.world import MOST, UNIQUE, World

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=365)
LIVE, REBUILT = Clocks(), Clocks(as_of=NOW)
"""What is kept; and as of now, everything is folded anew from the book."""
LIMITS = Limits(frozenset({UNIQUE}), MOST)
VIEWS = {
    "customer_360": model.CUSTOMER_360,
    "customer_money": model.CUSTOMER_MONEY,
    "customer_channel": model.CUSTOMER_CHANNEL,
}
WHAT: list[tuple[str, dict[str, Any]]] = [
    ("order.placed", {"currency": "EUR", "amount_minor": 700}),
    ("order.placed", {"currency": "JPY", "amount_minor": 90}),
    ("email.opened", {}),
    ("preference.set", {"language": "de"}),
    ("preference.set", {"language": "hi"}),
]
assert len(WHAT) == histories.WHAT
DEALERS = PEOPLE[:4]
LINKS = {MERGED, SPLIT}
MADE_UP = {*LINKS, "rate.published"}


Figures = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""By view and key, the rest of the row."""


class Shop:
    """A book in which every example is a world of its own, beside all the others."""

    def __init__(self, ledger: Ledger, views: Views) -> None:
        self.ledger = ledger
        self._views = views
        self.history = Past(ledger.book, views, ledger.people)
        self._desk = Desk(ledger, lambda: NOW, random_ids, timedelta(days=1), None, LIMITS)
        self._worlds = count()

    def live(self, steps: Sequence[Step], batch: int) -> "Lived":
        """Take the steps, touchpoints in batches of at most so many; told of each is compared."""
        world, number, before = World(), next(self._worlds), self.ledger.book.head()
        lived = Lived(self, world, before)
        waiting: list[tuple[Touchpoint, int]] = []
        for place, step in enumerate(steps):
            if isinstance(step, Touch):
                position = world.touch(step.names, step.day)
                waiting.append((touchpoint(step, number, place), position))
            if not isinstance(step, Touch) or len(waiting) >= batch:
                self._take(waiting, before)
            if isinstance(step, Judged) and (link := step.link(world)) is not None:
                customers = lived.customers()
                taken = world.judge(link, despite=step.despite)
                assert self._judge(customers, link, step.despite) == taken
        self._take(waiting, before)
        return lived

    def catch_up(self) -> None:
        self._views.catch_up(self.ledger.book)

    def _take(self, waiting: list[tuple[Touchpoint, int]], before: int) -> None:
        items = [item for item, _ in waiting]
        taken = record(
            self.ledger, items, clock=lambda: NOW, future_tolerance=timedelta(), limits=LIMITS
        )
        assert [outcome.position for outcome in taken] == [at + before for _, at in waiting]
        waiting.clear()

    def _judge(self, customers: Sequence[UUID], link: Link, despite: bool) -> bool:
        payload = catalogue.parse(
            MERGED if link.on else SPLIT, {"other": customers[link.other]}, at_a_door=False
        )
        when, message_id = BEGIN + timedelta(days=link.day), str(random_ids())
        asked = Touchpoint(payload, when, "bahi", message_id, customer=customers[link.one])
        try:
            if link.on:
                merge(self._desk, asked, despite_identifiers=despite)
            else:
                split(self._desk, asked)
        except Refused:
            return False
        return True


@dataclass
class Lived:
    """One world as it stands in the book, after what was there before."""

    shop: Shop
    world: World
    before: int

    def events(self) -> list[Recorded]:
        return list(
            self.shop.ledger.book.read(self.before, upto=self.before + len(self.world.told))
        )

    def customers(self) -> list[UUID]:
        """The random ids of the model's customers; each customer is one id, and no other's."""
        found: dict[int, UUID] = {}
        for event, (_, what) in zip(self.events(), self.world.told, strict=False):
            customer = event.event.customer
            assert customer is not None
            assert (
                found.setdefault(what.one if isinstance(what, Link) else what, customer) == customer
            )
        assert sorted(found) == list(range(len(found)))
        assert len(set(found.values())) == len(found)
        return [found[number] for number in sorted(found)]

    def clocks(self, as_of: int | None, known: int | None) -> Clocks:
        return Clocks(
            None if as_of is None else BEGIN + timedelta(days=as_of),
            None if known is None else self.before + known,
        )

    def figures(self, at: Clocks) -> Figures:
        """The rows of this world's people, by key, customers by their number."""
        number = {customer: n for n, customer in enumerate(self.customers())}
        found = {}
        for name, view in VIEWS.items():
            rows = self.shop.history.view(name, at).to_pylist()
            mine = [
                {**row, "customer": number[row["customer"]]}
                for row in rows
                if row["customer"] in number
            ]
            found[name] = {tuple(row.pop(key) for key in view.keys): row for row in mine}
        return found

    def expected(self, as_of: int | None, known: int | None) -> dict[str, Any]:
        """The same by the model: each event under the oldest member of its person."""
        people = self.world.people(as_of, known)
        events = []
        for position, (event, (day, what)) in enumerate(
            zip(self.events(), self.world.told, strict=True), 1
        ):
            if isinstance(what, Link) or (as_of is not None and day > as_of):
                continue
            if known is None or position <= known:
                seen = model.seen(position, event.body.decode())
                events.append({**seen, "customer": min(people.reached(what))})
        return {name: model.rows(view, events) for name, view in VIEWS.items()}


def touchpoint(step: Touch, world: int, place: int) -> Touchpoint:
    topic, data = WHAT[step.what]
    return Touchpoint(
        payload=catalogue.parse(topic, data),
        occurred_at=BEGIN + timedelta(days=step.day),
        source="shop",
        message_id=f"{world}-{place}",
        identifiers=tuple(Identifier(kind, f"{value}-{world}") for kind, value in step.names),
    )


UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]
"""An example costs a second: one that fails is told as it is."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop")
    book = open_book(f"sqlite:///{folder / 'book'}", lambda: NOW)
    with open_ledger(book, folder / "vault" / "vault.db", folder / "keyring.json") as ledger:
        views = Views.open(folder / "views.db", clock=lambda: NOW)
        yield Shop(ledger, views)
        views.close()


@settings(max_examples=150)
@given(random_histories, st.integers(1, 20), days, st.none() | st.integers(0, 25))
def test_people_are_those_of_the_model(
    shop: Shop, steps: list[Step], batch: int, as_of: int | None, known: int | None
) -> None:
    lived = shop.live(steps, batch)
    for when in ((None, None), (as_of, known)):
        same_people(lived, lived.clocks(*when), lived.world.people(*when))


@settings(max_examples=8, phases=UNSHRUNK)
@given(
    random_histories, st.integers(1, 20), days, st.none() | st.integers(0, 25), st.integers(0, 9)
)
def test_figures_are_those_of_the_model(
    shop: Shop, steps: list[Step], batch: int, as_of: int | None, known: int | None, someone: int
) -> None:
    lived = shop.live(steps, batch)
    shop.catch_up()
    assert lived.figures(LIVE) == lived.figures(REBUILT) == lived.expected(None, None)
    rows = lived.figures(lived.clocks(as_of, known))
    assert rows == lived.expected(as_of, known)
    if lived.world.born:
        same_page(lived, rows, (as_of, known), someone % lived.world.born)


def same_people(lived: Lived, at: Clocks, expected: Searched) -> None:
    persons, customers = lived.shop.history.persons(at), lived.customers()
    for one, customer in enumerate(customers):
        members = sorted(expected.reached(one))
        assert persons.members(customer) == tuple(customers[member] for member in members)
        for other in members:
            since = expected.since(one, other) if other != one else None
            moment = (
                None
                if since is None
                else (BEGIN + timedelta(days=since[0]), since[1] + lived.before)
            )
            assert persons.since(customer, customers[other]) == moment


def same_page(
    lived: Lived, rows: Figures, when: tuple[int | None, int | None], someone: int
) -> None:
    """Whichever member is asked for, it is the whole person."""
    history, customer = lived.shop.history, lived.customers()[someone]
    members = lived.world.people(*when).reached(someone)
    at = lived.clocks(*when)
    page = history.customer(customer, at)
    oldest = lived.customers()[min(members)]
    assert {name: table.num_rows for name, table in page.items() if name in VIEWS} == {
        name: mine for name in VIEWS if (mine := sum(key[0] == min(members) for key in rows[name]))
    }
    assert all(set(table.column("customer").to_pylist()) == {oldest} for table in page.values())
    as_of, known = when
    told = sorted(
        (day, position)
        for position, (day, what) in enumerate(lived.world.told, 1)
        if (as_of is None or day <= as_of) and (known is None or position <= known)
        and members & ({what.one, what.other} if isinstance(what, Link) else {what})
    )  # fmt: skip
    timeline = history.timeline(customer, at)
    assert [r.position - lived.before for r in timeline] == [position for _, position in told]
    for newest in (False, True):
        after: Moment | None = None
        pages: list[Recorded] = []
        while some := history.timeline(customer, at, stretch=Stretch(3, after, newest)):
            pages, after = [*pages, *some], moment_of(some[-1])
        assert pages == (timeline[::-1] if newest else timeline)
    for (who, currency), row in rows["customer_money"].items():
        whose = lived.customers()[max(lived.world.people(*when).reached(who))]
        behind = history.why("customer_money", "ordered", whose, currency, at=at).events
        assert sum(behind.column("value").to_pylist()) == row["ordered"]


def twice(shop: Shop, steps: list[Step], mistake: Mistake) -> tuple[Lived, Lived]:
    """The history without the mistake, and with it."""
    one, other, place = mistake.one, mistake.other, mistake.place
    merged = Judged(True, False, one, other, mistake.merged_on, True)
    parted = Judged(False, False, one, other, mistake.split_on, False)
    without = shop.live(steps, 4)
    with_both = shop.live([*steps[:place], merged, *steps[place:], parted], 3)
    assert len(with_both.world.told) == len(without.world.told) + 2
    return without, with_both


@settings(max_examples=60)
@given(mistaken())
def test_a_split_leaves_everybody_as_if_the_merge_had_never_been(
    shop: Shop, made: tuple[list[Step], Mistake]
) -> None:
    lived = twice(shop, *made)
    for as_of in (None, made[1].split_on, made[1].merged_on - 1):
        people = [members_of(each, as_of) for each in lived]
        assert people[0] == people[1]


def dealings(seed: int) -> list[Event]:
    """What a few people bought, asked, were offered and agreed to, two of whom are rightly one."""
    chance = Random(seed)
    told = [*business(160, seed), *(e for n in range(8) for e in consents(chance, n))]
    events = [replace(event, customer=_known(event.customer)) for event in told]
    events = [event for event in events if event.type not in LINKS]
    chance.shuffle(events)
    tea = {"product": "tea", "quantity": 1, "amount_minor": 300}
    bought: dict[str, Any] = {"currency": "EUR", "amount_minor": 300, "lines": [tea]}
    begun = [happening("order.placed", TODAY - timedelta(days=900), x, **bought) for x in DEALERS]
    merged = link(MERGED, DEALERS[2], DEALERS[0], TODAY - timedelta(days=60))
    return [*begun, merged, *events, *(e for x in DEALERS for e in private(x))]


def private(customer: UUID) -> list[Event]:
    """What a person asked about their data, what forbids erasing them, and who looked."""
    at = TODAY - timedelta(days=30)
    right: dict[str, Any] = {"right": "erasure", "law": "gdpr", "due_on": str(TODAY.date())}
    asked = happening("privacy.requested", at, customer, request=str(customer), **right)
    held = happening("hold.placed", at, customer, hold="claim", ground="litigation")
    opened = happening("order.placed", at, customer, actor=customer, purpose="service")
    return [asked, held, replace(opened, type="personal_data.opened", domain="audit")]


def _known(customer: UUID | None) -> UUID | None:
    return None if customer is None else DEALERS[customer.int % len(DEALERS)]


def link(kind: str, one: UUID, other: UUID, at: datetime) -> Event:
    return Event(random_ids(), kind, 1, Domain.AUDIT, at, "bahi", {"other": str(other)}, one)


def nothing(at: datetime) -> Event:
    """Something about nobody, so that what comes later stands where it would stand anyway."""
    return Event(random_ids(), "rate.published", 1, Domain.REFERENCE, at, "bahi", {})


def everything(folder: Path, events: Sequence[Event], at: Sequence[Clocks]) -> dict[str, list[Any]]:
    """The rows of every view as of each of these times; `daily` without what counts the links."""
    with (
        SqliteBook(folder, lambda: NOW) as book,
        closing(Views.open(folder / "views.db", clock=lambda: TODAY)) as views,
    ):
        book.append(events)
        views.catch_up(book)
        history = Past(book, views, People(book))
        found = {}
        for name in (*views.folds, *views.questions):
            rows = [row for clocks in at for row in history.view(name, clocks).to_pylist()]
            found[name] = sorted(
                (row for row in rows if name != "daily" or row["type"] not in MADE_UP), key=repr
            )
        return found


def test_a_split_leaves_every_figure_as_if_the_merge_had_never_been(tmp_path: Path) -> None:
    """Every row of every fold and question, over all that can happen between us and a person."""
    merged_on, split_on = TODAY - timedelta(days=80), TODAY - timedelta(days=20)
    events = dealings(0)
    middle = len(events) // 2
    merged, parted = (
        link(kind, DEALERS[0], DEALERS[1], on)
        for kind, on in ((MERGED, merged_on), (SPLIT, split_on))
    )
    with_both = [*events[:middle], merged, *events[middle:], parted]
    without = [*events[:middle], nothing(merged_on), *events[middle:], nothing(split_on)]
    at = (LIVE, Clocks(as_of=split_on))
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    expected = everything(tmp_path / "without", without, at)
    assert everything(tmp_path / "with", with_both, at) == expected
    assert [name for name, rows in expected.items() if not rows] == []


def members_of(lived: Lived, as_of: int | None) -> list[list[int]]:
    """The members of each customer's person, by their numbers."""
    customers = lived.customers()
    persons = lived.shop.history.persons(lived.clocks(as_of, None))
    return [[customers.index(m) for m in persons.members(customer)] for customer in customers]
