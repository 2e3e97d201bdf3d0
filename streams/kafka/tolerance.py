"""Headers whose names are no UTF-8, read all the same.

The protocol has names in UTF-8 and holds nobody to it. Where one is not, the client can read neither that record
nor what comes after it in its batch, and a partition would be stuck there for good. So such a name is written
over with as many `?`, and the record is refused or taken for the rest of it, as any other.

Source: Kafka's record format, version 2 (Apache Kafka documentation, "Record Batch" and "Record").
"""

from typing import Any

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

_BEFORE_THE_KEY = 4
"""Numbers before a record's key: its length, attributes, and how much later it is and further on."""


class TolerantBatch(DefaultRecordBatch):  # type: ignore[misc]
    """A batch of records as the client reads it."""

    __slots__ = ()

    def _read_msg(self) -> Any:
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            _write_over(self._buffer, self._pos)
            return super()._read_msg()


def tolerate() -> None:
    """Have every consumer of this process read so; the client has no other place for it."""
    memory_records.DefaultRecordBatch = TolerantBatch


def _write_over(buffer: bytearray, at: int) -> None:
    """Write over the names that are no UTF-8 of the record that begins there."""
    for _ in range(_BEFORE_THE_KEY):
        _, at = decode_varint(buffer, at)
    for _ in ("key", "value"):
        at = _after(buffer, at)
    count, at = decode_varint(buffer, at)
    for _ in range(count):
        begin = decode_varint(buffer, at)[1]
        at = _after(buffer, at)
        try:
            buffer[begin:at].decode()
        except UnicodeDecodeError:
            buffer[begin:at] = b"?" * (at - begin)
        at = _after(buffer, at)


def _after(buffer: bytearray, at: int) -> int:
    """Where bytes end that have their length before them; a negative one stands for none at all."""
    length, begin = decode_varint(buffer, at)
    return int(begin + max(length, 0))
