"""What may be sent, worked out again the long way: from the rule as people would tell it.

Nothing of `commands/`, `projections/` or `ledger/` is imported: this is the other opinion.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

Moment = tuple[datetime, int]
Pair = frozenset[UUID]
Key = tuple[UUID, str, str]
NOBODY = 2**63
ANSWERS = ("consent.given", "consent.refused", "consent.withdrawn")


@dataclass(frozen=True)
class Told:
    """One event, as the source told it."""

    position: int
    at: datetime
    type: str
    customer: UUID
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def moment(self) -> Moment:
        return (self.at, self.position)


@dataclass(frozen=True)
class Answer:
    """What is to be answered."""

    state: str
    position: int | None = None
    since: datetime | None = None
    lapses_at: datetime | None = None
    notice: str | None = None
    notice_version: str | None = None


def reached(links: Iterable[Pair], start: UUID) -> set[UUID]:
    """Whoever can be reached from one customer over links."""
    links, found, before = list(links), {start}, set[UUID]()
    while found != before:
        before = set(found)
        for link in links:
            if link & found:
                found |= link
    return found


class Book:
    """What had happened by `as_of`, of what the book had up to `upto`."""

    def __init__(self, told: Sequence[Told], as_of: datetime | None, upto: int) -> None:
        self.everything = told
        self.told = sorted(
            (t for t in told if t.position <= upto and (as_of is None or t.at <= as_of)),
            key=lambda t: t.moment,
        )
        self.links: dict[Pair, Moment] = {}
        for t in self.told:
            if t.type == "customers.merged":
                self.links.setdefault(frozenset({t.customer, UUID(t.data["other"])}), t.moment)
            if t.type == "customers.split":
                self.links.pop(frozenset({t.customer, UUID(t.data["other"])}), None)

    def members(self, customer: UUID) -> set[UUID]:
        return reached(self.links, customer)

    def canonical(self, customer: UUID) -> UUID:
        def age(member: UUID) -> tuple[int, UUID]:
            own = [t for t in self.everything if t.customer == member]
            heard = [t.position for t in own if not t.type.startswith("customers.")]
            return (min(heard, default=NOBODY), member)

        return min(self.members(customer), key=age)

    def way(self, one: UUID, other: UUID) -> list[Moment]:
        """The links between them: of those that stand today, without whichever young ones can go."""
        way = dict(self.links)
        for link in sorted(self.links, key=lambda link: self.links[link], reverse=True):
            if other in reached(way.keys() - {link}, one):
                del way[link]
        return list(way.values()) if other in reached(way, one) else []

    def known(self) -> set[Key]:
        """Every person, purpose and channel that anything is known for."""
        found = set()
        for t in self.told:
            who = self.canonical(t.customer)
            if t.type.startswith("consent."):
                found.add((who, t.data["purpose"], t.data["channel"]))
            if t.type.startswith("objection."):
                found.add((who, t.data["purpose"], ""))
            if t.type in {"email.unsubscribed", "email.complained"}:
                found.add((who, "", "email"))
            if t.type in {"customer.restricted", "customer.unrestricted"}:
                found.add((who, "", ""))
        return found

    def answer(self, customer: UUID, purpose: str, channel: str, now: datetime) -> Answer:
        asked = _Asked(self, self.members(customer), purpose, channel, now)
        if restrictions := asked.restrictions():
            return _by("restricted", restrictions)
        for state, noes in (
            ("objected", asked.objections()),
            ("unsubscribed", asked.channel_withdrawals()),
            ("", asked.noes()),
        ):
            standing = [no for no in noes if not asked.overcome(no)]
            if standing:
                return _by(state, standing)
        if yeses := asked.yeses():
            end = max(yeses, key=lambda t: t.moment).data.get("valid_until")
            end = None if end is None else datetime.fromisoformat(end)
            lapsed = end is not None and not now < end
            return _by("expired" if lapsed else "given", yeses, end)
        requests = asked.named("consent.requested")
        return _by("requested", requests) if requests else Answer("unknown")


@dataclass(frozen=True)
class _Asked:
    """What the members of one person said, of a purpose and a channel."""

    book: Book
    members: set[UUID]
    purpose: str
    channel: str
    now: datetime

    def said(self, member: UUID, *types: str) -> list[Told]:
        return [t for t in self.book.told if t.customer == member and t.type in types]

    def named(self, *types: str, member: UUID | None = None) -> list[Told]:
        wanted = (self.purpose, self.channel)
        members = self.members if member is None else [member]
        found = [t for one in members for t in self.said(one, *types)]
        return [t for t in found if (t.data["purpose"], t.data["channel"]) == wanted]

    def restrictions(self) -> list[Told]:
        words = [
            self.said(one, "customer.restricted", "customer.unrestricted")[-1:]
            for one in self.members
        ]
        return [t for last in words for t in last if t.type == "customer.restricted"]

    def objections(self) -> list[Told]:
        against = {self.purpose}
        if self.purpose.startswith("marketing/"):
            against.add("marketing")
        found = []
        for one in self.members:
            for purpose in against:
                words = self.said(one, "objection.raised", "objection.lifted")
                last = [t for t in words if t.data["purpose"] == purpose][-1:]
                found += [t for t in last if t.type == "objection.raised"]
        return found

    def channel_withdrawals(self) -> list[Told]:
        if self.channel != "email":
            return []
        kinds = ("email.unsubscribed", "email.complained")
        return [t for one in self.members for t in self.said(one, *kinds)]

    def yeses(self) -> list[Told]:
        """The last yes of each member; of one whose last is yet to come, none."""
        last = [self.named("consent.given", member=one)[-1:] for one in self.members]
        return [t for words in last for t in words if t.at <= self.now]

    def noes(self) -> list[Told]:
        found = []
        for one in self.members:
            agreed = any(yes.customer == one for yes in self.yeses())
            words = self.named(*(ANSWERS if agreed else ANSWERS[1:]), member=one)[-1:]
            found += [t for t in words if t.type != "consent.given"]
        return found

    def overcome(self, no: Told) -> bool:
        for yes in self.yeses():
            if yes.moment < no.moment:
                continue
            if yes.customer == no.customer:
                return True
            way = self.book.way(no.customer, yes.customer)
            if way and all(link < yes.moment and link[1] < yes.position for link in way):
                return True
        return False


def _by(state: str, found: list[Told], lapses_at: datetime | None = None) -> Answer:
    last = max(found, key=lambda t: t.moment)
    return Answer(
        state or last.type.removeprefix("consent."),
        last.position,
        last.at,
        lapses_at,
        last.data.get("notice"),
        last.data.get("notice_version"),
    )
