"""Redaction: bytes that should never have been written are removed, by two of us and on record.

One proposes it, another one approves, and only then does the database let go of exactly those bytes:
the clear envelope of an event (a card number in a code), or what is sealed in it (under the wrong
person's key). Place, time, id, type and leaf stay, so the tree over all leaves is what it was, and
verification lists what was removed and who approved.

What proves that privacy was kept, or who is whom, is never redacted. What was sealed under the wrong
key can be recorded anew for the right person, under an id of its own: the id of the event stays taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

from eventsourcing.dcb.domain import Selector

from commands.deciding import Desk, Proposed, Rule
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.book import Book, Match
from ledger.catalogue import Domain, load
from ledger.catalogue.privacy import Bytes, EventRedacted, RedactionProposed
from ledger.errors import NotAllowed, NotFound, came_safely
from ledger.event import Recorded
from ledger.opening import Ledger
from ledger.sealing import KeyRecord, blobs

ALL: tuple[Bytes, ...] = get_args(Bytes)
"""Everything of an event that can be removed."""

_TYPES = (RedactionProposed.TOPIC, EventRedacted.TOPIC)
_PROOFS = (Domain.PRIVACY, Domain.AUDIT)


@dataclass(frozen=True, slots=True)
class Approved:
    """What became of it, and what was removed."""

    outcome: Outcome
    removed: tuple[Bytes, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """One proposal as it stands: of what event, by whom, and where it was approved, if it was."""

    proposed: Recorded
    said: RedactionProposed
    of: Recorded
    approved_at: int | None


class _Redacting(Rule):
    """Goes by every redaction that was proposed or approved; there are few."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.proposals: list[Recorded] = []
        self.removed: set[str] = set()
        """What may be removed of this event already."""

    @property
    def asked(self) -> RedactionProposed | EventRedacted:
        """What is proposed."""
        payload = self.proposed.payload
        assert isinstance(payload, RedactionProposed | EventRedacted)
        return payload

    def consistency_boundary(self) -> list[Selector]:
        return [Selector(types=[RedactionProposed, EventRedacted], tags=[])]

    def counts(self, recorded: Recorded) -> bool:
        """What was said of this very event."""
        asked = self.asked.redacted_position
        return bool(recorded.event.data.get("redacted_position") == asked)

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        if not self.counts(recorded):
            return
        if recorded.event.type == RedactionProposed.TOPIC:
            self.proposals.append(recorded)
        else:
            self.removed.update(_removed(recorded))

    def demand_there(self, removed: Sequence[str]) -> None:
        """Something of it is left to be removed."""
        if self.removed.issuperset(removed):
            came = " and ".join(removed) + ", which was"
            raise NotAllowed("removed", "what was not removed yet", came)


class Propose(_Redacting):
    """Somebody says what is to go, and why."""

    def decide(self) -> None:
        assert isinstance(self.asked, RedactionProposed)
        if self.proposed.actor is None:
            raise NotAllowed("actor", "somebody of us", "nobody")
        self.demand_there(self.asked.removed)


class Approve(_Redacting):
    """Somebody else agrees, to exactly that."""

    def decide(self) -> None:
        asked, actor = self.asked, self.proposed.actor
        assert isinstance(asked, EventRedacted)
        assert asked.removed is not None
        self.demand_there(asked.removed)
        proposers = {
            str(one.event.actor)
            for one in self.proposals
            if one.event.data["redacted_id"] == str(asked.redacted_id)
            and tuple(one.event.data["removed"]) == asked.removed
            and one.event.data["ground"] == asked.ground
        }
        one, other = (*asked.approvers, None, None)[:2]
        if len(asked.approvers) != len({*asked.approvers}) or other is None or other != actor:
            raise NotAllowed("approvers", "two, the second of them you", "others")
        if str(one) not in proposers:
            raise NotAllowed("redaction", "one that somebody else proposed", "none")


def propose(desk: Desk, asked: Touchpoint) -> Outcome:
    """Propose a redaction, see `proposal`; durable when this returns."""
    return desk.carry_out(asked, Propose)


def proposal(
    book: Book, position: int, ground: str, removed: Sequence[Bytes] = ALL
) -> RedactionProposed:
    """What is to be proposed of the event at a position.

    Raises `NotFound` where there is none, `NotAllowed` for what is never removed.
    """
    event = _at(book, position).event
    if event.domain in _PROOFS:
        raise NotAllowed("position", "no proof of privacy or identity", came_safely(event.type))
    return RedactionProposed(
        redacted_position=position,
        redacted_id=event.id,
        ground=ground,
        removed=tuple(one for one in ALL if one in removed),
    )


def approve(desk: Desk, position: int, *, actor: UUID, source: str) -> Approved:
    """Approve the latest proposal about the event at a position, and remove what it says.

    Said again, it removes what is still there. Raises `NotAllowed` for who proposed it, `NotFound`
    where nobody did.
    """
    ledger = desk.ledger
    said = [*_said_of(ledger.book, position)]
    proposed = [one for one in said if one.event.type == RedactionProposed.TOPIC]
    if not proposed:
        raise NotFound("proposal", f"to redact position {position:,}")
    latest = proposed[-1]
    payload = _approval(ledger, latest, actor)
    done = [one for one in said if one.event.type == EventRedacted.TOPIC]
    already = next((one for one in done if {*_removed(one)} >= {*(payload.removed or ALL)}), None)
    if already is not None:
        outcome = Outcome(Fate.DUPLICATE, already.position)
    else:
        if latest.event.actor == actor:
            raise NotAllowed("actor", f"somebody else than {actor}, who proposed it", "the same")
        asked = Touchpoint(
            payload=payload,
            occurred_at=max(desk.clock(), latest.event.occurred_at),
            source=source,
            message_id=f"{latest.event.id} approved by {actor}",
            actor=actor,
        )
        outcome = desk.carry_out(asked, Approve)
    removed = payload.removed or ALL
    ledger.book.redact(position, removed)
    return Approved(outcome, removed)


def proposals(book: Book) -> list[Standing]:
    """Every redaction that was proposed, in order."""
    approved: dict[tuple[int, str], int] = {}
    proposed: list[tuple[Recorded, RedactionProposed]] = []
    for recorded in book.read(matching=[Match(types=_TYPES)]):
        said = load(recorded.event.type, recorded.event.data)
        if isinstance(said, RedactionProposed):
            proposed.append((recorded, said))
        elif isinstance(said, EventRedacted):
            for one in _removed(recorded):
                approved.setdefault((said.redacted_position, one), recorded.position)
    found = []
    for recorded, said in proposed:
        places = [approved.get((said.redacted_position, one)) for one in said.removed]
        at = None if None in places else max(place for place in places if place is not None)
        found.append(Standing(recorded, said, _at(book, said.redacted_position), at))
    return found


def _approval(ledger: Ledger, proposed: Recorded, actor: UUID) -> EventRedacted:
    said = load(proposed.event.type, proposed.event.data)
    assert isinstance(said, RedactionProposed)
    assert proposed.event.actor is not None
    commitments = None
    if "personal" in said.removed:
        sealed = blobs(_at(ledger.book, said.redacted_position).event.personal)
        found = [one.commitment.hex() for one in sealed if isinstance(one, KeyRecord)]
        commitments = tuple(found) or None
    return EventRedacted(
        redacted_position=said.redacted_position,
        redacted_id=said.redacted_id,
        ground=said.ground,
        approvers=(proposed.event.actor, actor),
        removed=said.removed,
        commitments=commitments,
    )


def _said_of(book: Book, position: int) -> Iterator[Recorded]:
    """What was proposed and approved of an event, in order."""
    for recorded in book.read(position, matching=[Match(types=_TYPES)]):
        if recorded.event.data.get("redacted_position") == position:
            yield recorded


def _removed(redacted: Recorded) -> Sequence[str]:
    return redacted.event.data.get("removed") or ALL


def _at(book: Book, position: int) -> Recorded:
    for recorded in book.read(position - 1, upto=position):
        return recorded
    raise NotFound("event", f"at position {position:,}")
