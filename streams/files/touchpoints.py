"""Raw rows made into touchpoints by a mapping, whatever file, topic or dead letter they come from."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import About, EventType
from ledger.errors import BadField, BadUsage, Refused, UnknownType, came
from ledger.identifiers import Identifier, named_in
from streams.files import cells
from streams.files.loading import kind_of
from streams.files.mapping import Cell, Mapping
from streams.files.rows import Raw


def touchpoint_of(
    raw: Raw,
    mapping: Mapping,
    *,
    id_columns: Sequence[str] = (),
    row_id: str | None = None,
    actor: UUID | None = None,
) -> Touchpoint:
    """The touchpoint of one raw row, such as `raw_of` makes of a dead letter.

    The message id is that of the mapping's columns, else of `id_columns`, else `row_id`.
    Raises `Refused` for a row that cannot be taken, `BadUsage` where nothing gives it an id.
    """
    return Mapper(mapping, id_columns=id_columns, actor=actor).touchpoint(raw, row_id)


class Mapper:
    """A mapping made into closures once, for many rows."""

    def __init__(
        self, mapping: Mapping, *, id_columns: Sequence[str] = (), actor: UUID | None = None
    ) -> None:
        if id_columns and mapping.event.message_id and (*id_columns,) != mapping.event.message_id:
            named = ", ".join(mapping.event.message_id)
            raise BadUsage(f"{mapping.name} names the message id already: {named}")
        self._mapping = mapping
        self._actor = actor
        timed = mapping.event.occurred_at
        self._occurred_at = cells.moment("occurred_at", timed.column, timed.format, timed.zone)
        self._topic = cells.text("type", mapping.event.type)
        self.id_columns = mapping.event.message_id or tuple(id_columns)
        self._ids = _texts({name: Cell(column=name) for name in self.id_columns}, "message_id")
        self._identifiers = _texts(mapping.identifiers, "identifiers.{}")
        self._references = _texts(mapping.references, "references.{}")
        self._tags = _texts(mapping.tags, "tags.{}")
        others = {name for model in catalogue.types() for name in model.OTHERS}
        told: dict[str, Cell] = {
            name: cell for name, cell in mapping.fields.items() if name in others
        }
        self._others = _texts(told, "{}")
        self._attributes: dict[str, list[tuple[str, cells.Read]]] = {}

    def touchpoint(self, raw: Raw, row_id: str | None = None) -> Touchpoint:
        """The touchpoint of a row; raises as `touchpoint_of` does."""
        topic = self._topic(raw)
        if topic is None:
            raise BadField("type", "the name of an event type", "nothing")
        attributes = self._attributes.get(topic)
        if attributes is None:
            attributes = self._attributes[topic] = self._attributes_of(_type(topic))
        at = self._occurred_at(raw)
        if at is None:
            raise BadField("occurred_at", "a time", "nothing")
        values = {}
        for name, read in attributes:
            value = read(raw)
            if value is not None:
                values[name] = value
        payload = catalogue.parse(topic, values)
        return Touchpoint(
            payload,
            at,
            self._mapping.source,
            self._message_id(raw, row_id),
            _named(self._identifiers, raw) if payload.ABOUT is not About.NOBODY else (),
            _named(self._references, raw) if self._references else (),
            {kind: value for kind, read in self._tags if (value := read(raw)) is not None},
            actor=self._actor,
        )

    def named_in(self, raw: Raw) -> tuple[tuple[Identifier, ...], str | None]:
        """Whom a row names, as of whom it tells, and in which market, as far as that can be read of a
        refused one.
        """
        read = [(kind, _readable(cell, raw)) for kind, cell in self._identifiers]
        named = tuple(Identifier(kind, value) for kind, value in read if value is not None)
        others = (named_in(_readable(cell, raw) or "") for _, cell in self._others)
        named += tuple(other for other in others if other is not None)
        markets = (_readable(cell, raw) for kind, cell in self._tags if kind == "market")
        return named, next(markets, None)

    def _attributes_of(self, model: type[EventType]) -> list[tuple[str, cells.Read]]:
        """The readers of the mapped fields that this type has."""
        fields = self._mapping.fields
        currency = fields.get("currency")
        return [
            (name, cells.attribute(name, cell, kind_of(name) or "text", currency))
            for name, cell in fields.items()
            if name in model.model_fields
        ]

    def _message_id(self, raw: Raw, row_id: str | None) -> str:
        """One column's text as it is, several as a JSON array: no two rows can be spelled alike."""
        if not self._ids:
            if row_id is None:
                raise BadUsage(
                    "nothing gives the row a message id: no column and no place in a file"
                )
            return row_id
        parts = [read(raw) for _, read in self._ids]
        if None in parts:
            raise BadField("message_id", "text in " + ", ".join(self.id_columns), "nothing")
        return parts[0] if len(parts) == 1 else orjson.dumps(parts).decode()


def _type(topic: str) -> type[EventType]:
    """The type; an unknown one is not quoted, since cells slip into neighbouring columns."""
    try:
        return catalogue.find(topic)
    except UnknownType as refusal:
        raise UnknownType(refusal.field, refusal.expected, came(topic)) from None


_Readers = list[tuple[str, cells.Read]]


def _texts(given: dict[str, Cell], field: str) -> _Readers:
    return [(kind, cells.text(field.format(kind), cell)) for kind, cell in given.items()]


def _readable(read: cells.Read, raw: Raw) -> str | None:
    try:
        value: str | None = read(raw)
    except Refused:
        return None
    return value


def _named(readers: _Readers, raw: Raw) -> tuple[Identifier, ...]:
    values: list[tuple[str, Any]] = [(kind, read(raw)) for kind, read in readers]
    return tuple(Identifier(kind, value) for kind, value in values if value is not None)
