"""Batches at which the client would be stuck for good, read all the same.

The protocol has names of headers in UTF-8 and holds nobody to it. Where one is not, the client can read neither
that record nor what comes after it in its batch. So such a name is written over with as many `?`, and the record is
refused or taken for the rest of it, as any other.

A broker limits a batch as it is packed, and a megabyte may be packed of gigabytes, for which there is no memory. Of a
batch that comes to more than `MAX_UNPACKED_BYTES` no record is read: each is a header `TOO_LONG`, and is refused.

Source: Kafka's record format, version 2 (Apache Kafka documentation, "Record Batch" and "Record").
"""

from collections.abc import Callable, Mapping
from gzip import GzipFile
from io import BytesIO
from typing import Any

from kafka import codec
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

_BEFORE_THE_KEY = 4
"""Numbers before a record's key: its length, attributes, and how much later it is and further on."""


MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""What a batch may come to: sixty-four of the longest messages that are taken."""
_AT_ONCE = 1024 * 1024
TOO_LONG = "bahi-too-long"
"""The only header of a record that was not read."""

_FRAMES: Mapping[int, Callable[[bytes], Any]] = {
    DefaultRecordBatch.CODEC_GZIP: lambda packed: GzipFile(fileobj=BytesIO(packed)),
    DefaultRecordBatch.CODEC_LZ4: lambda packed: codec.lz4.LZ4FrameFile(BytesIO(packed)),
    DefaultRecordBatch.CODEC_ZSTD: lambda packed: codec.zstd.ZstdDecompressor().stream_reader(
        packed, read_across_frames=True
    ),
}
"""How to read what is packed by each, a part at a time; Snappy packs no more than some twenty times."""


class TolerantBatch(DefaultRecordBatch):  # type: ignore[misc]
    """A batch of records as the client reads it."""

    _buffer: bytearray
    _decompressed: bool
    _pos: int

    def __init__(self, buffer: Any) -> None:
        super().__init__(buffer)
        self._too_long = False

    def _maybe_uncompress(self) -> None:
        kind = self.compression_type
        if self._decompressed or kind not in _FRAMES:
            super()._maybe_uncompress()
            return
        self._assert_has_codec(kind)
        packed = bytes(memoryview(self._buffer)[self.HEADER_STRUCT.size :])
        found = bytearray()
        with _FRAMES[kind](packed) as frames:
            while len(found) <= MAX_UNPACKED_BYTES and (part := frames.read(_AT_ONCE)):
                found += part
        self._too_long = len(found) > MAX_UNPACKED_BYTES
        self._buffer = bytearray() if self._too_long else found
        self._pos = 0
        self._decompressed = True

    def _read_msg(self) -> Any:
        if self._too_long:
            # Where records were taken out by compaction, only the last is where it was.
            left = self.records_count - 1 - self._next_record_index
            offset = self.base_offset + self._next_record_index if left else self.last_offset
            header = (TOO_LONG, b"")
            at = self.max_timestamp, self.timestamp_type
            return DefaultRecord(0, offset, *at, None, None, [header])
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
