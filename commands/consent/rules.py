"""What people may say, when: the guarded commands of consent. What a no or a yes then means is in
`permission`; here is only what may be appended.

A no can always be said: where there is a yes it is withdrawn, where there is none it is refused. Both
look at the answers alone, so that a person who objected, unsubscribed or is restricted, or whose other
record said no, can still take back the yes that lies beneath.
"""

from collections.abc import Collection
from uuid import UUID

from eventsourcing.dcb.domain import Selector
from eventsourcing.domain import event as happened

from commands.consent.permission import DECIDING, Stands, State, covers, slots, standing
from commands.deciding import Proposed, Rule, of_customers
from commands.things import said
from ledger.catalogue.consent import (
    ConsentGiven,
    ConsentRefused,
    ConsentRequested,
    ConsentWithdrawn,
    NoticePublished,
    ObjectionLifted,
    ObjectionRaised,
)
from ledger.catalogue.email import EmailUnsubscribed
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.errors import BadField, NotAllowed, came_safely
from ledger.event import Recorded
from ledger.people import NOBODY_MERGED

_Answer = ConsentRequested | ConsentGiven | ConsentRefused | ConsentWithdrawn
_ABOVE = {State.RESTRICTED, State.OBJECTED, State.UNSUBSCRIBED}
"""What stands above a yes without taking it back."""


class Publish(Rule):
    """A text is published: each version of a notice once, in each of its languages."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.before: Recorded | None = None

    def consistency_boundary(self) -> list[Selector]:
        return [Selector(types=[NoticePublished])]

    def counts(self, recorded: Recorded) -> bool:
        """Only this notice in this language; another one is another matter."""
        return all(recorded.event.data[n] == self._given[n] for n in ("notice", "language"))

    @property
    def _given(self) -> dict[str, str]:
        return self.proposed.payload.clear()

    @happened(NoticePublished)
    def _(self, notice: str, notice_version: str, language: str, recorded: Recorded) -> None:
        key = ("notice", "notice_version", "language")
        if (notice, notice_version, language) == tuple(self._given[name] for name in key):
            self.before = recorded

    def decide(self) -> None:
        if self.before is not None:
            raise NotAllowed(
                "notice_version",
                "a version that is not published yet",
                f"{self._given['notice_version']}, {said(self.before)}",
            )


class _Saying(Rule):
    """Says something about a purpose and a channel."""

    CREATES = True

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.seen: list[Recorded] = []
        self.notices: dict[str, dict[str, set[str]]] = {}
        """Of each notice that was published by then: its versions, and their languages."""

    @property
    def asked(self) -> _Answer:
        payload = self.proposed.payload
        assert isinstance(payload, _Answer)
        return payload

    def consistency_boundary(self) -> list[Selector]:
        types = (*DECIDING, CustomersMerged, CustomersSplit)
        boundary = of_customers(self.proposed.members, *types)
        if self.asked.notice is not None:
            boundary.append(Selector(types=[NoticePublished]))
        return boundary

    def counts(self, recorded: Recorded) -> bool:
        """What bears on this purpose and channel. A merge does not: a yes that was said before it is to
        be put on record with its own time, since at a later one it would overcome the other's no.
        """
        return any(slots(recorded.event, self.asked.purpose, self.asked.channel))

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        self.seen.append(recorded)

    @happened(NoticePublished)
    def _(self, notice: str, notice_version: str, language: str, recorded: Recorded) -> None:
        if recorded.event.occurred_at <= self.proposed.occurred_at:
            versions = self.notices.setdefault(notice, {})
            versions.setdefault(notice_version, set()).add(language)

    def decide(self) -> None:
        self.demand_notice()

    def demand_notice(self) -> None:
        """A notice that is cited was published by then, in that version and that language."""
        notice, version = self.asked.notice, self.asked.notice_version
        if notice is None:
            if version is not None:
                raise BadField("notice", "one, since there is a version of it", "none")
            return
        _demand_among("notice", notice, self.notices, "published by then")
        _demand_among("notice_version", version, self.notices[notice], "published by then")
        if self.asked.language is not None:
            languages = self.notices[notice][version or ""]
            _demand_among("language", self.asked.language, languages, "in which it was published")

    def stands(self) -> list[Stands]:
        """What stands for this person at the time of the command, the first that applies first."""
        given = self.proposed
        assert given.customer is not None
        asked = (self.asked.purpose, self.asked.channel)
        return list(standing(self.seen, given.persons, given.customer, *asked, given.occurred_at))

    def answered(self) -> Stands:
        """How the answers alone stand, whatever stands above them."""
        return next(one for one in self.stands() if one.state not in _ABOVE)

    def allowed_by(self, member: UUID) -> bool:
        """Whether that member's own answers, alone, come to a yes."""
        asked = (self.asked.purpose, self.asked.channel)
        own = standing(self.seen, NOBODY_MERGED, member, *asked, self.proposed.occurred_at)
        return next(one for one in own if one.state not in _ABOVE).state is State.GIVEN


class Request(_Saying):
    """A person is asked: not while they allow it already."""

    def decide(self) -> None:
        self.demand_notice()
        first = self.stands()[0]
        if first.state is State.GIVEN:
            raise NotAllowed("consent", "one that is not given", _one(first))


class Give(_Saying):
    """A person says yes, however things stand."""

    def decide(self) -> None:
        self.demand_notice()
        assert isinstance(self.asked, ConsentGiven)
        end, start = self.asked.valid_until, self.proposed.occurred_at
        if end is not None and end <= start:
            raise BadField(
                "valid_until",
                f"a time after {start:%Y-%m-%d %H:%M:%S %Z}",
                f"{end:%Y-%m-%d %H:%M:%S %Z}",
            )


class Refuse(_Saying):
    """A person says no where they had not said yes."""

    def decide(self) -> None:
        self.demand_notice()
        answered = self.answered()
        if answered.state is State.GIVEN:
            raise NotAllowed("consent", "one that is not given: withdraw it", _one(answered))


class Withdraw(_Saying):
    """A person takes back a yes: that of any member, also where it lies beneath another's no."""

    def decide(self) -> None:
        self.demand_notice()
        if not any(map(self.allowed_by, self.proposed.members)):
            expected = "one that is given: else refuse it"
            raise NotAllowed("consent", expected, _one(self.answered()))


class _Objecting(Rule):
    """Says something about a purpose, for all channels."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.latest_of: dict[tuple[UUID, str], Recorded] = {}
        """The latest word of each member on each purpose."""

    @property
    def purpose(self) -> str:
        payload = self.proposed.payload
        assert isinstance(payload, ObjectionRaised | ObjectionLifted)
        return payload.purpose

    def consistency_boundary(self) -> list[Selector]:
        types = (ObjectionRaised, ObjectionLifted, CustomersMerged, CustomersSplit)
        return of_customers(self.proposed.members, *types)

    def counts(self, recorded: Recorded) -> bool:
        """What this customer said on this purpose."""
        return recorded.event.customer == self.proposed.customer and (
            recorded.event.data.get("purpose") == self.purpose
        )

    @happened(ObjectionRaised)
    def _(self, customer: UUID, purpose: str, recorded: Recorded) -> None:
        self.latest_of[customer, purpose] = recorded

    @happened(ObjectionLifted)
    def _(self, customer: UUID, purpose: str, recorded: Recorded) -> None:
        self.latest_of[customer, purpose] = recorded


class Object(_Objecting):
    """A person objects to a purpose; as often as they like."""

    CREATES = True

    def decide(self) -> None:
        pass


class Lift(_Objecting):
    """A person takes an objection back: the customer who raised it, and that very one."""

    def decide(self) -> None:
        assert self.proposed.customer is not None
        own = self.latest_of.get((self.proposed.customer, self.purpose))
        if own is not None and own.event.type == ObjectionRaised.TOPIC:
            return
        expected = f"one to {self.purpose} that stands"
        standing_ones = [
            (customer, purpose)
            for (customer, purpose), latest in self.latest_of.items()
            if latest.event.type == ObjectionRaised.TOPIC and covers(purpose, self.purpose)
        ]
        if standing_ones:
            expected = "the one that stands: " + ", ".join(
                f"of {customer} to {purpose}" for customer, purpose in sorted(standing_ones)
            )
        came = f"one of {self.proposed.customer} to {self.purpose}" if standing_ones else "none"
        if own is not None:
            came = f"one that was {said(own)}"
        raise NotAllowed("objection", expected, came)


class Unsubscribe(Rule):
    """A person wants no more e-mail, whenever they say so."""

    CREATES = True

    def consistency_boundary(self) -> list[Selector]:
        return of_customers(self.proposed.members, EmailUnsubscribed)

    def counts(self, recorded: Recorded) -> bool:  # noqa: ARG002 — nothing comes before it
        return False

    def decide(self) -> None:
        pass


def _one(stands: Stands) -> str:
    """The state in words, with the event behind it."""
    if stands.by is None:
        return "one that nobody ever gave"
    if stands.state is State.EXPIRED and stands.lapses_at is not None:
        return f"one that expired on {stands.lapses_at:%Y-%m-%d}, {said(stands.by)}"
    return f"one that was {said(stands.by)}"


def _demand_among(field: str, given: str | None, known: Collection[str], what: str) -> None:
    if given not in known:
        expected = f"one of {', '.join(sorted(known))}, {what}" if known else f"one {what}"
        raise NotAllowed(field, expected, "none" if given is None else came_safely(given))
