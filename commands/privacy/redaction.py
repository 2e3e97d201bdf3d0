"""Redaction: bytes that should never have been written are removed, by two of us and on record.

One proposes it, another one approves, and only then does the database let go of exactly those bytes:
the clear envelope of an event (a card number in a code), or what is sealed in it (under the wrong
person's key). Place, time, id, type and leaf stay, so the tree over all leaves is what it was, and
verification lists what was removed and who approved.

What proves that privacy was kept, or who is whom, is never redacted, and what rules and permissions are
decided by keeps its envelope: see `ledger.catalogue.removing`. What was sealed under the wrong key can
be recorded anew for the right person, under an id of its own: the id of the event stays taken.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

from eventsourcing.dcb.domain import Selector

from commands.deciding import Desk, Proposed, Rule
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.book import Book, Match, Row
from ledger.catalogue import load
from ledger.catalogue.privacy import Bytes, EventRedacted, RedactionProposed, RemovedKey
from ledger.catalogue.removing import removable
from ledger.errors import NotAllowed, NotFound, came_safely
from ledger.event import Event, Recorded, kept_hash
from ledger.opening import Ledger
from ledger.sealing import KeyRecord, blobs

ALL: tuple[Bytes, ...] = get_args(Bytes)
"""Everything of an event that can be removed."""

_TYPES = (RedactionProposed.TOPIC, EventRedacted.TOPIC)


@dataclass(frozen=True, slots=True)
class Approved:
    """What became of it, and what was removed."""

    outcome: Outcome
    removed: tuple[Bytes, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """One proposal as it stands: of what event, by whom, and where it was approved, if it was.

    `done`: the bytes are gone, and so is every copy of them that Bahi can reach.
    """

    proposed: Recorded
    said: RedactionProposed
    of: Recorded
    approved_at: int | None
    done: bool


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

    What is sealed goes with the envelope, without which it could never be opened again. Raises
    `NotFound` where there is none, `NotAllowed` for what is never removed.
    """
    wanted = ALL if "body" in removed else tuple(removed)
    event = _at(book, position).event
    _demand_removable(event, wanted)
    return RedactionProposed(
        redacted_position=position, redacted_id=event.id, ground=ground, removed=wanted
    )


def _demand_removable(event: Event, wanted: Sequence[Bytes]) -> None:
    allowed = removable(event.type, event.domain)
    if not allowed:
        raise NotAllowed("position", "no proof of privacy or identity", came_safely(event.type))
    if not allowed.issuperset(wanted):
        raise NotAllowed(
            "removed",
            "what is sealed alone, of what others are decided by",
            came_safely(event.type),
        )


def approve(
    desk: Desk,
    proposed_at: int,
    *,
    actor: UUID,
    source: str,
    refold: Callable[[], object],
    recopy: Callable[[], object],
) -> Approved:
    """Approve the proposal that stands at this position, remove what it says, and `finish`.

    Said again, it removes what is still there. Raises `NotAllowed` for who proposed it, `NotFound`
    where no proposal stands there, `BadUsage` for who has no right to remove bytes from the store;
    then nothing was approved.
    """
    ledger = desk.ledger
    proposed = proposal_at(ledger.book, proposed_at)
    ledger.book.demand_redactable()
    payload = _approval(ledger, proposed, actor)
    removed = payload.removed or ALL
    _demand_removable(_at(ledger.book, payload.redacted_position).event, removed)
    done = _approvals(ledger.book).get(payload.redacted_position, [])
    already = next((one for one in done if {*_removed(one)} >= {*removed}), None)
    if already is not None:
        outcome = Outcome(Fate.DUPLICATE, already.position)
    else:
        if proposed.event.actor == actor:
            raise NotAllowed("actor", f"somebody else than {actor}, who proposed it", "the same")
        asked = Touchpoint(
            payload=payload,
            occurred_at=max(desk.clock(), proposed.event.occurred_at),
            source=source,
            message_id=f"{proposed.event.id} approved by {actor}",
            actor=actor,
        )
        outcome = desk.carry_out(asked, Approve)
    finish(ledger.book, refold, recopy)
    return Approved(outcome, removed)


def finish(book: Book, refold: Callable[[], object], recopy: Callable[[], object]) -> list[int]:
    """Do what was approved and is not done, or was broken off; positions of the events it was about.

    `recopy` rids every copy of the book of what it is rid of, or raises; then `refold` folds every view
    anew, since any may have read an envelope that is gone.
    """
    left = _unfinished(book)
    for position, removed in left.items():
        book.redact(position, removed)
    if left:
        recopy()
    if any("body" in removed for removed in left.values()):
        refold()
    for position in left:
        book.redacted(position)
    return [*left]


def proposal_at(book: Book, position: int) -> Recorded:
    """The proposal that stands at this position. Raises `NotFound`."""
    for recorded in book.read(position - 1, upto=position):
        if recorded.event.type == RedactionProposed.TOPIC:
            return recorded
    raise NotFound("proposal", f"to redact at position {position:,}")


def _unfinished(book: Book) -> Mapping[int, Sequence[str]]:
    """By position, what two approved to be removed of an event, where that is not all done."""
    begun = {*book.redacting()}
    left = {}
    for position, approvals in _approvals(book).items():
        row = _row(book, position)
        said = [
            one for one in approvals if one.event.data["redacted_id"] == str(UUID(bytes=row.id))
        ]
        removed = {part for one in said for part in _removed(one)}
        there = {"body": row.body, "personal": row.personal}
        if position in begun or any(there[part] is not None for part in removed):
            left[position] = [part for part in ALL if part in removed]
    return left


def proposals(book: Book) -> list[Standing]:
    """Every redaction that was proposed, in order."""
    unfinished = _unfinished(book)
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
        done = at is not None and said.redacted_position not in unfinished
        found.append(Standing(recorded, said, _at(book, said.redacted_position), at, done))
    return found


def _approval(ledger: Ledger, proposed: Recorded, actor: UUID) -> EventRedacted:
    said = load(proposed.event.type, proposed.event.data)
    assert isinstance(said, RedactionProposed)
    assert proposed.event.actor is not None
    row = _row(ledger.book, said.redacted_position)
    body = None if "body" in said.removed else row.body
    kept = kept_hash(row.recorded_us, row.id, row.type, row.occurred_us, body)
    sealed = row.personal or b"" if "personal" in said.removed else b""
    keys = [
        RemovedKey(
            subject=subject_digest(said.redacted_id, one.subject),
            retention=one.retention,
            key_version=one.key_version,
            commitment=one.commitment.hex(),
        )
        for one in blobs(sealed)
        if isinstance(one, KeyRecord)
    ]
    return EventRedacted(
        redacted_position=said.redacted_position,
        redacted_id=said.redacted_id,
        ground=said.ground,
        approvers=(proposed.event.actor, actor),
        removed=said.removed,
        kept=kept.hex(),
        keys=tuple(keys) or None,
    )


def subject_digest(event_id: UUID, subject: UUID) -> str:
    """How `event.redacted` says of whom a removed key was: see `RemovedKey`."""
    return hashlib.sha256(event_id.bytes + subject.bytes).hexdigest()


def removed_keys(book: Book, subjects: Sequence[UUID]) -> Iterator[tuple[int, KeyRecord]]:
    """The keys of any of these whose records were removed, each with the position that it stood at."""
    for recorded in book.read(matching=[Match(types=(EventRedacted.TOPIC,))]):
        said = load(recorded.event.type, recorded.event.data)
        assert isinstance(said, EventRedacted)
        whose = {subject_digest(said.redacted_id, one): one for one in subjects if said.keys}
        for key in said.keys or ():
            if (subject := whose.get(key.subject)) is not None:
                commitment = bytes.fromhex(key.commitment)
                record = KeyRecord(subject, key.retention, key.key_version, commitment)
                yield said.redacted_position, record


def _approvals(book: Book) -> dict[int, list[Recorded]]:
    """By position of the event that they are about, in order."""
    found: dict[int, list[Recorded]] = {}
    for recorded in book.read(matching=[Match(types=(EventRedacted.TOPIC,))]):
        found.setdefault(recorded.event.data["redacted_position"], []).append(recorded)
    return found


def _row(book: Book, position: int) -> Row:
    return next(book.rows(position - 1, upto=position))


def _removed(redacted: Recorded) -> Sequence[str]:
    return redacted.event.data.get("removed") or ALL


def _at(book: Book, position: int) -> Recorded:
    for recorded in book.read(position - 1, upto=position):
        return recorded
    raise NotFound("event", f"at position {position:,}")
