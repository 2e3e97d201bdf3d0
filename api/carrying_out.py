"""How a command that a rule guards is carried out, through whichever door it was asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from api.wiring import Bahi
from commands.pipelines import pipelines_at
from commands.rules import RULES
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.catalogue import EventType
from ledger.catalogue.sales import DealOpened
from ledger.errors import BadField, Refused
from ledger.event import Event, Recorded, decode_body
from ledger.identifiers import Identifier

_ATTEMPTS = 10
"""How often "now" is looked up anew because something else came first."""

Doing = Callable[[Touchpoint], Outcome]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for at a door.

    Whom and what it names was looked up, see `api.naming`; `identifiers` are of somebody of whom nobody
    has heard. Without a `message_id` it is said this once; without `at`, it happens now.
    """

    payload: EventType
    source: str
    actor: UUID
    message_id: str | None = None
    at: datetime | None = None
    references: tuple[Identifier, ...] = ()
    things: Mapping[str, UUID] = field(default_factory=dict)
    customer: UUID | None = None
    identifiers: tuple[Identifier, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """What stands in the book for it; `new` False: it stood there already."""

    recorded: Recorded
    new: bool

    @property
    def position(self) -> int:
        """Where it stands."""
        return self.recorded.position

    def thing(self, kind: str) -> str | None:
        """The id of the thing of this kind that it is about."""
        marks = (tag.partition(":") for tag in self.recorded.event.tags)
        return next((value for named, _, value in marks if named == kind), None)


def carry_out(bahi: Bahi, asked: Asked, doing: Doing | None = None) -> Done:
    """Carry it out, by the rule of its type unless `doing` says how; durable when this returns.

    Raises as `Desk.carry_out` does.
    """
    before = said_before(bahi, asked.source, asked.message_id)
    try:
        return _carried_out(bahi, asked, before, doing)
    except Refused:
        # Somebody may have said just this in the same moment: then that is what they are answered.
        said = None if before else said_before(bahi, asked.source, asked.message_id)
        if said is None:
            raise
        return _carried_out(bahi, asked, said, doing)


def _carried_out(bahi: Bahi, asked: Asked, before: Event | None, doing: Doing | None) -> Done:
    at = asked.at or (None if before is None else before.occurred_at)
    touchpoint = Touchpoint(
        payload=asked.payload,
        occurred_at=at or bahi.clock(),
        source=asked.source,
        message_id=asked.message_id or str(bahi.ids()),
        identifiers=asked.identifiers,
        references=asked.references,
        tags=asked.tags,
        customer=asked.customer,
        things=asked.things,
        actor=asked.actor,
    )

    def by_its_rule(touchpoint: Touchpoint) -> Outcome:
        return bahi.desk.carry_out(touchpoint, RULES[type(asked.payload)])

    outcome = done(bahi, touchpoint, doing or by_its_rule, now=at is None)
    assert outcome.position is not None
    (recorded,) = bahi.ledger.book.read(outcome.position - 1, upto=outcome.position, limit=1)
    return Done(recorded, outcome.fate is Fate.APPENDED)


def done(bahi: Bahi, asked: Touchpoint, doing: Doing, *, now: bool) -> Outcome:
    """The outcome. Who says "now" means after all that the book has: somebody else who said so a
    moment ago, and what came from a source whose clock runs ahead of ours, as far as any may.
    """
    for _ in range(_ATTEMPTS if now else 0):
        try:
            return doing(asked)
        except BadField as refusal:
            clock, earliest = bahi.clock(), refusal.earliest
            if earliest is None or earliest > clock + bahi.desk.future_tolerance:
                raise
            asked = replace(asked, occurred_at=max(clock, earliest))
    return doing(asked)


def said_at(bahi: Bahi, source: str, message_id: str | None) -> datetime | None:
    """When that happened which was said before under this id, without a time both times; None for now."""
    said = said_before(bahi, source, message_id)
    return None if said is None else said.occurred_at


def said_before(bahi: Bahi, source: str, message_id: str | None) -> Event | None:
    """What was said before under this id."""
    if message_id is None:
        return None
    event_id = bahi.ledger.keyring.event_id(source, message_id)
    for _, body in bahi.ledger.book.known([event_id]).values():
        return decode_body(body)
    return None


def begins(
    bahi: Bahi,
    source: str,
    message_id: str | None,
    at: datetime | None,
    pipeline: str,
    stage: str | None,
    currency: str | None,
) -> tuple[str, str | None]:
    """Stage and currency of a new deal, which its pipeline has where none is given; of what was said
    before under this id, those that it had then. Raises `NotAllowed`.
    """
    said = said_before(bahi, source, message_id)
    if said is not None and said.type == DealOpened.TOPIC:
        return stage or said.data["stage"], currency or said.data.get("currency")
    moment = at or (bahi.clock() if said is None else said.occurred_at)
    pipelines = pipelines_at(bahi.ledger.book, moment)
    return stage or pipelines.stages(pipeline)[0], currency or pipelines.currency(pipeline)
