"""One request as it stands: read off its events, in order of moment, and by the calendar of its law.

    received → (challenged) → verified → executing → fulfilled
    received, challenged, verified → refused

Confirmed, extended and held lie over these. An erasure is executing from `customer.erasing` on and
fulfilled by `customer.erased`, which name it; every other request by `privacy.fulfilled`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from commands.privacy.days import day_of
from commands.privacy.laws import UNVERIFIED, WAITS_FOR_IDENTITY, answer_by, confirm_by
from commands.things import said
from ledger.catalogue import EventType, load
from ledger.catalogue.privacy import (
    CustomerErased,
    CustomerErasing,
    CustomerRectified,
    PrivacyChallenged,
    PrivacyConfirmed,
    PrivacyExtended,
    PrivacyFulfilled,
    PrivacyRefused,
    PrivacyRequested,
    PrivacyVerified,
)
from ledger.event import Recorded

STEPS = (
    PrivacyRequested,
    PrivacyConfirmed,
    PrivacyChallenged,
    PrivacyVerified,
    PrivacyExtended,
    PrivacyRefused,
    PrivacyFulfilled,
    CustomerErasing,
    CustomerErased,
    CustomerRectified,
)
"""The types of event that a request is read off."""


class State(StrEnum):
    """How a request stands."""

    RECEIVED = "received"
    CHALLENGED = "challenged"
    VERIFIED = "verified"
    EXECUTING = "executing"
    FULFILLED = "fulfilled"
    REFUSED = "refused"


OPEN = (State.RECEIVED, State.CHALLENGED, State.VERIFIED, State.EXECUTING)
"""While it waits for an answer."""

_THEN: dict[type[EventType], State] = {
    PrivacyRequested: State.RECEIVED,
    PrivacyChallenged: State.CHALLENGED,
    PrivacyVerified: State.VERIFIED,
    CustomerErasing: State.EXECUTING,
    PrivacyFulfilled: State.FULFILLED,
    CustomerErased: State.FULFILLED,
    PrivacyRefused: State.REFUSED,
}


class Request:
    """What was asked for, and what has become of it."""

    def __init__(self, received: Recorded, asked: PrivacyRequested) -> None:
        assert received.event.customer is not None
        self.id = asked.request
        self.customer = received.event.customer
        self.asked = asked
        self.zone = asked.time_zone or "UTC"
        self.received = received
        self.due_on = asked.due_on
        self.state = State.RECEIVED
        self.since = received
        """The event since which it stands so."""
        self.confirmed: Recorded | None = None
        self.challenged: Recorded | None = None
        self.verified: Recorded | None = None
        self.extended: Recorded | None = None

    @classmethod
    def of(cls, events: Iterable[Recorded], request: UUID) -> Self | None:
        """The request, if it is among these events of its person, which come in order of moment."""
        found: Self | None = None
        for recorded in events:
            if recorded.event.data.get("request") != str(request):
                continue
            payload = load(recorded.event.type, recorded.event.data)
            if found is not None:
                found.take(recorded, payload)
            elif isinstance(payload, PrivacyRequested):
                found = cls(recorded, payload)
        return found

    def take(self, recorded: Recorded, payload: EventType) -> None:
        """One more event of it."""
        match payload:
            case PrivacyConfirmed():
                self.confirmed = recorded
            case PrivacyChallenged():
                self.challenged = recorded
            case PrivacyVerified():
                self.verified = recorded
                self.due_on = payload.due_on or self.due_on
            case PrivacyExtended():
                self.extended = recorded
                self.due_on = payload.due_on
            case _:
                pass
        if type(payload) in _THEN:
            self.state, self.since = _THEN[type(payload)], recorded

    @property
    def needs_verifying(self) -> bool:
        """Whether the law lets it be granted only to somebody whom we know."""
        return self.asked.right not in UNVERIFIED[self.asked.law]

    @property
    def waits(self) -> bool:
        """Whether its clock stands still."""
        return self.state is State.CHALLENGED and self.asked.law in WAITS_FOR_IDENTITY

    def waited_days(self, at: datetime) -> int:
        """For how many days its clock has stood still, by a moment."""
        if self.challenged is None or self.asked.law not in WAITS_FOR_IDENTITY:
            return 0
        until = at if self.verified is None else self.verified.event.occurred_at
        since = self.challenged.event.occurred_at
        return (day_of(until, self.zone) - day_of(since, self.zone)).days

    def in_time(self, at: datetime) -> bool:
        """Whether, at a moment, the day on which it is due has not ended; while it waits, there is more."""
        due_on = self._due(at, extended=self.extended is not None) if self.waits else self.due_on
        return day_of(at, self.zone) <= due_on

    def dated(self, payload: EventType, at: datetime) -> EventType:
        """What is to be said of it at a moment, with the due date that then holds.

        A due date is in what extends it, and in what verifies it after its clock had stood still.
        """
        match payload:
            case PrivacyExtended():
                return payload.model_copy(update={"due_on": self._due(at, extended=True)})
            case PrivacyVerified():
                waited = self.waited_days(at) > 0
                due_on = self._due(at, extended=self.extended is not None) if waited else None
                return payload.model_copy(update={"due_on": due_on})
            case _:
                return payload

    def _due(self, at: datetime, *, extended: bool) -> date:
        asked = self.asked
        return answer_by(
            asked.law,
            asked.right,
            day_of(self.received.event.occurred_at, self.zone),
            asked.jurisdiction,
            extended=extended,
            waited_days=self.waited_days(at),
        )

    def standing(self) -> str:
        """How it stands, for a message: `one that was verified on 2026-03-12 at position 7`."""
        if self.state is State.EXECUTING:
            began = f"{self.since.event.occurred_at:%Y-%m-%d} at position {self.since.position}"
            return f"one that is executing since {began}"
        return f"one that was {said(self.since)}"


def dated_request(asked: PrivacyRequested, received_at: datetime) -> PrivacyRequested:
    """The same request, with the days by which it is to be confirmed and answered."""
    received = day_of(received_at, asked.time_zone or "UTC")
    law, right = asked.law, asked.right
    dates = {
        "due_on": answer_by(law, right, received, asked.jurisdiction),
        "confirm_by": confirm_by(law, right, received),
    }
    return asked.model_copy(update=dates)
