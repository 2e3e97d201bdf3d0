"""Rectifying: wrong details replaced in every ordinary reading, and wrong names taken from a person.

Nothing is rewritten. The new details are an event that supersedes the old ones wherever somebody reads
who the person is (`Corrections`); the old ones stay sealed where they stand. An identifier that never
was theirs names a customer of its own from then on, or the one whom it belongs to, and the two are
parted, so that no rule takes them for one person when a source brings both names again.

The order makes it safe to repeat: the event first, then the parting, then the vault. A crash leaves a
name with the wrong person until the same is said again under the same id.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from eventsourcing.dcb.domain import Selector

from commands.deciding import Desk, Rule, of_customers
from commands.draft import check_names
from commands.identity import Part
from commands.privacy.rules import Rectify
from commands.touchpoint import Outcome, Touchpoint
from ledger.catalogue import EventType
from ledger.catalogue.privacy import CustomerRectified
from ledger.catalogue.profile import CustomersMerged, CustomersSplit, PreferenceSet
from ledger.errors import BadField, IdentityConflict
from ledger.event import Recorded, decode_body
from ledger.identifiers import Identifier, normalise, parse_identifier
from ledger.opening import Ledger


@dataclass(frozen=True, slots=True)
class Rectified:
    """What became of it: the event, and the customers whom the wrong identifiers name now."""

    outcome: Outcome
    others: tuple[UUID, ...]


def rectify(desk: Desk, asked: Touchpoint, *, belongs_to: UUID | None = None) -> Rectified:
    """Replace details of a person and set right what names them; durable when this returns.

    `asked` names its `customer`; its `identifiers` are those that name them rightly, besides those that
    already do. What is `not_theirs` names `belongs_to` from now on, or else a new customer each; what
    names another person already goes on doing so.

    Raises as `Desk.carry_out` does, and `IdentityConflict` for an identifier that names another person
    (merge or rectify that one), also for a wrong one that is to name `belongs_to`; for more of a kind
    than one person may have; and where the wrong ones would belong to this very person. Nothing is
    appended then.
    """
    payload, customer = asked.payload, asked.customer
    assert isinstance(payload, CustomerRectified)
    assert customer is not None
    ledger, region = desk.ledger, asked.tags.get("market", desk.region)
    right = tuple(check_names(asked, region))
    wrong = tuple(_normal(payload.not_theirs or (), region))
    if not (payload.clear().keys() - {"request"} or payload.personal() or right):
        raise BadField("customer.rectified", "what is right, or what is wrong", "neither")
    if both := {*right} & {*wrong}:
        kind = next(iter(both)).kind
        raise BadField(
            f"identifiers.{kind}", "one that is theirs or not theirs", "one that is both"
        )
    members = ledger.people.now().members(customer)
    if belongs_to in members:
        raise IdentityConflict("belongs_to", "another person", "one of this person's customers")
    if belongs_to is not None and ledger.vault.fenced([belongs_to]):
        raise BadField("belongs_to", "a person who is not being erased", "one who is")
    _demand_room(desk, members, right, wrong, belongs_to)
    outcome = desk.carry_out(asked, Rectify)
    rectified = ledger.keyring.event_id(asked.source, asked.message_id)
    owners = {
        name: _part(desk, asked, f"{rectified} {place}", name, members, belongs_to)
        for place, name in enumerate(wrong)
    }
    ledger.vault.assign({**dict.fromkeys(right, customer), **owners}, members)
    return Rectified(outcome, tuple(dict.fromkeys(owners.values())))


class _Prefer(Rule):
    """A preference is set right: after whatever was said of it so far."""

    def consistency_boundary(self) -> list[Selector]:
        types = (PreferenceSet, CustomersMerged, CustomersSplit)
        return of_customers(self.proposed.members, *types)

    def counts(self, recorded: Recorded) -> bool:
        """What they preferred before."""
        return recorded.event.type == PreferenceSet.TOPIC

    def decide(self) -> None:
        """Whatever is right may be said."""


def prefer(desk: Desk, asked: Touchpoint, preferred: EventType) -> Outcome:
    """The same person's preferences set right: these are clear, and the latest one said holds."""
    return desk.carry_out(replace(asked, payload=preferred, identifiers=()), _Prefer)


def _normal(texts: Iterable[str], region: str | None) -> Iterable[Identifier]:
    found = [normalise(parse_identifier(text), region) for text in texts]
    return dict.fromkeys(name for name in found if name is not None)


def spelled(names: Iterable[Identifier], region: str | None = None) -> tuple[str, ...] | None:
    """Identifiers as `not_theirs` has them, each in its one spelling; None for none. Raises `Refused`."""
    normal = [normalise(name, region) for name in names]
    return tuple(f"{one.kind}:{one.value}" for one in normal if one is not None) or None


def _demand_room(
    desk: Desk,
    members: Sequence[UUID],
    right: Sequence[Identifier],
    wrong: Sequence[Identifier],
    belongs_to: UUID | None,
) -> None:
    """What is to name them names nobody else, and is not too much of a kind. Raises `IdentityConflict`."""
    vault = desk.ledger.vault
    owners = {name: vault.look_up(name) for name in (*right, *wrong)}
    for name in right:
        if owners[name] is not None and owners[name] not in members:
            expected = "one that names nobody else: merge or rectify the other"
            raise IdentityConflict(f"identifiers.{name.kind}", expected, "one that names another")
    for name in wrong if belongs_to is not None else ():
        if owners[name] not in {None, belongs_to, *members}:
            expected = "one that names this person, or whom it belongs to: rectify the other"
            raise IdentityConflict(f"not_theirs.{name.kind}", expected, "one that names another")
    having = vault.kinds(members)
    more = Counter(name.kind for name in right if owners[name] is None)
    having.subtract(name.kind for name in wrong if owners[name] in members)
    for kind, count in more.items():
        most = desk.limits.of(kind)
        if having[kind] + count > most:
            expected = f"at most {most} of kind {kind} for one person"
            raise IdentityConflict("identifiers", expected, str(having[kind] + count))


def _part(
    desk: Desk,
    asked: Touchpoint,
    message_id: str,
    name: Identifier,
    members: Sequence[UUID],
    belongs_to: UUID | None,
) -> UUID:
    """Whom a wrong identifier names from now on; on record that this is another person."""
    ledger = desk.ledger
    other = _parted_from(ledger, asked.source, message_id)
    if other is None:
        owner = ledger.vault.look_up(name)
        named = None if owner in members else owner
        other = belongs_to or named or desk.ids()
    parting = Touchpoint(
        payload=CustomersSplit(other=other),
        occurred_at=asked.occurred_at,
        source=asked.source,
        message_id=message_id,
        customer=asked.customer,
        actor=asked.actor,
        causation=ledger.keyring.event_id(asked.source, asked.message_id),
    )
    desk.carry_out(parting, Part)
    return other


def _parted_from(ledger: Ledger, source: str, message_id: str) -> UUID | None:
    """Whom it was found to name before, where this is said again."""
    known = ledger.book.known([ledger.keyring.event_id(source, message_id)])
    for _, body in known.values():
        return UUID(decode_body(body).data["other"])
    return None
