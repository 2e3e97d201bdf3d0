"""Messages that could not be taken: kept in the vault, told on a topic, and tried again.

The topic says where a message is and why it was refused, and nothing of what is in it. The vault has the
message itself, sealed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from commands.dead_letters import RefusedItem
from commands.touchpoint import Outcome, Touchpoint
from ledger.errors import BadUsage, Refused
from ledger.opening import Ledger
from ledger.vault import DeadLetter, KeptLetter
from streams.files import Mapping as FileMapping
from streams.files.rows import content_of, raw_of
from streams.imports import Intake, try_again, whom
from streams.kafka.cloud_events import Record
from streams.kafka.messages import Format, Message, Read, Reader

DOOR = "kafka:"
"""How the doors of messages begin; what follows is their source."""

_JSON = ("content-type", b"application/json")


def refused_item(message: Message, read: Read, refusal: Refused, intake: Intake) -> RefusedItem:
    """What is kept of a refused message."""
    where = {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "format": read.format.value,
    }
    named = whom(read.item, read.named, read.market, intake)
    return RefusedItem(refusal, where, message.content, named)


def refusal_record(message: Message, source: str, refusal: Refused) -> Record:
    """What the topic is told of it: the key is its place, so that whoever is told twice can know."""
    told = {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "source": source,
        "field": refusal.field,
        "reason": str(refusal),
    }
    return Record(message.where.encode(), orjson.dumps(told), [_JSON])


def is_message(letter: KeptLetter) -> bool:
    """Whether a letter came from Kafka."""
    return letter.door.startswith(DOOR)


def wanted_by(mapping: FileMapping | None) -> Callable[[KeptLetter], bool]:
    """Which messages a replay tries that names none: those that this mapping reads, or that need none."""
    if mapping is None:
        return lambda one: is_message(one) and _format(one) is not Format.MAPPING
    door, formats = f"{DOOR}{mapping.source}", (Format.AUTO, Format.MAPPING)
    return lambda one: one.door == door and _format(one) in formats


def replay_messages(
    ledger: Ledger,
    letters: Iterable[UUID],
    intake: Intake,
    mapping: FileMapping | None = None,
    *,
    corrections: Mapping[str, Any] | None = None,
    actor: UUID | None = None,
) -> Iterator[tuple[UUID, Outcome]]:
    """Try messages again, as `replay_letters` does rows. A correction of `ce_…` is one of a header, any
    other of a name in the object that the value is.

    Before any is tried, raises `NotFound` for a letter that is not there, and `BadUsage` for one that is
    no message, or which another mapping reads than this.
    """
    wanted = list(dict.fromkeys(letters))
    readers: dict[UUID, Reader] = {}
    for letter in map(ledger.vault.letter, wanted):
        readers[letter.id] = _reader(letter, mapping, actor)

    def message(letter: DeadLetter) -> Touchpoint:
        found = _corrected(Message.again(letter.content), corrections or {})
        item = readers[letter.id].read(found).item
        if isinstance(item, Refused):
            raise item
        return item

    yield from try_again(ledger, wanted, message, intake)


def _reader(letter: KeptLetter, mapping: FileMapping | None, actor: UUID | None) -> Reader:
    if not is_message(letter):
        raise BadUsage(f"expected a letter of {DOOR}…, came one of {letter.door}")
    source, form = letter.door.removeprefix(DOOR), _format(letter)
    if form is Format.MAPPING and (mapping is None or mapping.source != source):
        came = "none" if mapping is None else f"that of {mapping.source}"
        raise BadUsage(f"expected the mapping of {source}, which reads its messages, came {came}")
    ours = mapping if mapping is not None and mapping.source == source else None
    return Reader(source, form, ours, actor)


def _format(letter: KeptLetter) -> Format:
    return Format(letter.coordinates["format"])


def _corrected(message: Message, corrections: Mapping[str, Any]) -> Message:
    if not corrections:
        return message
    headers = {name: text for name, text in corrections.items() if name.startswith("ce_")}
    kept = [one for one in message.headers if one[0].lower() not in headers]
    told = [(name, str(text).encode()) for name, text in headers.items()]
    value = message.value
    if others := {name: text for name, text in corrections.items() if name not in headers}:
        value = content_of({**raw_of(value or b"{}"), **others})
    return replace(message, headers=(*kept, *told), value=value)
