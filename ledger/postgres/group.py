"""A group of appends on its way into the book: what each member wants, is told and waits for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from typing import Any, Self, TypeVar

import orjson

from ledger.book import Answer, Match, Member, Receipt, Status, index_tags
from ledger.clock import to_us
from ledger.errors import BadField, ConditionFailed, IdReused
from ledger.event import Event, different_fields
from ledger.postgres import arrays

Standing = dict[bytes, tuple[int, bytes]]
"""Ids that are recorded: position and clear envelope."""

T = TypeVar("T")

_NUL = "\x00"  # PostgreSQL keeps none in text, which type and tags are beside the body


@dataclass(slots=True)
class Offer:
    """One member, and as far as is known what became of its events.

    `first` is where each id stands first among them; `recorded` are those of its ids that the book
    has; `place` is the position of the first of the `fresh`, once they are written.
    """

    member: Member
    ids: list[bytes]
    first: dict[bytes, int]
    recorded: Standing = field(default_factory=dict)
    place: int = 0
    refusal: ConditionFailed | IdReused | None = None
    _fresh: Sequence[int] | None = None

    @classmethod
    def of(cls, member: Member) -> Self:
        """Raises `BadField` for text that PostgreSQL does not keep."""
        texts: list[str] = []
        for event in member.events:
            texts += (event.type, *event.tags)
        if _NUL in "".join(texts):
            raise BadField("type, tags", "text without U+0000", "text with it")
        ids = [event.id.bytes for event in member.events]
        first = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1), strict=True))
        return cls(member, ids, first)

    @property
    def events(self) -> Sequence[Event]:
        return self.member.events

    @property
    def fresh(self) -> Sequence[int]:
        """Indexes of the events to be written: of each id that is not recorded, the first."""
        if self._fresh is None:
            self._fresh = self._look_for_fresh()
        return self._fresh

    def _look_for_fresh(self) -> Sequence[int]:
        if self.refusal is not None:
            return ()
        if len(self.first) == len(self.member.events) and not self.recorded:  # as nearly always
            return range(len(self.member.events))
        return sorted(at for event_id, at in self.first.items() if event_id not in self.recorded)

    def fresh_of(self, values: Sequence[T]) -> Sequence[T]:
        """Of values that belong to the events, those of the fresh ones."""
        fresh = self.fresh
        return values if len(fresh) == len(values) else [values[index] for index in fresh]

    @property
    def may_contradict_itself(self) -> bool:
        """Whether an id may stand for two facts within what is given, which a condition refuses."""
        return self.member.condition is not None and len(self.first) < len(self.events)

    def learn(self, recorded: Standing) -> None:
        """Hear what the book has. With a condition, a reused id refuses the whole."""
        self.recorded |= {one: recorded[one] for one in self.first if one in recorded}
        self._fresh = None
        if self.member.condition is None:
            return
        for index, event in enumerate(self.events):
            one = self.ids[index]
            if one in self.recorded or self.first[one] != index:
                position, body = self.recorded.get(one, (0, self.member.bodies[self.first[one]]))
                if fields := different_fields(event, body):
                    self.refusal = IdReused(event.id, position, fields)
                    return

    def answer(self) -> Answer:
        """What the caller is told, when everything has been written."""
        if self.refusal is not None:
            return self.refusal
        fresh = self.fresh
        if len(fresh) == 1 == len(self.ids):  # as from a caller who brings one event
            return [Receipt(Status.APPENDED, self.place)]
        if len(fresh) == len(self.ids):
            places = range(self.place, self.place + len(fresh))
            return [*map(Receipt, repeat(Status.APPENDED), places)]
        placed = {self.ids[index]: self.place + n for n, index in enumerate(fresh)}
        return [self._receipt(index, placed) for index in range(len(self.events))]

    def _receipt(self, index: int, placed: dict[bytes, int]) -> Receipt:
        one = self.ids[index]
        if one in placed and self.first[one] == index:
            return Receipt(Status.APPENDED, placed[one])
        stands = self.recorded.get(one)
        position, body = stands or (placed[one], self.member.bodies[self.first[one]])
        fields = different_fields(self.events[index], body)
        return Receipt(Status.REUSED if fields else Status.DUPLICATE, position, fields)


def waves(offers: Iterable[Offer]) -> Iterator[list[Offer]]:
    """The offers in their order, cut so that no id is in two of a wave.

    Whether the later one is new depends on what becomes of the earlier one.
    """
    wave: list[Offer] = []
    ids: set[bytes] = set()
    for offer in offers:
        if not ids.isdisjoint(offer.first):
            yield wave
            wave, ids = [], set()
        wave.append(offer)
        ids.update(offer.first)
    if wave:
        yield wave


def runs(offers: Iterable[Offer]) -> list[list[Offer]]:
    """Those that have anything to write, as they can be written by one statement each.

    A condition sees what stands before it, so who brings one comes alone.
    """
    found: list[list[Offer]] = []
    open_to_more = False
    for offer in offers:
        if not offer.fresh:
            continue
        unconditional = offer.member.condition is None
        if unconditional and open_to_more:
            found[-1].append(offer)
        else:
            found.append([offer])
        open_to_more = unconditional
    return found


def packed(found: Sequence[Sequence[Offer]]) -> dict[str, Any]:
    """What `append_events` is given, but for the time: the runs, one after the other."""
    events: list[Event] = []
    ids: list[bytes] = []
    bodies: list[bytes] = []
    tags: list[str] = []
    tag_of: list[int] = []
    ends: list[int] = []
    tag_ends: list[int] = []
    for run in found:
        begun = len(events)
        for offer in run:
            events += offer.fresh_of(offer.events)
            ids += offer.fresh_of(offer.ids)
            bodies += offer.fresh_of(offer.member.bodies)
        _add_tags(events, begun, tags, tag_of)
        ends.append(len(events))
        tag_ends.append(len(tags))
    conditions = [run[0].member.condition for run in found]
    return {
        "ids": arrays.uuids(ids),
        "types": arrays.texts([event.type for event in events]),
        "occurred_us": arrays.numbers([to_us(event.occurred_at) for event in events]),
        "bodies": arrays.byte_strings(bodies),
        "personals": arrays.byte_strings([event.personal for event in events]),
        "tags": arrays.texts(tags),
        "tag_of": arrays.numbers(tag_of),
        "ends": arrays.numbers(ends),
        "tag_ends": arrays.numbers(tag_ends),
        "unless": arrays.documents([None if c is None else asked(c.unless) for c in conditions]),
        "seen": arrays.numbers([0 if c is None else c.after for c in conditions]),
    }


def _add_tags(events: Sequence[Event], begun: int, tags: list[str], tag_of: list[int]) -> None:
    """Add the tags of the events from `begun` on, each with the number of its event, from 1.

    By tag, then event: neighbours in the index are written together.
    """
    where: defaultdict[str, list[int]] = defaultdict(list)
    for number in range(begun + 1, len(events) + 1):
        for tag in index_tags(events[number - 1]):
            numbers = where[tag]
            if not numbers or numbers[-1] != number:  # it may have a tag twice
                numbers.append(number)
    for tag in sorted(where):
        numbers = where[tag]
        tags += [tag] * len(numbers)
        tag_of += numbers


def place(
    found: Sequence[Sequence[Offer]], placed: Sequence[int | None], met: Sequence[int | None]
) -> None:
    """Tell the members of each run where they were placed, or what met their condition."""
    for run, first, at in zip(found, placed, met, strict=True):
        if at is not None:
            run[0].refusal = ConditionFailed(at)
        elif first is not None:
            ends = accumulate((len(offer.fresh) for offer in run), initial=first)
            for offer, start in zip(run, ends, strict=False):
                offer.place = start


def asked(matches: Sequence[Match]) -> bytes:
    """Matches as `positions_of` reads them; one with U+0000 in it can meet nothing."""
    return orjson.dumps(
        [
            {"types": [*dict.fromkeys(match.types)], "tags": [*dict.fromkeys(match.tags)]}
            for match in matches
            if not any(_NUL in text for text in (*match.types, *match.tags))
        ]
    )
