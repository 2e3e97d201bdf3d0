"""The question `permission`, the answer for one person, and an independent model say the same.

The histories are short and full of trouble: late events and ties, people merged and split, a yes and
a no of two who turn out to be one, objections to more than is asked, yeses that lapse.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product, zip_longest
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import projections
from commands.consent import Permission, may_send, permission
from ledger import catalogue
from ledger.event import Event, Recorded
from ledger.opening import Ledger
from ledger.people import persons_of
from ledger.relation import EventSource
from ledger.stores import open_book
from projections.definition import Fold, read_fold
from projections.engine import Engine
from projections.questions import Question, read_question
from projections.reading import Asked, view_rows
from projections.sqlite import SqliteViews
from tests.commands.samples import opened
from tests.projections.model_consent import NOBODY, Answer, Book, Told
from tests.projections.source import START

SHIPPED = Path(projections.__file__).parent
FOLDS: Mapping[str, Fold] = {"consent": read_fold(SHIPPED / "folds" / "consent.sql")}
ASKS: Mapping[str, Question] = {
    "permission": read_question(SHIPPED / "questions" / "permission.sql")
}
PURPOSES = ["marketing/news", "marketing/shop", "service"]
CHANNELS = ["email", "sms"]
SAID = ["given", "given", "withdrawn", "requested", "refused"]
KINDS = [*SAID, "raised", "lifted", "email", "restriction", "merged", "merged", "split"]
NOES = [["withdrawn"], ["refused"], ["email"], ["raised", "lifted"], ["restriction"], ["split"]]
LAST_HOUR = 12


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def as_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def people(group: int) -> list[UUID]:
    """Three customers who may turn out to be one person, and nobody of another group."""
    return [UUID(int=n << 90 | group, version=4) for n in (3, 1, 2)]


@dataclass(frozen=True)
class About:
    """What one history is about: only some of all that can happen, so that it meets itself."""

    kinds: list[str]
    people: list[UUID]
    purposes: list[str]
    channels: list[str]
    count: int


def _about(chance: Random, group: int) -> About:
    who = people(group)[: chance.randint(2, 3)]
    if chance.random() < 0.5:
        return About(KINDS, who, PURPOSES, CHANNELS, chance.randint(1, 16))
    # A yes and one kind of no, of some who may turn out to be one person.
    kinds = ["given", "merged", *chance.choice(NOES)]
    return About(kinds, who, PURPOSES[:1], CHANNELS[:1], chance.randint(3, 8))


def _words(chance: Random, about: About, customer: UUID) -> tuple[str, dict[str, Any]]:
    """What somebody says."""
    kind, purpose = chance.choice(about.kinds), chance.choice(about.purposes)
    if kind in {"merged", "split"}:
        other = chance.choice([one for one in about.people if one != customer])
        return f"customers.{kind}", {"other": other}
    if kind == "restriction":
        return chance.choice(["customer.restricted", "customer.unrestricted"]), {"ground": "x"}
    if kind == "email":
        return chance.choice(["email.unsubscribed", "email.complained"]), {}
    if kind in {"raised", "lifted"}:
        return f"objection.{kind}", {"purpose": chance.choice([purpose, "marketing"])}
    said = {"purpose": purpose, "channel": chance.choice(about.channels)}
    if chance.random() < 0.5:
        said |= {"notice": "n", "notice_version": chance.choice(["1", "2"])}
    if kind == "given" and chance.random() < 0.3:
        said["valid_until"] = as_text(at(chance.randint(0, LAST_HOUR)))
    return f"consent.{kind}", said


def _event(id_: UUID, hour: int, customer: UUID, topic: str, said: Mapping[str, Any]) -> Event:
    payload = catalogue.parse(topic, said, at_a_door=False)
    return Event(
        id=id_,
        type=topic,
        version=1,
        domain=payload.DOMAIN,
        occurred_at=at(hour),
        source="test",
        data=payload.clear(),
        customer=customer,
    )


def history(chance: Random, group: int = 0) -> list[Event]:
    """What a few customers say, in the order in which it is recorded; half of it comes late."""
    about = _about(chance, group)
    events = []
    for number in range(about.count):
        customer = chance.choice(about.people)
        topic, said = _words(chance, about, customer)
        id_ = UUID(int=group << 90 | number, version=4)
        events.append(_event(id_, chance.randint(0, LAST_HOUR), customer, topic, said))
    return events


@dataclass(frozen=True)
class Clocks:
    """As of which hour, known up to which part of the book in 16ths, and what o'clock it is."""

    as_of: datetime | None
    known: int | None
    now: datetime

    @property
    def past(self) -> bool:
        return self.as_of is not None or self.known is not None

    def upto(self, count: int) -> int | None:
        return None if self.known is None else count * self.known // 16


_HOUR = st.integers(0, LAST_HOUR).map(at)
_CLOCKS = st.builds(Clocks, st.none() | _HOUR, st.none() | st.integers(0, 16), _HOUR)
_QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck))


def told(events: Sequence[Event]) -> list[Told]:
    found = []
    for position, event in enumerate(events, 1):
        assert event.customer is not None
        found.append(Told(position, event.occurred_at, event.type, event.customer, event.data))
    return found


def rows(
    store: SqliteViews,
    ledger: Ledger,
    source: EventSource | None,
    now: datetime,
    as_of: datetime | None = None,
    known_upto: int | None = None,
) -> dict[tuple[UUID, str, str], tuple[bool, Answer]]:
    """What the question answers, by person, purpose and channel."""
    persons = ledger.people.at(as_of, known_upto)
    who = (persons.aliases(), persons.togetherness())
    asked = Asked(as_of or now, source, as_of, known_upto, *who)
    table = view_rows(store, FOLDS, ASKS, "permission", asked)
    found = {}
    for row in table.to_pylist():
        key = (row.pop("customer"), row.pop("purpose"), row.pop("channel"))
        assert key not in found
        for name in ("since", "lapses_at"):
            row[name] = row[name] and row[name].replace(tzinfo=START.tzinfo)
        found[key] = (row.pop("allowed"), Answer(**row))
    return found


def plain(answer: Permission) -> tuple[bool, Answer]:
    by, notice = answer.by, answer.notice
    return answer.allowed, Answer(
        answer.state.value,
        by.position if by else None,
        by.event.occurred_at if by else None,
        answer.lapses_at,
        notice.code if notice else None,
        notice.version if notice else None,
    )


@settings(_QUICK, max_examples=500)
@given(chance=st.randoms(use_true_random=False), clocks=_CLOCKS)
def test_the_rule_and_the_model_agree_on_every_day(chance: Random, clocks: Clocks) -> None:
    events = history(chance)
    upto, moment = clocks.upto(len(events)), clocks.as_of or clocks.now
    first: dict[UUID | None, int] = {}
    seen = []
    for position, event in enumerate(events, 1):
        if not event.type.startswith("customers."):
            first.setdefault(event.customer, position)
        happened = clocks.as_of is None or event.occurred_at <= clocks.as_of
        if happened and (upto is None or position <= upto):
            seen.append(Recorded(position, START, event, b""))
    links = [r for r in seen if r.event.type.startswith("customers.")]
    persons = persons_of(links, lambda one: (first.get(one, NOBODY), one))
    model = Book(told(events), clocks.as_of, len(events) if upto is None else upto)
    for asked in product(people(0), [*PURPOSES, "marketing"], CHANNELS):
        wanted = model.answer(*asked, moment)
        answer = permission(seen, persons, *asked, moment)
        assert plain(answer) == (wanted.state == "given", wanted)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger whose vault and keyring serve for the books of all examples."""
    with opened(tmp_path_factory.mktemp("ledger")) as ledger:
        yield ledger


@settings(_QUICK, max_examples=15)
@given(chance=st.randoms(use_true_random=True), clocks=_CLOCKS)
def test_the_question_and_the_model_agree_on_every_day(
    begun: Ledger, chance: Random, clocks: Clocks
) -> None:
    groups = [history(chance, group) for group in range(40)]
    events = [event for turn in zip_longest(*groups) for event in turn if event is not None]
    upto, moment = clocks.upto(len(events)), clocks.as_of or clocks.now
    with (
        tempfile.TemporaryDirectory() as folder,
        open_book(f"sqlite:///{folder}/book", lambda: START) as book,
        closing(SqliteViews(Path(folder) / "views.db")) as store,
    ):
        ledger = replace(begun, book=book)
        book.append(events)
        if not clocks.past:
            with closing(Engine(store)) as engine:
                engine.catch_up(FOLDS, book)
        source = book if clocks.past else None
        found = rows(store, ledger, source, clocks.now, clocks.as_of, upto)
        recorded = told(events)
        known = set()
        for group in range(len(groups)):
            own = [one for one in recorded if one.customer in people(group)]
            model = Book(own, clocks.as_of, len(events) if upto is None else upto)
            for key in model.known():
                known.add(key)
                wanted = model.answer(*key, moment)
                assert found[key] == (wanted.state == "given", wanted)
        assert set(found) == known
        for customer in people(0):
            asked = (customer, PURPOSES[0], CHANNELS[0])
            answer = may_send(ledger, *asked, now=clocks.now, as_of=clocks.as_of, known_upto=upto)
            key = (ledger.people.at(clocks.as_of, upto).canonical(customer), *asked[1:])
            if key in found:
                assert plain(answer) == found[key]


CHAINS: list[tuple[str, str]] = [
    # One thing an hour, unless it says which, of three customers, and how each stands in the end.
    ("A refused, A merged B", "A refused, B refused, C unknown"),
    ("A refused, B given, A merged B", "A refused, B refused, C unknown"),
    ("A refused, A merged B, B given", "A given, B given, C unknown"),
    ("A refused, A merged B, B given, A split B", "A refused, B given, C unknown"),
    ("A refused, A merged B, B given, A split B, B merged A", "A refused, B refused, C unknown"),
    ("A refused, A merged B, B given, B withdrawn, A given", "A given, B given, C unknown"),
    ("A refused, A merged B, B merged C, C given", "A given, B given, C given"),
    ("A refused, A merged B, C given, B merged C", "A refused, B refused, C refused"),
    # B and C have long been one, but neither of them A when B said yes.
    ("A refused, B merged C, B given, A merged C", "A refused, B refused, C refused"),
    ("A refused, B merged C, A merged C, B given", "A given, B given, C given"),
    # The ring holds when one of its links goes, from the moment of the link that is left.
    ("A refused, A merged B, B merged C, C given, A merged C, A split B", "A refused, B refused, C refused"),
    ("A refused, A merged B, B merged C, A merged C, A split B, C given", "A given, B given, C given"),
    # A merge that is told late makes nobody's yes good for the other, of whatever day it says it is.
    ("2 A refused, 3 B given, 1 A merged B", "A refused, B refused, C unknown"),
    ("2 A refused, 3 B given, 1 A merged B, 4 B given", "A given, B given, C unknown"),
    ("2 A refused, 0 B merged C, 3 C given, 1 A merged B", "A refused, B refused, C refused"),
    ("2 A refused, 1 A merged B, 3 C given, 0 B merged C", "A refused, B refused, C refused"),
    ("2 A refused, 1 A merged B, 0 B merged C, 3 C given", "A given, B given, C given"),
    # Of two ways the older counts, though it is told late.
    ("2 A refused, 1 A merged B, 1 B merged C, 4 C given, 0 A merged C", "A refused, B refused, C refused"),
    # A yes that lies ahead is none yet, also of whoever said no or yes before.
    ("30 A given", "A unknown, B unknown, C unknown"),
    ("1 A refused, 30 A given", "A refused, B unknown, C unknown"),
    ("1 A merged B, 2 A refused, 30 B given", "A refused, B refused, C unknown"),
    ("1 A merged B, 2 A given, 30 B given", "A given, B given, C unknown"),
    ("24 A given", "A given, B unknown, C unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("told_so", "then"), CHAINS)
def test_a_yes_is_good_for_those_who_are_one_person_with_whoever_says_it(
    begun: Ledger, tmp_path: Path, told_so: str, then: str
) -> None:
    who = dict(zip("ABC", sorted(people(0)), strict=True))
    news = {"purpose": PURPOSES[0], "channel": CHANNELS[0]}
    events = []
    for number, line in enumerate(told_so.split(", "), 1):
        words = line.split()
        hour = int(words.pop(0)) if words[0].isdigit() else number
        customer, word, *other = words
        topic = f"customers.{word}" if other else f"consent.{word}"
        said = {"other": str(who[other[0]])} if other else news
        events.append(_event(UUID(int=number, version=4), hour, who[customer], topic, said))
    states = dict(line.split() for line in then.split(", "))
    with (
        open_book(f"sqlite:///{tmp_path}/book", lambda: START) as book,
        closing(SqliteViews(tmp_path / "views.db")) as store,
        closing(Engine(store)) as engine,
    ):
        ledger = replace(begun, book=book)
        book.append(events)
        engine.catch_up(FOLDS, book)
        found = rows(store, ledger, None, at(24))
        persons = ledger.people.now()
        for name, one in who.items():
            assert may_send(ledger, one, *news.values(), now=at(24)).state == states[name]
            key = (persons.canonical(one), *news.values())
            assert (found[key][1].state if key in found else "unknown") == states[name]
