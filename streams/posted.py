"""Items posted to us, whichever of the forms they are in: read, kept where they are refused, and tried again.

An item is read alone: a touchpoint, or the refusal of that one. What is kept of a refused item is all that is
needed to read it again: the item, its form, when it came, and whether its sender was trusted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from commands.dead_letters import RefusedItem
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.errors import BadField, BadUsage, IdReused, Refused, TooLarge, came
from ledger.event import format_moment
from ledger.opening import Ledger
from ledger.vault import DeadLetter, KeptLetter
from streams import cloudevents, events, segment
from streams.claims import distrusted
from streams.files.rows import MAX_DEPTH, content_of
from streams.imports import Intake, try_again, whom
from streams.named import leniently, named_anyhow
from streams.parts import Json, json_of, moment_of

DOOR = "http:"
"""How the doors of what was posted begin; what follows is their source."""

MAX_ITEM_BYTES = 1024 * 1024
"""Longest item that there is. Of a longer one the dead letter keeps nothing but where it was."""


class Form(StrEnum):
    """What an item is."""

    EVENT = "event"
    """In the form that is our own."""
    CLOUDEVENT = "cloudevent"
    """In structured mode, whatever mode it came in."""
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Sender:
    """As what items are recorded, and whether what they say of who somebody is, is gone by."""

    source: str
    actor: UUID | None
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Posted:
    """One item: JSON, or its bytes where it is not read yet, or is too long to be. `index` is its place among
    several, from 0.
    """

    form: Form
    received_at: datetime
    item: Any = field(repr=False)
    verbatim: bytes | None = field(default=None, repr=False)
    index: int | None = None
    limit_bytes: int = MAX_ITEM_BYTES

    @property
    def content(self) -> bytes:
        """The item for a dead letter. Personal: to be sealed. Empty for one over the limit."""
        whole = content_of(self.item) if self.verbatim is None else self.verbatim
        return whole if len(whole) <= MAX_ITEM_BYTES else b""


@dataclass(frozen=True, slots=True)
class Read:
    """What an item says.

    `by_our_clock` tells that when it happened is known by our clock, and so another time each time it comes.
    """

    item: Touchpoint | Refused
    by_our_clock: bool = False


def read(posted: Posted, sender: Sender) -> Read:
    """A touchpoint or a refusal; never raises for what is in an item."""
    try:
        return Read(*_READERS[posted.form](_object(posted), posted, sender))
    except Refused as refusal:
        refusal.with_traceback(None).__context__ = None  # a library's own words: they quote
        return Read(refusal)


def settled(reading: Read, outcome: Outcome) -> Outcome:
    """What became of an item. The same one again, of which we alone say when it happened, is the same."""
    refusal = outcome.refusal
    if (
        reading.by_our_clock
        and isinstance(refusal, IdReused)
        and refusal.fields == ("occurred_at",)
        and refusal.position
    ):
        return Outcome(Fate.DUPLICATE, refusal.position)
    return outcome


def refused_item(posted: Posted, refusal: Refused, sender: Sender, intake: Intake) -> RefusedItem:
    """What is kept of a refused item, with all whom it names: also those whom a sender only claims to know."""
    where: dict[str, Any] = {
        "format": posted.form.value,
        "index": posted.index,
        "received_at": format_moment(posted.received_at),
        "trusted": sender.trusted,
    }
    content = posted.content
    named = whom(refusal, *named_anyhow(leniently(content)), intake)
    return RefusedItem(refusal, where, content, named)


def is_posted(letter: KeptLetter) -> bool:
    """Whether a letter came this way."""
    return letter.door.startswith(DOOR)


def replay_posted(
    ledger: Ledger,
    letters: Iterable[UUID],
    intake: Intake,
    *,
    corrections: Mapping[str, Any] | None = None,
    actor: UUID | None = None,
) -> Iterator[tuple[UUID, Outcome]]:
    """Try items again, as `replay_letters` does rows. A correction names what to write over by its path in
    the item, as in `data.currency`; an item is trusted as it was.

    Before any is tried, raises `NotFound` for a letter that is not there, and `BadUsage` for one that came
    another way.
    """
    wanted = list(dict.fromkeys(letters))
    for letter in map(ledger.vault.letter, wanted):
        if not is_posted(letter):
            raise BadUsage(f"expected a letter of {DOOR}…, came one of {letter.door}")
    readings: dict[UUID, Read] = {}

    def item(letter: DeadLetter) -> Touchpoint:
        trusted = letter.coordinates.get("trusted") is True
        sender = Sender(letter.door.removeprefix(DOOR), actor, trusted)
        readings[letter.id] = found = read(_again(letter, corrections or {}), sender)
        if isinstance(found.item, Refused):
            raise found.item
        return found.item

    def judged(letter_id: UUID, outcome: Outcome) -> Outcome:
        return settled(readings[letter_id], outcome) if letter_id in readings else outcome

    yield from try_again(ledger, wanted, item, intake, judged)


def _again(letter: DeadLetter, corrections: Mapping[str, Any]) -> Posted:
    """The item that a dead letter keeps. Raises `Refused` for one of which nothing was kept, or that is none."""
    if not letter.content:
        raise TooLarge("item", f"one of at most {MAX_ITEM_BYTES:,} bytes", "a longer one")
    item = json_of(letter.content, "item")
    for path, value in corrections.items():
        if path.count(".") >= MAX_DEPTH:
            raise TooLarge("corrections", f"paths of at most {MAX_DEPTH} names", "a longer one")
        item = _written_over(item, path, value)
    if corrections:
        item = json_of(content_of(item), "item")  # which may be too deep by now
    at = moment_of(letter.coordinates, "received_at", "received_at")
    assert at is not None
    return Posted(Form(letter.coordinates["format"]), at, item)


def _written_over(item: Any, path: str, value: Any) -> Any:
    """The same with something else at that path. Raises `BadField` where there is no such place."""
    if not isinstance(item, dict):
        raise BadField("item", "a JSON object", came(item))
    if path in item:  # attributes of CloudEvents and properties have names of any kind
        return {**item, path: value}
    name, dot, rest = path.partition(".")
    return {**item, name: _written_over(item.get(name) or {}, rest, value) if dot else value}


def _object(posted: Posted) -> Json:
    if posted.verbatim is not None:
        if len(posted.verbatim) > posted.limit_bytes:
            limit = f"at most {posted.limit_bytes:,} bytes"
            raise TooLarge("item", limit, f"{len(posted.verbatim):,} bytes")
        item = json_of(posted.verbatim, "item")
    else:
        item = posted.item
    if not isinstance(item, Mapping):
        raise BadField("item", "a JSON object", came(item))
    return item


_Made = tuple[Touchpoint, bool]


def _event(raw: Json, posted: Posted, sender: Sender) -> _Made:
    at = posted.received_at
    touchpoint = events.touchpoint_of(raw, sender.source, otherwise=at, actor=sender.actor)
    return _as_trusted(touchpoint, sender), raw.get("occurred_at") is None


def _cloudevent(raw: Json, posted: Posted, sender: Sender) -> _Made:
    attributes, data = cloudevents.taken_apart(raw)
    touchpoint = cloudevents.touchpoint_of(
        attributes, data, sender.source, otherwise=posted.received_at, actor=sender.actor
    )
    return _as_trusted(touchpoint, sender), raw.get("time") is None


def _as_trusted(touchpoint: Touchpoint, sender: Sender) -> Touchpoint:
    return touchpoint if sender.trusted else distrusted(touchpoint, {})


def _call(raw: Json, posted: Posted, sender: Sender) -> _Made:
    at, by_our_clock = segment.heard_at(raw, posted.received_at)
    touchpoint = segment.touchpoint_of(
        raw,
        sender.source,
        message_id="",
        at=at,
        actor=sender.actor,
        trusted=sender.trusted,
    )
    return touchpoint, by_our_clock


_READERS: Mapping[Form, Callable[[Json, Posted, Sender], _Made]] = {
    Form.EVENT: _event,
    Form.CLOUDEVENT: _cloudevent,
    Form.SEGMENT: _call,
}
