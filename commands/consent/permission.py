"""May we? What a person allows for a purpose on a channel. This is the one place where the rule stands.

**What counts** are the events of every member of the person, in order of moment:

- `consent.requested given refused withdrawn` name a purpose and a channel;
- `email.unsubscribed` and `email.complained` withdraw the channel e-mail for every purpose;
- `objection.raised lifted` name a purpose; one to `marketing` is also one to every `marketing/…`;
- `customer.restricted unrestricted` hold for everything.

**A no stands unless it is taken back.** A refusal or withdrawal stands while it is that member's
latest answer, an objection or a restriction while it is that member's latest word on it, an
unsubscribe for ever. Any no but a restriction is overcome by an explicit later yes for this very purpose
and channel: one of the same member, or one of another member that came after the no and after the
two had become one person, as it happened and as the book learned it. So of merged members the
strictest wins, a yes given before a merge never overrules the other's no, whatever day the merge is
said to be of, and a split leaves everything as if the merge had never been. An objection that is
lifted restores what stood before it.

**Of each member the latest yes counts**, and from its own moment on: while it lies ahead, because some
source's clock does, that member has none.

**The answer** is the first that applies: restricted, objected, unsubscribed, withdrawn or refused,
each a no; then the person's latest yes, a no once it has expired; then requested and, where nobody
ever said anything, unknown, each a no. Of several of one kind the latest decides.

Sources: Regulation (EU) 2016/679 (GDPR) Art. 4(11) and 7: consent is given by a clear act, can be
shown, and is withdrawn at any time; Art. 18(2): what is restricted is stored, and not used; Art.
21(2)-(3): after an objection to direct marketing nothing is processed for it. Directive 2002/58/EC
(ePrivacy) Art. 13: electronic mail for marketing needs prior consent, and a way out in each message.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from commands.consent.hours import SENDING_HOURS, Hours, next_hour
from ledger.catalogue.consent import (
    ConsentGiven,
    ConsentRefused,
    ConsentRequested,
    ConsentWithdrawn,
    NoticePublished,
    ObjectionLifted,
    ObjectionRaised,
)
from ledger.catalogue.email import EmailComplained, EmailUnsubscribed
from ledger.catalogue.privacy import CustomerRestricted, CustomerUnrestricted
from ledger.catalogue.profile import PreferenceSet
from ledger.event import Event, Moment, Recorded, moment_of
from ledger.people import Persons

DECIDING = (
    ConsentRequested,
    ConsentGiven,
    ConsentRefused,
    ConsentWithdrawn,
    ObjectionRaised,
    ObjectionLifted,
    EmailUnsubscribed,
    EmailComplained,
    CustomerRestricted,
    CustomerUnrestricted,
)
"""The types of event that an answer can hang on."""


class State(StrEnum):
    """How things stand for a person, a purpose and a channel; only `GIVEN` is a yes."""

    RESTRICTED = "restricted"
    OBJECTED = "objected"
    UNSUBSCRIBED = "unsubscribed"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    GIVEN = "given"
    EXPIRED = "expired"
    REQUESTED = "requested"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Stands:
    """One thing that speaks for or against it, and the event that says so; UNKNOWN has none."""

    state: State
    by: Recorded | None = None

    @property
    def lapses_at(self) -> datetime | None:
        """When this yes lapses, or did."""
        return None if self.by is None else _valid_until(self.by.event)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the person was shown; `text` and `title` as published, None where that is not known."""

    code: str
    version: str | None
    language: str | None
    title: str | None = None
    text: str | None = None
    position: int | None = None
    """Where it was published."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer, and what it hangs on."""

    purpose: str
    channel: str
    state: State
    by: Recorded | None
    """The event that decides; None where the person never said anything."""
    lapses_at: datetime | None
    """When the yes lapses, or did; None for a no, and for a yes without an end."""
    notice: Notice | None
    time_zone: str | None
    """The person's; None where it is not known, and UTC is taken for it."""
    next_at: datetime | None
    """For a yes, the next allowed moment, in UTC; `now` itself if it is one. None where it lapses first."""

    @property
    def allowed(self) -> bool:
        """Whether it is a yes."""
        return self.state is State.GIVEN


def permission(
    events: Iterable[Recorded],
    persons: Persons,
    customer: UUID,
    purpose: str,
    channel: str,
    now: datetime,
    hours: Hours = SENDING_HOURS,
) -> Permission:
    """The answer at `now` by these events, in whatever order they come.

    They are all that had happened, and was known, by the moment asked about: what the members of the
    person did, among it the time zone they chose, and every notice that was published.
    """
    said = sorted(events, key=moment_of)
    decisive = next(standing(said, persons, customer, purpose, channel, now))
    zone = _time_zone(said, persons.members(customer))
    next_at = None
    if decisive.state is State.GIVEN:
        next_at = next_hour(now, ZoneInfo(zone or "UTC"), hours)
        if decisive.lapses_at is not None and next_at >= decisive.lapses_at:
            next_at = None
    return Permission(
        purpose=purpose,
        channel=channel,
        state=decisive.state,
        by=decisive.by,
        lapses_at=decisive.lapses_at,
        notice=None if decisive.by is None else _notice(decisive.by, said),
        time_zone=zone,
        next_at=next_at,
    )


def standing(
    events: Iterable[Recorded],
    persons: Persons,
    customer: UUID,
    purpose: str,
    channel: str,
    now: datetime,
) -> Iterator[Stands]:
    """Everything that stands, the first that applies first; UNKNOWN at the end."""
    members = persons.members(customer)
    latest: dict[tuple[str, UUID], Recorded] = {}
    for recorded in sorted(events, key=moment_of):
        member = recorded.event.customer
        if member is not None and member in members:
            for slot in slots(recorded.event, purpose, channel):
                latest[slot, member] = recorded
    yeses = {
        member: moment_of(recorded)
        for (slot, member), recorded in latest.items()
        if slot == _YES and recorded.event.occurred_at <= now
    }
    found = []
    for (_, member), recorded in latest.items():
        state = _STATES.get(recorded.event.type)
        if state is State.GIVEN and member not in yeses:
            continue
        if state in _OVERCOME and _is_overcome(moment_of(recorded), member, yeses, persons):
            continue
        if state is State.GIVEN and _has_lapsed(recorded.event, now):
            state = State.EXPIRED
        if state is not None:
            found.append((_RANK[state], recorded, state))
    found.sort(key=lambda one: moment_of(one[1]), reverse=True)
    found.sort(key=lambda one: one[0])
    for _, recorded, state in found:
        yield Stands(state, recorded)
    yield Stands(State.UNKNOWN)


_YES = "yes"

_STATES = {
    CustomerRestricted.TOPIC: State.RESTRICTED,
    ObjectionRaised.TOPIC: State.OBJECTED,
    EmailUnsubscribed.TOPIC: State.UNSUBSCRIBED,
    EmailComplained.TOPIC: State.UNSUBSCRIBED,
    ConsentWithdrawn.TOPIC: State.WITHDRAWN,
    ConsentRefused.TOPIC: State.REFUSED,
    ConsentGiven.TOPIC: State.GIVEN,
    ConsentRequested.TOPIC: State.REQUESTED,
}
"""What an event says while it is the latest of its kind; the others take something back."""

_RANK = {
    State.RESTRICTED: 1,
    State.OBJECTED: 2,
    State.UNSUBSCRIBED: 3,
    State.WITHDRAWN: 4,
    State.REFUSED: 4,
    State.GIVEN: 5,
    State.EXPIRED: 5,
    State.REQUESTED: 6,
}
_OVERCOME = {State.OBJECTED, State.UNSUBSCRIBED, State.WITHDRAWN, State.REFUSED}


def slots(event: Event, purpose: str, channel: str) -> Iterator[str]:
    """What an event bears on, of what is asked: in each slot a member's latest word is what counts."""
    match event.type:
        case CustomerRestricted.TOPIC | CustomerUnrestricted.TOPIC:
            yield "restriction"
        case ObjectionRaised.TOPIC | ObjectionLifted.TOPIC:
            if covers(event.data["purpose"], purpose):
                yield f"objection to {event.data['purpose']}"
        case EmailUnsubscribed.TOPIC | EmailComplained.TOPIC:
            if channel == "email":
                yield "channel"
        case ConsentRequested.TOPIC:
            if _names(event, purpose, channel):
                yield "request"
        case ConsentRefused.TOPIC | ConsentWithdrawn.TOPIC:
            if _names(event, purpose, channel):
                yield "no"
        case ConsentGiven.TOPIC:
            if _names(event, purpose, channel):
                yield _YES
        case _:
            return


def covers(objected: str, purpose: str) -> bool:
    """Whether an objection to the one is an objection to the other."""
    return objected == purpose or (objected == "marketing" and purpose.startswith("marketing/"))


def _names(event: Event, purpose: str, channel: str) -> bool:
    return bool(event.data["purpose"] == purpose and event.data["channel"] == channel)


def _is_overcome(no: Moment, of: UUID, yeses: dict[UUID, Moment], persons: Persons) -> bool:
    for member, yes in yeses.items():
        if yes > no:
            way = persons.way(of, member)
            if member == of or (way and yes > way.since and yes[1] > way.position):
                return True
    return False


def _valid_until(event: Event) -> datetime | None:
    text = event.data.get("valid_until") if event.type == ConsentGiven.TOPIC else None
    return None if text is None else datetime.fromisoformat(text)


def _has_lapsed(event: Event, now: datetime) -> bool:
    end = _valid_until(event)
    return end is not None and end <= now


def _time_zone(said: Iterable[Recorded], members: Collection[UUID]) -> str | None:
    zone: str | None = None
    for recorded in said:
        event = recorded.event
        if event.type == PreferenceSet.TOPIC and event.customer in members:
            zone = event.data.get("time_zone", zone)
    return zone


def _notice(by: Recorded, said: Iterable[Recorded]) -> Notice | None:
    """The notice that an event cites, with the latest text that was published by then as that one.

    Without a text where there were several languages, and the event does not say which they saw.
    """
    code = by.event.data.get("notice")
    if code is None:
        return None
    version, language = by.event.data.get("notice_version"), by.event.data.get("language")
    published: dict[str, Recorded] = {}
    for recorded in said:
        data = recorded.event.data
        if recorded.event.type != NoticePublished.TOPIC or moment_of(recorded) > moment_of(by):
            continue
        same = (data["notice"], data["notice_version"]) == (code, version)
        if same and language in (None, data["language"]):
            published[data["language"]] = recorded
    if len(published) != 1:
        return Notice(code, version, language)
    ((language, recorded),) = published.items()
    data = recorded.event.data
    return Notice(code, version, language, data.get("title"), data["text"], recorded.position)
