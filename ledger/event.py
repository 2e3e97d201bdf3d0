"""The event, its stored bytes and its leaf.

`body` is the clear envelope as canonical JSON (RFC 8785); `personal` is the sealed blobs, one after
the other. Both are kept verbatim, and everything else a store keeps about an event is a copy of
what stands in them. The leaf is SHA-256(0x00 ‖ u64be(recorded_at µs) ‖ u32be(len body) ‖ body ‖
personal): the leaf hash of RFC 6962 over the rest.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from ledger.clock import to_us
from ledger.errors import BadField, TooLarge, came

MAX_EVENT_BYTES = 256 * 1024
"""Body and sealed blobs of one event together."""
MAX_TAG_BYTES = 255
MAX_DEPTH = 100
"""Lists and objects inside one another; far below where JSON readers give up."""
_MAX_JSON_INTEGER = 2**53 - 1  # RFC 8785 §3.2.2.3: what every JSON reader holds exactly
MERGED, SPLIT = "customers.merged", "customers.split"
"""The two types that are about two customers: their own, and `other`."""
REDACTED = 0
"""The version of an event whose envelope was removed."""
_SAME_FACT = ("type", "version", "domain", "tags", "occurred_at", "source", "data")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, before the book has given it a place.

    `occurred_at` carries a zone and is stored in UTC; `data` holds JSON without fractions;
    `tags` are `kind:value`, at most 255 bytes each; `personal` is sealed already. `another` is somebody
    else of whom it tells and to whom it did not happen: found by both, it counts for the customer alone.
    """

    id: UUID
    type: str
    version: int
    domain: str
    occurred_at: datetime
    source: str
    data: Mapping[str, Any] = field(default_factory=dict)
    customer: UUID | None = None
    tags: tuple[str, ...] = ()
    actor: UUID | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    personal: bytes = b""
    another: UUID | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the book: `position` from 1 without gaps, `recorded_at` in UTC."""

    position: int
    recorded_at: datetime
    event: Event
    body: bytes

    @property
    def leaf(self) -> bytes:
        """Hash of this event in the book's tree, 32 bytes."""
        return leaf_hash(to_us(self.recorded_at), self.body, self.event.personal)


Moment = tuple[datetime, int]
"""Occurred_at, then position: the order in which things happened."""


def moment_of(recorded: Recorded) -> Moment:
    """When an event happened, of two at once the one that the book took later being the later."""
    return recorded.event.occurred_at, recorded.position


def end_of(time: datetime) -> Moment:
    """The moment that nothing which happened at that time is after."""
    return time, 2**63 - 1


def moment_uuid(moment: Moment) -> UUID:
    """The `moment` column of the `events` relation: 64 bits of µs since 1970 + 2⁶³, 64 of position."""
    occurred_at, position = moment
    return UUID(int=(to_us(occurred_at) + 2**63) << 64 | position)


def leaf_hash(recorded_us: int, body: bytes, personal: bytes) -> bytes:
    """SHA-256 leaf (32 bytes) of the event recorded at `recorded_us`, µs since 1970 UTC."""
    head = b"\x00" + struct.pack(">QI", recorded_us, len(body))
    return hashlib.sha256(head + body + personal).digest()


def kept_hash(
    recorded_us: int, event_id: bytes, kind: str, occurred_us: int, body: bytes | None
) -> bytes:
    """SHA-256 (32 bytes) of what stands of an event from which bytes were removed: its columns, and its
    envelope where that stays. What was removed proves its leaf no longer; this proves the rest.
    """
    head = b"\x02" + struct.pack(">Qq16sI", recorded_us, occurred_us, event_id, len(kind.encode()))
    rest = b"" if body is None else b"\x01" + body
    return hashlib.sha256(head + kind.encode() + rest).digest()


def encode_body(event: Event) -> bytes:
    """The clear envelope as canonical JSON; absent fields are left out.

    orjson's sorted output equals RFC 8785 byte for byte when keys are ASCII and there are no
    fractions, at a fiftieth of the cost; both are demanded here, and a test compares the two.

    Raises `BadField` for a fraction, an integer past 2⁵³-1, a key that is not ASCII, half of a
    surrogate pair, or a time without a zone or beyond the years 1 to 9999; `TooLarge` for an event,
    tag or nesting over its limit.
    """
    _demand_canonical(event.data, "data", MAX_DEPTH)
    for tag in event.tags:
        # A character is four bytes at the most, and most tags are far from the limit.
        if 4 * len(tag) > MAX_TAG_BYTES < len(tag.encode(errors="surrogatepass")):
            raise TooLarge("tags", f"at most {MAX_TAG_BYTES} bytes a tag", came(tag))
    envelope: dict[str, Any] = {
        "id": event.id,
        "type": event.type,
        "version": event.version,
        "domain": event.domain,
        "occurred_at": format_moment(event.occurred_at),
        "source": event.source,
        "data": event.data,
    }
    if event.tags:
        envelope["tags"] = event.tags
    if event.customer is not None:
        envelope["customer"] = event.customer
    if event.actor is not None:
        envelope["actor"] = event.actor
    if event.correlation is not None:
        envelope["correlation"] = event.correlation
    if event.causation is not None:
        envelope["causation"] = event.causation
    if event.another is not None:
        envelope["another"] = event.another
    try:
        body = _canonical(envelope)
    except orjson.JSONEncodeError as error:
        torn = next(name for name in ("data", *envelope) if not _is_whole(envelope.get(name)))
        raise BadField(torn, "text in Unicode", "half of a surrogate pair") from error
    if len(body) + len(event.personal) > MAX_EVENT_BYTES:
        raise TooLarge(
            "event",
            f"at most {MAX_EVENT_BYTES:,} bytes",
            f"{len(body) + len(event.personal):,} bytes",
        )
    return b"%b" % body  # a copy: what orjson hands out holds on to a page of memory each


def decode_body(body: bytes, personal: bytes = b"") -> Event:
    """The event that `encode_body` wrote, or its `remains`; `personal` is attached as it is."""
    envelope = orjson.loads(body)
    return Event(
        id=UUID(envelope["id"]),
        type=envelope["type"],
        version=envelope.get("version", REDACTED),
        domain=envelope.get("domain", ""),
        occurred_at=datetime.fromisoformat(envelope["occurred_at"]),
        source=envelope.get("source", ""),
        data=envelope["data"],
        tags=tuple(envelope.get("tags", ())),
        personal=personal,
        **{
            name: UUID(envelope[name])
            for name in ("customer", "actor", "correlation", "causation", "another")
            if name in envelope
        },
    )


def remains(event_id: UUID, kind: str, occurred_at: datetime) -> bytes:
    """What readers are given for an envelope that was removed: id, type and time, and nothing else.

    So a position is never missing, and whoever folds finds nobody and nothing in it.
    """
    moment = format_moment(occurred_at)
    return _canonical({"id": event_id, "type": kind, "occurred_at": moment, "data": {}})


def format_moment(moment: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals, so that text sorts as time does."""
    if moment.tzinfo is not UTC:
        if moment.utcoffset() is None:
            raise BadField("occurred_at", "a time with a zone", "a time without one")
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            expected = "a time from year 1 to 9999 in UTC"
            raise BadField("occurred_at", expected, "one beyond") from None
    # In a third of the time of isoformat; but a fraction of nothing is left out.
    text = orjson.dumps(moment, option=orjson.OPT_UTC_Z)[1:-1].decode()
    return text if moment.microsecond else f"{text[:-1]}.000000Z"


def different_fields(new: Event, stored_body: bytes) -> tuple[str, ...]:
    """Clear fields in which `new` differs from a stored event of the same id.

    Who it is about, or tells of, and who brought it may differ: the same row read again by another clerk,
    or before and after its person was known, is still the same event. With what was removed nothing can
    be compared: it is the same event by its id.
    """
    given_body = encode_body(replace(new, personal=b""))
    if given_body == stored_body:
        return ()
    stored, given = orjson.loads(stored_body), orjson.loads(given_body)
    if "version" not in stored:
        return ()
    # As bytes, since 1 and true are equal in Python and are not the same fact.
    return tuple(
        name for name in _SAME_FACT if _canonical(given.get(name)) != _canonical(stored.get(name))
    )


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, dict, orjson.OPT_SORT_KEYS)


def _is_whole(value: object) -> bool:
    try:
        _canonical(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _demand_canonical(value: object, where: str, depth: int) -> None:
    """Refuse what RFC 8785 and `orjson` would write differently, or readers would round."""
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if abs(value) > _MAX_JSON_INTEGER:
            raise BadField(where, "an integer of at most 2^53-1", "a larger one")
    elif depth == 0 and isinstance(value, Mapping | list | tuple):
        raise TooLarge(where, f"at most {MAX_DEPTH} lists and objects in one another", "more")
    elif isinstance(value, dict | Mapping):  # the first is quick, the second slow to ask
        for key, inner in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise BadField(where, "names in ASCII", came(key))
            kind = type(inner)  # asked first, since nearly all are text, and any will do, or small
            if kind is str or (kind is int and -_MAX_JSON_INTEGER <= inner <= _MAX_JSON_INTEGER):
                continue
            _demand_canonical(inner, f"{where}.{key}", depth - 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _demand_canonical(inner, where, depth - 1)
    else:
        raise BadField(where, "text, whole numbers, true, false or lists of them", came(value))
