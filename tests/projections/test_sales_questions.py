"""What the questions of sales, service and attention answer, case by case."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import pytest

from ledger.event import Event
from projections import Views
from tests.projections.business import NOW, PEOPLE, happening, text
from tests.projections.model_caring import WEIGHT
from tests.projections.source import MemorySource

QUESTIONS = ("pipeline", "deal_step", "funnel", "ticket_sla", "goal", "attention")


class Ask(Protocol):
    """Asks a question over a book of these events."""

    def __call__(
        self, name: str, events: Sequence[Event], now: datetime = NOW
    ) -> list[dict[str, Any]]: ...


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    views = Views.open(tmp_path_factory.mktemp("views") / "views.db")

    def asking(name: str, events: Sequence[Event], now: datetime = NOW) -> list[dict[str, Any]]:
        source = MemorySource.of(events)
        rows = views.rows(name, source=source, known_upto=len(events), now=now)
        listed: list[dict[str, Any]] = rows.to_pylist()
        return listed

    yield asking
    views.close()


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_empty_book_answers_with_nothing(ask: Ask, name: str) -> None:
    assert ask(name, []) == []


def _some(row: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _defined(at: datetime, **percent: int) -> Event:
    stages = [{"stage": stage, "win_percent": chance} for stage, chance in percent.items()]
    return happening("pipeline.defined", at, pipeline="fast", currency="EUR", stages=stages)


def _deal(deal: str, kind: str, days_ago: int, **data: Any) -> Event:
    opened: dict[str, Any] = {"pipeline": "fast"} if kind == "opened" else {}
    return happening(
        f"deal.{kind}", NOW - timedelta(days=days_ago), tags=[f"deal:{deal}"], **opened, **data
    )


SELLING = [
    _defined(NOW - timedelta(days=300), new=10, offer=50, talks=80),
    _deal("a", "opened", 100, stage="new", amount_minor=999, currency="EUR", expected_close="2025-02-23"),
    _deal("b", "opened", 40, stage="new", amount_minor=501),
    _deal("b", "moved", 30, stage="offer"),
    _deal("c", "opened", 90, stage="new"),
    _deal("c", "amount_changed", 80, amount_minor=301, currency="INR", expected_close="2025-02-24"),
    _deal("c", "moved", 12, stage="offer"),
    _deal("d", "opened", 60, stage="new", amount_minor=700),
    _deal("d", "won", 10),
    _deal("e", "opened", 60, stage="offer", amount_minor=800),
    _deal("e", "lost", 5),
    _deal("f", "opened", 300, stage="new", amount_minor=900),
    _deal("f", "won", 60),
    _deal("g", "opened", 20, stage="new", amount_minor=40),
    _deal("g", "lost", 9),
    _deal("g", "reopened", 4, stage="talks"),
]  # fmt: skip


def test_the_pipeline_says_what_is_open_what_may_come_of_it_and_what_this_quarter_brought(
    ask: Ask,
) -> None:
    names = (
        "kind", "place", "stage", "currency", "deals", "amount_minor", "win_percent", "expected_minor",
        "expected_this_quarter_minor", "average_days", "overdue",
    )  # fmt: skip
    assert [_some(row, *names) for row in ask("pipeline", SELLING)] == [
        ("open", 1, "new", "EUR", 1, 999, 10, 99, 99, 100, 1),
        ("open", 2, "offer", "EUR", 1, 501, 50, 250, 0, 30, 0),
        ("open", 2, "offer", "INR", 1, 301, 50, 150, 150, 12, 0),
        ("open", 3, "talks", "EUR", 1, 40, 80, 32, 0, 4, 0),
        ("won", None, None, "EUR", 1, 700, 100, 700, 700, None, None),
        ("lost", None, None, "EUR", 1, 800, 0, 0, 0, None, None),
    ]


def test_what_was_won_at_the_very_beginning_of_the_quarter_belongs_to_it(ask: Ask) -> None:
    began = NOW.replace(month=1, day=1, hour=0)
    won = happening("deal.won", began, tags=["deal:f"])
    assert ask("pipeline", [won])[0]["kind"] == "won"
    before = happening("deal.won", began - timedelta(microseconds=1), tags=["deal:f"])
    assert ask("pipeline", [before]) == []


def test_a_stage_that_is_defined_no_more_is_still_shown(ask: Ask) -> None:
    narrowed = [*SELLING, _defined(NOW - timedelta(days=1), new=10, talks=70)]
    names = ("place", "stage", "win_percent", "amount_minor", "expected_minor")
    assert [_some(row, *names) for row in ask("pipeline", narrowed)][:4] == [
        (1, "new", 10, 999, 99),
        (2, "talks", 70, 40, 28),
        (None, "offer", None, 501, None),
        (None, "offer", None, 301, None),
    ]


def test_the_funnel_counts_who_came_who_went_on_and_how_fast(ask: Ask) -> None:
    histories: list[dict[str, int]] = [
        {"lead.captured": 50, "lead.qualified": 40, "deal.opened": 30, "deal.won": 10},
        {"lead.captured": 50, "deal.opened": 45},
        {"lead.captured": 20},
        {"deal.opened": 8},
    ]
    people = [
        happening(
            kind, NOW - timedelta(days=ago), PEOPLE[n], [f"deal:x{n}"] if "deal" in kind else []
        )
        for n, history in enumerate(histories)
        for kind, ago in history.items()
    ]
    names = ("counted", "place", "stage", "entered", "went_on", "conversion_bp", "median_days")
    assert [_some(row, *names) for row in ask("funnel", [*SELLING, *people])] == [
        ("customers", 1, "lead", 3, 2, 6666, 5),
        ("customers", 2, "qualified", 1, 1, 10_000, 10),
        ("customers", 3, "opportunity", 3, 1, 3333, 20),
        ("customers", 4, "won", 1, None, None, None),
        ("deals", 1, "won", 1, None, None, None),
        ("deals", 1, "new", 6, 5, 8333, 50),
        ("deals", 2, "offer", 3, 0, 0, None),
        ("deals", 3, "talks", 1, 0, 0, None),
        ("deals", 4, "won", 2, None, None, None),
    ]


def test_a_customer_whose_won_deal_was_reopened_has_not_come_to_the_end_of_the_funnel(
    ask: Ask,
) -> None:
    kinds = ("deal.opened", "deal.won", "deal.reopened", "deal.won")
    told = [
        happening(kind, NOW - timedelta(days=40 - 10 * n), PEOPLE[0], ["deal:x"])
        for n, kind in enumerate(kinds)
    ]
    for upto, won in ((2, 1), (3, 0), (4, 1)):
        rows = ask("funnel", told[:upto])
        assert (
            sum(
                row["entered"] for row in rows if _some(row, "counted", "place") == ("customers", 4)
            )
            == won
        )


_HOUR: dict[str, Any] = {"respond_within_minutes": 60, "resolve_within_minutes": 600}
SLA: dict[str, tuple[list[tuple[str, int]], int, str, int | None, str, int | None]] = {
    "just opened": ([], 0, "in_time", None, "in_time", None),
    "a fifth of the hour is left": ([], 48, "in_time", None, "in_time", None),
    "less than a fifth": ([], 49, "at_risk", None, "in_time", None),
    "at the very minute": ([], 60, "at_risk", None, "in_time", None),
    "a minute late": ([], 61, "breached", None, "in_time", None),
    "a fifth of the ten hours is left": ([], 480, "breached", None, "in_time", None),
    "both late": ([], 601, "breached", None, "breached", None),
    "solved not quite too late": ([], 600, "breached", None, "at_risk", None),
    "answered in time": ([("replied", 59)], 500, "met", 59, "at_risk", None),
    "answered at the last minute": ([("replied", 60)], 480, "met", 60, "in_time", None),
    "answered late": ([("replied", 61)], 480, "breached", 61, "in_time", None),
    "only the customer wrote": ([("wrote", 5)], 70, "breached", None, "in_time", None),
    "solved without a word": ([("resolved", 30)], 700, "met", 30, "met", 30),
    "solved at once": ([("resolved", 0)], 700, "met", 0, "met", 0),
    "solved at the last minute": ([("resolved", 600)], 700, "breached", 600, "met", 600),
    "closed without a word": ([("closed", 601)], 700, "breached", 601, "breached", 601),
    "reopened": ([("replied", 1), ("resolved", 30), ("reopened", 40)], 601, "met", 1, "breached", None),
    "resolved again": ([("resolved", 30), ("reopened", 40), ("resolved", 90), ("closed", 99)], 700, "breached", 90, "met", 90),
    "by a clock that is wrong": ([("resolved", -5), ("closed", 5)], 700, "met", 0, "met", 0),
    "closed unresolved": ([("replied", 1), ("resolved", 30), ("reopened", 40), ("closed", 99)], 700, "met", 1, "met", 99),
}  # fmt: skip


@pytest.fixture(scope="module")
def promises(ask: Ask) -> dict[str, dict[str, Any]]:
    """Every case is a ticket of one book."""
    events = []
    for case, (then, now, *_) in SLA.items():
        start, tags = NOW - timedelta(minutes=now), [f"ticket:{case}"]
        events.append(happening("ticket.opened", start, tags=tags, **_HOUR))
        for word, minute in then:
            author = {"replied": "agent", "wrote": "customer"}.get(word)
            kind = "ticket.replied" if author else f"ticket.{word}"
            at = start + timedelta(minutes=minute)
            events.append(happening(kind, at, tags=tags, author=author))
    return {row["ticket"]: row for row in ask("ticket_sla", events)}


@pytest.mark.parametrize("case", SLA)
def test_what_was_promised_on_a_ticket_and_what_became_of_it(
    promises: dict[str, dict[str, Any]], case: str
) -> None:
    names = ("response_state", "response_minutes", "resolution_state", "resolution_minutes")
    assert _some(promises[case], *names) == SLA[case][2:]


GOALS: dict[str, tuple[int, list[int], int, int, int, str]] = {
    "before it begins": (10, [], -1, 0, 0, "to_come"),
    "on its first day": (10, [], 0, 0, 1, "behind"),
    "even with the pace": (10, [0, 1, 2, 3], 3, 4, 4, "ahead"),
    "behind the pace": (10, [1, 2, 3], 3, 3, 4, "behind"),
    "what comes later counts later": (10, [1, 5], 3, 1, 4, "behind"),
    "one short on its last day": (2, [1], 9, 1, 2, "behind"),
    "reached early": (2, [1, 2], 3, 2, 0, "reached"),
    "its last day belongs to it": (2, [1, 9], 9, 2, 2, "reached"),
    "missed": (2, [1, 10], 10, 1, 2, "missed"),
}
"""Target, days of the orders, today (days are counted from the first); reached, expected, state."""


@pytest.mark.parametrize("case", GOALS)
def test_how_far_a_goal_is(ask: Ask, case: str) -> None:
    target, days, today, reached, expected, state = GOALS[case]
    start = NOW.replace(month=1, day=10)
    terms: dict[str, Any] = {"goal": "g", "metric": "orders", "target": target}
    terms |= {"period_start": "2025-01-10", "period_end": "2025-01-19"}
    price: dict[str, Any] = {"amount_minor": 5, "currency": "EUR"}
    events = [happening("goal.set", start - timedelta(days=9), tags=["market:DE"], **terms)]
    for market in ("market:DE", "market:IN"):
        events += [
            happening("order.placed", start + timedelta(days=day), PEOPLE[0], [market], **price)
            for day in days
        ]
    row = ask("goal", events, start + timedelta(days=today))[0]
    share = 10_000 * reached // target
    names = ("reached", "reached_bp", "expected", "state")
    assert _some(row, *names) == (reached, share, expected, state)


def test_each_metric_counts_what_it_names(ask: Ask) -> None:
    day = NOW - timedelta(days=1)
    counted = {
        "orders": 2, "revenue": 25, "leads": 1, "deals_won": 1, "new_customers": 3, "tickets_resolved": 1,
    }  # fmt: skip
    events = [
        happening("order.placed", day, PEOPLE[0], ["market:DE"], amount_minor=30, currency="EUR"),
        happening("order.refunded", day, PEOPLE[0], ["market:DE"], amount_minor=5, currency="EUR"),
        happening("order.placed", day, PEOPLE[1], ["market:IN"], amount_minor=70, currency="INR"),
        happening("lead.captured", day, PEOPLE[3]),
        happening("deal.won", day, None, ["deal:x"]),
        happening("deal.won", day - timedelta(days=9), None, ["deal:y"]),
        happening("ticket.resolved", day, None, ["ticket:x"]),
    ]
    for metric in counted:
        terms: dict[str, Any] = {"goal": metric, "metric": metric, "target": 100}
        terms |= {"currency": "EUR"} if metric == "revenue" else {}
        terms |= {"period_start": "2025-02-23", "period_end": "2025-02-23"}
        events.append(happening("goal.set", day, **terms))
    assert {row["goal"]: row["reached"] for row in ask("goal", events)} == counted


def _of(kind: str, days_ago: float, **data: Any) -> Event:
    tags = [f"{kind.partition('.')[0]}:x"] if kind.startswith(("ticket", "task", "deal")) else []
    paid = kind.startswith(("order", "subscription"))
    price: dict[str, Any] = {"amount_minor": 5, "currency": "EUR"} if paid else {}
    return happening(kind, NOW - timedelta(days=days_ago), PEOPLE[0], tags, **price, **data)


def _bought(*days_ago: float) -> list[Event]:
    return [_of("order.placed", ago) for ago in days_ago]


def _task(due_in: int) -> Event:
    return _of("task.scheduled", 9, task_kind="call", due_at=text(NOW + timedelta(seconds=due_in)))


def _closing(day: str) -> Event:
    return _of("deal.opened", 9, pipeline="fast", stage="new", expected_close=day)


_NPS: dict[str, Any] = {"survey": "nps", "score": 6}
NEEDS: dict[str, tuple[list[Event], list[str]]] = {
    "a task is overdue": ([_task(-1)], ["overdue_task"]),
    "a task is due now": ([_task(0)], []),
    "a task was done": ([_task(-1), _of("task.completed", 1)], []),
    "a deal should have closed yesterday": ([_closing("2025-02-23")], ["deal_overdue"]),
    "a deal is to close today": ([_closing("2025-02-24")], []),
    "a deal was lost": ([_closing("2025-02-23"), _of("deal.lost", 1)], []),
    "an answer is late, and the solution nearly": (
        [_of("ticket.opened", 0.9, respond_within_minutes=60, resolve_within_minutes=1440)], ["sla_breached"]
    ),
    "a solution is nearly late": ([_of("ticket.opened", 0.9, resolve_within_minutes=1440)], ["sla_at_risk"]),
    "a ticket is closed": ([_of("ticket.opened", 9, resolve_within_minutes=1), _of("ticket.closed", 1)], []),
    "a detractor": ([_of("survey.answered", 30, **_NPS)], ["unhappy_survey"]),
    "a passive": ([_of("survey.answered", 3, survey="nps", score=7)], []),
    "unhappy too long ago": ([_of("survey.answered", 30.1, **_NPS)], []),
    "unsatisfied": ([_of("survey.answered", 3, survey="csat", score=2)], ["unhappy_survey"]),
    "satisfied enough": ([_of("survey.answered", 3, survey="csat", score=3)], []),
    "an effort is no reason": ([_of("survey.answered", 3, survey="ces", score=2)], []),
    "happy again": ([_of("survey.answered", 3, **_NPS), _of("survey.answered", 2, survey="nps", score=9)], []),
    "somebody called": ([_of("survey.answered", 3, **_NPS), _of("call.logged", 2, direction="outbound")], []),
    "somebody called before": (
        [_of("call.logged", 4, direction="outbound"), _of("survey.answered", 3, **_NPS)], ["unhappy_survey"]
    ),
    "somebody called at that very moment": (
        [_of("survey.answered", 3, **_NPS), _of("call.logged", 3, direction="outbound")], ["unhappy_survey"]
    ),
    "the customer called": (
        [_of("survey.answered", 3, **_NPS), _of("call.logged", 2, direction="inbound")], ["unhappy_survey"]
    ),
    "silent after three orders": (_bought(120, 110, 91), ["silent_after_buying"]),
    "silent after two": (_bought(120, 91), []),
    "not silent yet": (_bought(120, 110, 90), []),
    "gone": (_bought(400, 380, 365), []),
    "what we send breaks no silence": ([*_bought(120, 110, 91), _of("email.sent", 1)], ["silent_after_buying"]),
    "what they open does": ([*_bought(120, 110, 91), _of("email.opened", 1)], []),
    "a silent subscriber": (
        [_of("subscription.started", 200, plan="p"), _of("subscription.renewed", 9, plan="p")], ["silent_after_buying"]
    ),
    "one who has left": (
        [_of("subscription.started", 200, plan="p"), _of("subscription.cancelled", 9, plan="p")], []
    ),
    "a year tomorrow": (_bought(365), ["anniversary"]),
    "a year today": (_bought(366), ["anniversary"]),
    "a year yesterday": (_bought(367), []),
    "a year in seven days": (_bought(358), ["anniversary"]),
    "a year in eight days": (_bought(357), []),
    "bought today": (_bought(0), []),
    "29 February, kept on the 28th": (_bought(361), ["anniversary"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def needed(ask: Ask) -> list[dict[str, Any]]:
    """Every case is a person of one book, with a ticket, a task and a deal of their own."""
    events = []
    for n, (history, _) in enumerate(NEEDS.values()):
        events += [
            replace(event, customer=UUID(int=n), tags=tuple(f"{tag}{n}" for tag in event.tags))
            for event in history
        ]
    return ask("attention", events)


@pytest.mark.parametrize("case", NEEDS)
def test_who_needs_one_of_us_and_why(needed: list[dict[str, Any]], case: str) -> None:
    person = UUID(int=list(NEEDS).index(case))
    found = [_some(row, "reason", "weight") for row in needed if row["customer"] == person]
    assert found == [(reason, WEIGHT[reason]) for reason in NEEDS[case][1]]


def test_the_most_pressing_comes_first(needed: list[dict[str, Any]]) -> None:
    assert [row["weight"] for row in needed] == sorted((r["weight"] for r in needed), reverse=True)
    assert {row["reason"] for row in needed} == WEIGHT.keys()


def test_an_anniversary_comes_on_its_day_and_one_of_29_february_on_the_28th(ask: Ask) -> None:
    for days_ago, day in ((361, 28), (365, 25), (366, 24)):
        row = ask("attention", _bought(days_ago))[0]
        assert row["due"] == datetime(2025, 2, day)  # noqa: DTZ001
    new_year = datetime(2024, 1, 2, tzinfo=UTC)
    order = happening("order.placed", new_year, PEOPLE[0], amount_minor=5, currency="EUR")
    row = ask("attention", [order], new_year.replace(month=12, day=30))[0]
    assert row["due"] == datetime(2025, 1, 2)  # noqa: DTZ001


def test_whoever_was_unhappy_twice_is_one_row_and_who_waits_longest_comes_first(ask: Ask) -> None:
    other = happening("survey.answered", NOW - timedelta(days=5), PEOPLE[2], survey="csat", score=1)
    twice = [_of("survey.answered", 3, **_NPS), _of("survey.answered", 8, survey="csat", score=1)]
    rows = ask("attention", [*twice, other])
    assert [_some(row, "customer", "since", "weight") for row in rows] == [
        (PEOPLE[2], (NOW - timedelta(days=5)).replace(tzinfo=None), 80),
        (PEOPLE[0], (NOW - timedelta(days=3)).replace(tzinfo=None), 80),
    ]
