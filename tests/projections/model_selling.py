"""What the questions of sales and service must answer, in plain Python, from the events themselves.

Nothing of `projections/` is imported. Each deal and ticket is followed through what happened to it, in
order of moment; a function of a question's name gives its rows, in order, asked at `now`. Customers
are taken to be named as they are read: whoever calls has put the person in their place.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from tests.projections.model import Seen

Rows = list[dict[str, Any]]
History = Sequence[Seen]
_DAY = timedelta(days=1)


def happened(events: Iterable[Seen], *types: str) -> Iterator[Seen]:
    """These events in the order of happening."""
    chosen = [e for e in events if not types or e["type"] in types]
    return iter(sorted(chosen, key=lambda e: e["moment"]))


@dataclass
class Deal:
    """What is known of a deal once all its events were gone through."""

    deal: str
    pipeline: str | None = None
    stage: str | None = None
    amount: int = 0
    currency: str | None = None
    account: str | None = None
    market: str = ""
    contact: UUID | None = None
    closes: date | None = None
    opened: datetime | None = None
    life: str = ""
    closed: datetime | None = None
    won: datetime | None = None
    entered: dict[str, datetime] = field(default_factory=dict)
    came_last: dict[str, datetime] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.life in {"opened", "reopened"}

    def take(self, event: Seen) -> None:
        at, word = event["occurred_at"], event["type"].removeprefix("deal.")
        self.pipeline = event["pipeline"] or self.pipeline
        self.account = event["account"] or self.account
        self.market = event["market"] or self.market
        self.contact = event["customer"] or self.contact
        self.closes = event["expected_close"] or self.closes
        if event["amount_minor"] is not None:
            self.amount = event["amount_minor"]
            self.currency = event["currency"] or self.currency
        if event["stage"]:
            self.stage = event["stage"]
            self.entered.setdefault(event["stage"], at)
            self.came_last[event["stage"]] = at
        if word == "opened" and self.opened is None:
            self.opened = at
        if word in {"opened", "reopened", "won", "lost"}:
            self.life = word
        if word in {"won", "lost"}:
            self.closed = at
        if word == "won":
            self.won = at


def deals(events: History) -> list[Deal]:
    """Every deal, followed to its end."""
    found: dict[str, Deal] = {}
    for event in happened(events):
        if event["type"].startswith("deal.") and event["deal"]:
            found.setdefault(event["deal"], Deal(event["deal"])).take(event)
    return list(found.values())


@dataclass
class Way:
    """A pipeline's stages in order, with their percentages, and its currency."""

    percent: dict[str, int] = field(default_factory=dict)
    currency: str = ""

    def place(self, stage: str) -> int | None:
        return list(self.percent).index(stage) + 1 if stage in self.percent else None


def ways(events: History) -> dict[str | None, Way]:
    """Every pipeline as it was last defined; one that never was has no stages."""
    return defaultdict(Way) | {
        e["pipeline"]: Way(
            {s["stage"]: s["win_percent"] for s in orjson.loads(e["stages"])}, e["currency"] or ""
        )
        for e in happened(events, "pipeline.defined")
    }


def pipeline(events: History, now: datetime) -> Rows:
    known = ways(events)
    quarter = datetime(now.year, (now.month - 1) // 3 * 3 + 1, 1)  # noqa: DTZ001
    ends = (quarter + timedelta(days=93)).date().replace(day=1)
    groups: dict[tuple[Any, ...], list[Deal]] = defaultdict(list)
    for deal in deals(events):
        way = known[deal.pipeline]
        currency = deal.currency or way.currency
        if deal.is_open and deal.stage:
            place = way.place(deal.stage) or 99
            groups[deal.pipeline or "", "open", place, deal.stage, currency].append(deal)
        elif deal.closed and not deal.is_open and quarter <= deal.closed <= now:
            groups[deal.pipeline or "", deal.life, 99, "", currency].append(deal)
    rows = []
    order = {"open": 1, "won": 2, "lost": 3}
    for key in sorted(groups, key=lambda k: (k[0], order[k[1]], *k[2:])):
        name, kind, place, stage, currency = key
        own = groups[key]
        row: dict[str, Any] = {
            "pipeline": name, "kind": kind, "place": None, "stage": None, "currency": currency,
            "deals": len(own), "amount_minor": sum(d.amount for d in own),
            "win_percent": 100, "expected_minor": sum(d.amount for d in own),
            "expected_this_quarter_minor": sum(d.amount for d in own),
            "oldest": None, "average_days": None, "overdue": None,
        }  # fmt: skip
        if kind == "lost":
            row |= {"win_percent": 0, "expected_minor": 0, "expected_this_quarter_minor": 0}
        if kind == "open":
            percent = known[name].percent.get(stage)
            days = [max((now - d.came_last[stage]) // _DAY, 0) for d in own]
            expected = [d.amount * (percent or 0) // 100 for d in own]
            due = [n for n, d in zip(expected, own, strict=True) if d.closes and d.closes < ends]
            row |= {
                "place": None if place == 99 else place,
                "stage": stage,
                "win_percent": percent,
                "expected_minor": None if percent is None else sum(expected),
                "expected_this_quarter_minor": None if percent is None else sum(due),
                "oldest": min((d.opened for d in own if d.opened), default=None),
                "average_days": sum(days) // len(days),
                "overdue": sum(d.closes is not None and d.closes < now.date() for d in own),
            }
        rows.append(row)
    return rows


def deal_step(events: History, now: datetime) -> Rows:
    known = ways(events)
    return [
        {
            "deal": deal.deal,
            "pipeline": deal.pipeline or "",
            "stage": stage,
            "place": known[deal.pipeline].place(stage),
            "win_percent": known[deal.pipeline].percent.get(stage),
            "first_entered": first,
            "last_entered": deal.came_last[stage],
        }
        for deal in deals(events)
        for stage, first in deal.entered.items()
    ]


Step = tuple[int | None, str, datetime]
_WON = "\N{BLACK FLAG}"
"""Won as a step of a deal: a stage may be called so as well."""
_PERSON_STEPS = {
    "lead.captured": (1, "lead"),
    "lead.qualified": (2, "qualified"),
    "deal.opened": (3, "opportunity"),
}


def funnel(events: History, now: datetime) -> Rows:
    travellers: list[tuple[str, str | None, list[Step]]] = []
    people: dict[UUID, dict[int, Step]] = defaultdict(dict)
    for event in happened(events, *_PERSON_STEPS):
        if event["customer"]:
            step, word = _PERSON_STEPS[event["type"]]
            people[event["customer"]].setdefault(step, (step, word, event["occurred_at"]))
    for deal in sorted(deals(events), key=lambda deal: deal.won or now):
        if deal.life == "won" and deal.won and deal.contact:
            people[deal.contact].setdefault(4, (4, "won", deal.won))
    travellers += [("customers", None, list(steps.values())) for steps in people.values()]
    known = ways(events)
    for deal in deals(events):
        way = known[deal.pipeline]
        taken: list[Step] = [(way.place(s), s, first) for s, first in deal.entered.items()]
        if deal.life == "won" and deal.won:
            taken.append((len(way.percent) + 1, _WON, deal.won))
        travellers.append(("deals", deal.pipeline or "", taken))
    came = _came(travellers)
    rows = []
    order = sorted(came, key=lambda k: (k[0], k[1] or "", 99 if k[2] is None else k[2], k[3]))
    for counted, name, place, stage in order:
        own = came[counted, name, place, stage]
        days = sorted(d for _, d in own if d is not None)
        last = place is None or stage == _WON or (counted == "customers" and place == 4)
        on = None if last else sum(gone for gone, _ in own)
        rows.append(
            {
                "counted": counted, "pipeline": name, "place": place,
                "stage": "won" if stage == _WON else stage,
                "entered": len(own), "went_on": on,
                "conversion_bp": None if on is None else 10_000 * on // len(own),
                "median_days": days[(len(days) - 1) // 2] if days else None,
            }
        )  # fmt: skip
    return rows


def _came(
    travellers: Iterable[tuple[str, str | None, list[Step]]],
) -> dict[tuple[Any, ...], list[tuple[bool, int | None]]]:
    """For each step, of each who took it: whether they went on, and after how many days."""
    came = defaultdict(list)
    for counted, name, taken in travellers:
        for place, stage, at in taken:
            after = [t for p, _, t in taken if place and p and p > place]
            days = min(((t - at) // _DAY for t in after if t >= at), default=None)
            came[counted, name, place, stage].append((bool(after), days))
    return came


def ticket_sla(events: History, now: datetime) -> Rows:
    tickets: dict[str, dict[str, Any]] = {}
    for event in happened(events):
        if event["type"].startswith("ticket.") and event["ticket"]:
            ticket = tickets.setdefault(event["ticket"], defaultdict(lambda: None))
            word, at = event["type"].removeprefix("ticket."), event["occurred_at"]
            for name in (
                "priority", "market", "team", "assignee", "account", "customer",
                "respond_within_minutes", "resolve_within_minutes",
            ):  # fmt: skip
                ticket[name] = ticket[name] if event[name] is None else event[name]
            if word in {"opened", "resolved", "reopened", "closed"}:
                ticket["life"] = word
            if word in {"resolved", "reopened", "closed"}:
                ticket[word] = at
            if word == "opened" and ticket["opened_at"] is None:
                ticket["opened_at"] = at
            if word == "replied" and event["author"] == "agent" and ticket["reply"] is None:
                ticket["reply"] = at
    rows = [_judged(name, t, now) for name, t in tickets.items() if t["opened_at"]]
    return sorted(rows, key=lambda row: (row["opened_at"], row["ticket"]))


def _judged(name: str, ticket: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    is_open = ticket["life"] in {"opened", "reopened"}
    settled = None
    if not is_open:
        resolved, reopened = ticket["resolved"], ticket["reopened"]
        held = resolved is not None and (reopened is None or reopened <= resolved)
        settled = resolved if held else ticket["closed"]
    row: dict[str, Any] = {"ticket": name, "open": is_open} | {
        key: ticket[key]
        for key in ("opened_at", "priority", "team", "assignee", "account", "customer")
    }
    answered = ticket["reply"] or settled
    row |= {"market": ticket["market"] or "", "answered_at": answered, "settled_at": settled}
    for by, minutes, state, limit, done in (
        ("respond_by", "response_minutes", "response_state", "respond_within_minutes", answered),
        ("resolve_by", "resolution_minutes", "resolution_state", "resolve_within_minutes", settled),
    ):
        row[by] = _by(ticket["opened_at"], ticket[limit])
        took = None if done is None else (done - ticket["opened_at"]) // timedelta(minutes=1)
        row[minutes] = took if took is None else max(took, 0)
        row[state] = _promise(ticket["opened_at"], row[by], done, now)
    return row


def _by(opened: datetime, minutes: int | None) -> datetime | None:
    century = 36_500 * 1_440
    return None if minutes is None or minutes >= century else opened + timedelta(minutes=minutes)


def _promise(opened: datetime, by: datetime | None, done: datetime | None, now: datetime) -> str:
    if by is None:
        return "none"
    if done is not None:
        return "met" if done <= by else "breached"
    if now > by:
        return "breached"
    return "at_risk" if (by - now) < (by - opened) / 5 else "in_time"
