"""What may happen to a request about somebody's data, and when; what may not is refused naming what may.

Of two clerks who act at once one wins: each decides on everything that has happened to the request,
and on the holds where they forbid something, and is appended only if that is still all.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar
from uuid import UUID

from eventsourcing.dcb.domain import Selector

from commands.deciding import Proposed, Rule, of_customers
from commands.privacy.days import day_of
from commands.privacy.holds import HOLDING, Holds
from commands.privacy.laws import EXTENSIONS, REFUSALS, WITHDRAWN, Ground, grounds
from commands.privacy.request import OPEN, STEPS, Request, State, dated_request
from commands.things import NEW, said
from ledger.catalogue import EventType, Retention
from ledger.catalogue.privacy import (
    CustomerErased,
    CustomerErasing,
    CustomerRectified,
    CustomerRestricted,
    CustomerUnrestricted,
    PrivacyChallenged,
    PrivacyConfirmed,
    PrivacyExtended,
    PrivacyFulfilled,
    PrivacyRefused,
    PrivacyRequested,
    PrivacyVerified,
)
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.errors import BadField, NotAllowed, came_safely
from ledger.event import Recorded

RETENTION = "retention:"
"""How the basis of an erasure begins that is by a rule of retention; its name follows."""

_Step = (
    PrivacyRequested
    | PrivacyConfirmed
    | PrivacyChallenged
    | PrivacyVerified
    | PrivacyExtended
    | PrivacyRefused
    | PrivacyFulfilled
    | CustomerErasing
    | CustomerRectified
)


class _OfRequest(Rule):
    """Goes by all that has happened to one request of a person."""

    WHEN: ClassVar[Mapping[type[EventType], tuple[State, ...]]] = {
        PrivacyConfirmed: OPEN,
        PrivacyChallenged: (State.RECEIVED,),
        PrivacyVerified: (State.RECEIVED, State.CHALLENGED),
        PrivacyExtended: OPEN,
        PrivacyRefused: (State.RECEIVED, State.CHALLENGED, State.VERIFIED),
        PrivacyFulfilled: (State.VERIFIED,),
        CustomerErasing: (State.VERIFIED,),
        CustomerRectified: (State.VERIFIED,),
    }
    """How a request has to stand for each step."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.seen: list[Recorded] = []

    @property
    def asked(self) -> _Step:
        """What is proposed."""
        payload = self.proposed.payload
        assert isinstance(payload, _Step)
        return payload

    def consistency_boundary(self) -> list[Selector]:
        types = (*STEPS, CustomersMerged, CustomersSplit)
        return of_customers(self.proposed.members, *types)

    def counts(self, recorded: Recorded) -> bool:
        """What happened to this very request."""
        return bool(recorded.event.data.get("request") == str(self.asked.request))

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        self.seen.append(recorded)

    def found(self) -> Request | None:
        """The request, if the person ever made it."""
        assert self.asked.request is not None
        return Request.of(self.seen, self.asked.request)

    def standing(self) -> Request:
        """The request, in a state in which it may take this step. Raises `NotAllowed`."""
        request = self.found()
        when = self.WHEN[type(self.asked)]
        unverified = request and (not request.needs_verifying or self.is_done(request))
        if isinstance(self.asked, PrivacyFulfilled) and unverified:
            when = (State.RECEIVED, State.CHALLENGED, State.VERIFIED)
        if request is None or request.state not in when:
            came = f"one that is {NEW}" if request is None else request.standing()
            raise NotAllowed("request", "one that is " + " or ".join(when), came)
        return request

    def is_done(self, request: Request) -> bool:
        """Whether they had asked to be erased, and are, by another request or by none."""
        waits = request.asked.right == "erasure" and request.state in OPEN
        return waits and self.whole(CustomerErased)

    def whole(self, step: type[CustomerErasing | CustomerErased]) -> bool:
        """Whether this was said of the whole person, and not of single classes."""
        said_so = (r.event for r in self.seen if r.event.type == step.TOPIC)
        return any(not event.data.get("classes") for event in said_so)

    def open_requests(self) -> list[Request]:
        """All requests of the person that wait for an answer."""
        made = (r for r in self.seen if r.event.type == PrivacyRequested.TOPIC)
        found = (Request.of(self.seen, UUID(r.event.data["request"])) for r in made)
        return [request for request in found if request is not None and request.state in OPEN]

    def demand_due(self, request: Request) -> None:
        """The due date that is said is the one that the calendar gives."""
        due = request.dated(self.asked, self.proposed.occurred_at)
        _demand_day("due_on", getattr(self.asked, "due_on", None), getattr(due, "due_on", None))


class Receive(_OfRequest):
    """A request comes in, from whomever: also from somebody of whom the book has never heard."""

    CREATES = True

    def decide(self) -> None:
        asked = self.asked
        assert isinstance(asked, PrivacyRequested)
        request = self.found()
        if request is not None:
            raise NotAllowed("request", f"one that is {NEW}", request.standing())
        dated = dated_request(asked, self.proposed.occurred_at)
        _demand_day("due_on", asked.due_on, dated.due_on)
        _demand_day("confirm_by", asked.confirm_by, dated.confirm_by)


class Confirm(_OfRequest):
    """They are told that it has come: once, while it is open."""

    def decide(self) -> None:
        request = self.standing()
        if request.confirmed is not None:
            came = f"one that was {said(request.confirmed)}"
            raise NotAllowed("request", "one that was not confirmed yet", came)


class Challenge(_OfRequest):
    """They are asked who they are: once, and before the answer is due, since no clock runs backwards."""

    def decide(self) -> None:
        _demand_in_time(self.standing(), self.proposed)


class Verify(_OfRequest):
    """They are known."""

    def decide(self) -> None:
        self.demand_due(self.standing())


class Extend(_OfRequest):
    """The answer takes longer: once, where the law lets it, and told while it is not due yet."""

    def decide(self) -> None:
        request, asked = self.standing(), self.asked
        assert isinstance(asked, PrivacyExtended)
        if request.extended is not None:
            came = f"one that was {said(request.extended)}"
            raise NotAllowed("request", "one that was not extended yet", came)
        law, right = request.asked.law, request.asked.right
        known = grounds(EXTENSIONS, law, right)
        if not known:
            expected = "one whose law knows an extension"
            raise NotAllowed("request", expected, f"one for {right} by {law}, which knows none")
        _demand_in_time(request, self.proposed)
        _demand_ground(asked.ground, known)
        self.demand_due(request)


class Refuse(_OfRequest):
    """It is refused, on a ground that its law has for that right, or ends because it was taken back; also
    once they are erased, when nothing can be sealed for them any longer.
    """

    OF_THE_GONE = True

    def decide(self) -> None:
        request, asked = self.standing(), self.asked
        assert isinstance(asked, PrivacyRefused)
        known = grounds(REFUSALS, request.asked.law, request.asked.right)
        if request.verified is not None:
            known = {code: ground for code, ground in known.items() if not ground.unverified}
        if asked.ground != WITHDRAWN:
            _demand_ground(asked.ground, known)
        if asked.grounds is not None and self.whole(CustomerErasing):
            raise BadField("grounds", "none, since it is about somebody erased", "some")


class Rectify(_OfRequest):
    """What was wrong of a person is replaced; on request, once we know who asks."""

    def counts(self, recorded: Recorded) -> bool:
        """What was rectified before, and the request."""
        return recorded.event.type == CustomerRectified.TOPIC or super().counts(recorded)

    def decide(self) -> None:
        asked = self.asked
        assert isinstance(asked, CustomerRectified)
        given = {*asked.personal().get(Retention.IDENTITY, {})} & {*(asked.withdrawn or ())}
        if given:
            raise BadField("withdrawn", "details that have nothing in their place", min(given))
        if asked.request is not None and (right := self.standing().asked.right) != "rectification":
            raise NotAllowed("request", "one for rectification", f"one for {right}")


class _Granting(_OfRequest):
    """What they asked for is done; erasing somebody takes two of us, and no hold."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.holds = Holds()

    def consistency_boundary(self) -> list[Selector]:
        types = (*STEPS, *HOLDING, CustomersMerged, CustomersSplit)
        return of_customers(self.proposed.members, *types)

    def counts(self, recorded: Recorded) -> bool:
        """This request, and every hold on the person."""
        held = any(recorded.event.type == kind.TOPIC for kind in HOLDING)
        return held or super().counts(recorded)

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        self.holds.take(recorded)

    def demand_two(self, request: Request) -> None:
        """Whoever verified who they are does not erase them as well."""
        assert request.verified is not None
        verifier, actor = request.verified.event.actor, self.proposed.actor
        if actor is None or actor == verifier:
            came = "nobody" if actor is None else "the same"
            raise NotAllowed("actor", f"somebody else than {verifier}, who verified it", came)


class Fulfil(_Granting):
    """An answer that grants it. Erasing the person is what fulfils an erasure: who was erased by another
    request, or by none, may be told so; nothing else that is said does.
    """

    OF_THE_GONE = True

    def decide(self) -> None:
        request = self.standing()
        if request.asked.right != "erasure" or self.is_done(request):
            return
        self.holds.demand_none()
        self.demand_two(request)
        rights = "access, portability, rectification, restriction or objection"
        raise NotAllowed("right", f"{rights}: erasing the person fulfils an erasure", "erasure")


class Erase(_Granting):
    """An erasure begins. From then on no hold can be placed, so none may stand on any member.

    One by a rule of retention, which nobody asked for, leaves whoever is restricted, and whoever has a
    request open: what they ask about is still there when it is answered.
    """

    RESTRICTING: ClassVar[tuple[type[EventType], ...]] = (CustomerRestricted, CustomerUnrestricted)

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.restricted: dict[UUID | None, Recorded] = {}

    def consistency_boundary(self) -> list[Selector]:
        known = super().consistency_boundary()
        return known + of_customers(self.proposed.members, *self.RESTRICTING)

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        if recorded.event.type == CustomerRestricted.TOPIC:
            self.restricted[recorded.event.customer] = recorded
        elif recorded.event.type == CustomerUnrestricted.TOPIC:
            self.restricted.pop(recorded.event.customer, None)

    def decide(self) -> None:
        asked = self.asked
        assert isinstance(asked, CustomerErasing)
        self.holds.demand_none()
        if asked.legal_basis.startswith(RETENTION):
            self._demand_undisturbed()
        if self.holds.erasing is not None:
            came = f"one who is, since position {self.holds.erasing.position}"
            raise NotAllowed("customer", "one who is not being erased", came)
        if asked.request is None:
            self._demand_unasked()
            return
        request = self.standing()
        if request.asked.right != "erasure":
            raise NotAllowed("request", "one for erasure", f"one for {request.asked.right}")
        self.demand_two(request)

    def _demand_unasked(self) -> None:
        """Nobody gets around whoever has to verify a request by leaving it out."""
        for request in self.open_requests():
            if request.asked.right == "erasure":
                raise NotAllowed("request", f"{request.id}, {request.standing()}", "none")

    def _demand_undisturbed(self) -> None:
        for recorded in self.restricted.values():
            raise NotAllowed("customer", "one who is not restricted", f"one {said(recorded)}")
        for request in self.open_requests():
            raise NotAllowed("request", "none that is open", request.standing())


def _demand_day(field: str, came: date | None, expected: date | None) -> None:
    if came != expected:
        raise BadField(field, str(expected or "none"), str(came or "none"))


def _demand_in_time(request: Request, proposed: Proposed) -> None:
    if not request.in_time(proposed.occurred_at):
        came = str(day_of(proposed.occurred_at, request.zone))
        raise NotAllowed("occurred_at", f"at the latest {request.due_on}, when it was due", came)


def _demand_ground(given: str, known: Mapping[str, Ground]) -> None:
    if given not in known:
        listed = ", ".join(f"{code} ({ground.article})" for code, ground in known.items())
        raise NotAllowed("ground", f"one of {listed}", came_safely(given))
