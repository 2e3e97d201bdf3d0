"""What people ask for, how they are answered, and the fortnight when the warehouse flooded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from api.demo.world import LAST_MOMENT, Pen, Person, people
from commands.touchpoint import Touchpoint
from ledger.identifiers import Identifier

_FLOOD = datetime(2025, 11, 12, tzinfo=UTC)
_LIMITS = {
    "urgent": (60, 480),
    "high": (240, 1_440),
    "normal": (480, 4_320),
    "low": (1_440, 10_080),
}
_TOPICS = ("delivery", "damage", "invoice", "app", "return", "question")


def talks() -> Iterator[Touchpoint]:
    """Chats, calls, messages, meetings, and what is said in public."""
    chat, phone, inbox, crm = Pen("chat"), Pen("phone"), Pen("inbox"), Pen("calendar")
    for person in people():
        chance = person.random("talks")
        for _ in range(int(person.keen * 7 * chance.random())):
            at = _moment(person, chance)
            roll = chance.random()
            if roll < 0.4:
                yield from _chat(chat, person, at, chance)
            elif roll < 0.6:
                yield phone.write(
                    "call.logged",
                    at,
                    person.mail,
                    market=person.market,
                    direction=chance.choice(("inbound", "outbound")),
                    outcome=chance.choice(("answered", "answered", "voicemail")),
                    duration_s=chance.randrange(40, 900),
                )
            elif roll < 0.8:
                yield inbox.write(
                    "message.received",
                    at,
                    person.mail,
                    market=person.market,
                    channel="email",
                    message=f"— {person.given}",
                )
                yield inbox.write(
                    "message.sent",
                    at + timedelta(hours=chance.uniform(1, 30)),
                    person.mail,
                    market=person.market,
                    channel="email",
                    template="answer",
                )
            elif roll < 0.9:
                yield inbox.write(
                    "social.engaged",
                    at,
                    person.user,
                    market=person.market,
                    network="pictures",
                    engagement="mentioned",
                )
            else:
                yield crm.write(
                    "event.attended",
                    at,
                    person.mail,
                    market=person.market,
                    happening="paper-evening",
                    attendance=chance.choice(("online", "in_person")),
                )


def _chat(pen: Pen, person: Person, at: datetime, chance: Random) -> Iterator[Touchpoint]:
    def line(what: str, minute: int, **more: Any) -> Touchpoint:
        return pen.write(
            f"chat.{what}",
            at + timedelta(minutes=minute),
            person.user,
            market=person.market,
            **more,
        )

    yield line("started", 0, topic=chance.choice(_TOPICS))
    yield line("messaged", 1, author="customer", message=f"{person.given}: ?")
    yield line("messaged", 1, author="bot")
    if chance.random() < 0.5:
        yield line("handed_over", 2, team="service", reason="asked")
        yield line("messaged", 4, author="agent")
    yield line("ended", 9, outcome=chance.choice(("solved", "solved", "ticket")), duration_s=540)


def tickets() -> Iterator[Touchpoint]:
    """Ordinary ones, and two hundred more while orders could not go out."""
    desk, survey = Pen("helpdesk"), Pen("surveys")
    number = 0
    for person in people():
        chance = person.random("tickets")
        flooded = person.joined < _FLOOD and chance.random() < 0.3
        ordinary = int(person.keen * 2.6 * chance.random() + 0.45)
        for incident in (*([True] if flooded else []), *([False] * ordinary)):
            number += 1
            yield from _ticket(desk, survey, person, number, chance, incident=incident)
        if chance.random() < 0.4 * person.keen + 0.1:
            score = min(10, max(0, round(chance.gauss(8.6 if not flooded else 6.1, 1.8))))
            yield survey.write(
                "survey.answered",
                _moment(person, chance),
                person.mail,
                market=person.market,
                survey="nps",
                score=score,
            )
        if chance.random() < 0.08:
            yield survey.write(
                "survey.answered",
                _moment(person, chance),
                person.user,
                market=person.market,
                survey="ces",
                score=chance.choice((3, 4, 5, 6, 6, 7)),
            )


def _ticket(
    desk: Pen, survey: Pen, person: Person, number: int, chance: Random, *, incident: bool
) -> Iterator[Touchpoint]:
    opened = _FLOOD + timedelta(days=12 * chance.random()) if incident else _moment(person, chance)
    priority = chance.choice(
        ("high", "urgent") if incident else ("low", "normal", "normal", "high")
    )
    respond, resolve = _LIMITS[priority]
    ticket = (Identifier("ticket", f"T-{number:05d}"),)

    def note(what: str, at: datetime, **more: Any) -> Touchpoint:
        return desk.write(
            f"ticket.{what}", at, person.mail, market=person.market, about=ticket, **more
        )

    yield note(
        "opened",
        opened,
        priority=priority,
        channel=chance.choice(("email", "web", "phone")),
        topic="delivery" if incident else chance.choice(_TOPICS),
        respond_within_minutes=respond,
        resolve_within_minutes=resolve,
        message=f"{person.given} {person.family}",
    )
    slow = 3.2 if incident else 0.55
    answered = opened + timedelta(minutes=respond * slow * chance.uniform(0.1, 1.6))
    yield note(
        "assigned", opened + timedelta(minutes=4), team="logistics" if incident else "service"
    )
    steps = [("replied", answered, {"author": "agent"})]
    if incident and chance.random() < 0.5:
        steps.append(("escalated", answered + timedelta(hours=3), {"reason": "warehouse"}))
    for turn in range(chance.choice((0, 1, 1, 2))):
        author = "customer" if turn % 2 == 0 else "agent"
        steps.append(("replied", answered + timedelta(hours=5 + 7 * turn), {"author": author}))
    if not incident and chance.random() < 0.04:
        steps.append(("closed", answered + timedelta(days=9), {"reason": "silent"}))
        yield from (note(what, at, **more) for what, at, more in steps if at < LAST_MOMENT)
        return
    solved = answered + timedelta(minutes=resolve * slow * chance.uniform(0.2, 1.3))
    steps.append(("resolved", solved, {"resolution": "resent" if incident else "answered"}))
    if chance.random() < 0.06:
        steps.append(("reopened", solved + timedelta(days=1), {"reason": "again"}))
        solved += timedelta(days=3)
        steps.append(("resolved", solved, {"resolution": "answered"}))
    if chance.random() < 0.7:
        steps.append(("closed", solved + timedelta(days=5), {}))
    for what, at, more in steps:
        if at < LAST_MOMENT:
            yield note(what, at, **more)
    if solved < LAST_MOMENT - timedelta(days=2) and chance.random() < 0.55:
        pleased = chance.gauss(2.6 if incident else 4.3, 0.9)
        yield survey.write(
            "survey.answered",
            solved + timedelta(days=1),
            person.mail,
            market=person.market,
            survey="csat",
            score=min(5, max(1, round(pleased))),
        )


def last_hours() -> Iterator[Touchpoint]:
    """Three who wrote a while ago and wait for an answer as the story ends."""
    desk = Pen("night")
    for number, person in enumerate((p for p in people() if p.keen > 0.9), 1):
        if number > 3:
            return
        yield desk.write(
            "ticket.opened",
            LAST_MOMENT - timedelta(minutes=215 + number),
            person.mail,
            market=person.market,
            about=(Identifier("ticket", f"N-{number}"),),
            priority="high",
            topic="delivery",
            respond_within_minutes=240,
            resolve_within_minutes=1_440,
        )


def _moment(person: Person, chance: Random) -> datetime:
    return person.joined + (LAST_MOMENT - person.joined) * chance.random()
