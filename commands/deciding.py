"""Commands that a rule guards: read what the rule needs, decide, append unless it has changed since.

A rule is a `Slice` of the eventsourcing library: its consistency boundary, the projection of just
those events, and the decision, in one small class. `carry_out` takes it through the same steps as
any other touchpoint, and appends on condition that nothing within its boundary was appended since it
was read; if something was, it reads and decides again.

Two things the library leaves to us. It hands a rule the attributes of an event alone; a rule may ask
for the envelope as well (`occurred_at`, `customer`, `position`, `tags`, `type`), so what it is handed
is a `Happened`. And it applies events in the order in which they were recorded; a rule is to see
them in the order in which they happened, late ones in their place, so that it agrees with the views.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.dcb.application import DCBApplication, DCBRepository
from eventsourcing.dcb.domain import Decision, Selector, Slice, Tagged, decorated_funcs
from eventsourcing.dcb.persistence import DCBEventStore, DCBMapper
from eventsourcing.domain import filter_kwargs_for_method_params
from eventsourcing.persistence import IntegrityError

from commands.draft import Draft, check_fact, check_message, check_names, check_new, check_sealable
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.book import CUSTOMER_TAG, Receipt, Status
from ledger.catalogue import EventType, load
from ledger.catalogue.privacy import CustomerErasing
from ledger.clock import Clock, Ids
from ledger.dcb import BookRecorder, NativeEvent
from ledger.errors import (
    BadField,
    Erased,
    IdentityConflict,
    IdReused,
    NotAllowed,
    NotFound,
    Refused,
)
from ledger.event import Event, Moment, Recorded, decode_body, different_fields, moment_of
from ledger.naming import LIMITS, Limits
from ledger.opening import Ledger
from ledger.people import NOBODY_MERGED, Persons

_ATTEMPTS = 100
"""How often a decision is made anew because others were quicker; each time, one of them was done."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What is asked for, with everything a rule may go by besides the events.

    `tags` are by kind, ids for things that have a number: `{"deal": "…", "market": "IN"}`. `persons`
    says who is one person, so that a boundary can name every member of a merged customer. `actor` is who
    asks for it.
    """

    payload: EventType
    occurred_at: datetime
    customer: UUID | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    persons: Persons = NOBODY_MERGED
    actor: UUID | None = None

    def tag(self, kind: str) -> str:
        """The tag of that kind as events carry it."""
        return f"{kind}:{self.tags[kind]}"

    @property
    def members(self) -> tuple[UUID, ...]:
        """Every customer who is the person that this is about."""
        return () if self.customer is None else self.persons.members(self.customer)


class Happened(Decision):
    """An event of the book, as a rule is told of it."""

    def __init__(self, recorded: Recorded, payload: EventType) -> None:
        self.recorded = recorded
        self.payload = payload

    def mutate(self, obj: Any) -> Any:
        """Tell the rule, by its handler for this type or for one that it inherits."""
        event = self.recorded.event
        told: dict[str, Any] = {
            "recorded": self.recorded,
            "occurred_at": event.occurred_at,
            "customer": event.customer,
            "position": self.recorded.position,
            "type": event.type,
            **self.payload.as_dict(),
        }
        for kind in type(obj).__mro__:
            handler = decorated_funcs.get((kind, type(self.payload)))  # type: ignore[arg-type]
            if handler is not None:
                handler(obj, **filter_kwargs_for_method_params(told, handler))
                break
        obj.saw(self.recorded)
        return obj


class Rule(Slice[Any]):
    """Base of the rules. Pure: everything it goes by is in `proposed` and the events it is told.

    A rule declares its boundary, handlers (`@happened(DealOpened) def _(self, stage): …`) and
    `decide`, which raises `Refused` or returns. What it allows is what was proposed, word for word.
    """

    CREATES: ClassVar[bool] = False
    """Whether it may be about a person or thing that nobody has heard of."""
    OF_THE_GONE: ClassVar[bool] = False
    """Whether it may be about somebody who is erased."""

    def __init__(self, proposed: Proposed) -> None:
        self.proposed = proposed
        self.latest: Moment | None = None
        self.contact: UUID | None = None
        """Whose thing it is, by what the rule has seen; for a command that names nobody."""

    @abstractmethod
    def consistency_boundary(self) -> Sequence[Selector]:
        """The events that it goes by: types and tags."""

    @abstractmethod
    def decide(self) -> None:
        """Raises `Refused` if it may not happen."""

    def counts(self, recorded: Recorded) -> bool:  # noqa: ARG002 — for rules that see other things
        """Whether this command has to come after that event; by default after all it has seen."""
        return True

    def saw(self, recorded: Recorded) -> None:
        """Called with each event, after its handler."""
        if self.counts(recorded):
            self.latest = max(self.latest or moment_of(recorded), moment_of(recorded))

    def execute(self) -> None:
        if self.latest is not None and self.proposed.occurred_at < self.latest[0]:
            raise BadField(
                "occurred_at",
                f"not before what it follows, at {self.latest[0]:%Y-%m-%d %H:%M:%S} UTC",
                f"{self.proposed.occurred_at:%Y-%m-%d %H:%M:%S %Z}",
                earliest=self.latest[0],
            )
        self.decide()
        self.new_decisions.append(Tagged([], self.proposed.payload))


TRule = TypeVar("TRule", bound=Rule)


def of_customers(customers: Sequence[UUID], *types: type[EventType]) -> list[Selector]:
    """The boundary of what happened to any of these customers, of these types."""
    return [Selector(types=types, tags=[f"{CUSTOMER_TAG}{customer}"]) for customer in customers]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where guarded commands are carried out: the ledger, and how items are taken."""

    ledger: Ledger
    clock: Clock
    ids: Ids
    future_tolerance: timedelta
    region: str | None = None
    limits: Limits = LIMITS

    def carry_out(self, asked: Touchpoint, rule: type[Rule]) -> Outcome:
        """Do what was asked, if the rule allows it; durable when this returns.

        The same message id again is answered with its position, and decides nothing. Raises
        `Refused`: `NotAllowed` by the rule, `IdentityConflict` where two people are named, `BadField`
        and its like for what is no proper item; `NotFound` for whom or what nobody has heard of.
        """
        draft = Draft(0, asked)
        check_message(draft)
        check_fact(draft)
        draft.id = self.ledger.keyring.event_id(asked.source, asked.message_id)
        if (known := self._known(draft)) is not None:
            return known
        check_new(draft, self.clock() + self.future_tolerance, self.region)
        application = _Rules(self.ledger)
        made = False
        for _ in range(_ATTEMPTS):
            proposed, missing = self._placed(draft, rule)
            before = self.ledger.gone.now()
            decided = application.decided(rule(proposed))
            if self._changed(proposed):
                continue  # who is one person has changed while the rule was reading
            gone = frozenset() if rule.OF_THE_GONE else self.ledger.gone.now()
            if (gone - before).intersection(proposed.members):
                continue  # their erasure began meanwhile: the rule may have more to say of it
            if gone.intersection(proposed.members):
                raise BadField("identifiers", "a person who is not being erased", "one who is")
            draft.customer = proposed.customer or self._living(decided.contact)
            check_sealable(draft)
            if missing and not made:
                self._make(draft)
                made = True
                continue
            try:
                receipt = application.save(decided, draft)
            except (IntegrityError, Erased):
                continue  # others were quicker
            fate = Fate.APPENDED if receipt.status is Status.APPENDED else Fate.DUPLICATE
            return Outcome(fate, receipt.position)
        raise NotAllowed("command", "a moment of rest", f"{_ATTEMPTS} others one after the other")

    def judged(self, rule: TRule) -> TRule:
        """The rule, having seen all that it goes by and allowed what was proposed; nothing is appended.

        Raises `Refused`.
        """
        return _Rules(self.ledger).decided(rule)

    def _known(self, draft: Draft) -> Outcome | None:
        found = self.ledger.book.known([draft.id]).get(draft.id)
        if found is None:
            return None
        position, body = found
        self._make_tags(draft, create=False)
        fields = different_fields(draft.event(), body)
        if not self._about_the_same(draft, decode_body(body).customer):
            fields += ("customer",)
        if fields:
            raise IdReused(draft.id, position, fields)
        return Outcome(Fate.DUPLICATE, position)

    def _about_the_same(self, draft: Draft, customer: UUID | None) -> bool:
        """Whether whom a command names, if anybody, is the person of the event of its id."""
        persons, asked = self.ledger.living.now(), draft.touchpoint
        named = {self.ledger.vault.look_up(one) for one in check_names(asked, self.region)}
        named |= {asked.customer} if asked.customer else set()
        return not named or customer is None or bool(named & {*persons.members(customer)})

    def _changed(self, proposed: Proposed) -> bool:
        """Whether any of the people that the rule has seen are others by now."""
        now = self.ledger.living.now()
        return any(
            now.members(member) != proposed.persons.members(member)
            or now.links_of(member) != proposed.persons.links_of(member)
            for member in proposed.members
        )

    def _living(self, contact: UUID | None) -> UUID | None:
        """Whose thing it is; nobody's, once they are being erased: the thing goes on without them."""
        return None if contact is None or self.ledger.fenced([contact]) else contact

    def _placed(self, draft: Draft, rule: type[Rule]) -> tuple[Proposed, bool]:
        """What is proposed, with the ids of whom and what it names.

        Whoever is not known yet has a new id for the time of deciding, and True is answered: nobody is
        entered into the vault for a command that is then refused.
        """
        persons = self.ledger.living.now()
        vault, asked = self.ledger.vault, draft.touchpoint
        customer, missing = asked.customer, False
        if customer is None and draft.identifiers:
            known = [vault.look_up(identifier) is not None for identifier in draft.identifiers]
            if not any(known) and not rule.CREATES:
                kinds = ", ".join(identifier.kind for identifier in draft.identifiers)
                raise NotFound("customer", f"with that {kinds}")
            customer, missing = self._named(draft, persons), not all(known)
        members = () if customer is None or rule.OF_THE_GONE else persons.members(customer)
        if vault.fenced(members):
            raise BadField("identifiers", "a person who is not being erased", "one who is")
        unknown = self._make_tags(draft, create=False)
        if unknown and not rule.CREATES:
            raise NotFound(unknown[0], "of that number")
        tags = dict(asked.tags)
        for tag in (*draft.reference_tags, *draft.thing_tags):
            kind, _, thing = tag.partition(":")
            tags[kind] = thing
        missing = missing or bool(unknown)
        given = asked.payload, asked.occurred_at, customer, tags, persons, asked.actor
        return Proposed(*given), missing

    def _named(self, draft: Draft, persons: Persons, *, keep: bool = False) -> UUID:
        """Whom the identifiers name. A command is about one person: it merges nobody on the way."""
        arrivals, gone = [draft.arrival(self.clock())], self.ledger.gone.now()
        (named,) = self.ledger.vault.resolve(
            [draft.identifiers], persons, self.limits, keep=keep, arrivals=arrivals, gone=gone
        )
        if isinstance(named, Refused):
            raise named
        assert named is not None
        if named.merges:
            came = f"those of {1 + len(named.merges)} customers; if they are one, merge them first"
            raise IdentityConflict("identifiers", "those of one person", came)
        return named.customer

    def _make_tags(self, draft: Draft, *, create: bool) -> list[str]:
        """Give the draft the tags of what it refers to; the kinds that were not known."""
        vault, references = self.ledger.vault, draft.references
        if create:
            found: list[UUID | None] = list(vault.references(references))
        else:
            found = [vault.look_up(reference) for reference in references]
        draft.reference_tags = tuple(
            f"{reference.kind}:{thing or self.ids()}"
            for reference, thing in zip(references, found, strict=True)
        )
        return [r.kind for r, thing in zip(references, found, strict=True) if thing is None]

    def _make(self, draft: Draft) -> None:
        """Enter into the vault whom and what the command names, now that it is allowed."""
        self._make_tags(draft, create=True)
        if draft.touchpoint.customer is None and draft.identifiers:
            self._named(draft, self.ledger.living.now(), keep=True)


class _Sealed(Tagged[Any]):
    """A decision as it will stand in the book."""

    def __init__(self, event: Event, payload: EventType) -> None:
        super().__init__(list(event.tags), payload)
        self.event = event


class _Mapper(DCBMapper[Any]):
    """Between the book's events and what rules are told and decide."""

    def to_domain_event(self, event: DCBEvent) -> Tagged[Any]:
        if not isinstance(event, NativeEvent) or event.recorded is None:
            raise TypeError(f"expected an event of the catalogue, came {event.type}")
        stored = event.recorded.event
        return Tagged(event.tags, Happened(event.recorded, load(stored.type, stored.data)))

    def to_dcb_event(self, event: Tagged[Any]) -> DCBEvent:
        if not isinstance(event, _Sealed):
            raise TypeError("expected a sealed event")
        return NativeEvent(event.event.type, b"", event.tags, event=event.event)


class _Recorder(BookRecorder):
    """Keeps the receipts of the last append, since the library asks for its position alone, and keeps
    late news of people from passing their erasure.
    """

    COMMANDS = True
    receipts: Sequence[Receipt] = ()

    def append(
        self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None
    ) -> int:
        """Append on the rule's condition; what is about a person also on that of no erasure since."""
        about = any(isinstance(e, NativeEvent) and e.event and e.event.customer for e in events)
        if condition is not None and condition.fail_if_events_match.items and about:
            erasing = DCBQueryItem(types=[CustomerErasing.TOPIC])
            met = DCBQuery(items=[*condition.fail_if_events_match.items, erasing])
            condition = replace(condition, fail_if_events_match=met)
        self.receipts = self.record(events, condition)
        return self.receipts[-1].position


class _Repository(DCBRepository[Any]):
    """Tells rules of events in the order in which they happened."""

    def advance(self, p: Any) -> Any:
        read = self.eventstore.read(cb=p.consistency_boundary(), after=p.last_known_position)
        for tagged in sorted(read, key=lambda tagged: moment_of(tagged.decision.recorded)):
            tagged.decision.mutate(p)
        p.last_known_position = read.head
        return p


class _Rules(DCBApplication):
    """The library's application on our book. One thread at a time."""

    def __init__(self, ledger: Ledger) -> None:
        # Not the library's own: that opens a store by its environment, and ours is open.
        self._sealer = ledger.sealer
        self.recorder: _Recorder = _Recorder(ledger.book)
        self.mapper = _Mapper()
        self.events = DCBEventStore(self.mapper, self.recorder)
        self.repository = _Repository(self.events)

    def decided(self, rule: TRule) -> TRule:
        """The rule, having seen what it needs and allowed what was proposed. Raises `Refused`."""
        advanced: TRule = self.repository.advance(rule)
        advanced.execute()
        return advanced

    def save(self, rule: Rule, draft: Draft) -> Receipt:
        """Seal and append on the rule's condition. Raises `IntegrityError` if others were quicker."""
        parts = draft.parts()
        sealing = self._sealer.batch(parts)
        bare = draft.event()
        event = replace(bare, personal=sealing.seal(bare, parts)) if parts else bare
        rule.new_decisions = [_Sealed(event, draft.touchpoint.payload)]
        self.repository.save(rule)
        (receipt,) = self.recorder.receipts
        if receipt.status is Status.APPENDED:
            sealing.appended([event.id])
        return receipt
