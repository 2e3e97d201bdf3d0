"""Arrays as PostgreSQL takes them in binary, each packed in one go.

psycopg dumps a list element by element, and asks each for its type: for a thousand events that takes
longer than making their envelopes. Here the type is said by whoever packs. The format is that of
`array_recv`: dimensions, whether there are nulls, type of the elements; for each dimension its length
and lower bound; and for each element its length and its bytes. Numbers are big-endian.
"""

import struct
from collections.abc import Sequence

from psycopg import adapters, pq
from psycopg.postgres import types

_HEAD = struct.Struct(">iiIii")
_EMPTY = struct.Struct(">iiI")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_LENGTHS = [_LENGTH.pack(length) for length in range(1_024)]
"""Of elements that are short, as nearly all are."""
_UUID, _TEXT, _BYTEA, _INT8, _JSON = (
    types[name].oid for name in ("uuid", "text", "bytea", "int8", "json")
)


class Uuids(bytes):
    """Each of these is an array that is ready to be sent, of a class by which psycopg tells its type."""


class Texts(bytes): ...


class ByteStrings(bytes): ...


class Numbers(bytes): ...


class Documents(bytes): ...


def uuids(values: Sequence[bytes]) -> Uuids:
    """The bytes of UUIDs, 16 each."""
    return Uuids(_LENGTHS[16].join([_head(_UUID, len(values)), *values]))


def numbers(values: Sequence[int]) -> Numbers:
    head = _head(_INT8, len(values))
    return Numbers(_LENGTHS[8].join([head, *[value.to_bytes(8, signed=True) for value in values]]))


def texts(values: Sequence[str]) -> Texts:
    return Texts(_varying(_TEXT, [value.encode() for value in values]))


def byte_strings(values: Sequence[bytes]) -> ByteStrings:
    return ByteStrings(_varying(_BYTEA, values))


def documents(values: Sequence[bytes | None]) -> Documents:
    """JSON that is text already; None is a null."""
    parts = [_NULL if value is None else _LENGTH.pack(len(value)) + value for value in values]
    return Documents(b"".join([_head(_JSON, len(values), None in values), *parts]))


def _varying(element: int, values: Sequence[bytes]) -> bytes:
    parts = [_head(element, len(values))]
    for value in values:
        length = len(value)
        parts += (_LENGTHS[length] if length < 1_024 else _LENGTH.pack(length), value)
    return b"".join(parts)


def _head(element: int, length: int, has_nulls: bool = False) -> bytes:
    return _HEAD.pack(1, has_nulls, element, length, 1) if length else _EMPTY.pack(0, 0, element)


def _register(kind: type[bytes], element: int) -> None:
    """For every connection that is made from now on; nobody else has values of these classes.

    The dumper is that of bytea, which hands bytes on as they are, in C where psycopg is: it says
    another type.
    """
    of_bytea = adapters.get_dumper_by_oid(_BYTEA, pq.Format.BINARY)
    dumper = type(f"{kind.__name__}Dumper", (of_bytea,), {"oid": types[element].array_oid})
    adapters.register_dumper(kind, dumper)


_register(Uuids, _UUID)
_register(Texts, _TEXT)
_register(ByteStrings, _BYTEA)
_register(Numbers, _INT8)
_register(Documents, _JSON)
