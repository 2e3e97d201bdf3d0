"""What must become of requests about people's data, in plain words: lists, dates and ifs, nothing of ours.

Each command is answered with ("appended", position), ("duplicate", position) or ("refused", field).
The calendar is walked day by day, with holidays typed off a wall calendar.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Answer = tuple[str, int | str]
DAY = timedelta(days=1)
GERMANY = """
2025-01-01 2025-04-18 2025-04-21 2025-05-01 2025-05-29 2025-06-09 2025-10-03 2025-12-25 2025-12-26
2026-01-01 2026-04-03 2026-04-06 2026-05-01 2026-05-14 2026-05-25 2026-10-03 2026-12-25 2026-12-26
2027-01-01 2027-03-26 2027-03-29 2027-05-01 2027-05-06 2027-05-17 2027-10-03 2027-12-25 2027-12-26
"""
AMERICA = """
2025-01-01 2025-01-20 2025-02-17 2025-05-26 2025-06-19 2025-07-04 2025-09-01 2025-10-13 2025-11-11
2025-11-27 2025-12-25 2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-07-04
"""
REFUSALS = {
    ("gdpr", "access"): {"excessive", "rights-of-others", "cannot-identify"},
    ("gdpr", "erasure"): {"excessive", "legal-claims", "cannot-identify"},
    ("ccpa", "access"): {"excessive", "cannot-identify"},
    ("ccpa", "objection"): {"excessive"},
    ("lgpd", "access"): {"cannot-identify"},
}
"""Of the grounds that are tried here, those that the law has for that right."""


def works(day: date, holidays: str) -> bool:
    return day.strftime("%a") not in {"Sat", "Sun"} and str(day) not in holidays.split()


def after_working(day: date, count: int) -> date:
    while count:
        day += DAY
        count -= works(day, AMERICA)
    return day


def month_after(day: date) -> date:
    """Walk to the same number in the next month, or to its end."""
    walked = day.replace(day=28) + 4 * DAY
    walked = walked.replace(day=1)
    while walked.day < day.day and (walked + DAY).month == walked.month:
        walked += DAY
    return walked


@dataclass(frozen=True)
class Asked:
    """One command, or an event that stands in the book without one (`customer.erased`)."""

    message_id: str
    verb: str
    at: datetime
    who: str
    actor: str | None = None
    request: str | None = None
    said: tuple[tuple[str, Any], ...] = ()

    def get(self, name: str) -> Any:
        return dict(self.said).get(name)


@dataclass
class Stands:
    """A request as its events have it."""

    asked: Asked
    due: date
    confirm: date | None
    state: str = "received"
    confirmed: bool = False
    challenged: datetime | None = None
    verified: datetime | None = None
    verifier: str | None = None
    extended: bool = False
    last: datetime | None = None


@dataclass
class RequestsModel:
    events: list[Asked] = field(default_factory=list)  # position 1 is index 0
    linked: bool = False
    """Whether zoe and ann are one person."""

    def members(self, who: str) -> set[str]:
        both = {"zoe", "ann"}
        return both if self.linked and who in both and not self.gone else {who}

    # ---- the calendar

    def day(self, at: datetime, asked: Asked) -> date:
        return at.astimezone(ZoneInfo(asked.get("zone"))).date()

    def due(self, asked: Asked, *, extended: bool = False, waited: int = 0) -> date:
        received, law = self.day(asked.at, asked), asked.get("law")
        if law == "lgpd":
            return received + 15 * DAY
        if law == "ccpa":
            if asked.get("right") == "objection":
                return after_working(received, 15)
            return received + (90 if extended else 45) * DAY
        last = month_after(received)
        if extended:
            # Two more, of which only the last month's end may cut the number.
            for _ in range(2):
                last = month_after(last)
            while last.day < received.day and (last + DAY).month == last.month:
                last += DAY
        last += waited * DAY
        while not works(last, GERMANY if asked.get("country") == "DE" else ""):
            last += DAY
        return last

    def waited(self, stands: Stands, at: datetime) -> int:
        if stands.challenged is None or stands.asked.get("law") != "gdpr":
            return 0
        until = self.day(stands.verified or at, stands.asked)
        return (until - self.day(stands.challenged, stands.asked)).days

    # ---- how things stand

    def stands(self, request: str | None) -> Stands | None:
        found: Stands | None = None
        for event in sorted(self.events, key=lambda event: event.at):  # stable
            if event.request != request or request is None:
                continue
            if event.verb == "privacy.requested":
                due, confirm = self.due(event), None
                if event.get("law") == "ccpa" and event.get("right") == "access":
                    confirm = after_working(self.day(event.at, event), 10)
                found = Stands(event, due, confirm)
            assert found is not None
            found.last = event.at
            self.take(found, event, event.verb.split(".")[1])
        return found

    def take(self, found: Stands, event: Asked, word: str) -> None:
        if word == "confirmed":
            found.confirmed = True
        elif word == "extended":
            found.extended = True
            found.due = self.due(found.asked, extended=True, waited=self.waited(found, event.at))
        elif word == "challenged":
            found.state, found.challenged = word, event.at
        elif word == "verified":
            found.state, found.verified, found.verifier = word, event.at, event.actor
            if waited := self.waited(found, event.at):
                found.due = self.due(found.asked, extended=found.extended, waited=waited)
        else:
            ends = {"requested": "received", "erasing": "executing", "erased": "fulfilled"}
            found.state = ends.get(word, word)

    def holds(self, who: str) -> set[tuple[str, str]]:
        standing: set[tuple[str, str]] = set()
        for event in sorted(self.events, key=lambda event: event.at):
            if event.who in self.members(who) and event.verb.startswith("hold."):
                one = (event.who, event.get("hold"))
                standing = standing | {one} if event.verb == "hold.placed" else standing - {one}
        return standing

    def is_being_erased(self, who: str) -> bool:
        words = [
            event.verb
            for event in sorted(self.events, key=lambda event: event.at)
            if event.who in self.members(who) and event.verb.startswith("customer.")
        ]
        return words[-1:] == ["customer.erasing"]

    @property
    def gone(self) -> set[str]:
        return {event.who for event in self.events if event.verb == "customer.erasing"}

    # ---- what is allowed

    def carry_out(self, asked: Asked) -> Answer:
        for position, event in enumerate(self.events, 1):
            if event.message_id == asked.message_id:
                return ("duplicate", position)
        why = self.against(asked)
        if why is not None:
            return ("refused", why)
        answer = asked.verb in {"privacy.fulfilled", "privacy.refused"}
        if asked.who in self.gone and not answer:
            return ("refused", "identifiers")
        self.events.append(asked)
        return ("appended", len(self.events))

    def against(self, asked: Asked) -> str | None:
        group, word = asked.verb.split(".")
        if group == "hold":
            return self.against_hold(word, asked)
        if word == "requested":
            return None
        stands = self.stands(asked.request)
        if asked.request is not None and stands is None:
            return "request"
        last = stands.last if stands else None
        if word in {"erasing", "fulfilled"}:
            held = [
                e.at
                for e in self.events
                if e.verb.startswith("hold.") and e.who in self.members(asked.who)
            ]
            last = max([*held, *([last] if last else [])], default=None)
        if last is not None and asked.at < last:
            return "occurred_at"
        if word == "erasing":
            return self.against_erasing(asked, stands)
        assert stands is not None
        return self.against_step(word, asked, stands)

    def against_hold(self, word: str, asked: Asked) -> str | None:
        name = asked.get("hold")
        before = [
            e.at for e in self.events
            if e.verb.startswith("hold.") and e.who == asked.who and e.get("hold") == name
        ]  # fmt: skip
        if before and asked.at < max(before):
            return "occurred_at"
        stands = (asked.who, name) in self.holds(asked.who)
        if word == "released":
            return None if stands else "hold"
        if self.is_being_erased(asked.who):
            return "customer"
        if stands:
            return "hold"
        return None if asked.get("ground") == "litigation" else "ground"

    def against_erasing(self, asked: Asked, stands: Stands | None) -> str | None:
        if self.holds(asked.who):
            return "hold"
        if self.is_being_erased(asked.who):
            return "customer"
        if stands is None:
            return "request" if self.asks_to_be_erased(asked.who) else None
        if stands.state != "verified" or stands.asked.get("right") != "erasure":
            return "request"
        return "actor" if asked.actor in {None, stands.verifier} else None

    def asks_to_be_erased(self, who: str) -> bool:
        made = [e for e in self.events if e.verb == "privacy.requested"]
        waiting = [
            stands
            for event in made
            if event.who in self.members(who) and event.get("right") == "erasure"
            if (stands := self.stands(event.request)) is not None
        ]
        return any(stands.state not in {"refused", "fulfilled"} for stands in waiting)

    def against_step(self, word: str, asked: Asked, stands: Stands) -> str | None:
        law, right = stands.asked.get("law"), stands.asked.get("right")
        early, known = stands.state in {"received", "challenged"}, stands.state == "verified"
        if word == "confirmed":
            is_open = early or known or stands.state == "executing"
            return None if is_open and not stands.confirmed else "request"
        if word == "challenged":
            if stands.state != "received":
                return "request"
            return self.too_late(asked, stands)
        if word == "verified":
            return None if early else "request"
        if word == "refused":
            if not (early or known):
                return "request"
            grounds = REFUSALS[law, right] - ({"cannot-identify"} if stands.verified else set())
            return None if asked.get("ground") in grounds else "ground"
        if word == "fulfilled":
            return self.against_fulfilling(asked, stands, early=early)
        assert word == "extended"
        if not (early or known or stands.state == "executing") or stands.extended:
            return "request"
        if law == "lgpd" or (law, right) == ("ccpa", "objection"):
            return "request"
        late = self.too_late(asked, stands)
        return late or (None if asked.get("ground") in {"complexity", "number"} else "ground")

    def against_fulfilling(self, asked: Asked, stands: Stands, *, early: bool) -> str | None:
        law, right = stands.asked.get("law"), stands.asked.get("right")
        ended = {event.who for event in self.events if event.verb == "customer.erased"}
        if right == "erasure" and asked.who in ended and (early or stands.state == "verified"):
            return None
        if stands.state != "verified" and not (early and (law, right) == ("ccpa", "objection")):
            return "request"
        if right != "erasure":
            return None
        if self.holds(asked.who):
            return "hold"
        return "actor" if asked.actor in {None, stands.verifier} else "right"

    def too_late(self, asked: Asked, stands: Stands) -> str | None:
        due = stands.due
        if stands.state == "challenged" and stands.asked.get("law") == "gdpr":
            waited = self.waited(stands, asked.at)
            due = self.due(stands.asked, extended=stands.extended, waited=waited)
        return "occurred_at" if self.day(asked.at, stands.asked) > due else None
