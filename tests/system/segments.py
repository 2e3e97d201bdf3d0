"""The files in which a broker keeps its topics: what is packed in them, unpacked.

Source: the record batch of Kafka's message format, version 2. A batch is compressed as a whole, so that nothing
in it can be found by looking at the file.
"""

import gzip
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pyarrow as pa

_HEAD = struct.Struct(">qiibIhiqqqhii")
"""Offset, length, leader epoch, magic, checksum, attributes … number of records."""
_LENGTH_FROM = 12
"""What a batch's length does not count: offset and length themselves."""
_CODEC = 0b111
_SNAPPY_BLOCKS = b"\x82SNAPPY\x00"
"""How Java's snappy begins; then two versions, and blocks that say their length. librdkafka has one bare block."""


def batches(log: bytes) -> Iterator[tuple[str, bytes]]:
    """Each batch of a segment: how it was compressed, and its records."""
    at = 0
    while at + _HEAD.size <= len(log):
        _, length, _, magic, _, attributes, *_ = _HEAD.unpack_from(log, at)
        if length <= 0:  # room that was made and not used yet
            return
        assert magic == 2, f"a batch of format {magic} at {at}"
        codec, unpack = _CODECS[attributes & _CODEC]
        yield codec, unpack(log[at + _HEAD.size : at + _LENGTH_FROM + length])
        at += _LENGTH_FROM + length


def unpacked(folder: Path) -> Iterator[tuple[Path, str, bytes]]:
    """Each batch of every segment in a folder of logs: its file, how it was compressed, and its records."""
    for path in sorted(folder.rglob("*.log")):
        for codec, records in batches(path.read_bytes()):
            yield path, codec, records


def _snappy(packed: bytes) -> bytes:
    if not packed.startswith(_SNAPPY_BLOCKS):
        return _snappy_block(packed)
    at, found = len(_SNAPPY_BLOCKS) + 8, b""
    while at < len(packed):
        (length,) = struct.unpack_from(">i", packed, at)
        found += _snappy_block(packed[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def _snappy_block(packed: bytes) -> bytes:
    size, shift = 0, 0
    for byte in packed:  # a varint: how long it is when it is unpacked
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    block: bytes = pa.decompress(packed, size, codec="snappy", asbytes=True)
    return block


def _stream(codec: str, packed: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(packed), codec) as stream:
        found: bytes = stream.read()
    return found


_CODECS: Mapping[int, tuple[str, Callable[[bytes], bytes]]] = {
    0: ("none", lambda packed: packed),
    1: ("gzip", gzip.decompress),
    2: ("snappy", _snappy),
    3: ("lz4", partial(_stream, "lz4")),
    4: ("zstd", partial(_stream, "zstd")),
}
