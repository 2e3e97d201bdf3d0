"""Every question of docs/questions.md has the answer that stands there; a good part of them also by plain Python."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from api.wiring import Bahi
from ledger.event import Event
from ledger.settings import Settings
from replay.clocks import parse_moment
from tests.system.office import Clock, work
from tests.system.questions import Asked, asked, shown
from tests.system.told import copied

QUESTIONS = {question.number: question for question in asked()}
AFTER_THE_OFFICE = 18
END = datetime(2026, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


@dataclass
class Told:
    """What was answered, and every event of the book before the office began, as (position, event)."""

    answers: dict[int, pa.Table] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)
    people: dict[UUID, UUID] = field(default_factory=dict)
    """Whom a customer is one with."""

    def person(self, customer: UUID | None) -> UUID | None:
        return None if customer is None else self.people.get(customer, customer)

    def of(self, *types: str) -> Iterator[tuple[int, Event]]:
        """Those of these types up to the end of June, in order of happening."""
        found = [(p, e) for p, e in self.events if e.type in types and e.occurred_at <= END]
        yield from sorted(found, key=lambda row: (row[1].occurred_at, row[0]))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    home, clock, told = copied(tmp_path_factory, "questions").home, Clock(), Told()
    with Bahi.open(Settings(home=home, ledger="", vault="", keyring=None), clock=clock) as bahi:
        told.events = [(recorded.position, recorded.event) for recorded in bahi.ledger.book.read()]
        told.people = one_person(told.events)
        for number in range(1, AFTER_THE_OFFICE):
            told.answers[number] = answer(bahi, QUESTIONS[number])
        work(bahi, clock)
        bahi.catch_up()
        for number in range(AFTER_THE_OFFICE, 21):
            told.answers[number] = answer(bahi, QUESTIONS[number])
    return told


def answer(bahi: Bahi, question: Asked) -> pa.Table:
    at = bahi.history.clocks(parse_moment(question.day, "as of"))
    return bahi.history.sql(question.sql, at)


def one_person(events: Sequence[tuple[int, Event]]) -> dict[UUID, UUID]:
    """Who is whom at the end, by links that were made and taken away; each by any one of them."""
    links: set[frozenset[UUID]] = set()
    for _, event in sorted(events, key=lambda row: (row[1].occurred_at, row[0])):
        if event.type in {"customers.merged", "customers.split"} and event.customer is not None:
            link = frozenset({event.customer, UUID(event.data["other"])})
            links = links | {link} if event.type == "customers.merged" else links - {link}
    people: dict[UUID, UUID] = {}
    for one, other in (tuple(link) for link in links):
        mine, theirs = people.get(one, one), people.get(other, other)
        people |= {one: mine, other: mine}
        people |= {who: mine for who, whose in people.items() if whose == theirs}
    return people


@pytest.mark.parametrize("number", range(1, 21))
def test_the_answer_on_the_page_is_the_answer(told: Told, number: int) -> None:
    question, found = QUESTIONS[number], told.answers[number]
    assert len(question.shown) > 1
    assert question.shown == shown(found, len(question.shown) - 1), question.title
    assert question.rows == found.num_rows
    assert not _ID.search(str(question.shown)), "ids are random: nobody could compare them"


def test_the_page_has_twenty_questions_of_four_kinds_of_people() -> None:
    assert list(QUESTIONS) == list(range(1, 21))


Rows = Sequence[tuple[Any, ...]]


def the_pipeline(told: Told) -> Rows:
    """Question 1: open deals on 31 March, with the chances of that day."""
    then = datetime(2026, 4, 1, tzinfo=UTC)
    deals: dict[str, dict[str, Any]] = defaultdict(dict)
    stages: dict[str, list[Mapping[str, Any]]] = {}
    for _, event in told.of(
        "pipeline.defined", "deal.opened", "deal.moved", "deal.amount_changed", "deal.won", "deal.lost",
        "deal.reopened",
    ):  # fmt: skip
        if event.occurred_at >= then:
            continue
        if event.type == "pipeline.defined":
            stages[event.data["pipeline"]] = event.data["stages"]
        else:
            deals[tag(event, "deal")] |= {
                **event.data,
                "closed": event.type in {"deal.won", "deal.lost"},
            }
    rows: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for deal in deals.values():
        if not deal["closed"]:
            listed = stages[deal["pipeline"]]
            place = [stage["stage"] for stage in listed].index(deal["stage"])
            percent, amount = listed[place]["win_percent"], deal["amount_minor"]
            key = (deal["pipeline"], place + 1, deal["stage"], deal["currency"], percent)
            for which, value in enumerate((1, amount, amount * percent // 100)):
                rows[key][which] += value
    return [
        (*key[:4], deals, amount, key[4], expected)
        for key, (deals, amount, expected) in sorted(rows.items())
    ]


def known_of_march(told: Told) -> Rows:
    """Question 2: orders of March, and those that stand before the first of April."""
    orders = [(p, e) for p, e in told.events if e.type == "order.placed"]
    begins = min(p for p, e in orders if e.occurred_at.date() >= date(2026, 4, 1))
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for position, event in orders:
        if (event.occurred_at.year, event.occurred_at.month) == (2026, 3):
            row, amount = rows[event.data["currency"]], event.data["amount_minor"]
            for known, paid in ((0, 2), (1, 3)):
                if known or position < begins:
                    row[known] += 1
                    row[paid] += amount
    return [(currency, *row) for currency, row in sorted(rows.items())]


def days_in_stages(told: Told) -> Rows:
    """Question 5, by pipeline and stage in the order in which stages are first come to."""
    order = {
        "office": ["lead", "need", "offer", "contract"],
        "reseller": ["contact", "sample", "terms", "signed"],
    }
    steps: dict[str, list[Event]] = defaultdict(list)
    for _, event in told.of("deal.opened", "deal.moved", "deal.reopened", "deal.won", "deal.lost"):
        steps[tag(event, "deal")].append(event)
    stays: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for events in steps.values():
        pipeline = events[0].data["pipeline"]
        for here, there in pairwise(events):
            if stage := here.data.get("stage"):
                place = order[pipeline].index(stage) + 1
                stays[pipeline, place, stage].append((there.occurred_at - here.occurred_at).days)
    return [(*key, len(days), middle(days), max(days)) for key, days in sorted(stays.items())]


def coming_back(told: Told) -> Rows:
    """Question 7: of those who first ordered in a month, who ordered in later ones."""
    months: dict[UUID | None, set[int]] = defaultdict(set)
    for _, event in told.of("order.placed"):
        months[told.person(event.customer)].add(
            event.occurred_at.year * 12 + event.occurred_at.month - 1
        )
    cohorts: dict[int, list[set[int]]] = defaultdict(list)
    for bought in months.values():
        cohorts[min(bought)].append({month - min(bought) for month in bought})
    rows = []
    for first, people in sorted(cohorts.items()):
        last = 2026 * 12 + 5 - first
        kept = [10_000 * sum(n in since for since in people) // len(people) if n <= last else None
                for n in (1, 2, 3, 6)]  # fmt: skip
        rows.append((date(first // 12, first % 12 + 1, 1), len(people), *kept))
    return rows


def unused_and_gone(told: Told) -> Rows:
    """Question 8: subscribers of more than thirty days, by whether they used a feature in the first thirty."""
    since: dict[UUID | None, datetime] = {}
    used: dict[UUID | None, list[datetime]] = defaultdict(list)
    latest: dict[UUID | None, str] = {}
    subscribers = set()
    for _, event in told.of(
        "customer.identified", "feature.used", "subscription.started", "subscription.renewed",
        "subscription.cancelled",
    ):  # fmt: skip
        person = told.person(event.customer)
        if event.type == "customer.identified":
            since.setdefault(person, event.occurred_at)
        elif event.type == "feature.used":
            used[person].append(event.occurred_at)
        else:
            latest[person] = event.type
            subscribers |= {person} if event.type == "subscription.started" else set()
    counts: dict[bool, Counter[bool]] = {False: Counter(), True: Counter()}
    for person in subscribers:
        if (begin := since[person]) < datetime(2026, 5, 31, tzinfo=UTC):
            did = any(begin <= at < begin + timedelta(days=30) for at in used[person])
            counts[did][latest[person] == "subscription.cancelled"] += 1
    return [
        (did, found.total(), found[True], 10_000 * found[True] // found.total())
        for did, found in counts.items()
    ]


def first_answers(told: Told) -> Rows:
    """Question 11: minutes to the first word of ours, by the week of the opening."""
    tickets: dict[str, list[Event]] = defaultdict(list)
    for _, event in told.of("ticket.opened", "ticket.replied", "ticket.resolved", "ticket.closed"):
        tickets[tag(event, "ticket")].append(event)
    weeks: dict[date, list[tuple[int, bool]]] = defaultdict(list)
    for events in tickets.values():
        opened = next(event for event in events if event.type == "ticket.opened")
        day = opened.occurred_at.date()
        if not date(2025, 10, 27) <= day < date(2025, 12, 15):
            continue
        replies = [e for e in events if e.type == "ticket.replied" and e.data["author"] == "agent"]
        ends = [e for e in events if e.type in {"ticket.resolved", "ticket.closed"}]
        waited = (replies or ends)[0].occurred_at - opened.occurred_at
        late = waited > timedelta(minutes=opened.data["respond_within_minutes"])
        weeks[day - timedelta(days=day.weekday())].append((waited // timedelta(minutes=1), late))
    return [
        (week, len(found), middle([m for m, _ in found]), middle([m for m, _ in found], 0.9),
         sum(late for _, late in found))
        for week, found in sorted(weeks.items())
    ]  # fmt: skip


def coming_again(told: Told) -> Rows:
    """Question 12: resolved tickets that were opened again, by topic."""
    topic = {tag(e, "ticket"): e.data["topic"] for _, e in told.of("ticket.opened")}
    resolved = {tag(e, "ticket") for _, e in told.of("ticket.resolved")}
    again = {tag(e, "ticket") for _, e in told.of("ticket.reopened")}
    every = Counter(topic[ticket] for ticket in resolved)
    back = Counter(topic[ticket] for ticket in resolved & again)
    rows = [(name, n, back[name], 10_000 * back[name] // n) for name, n in every.items()]
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def contentment(told: Told) -> Rows:
    """Question 13: answers to csat by month."""
    months: dict[date, list[int]] = defaultdict(list)
    for _, event in told.of("survey.answered"):
        if event.data["survey"] == "csat" and event.occurred_at.date() >= date(2025, 9, 1):
            months[event.occurred_at.date().replace(day=1)].append(event.data["score"])
    return [
        (month, len(scores), good := sum(s >= 4 for s in scores), 10_000 * good // len(scores))
        for month, scores in sorted(months.items())
    ]


def without_a_yes(told: Told) -> Rows:
    """Question 17: what people had said when each mail went out."""
    yes: dict[UUID | None, bool] = {}
    objecting: set[UUID | None] = set()
    rows: dict[str, tuple[list[bool], set[UUID | None]]] = defaultdict(lambda: ([], set()))
    for _, event in told.of(
        "consent.given", "consent.refused", "consent.withdrawn", "email.unsubscribed", "email.complained",
        "objection.raised", "objection.lifted", "email.sent",
    ):  # fmt: skip
        if event.type == "email.sent":
            allowed, people = rows[tag(event, "campaign")]
            allowed.append(yes.get(event.customer, False) and event.customer not in objecting)
            if not allowed[-1]:
                people.add(event.customer)
        elif event.type == "objection.raised":
            objecting.add(event.customer)
        else:
            if event.type in {"consent.given", "objection.lifted"}:
                objecting.discard(event.customer)
            if event.type != "objection.lifted":
                yes[event.customer] = event.type == "consent.given"
    return [
        (name, len(a), a.count(False), len(people)) for name, (a, people) in sorted(rows.items())
    ]


def tag(event: Event, kind: str) -> str:
    return next(tag.partition(":")[2] for tag in event.tags if tag.startswith(f"{kind}:"))


def middle(values: Sequence[int], part: float = 0.5) -> int:
    """The smallest value that at least this part of them does not exceed."""
    ranked = sorted(values)
    return next(v for n, v in enumerate(ranked, 1) if n >= part * len(ranked))


PLAINLY: dict[int, Callable[[Told], Rows]] = {
    1: the_pipeline,
    2: known_of_march,
    5: days_in_stages,
    7: coming_back,
    8: unused_and_gone,
    11: first_answers,
    12: coming_again,
    13: contentment,
    17: without_a_yes,
}


@pytest.mark.parametrize("number", PLAINLY)
def test_a_few_lines_of_python_say_the_same(told: Told, number: int) -> None:
    found = [tuple(row.values()) for row in told.answers[number].to_pylist()]
    assert found == [tuple(row) for row in PLAINLY[number](told)]
