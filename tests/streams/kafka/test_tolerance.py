"""Names of headers that are no UTF-8: the client cannot read them, and so ours does."""

import pytest
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from streams.kafka.tolerance import TolerantBatch, tolerate

_NAME = "öffnen"


def batch(codec: int) -> bytes:
    """Three records as a broker hands them out, the second with such a name."""
    builder = MemoryRecordsBuilder(2, codec, 4096)
    for key in (b"1", b"2", b"3"):
        name = _Latin(_NAME) if key == b"2" else _NAME
        builder.append(1, key, None, [("before", b"\xff"), (name, b"told"), ("after", None)])
    builder.close()
    return bytes(builder.buffer())


class _Latin(str):
    """A name that is written in another encoding."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return str.encode(self, "latin-1")


@pytest.mark.parametrize("codec", [0, 1, 4], ids=["plain", "gzip", "zstd"])
def test_such_a_name_is_written_over_and_all_else_is_read(codec: int) -> None:
    tolerate()
    (whole,) = MemoryRecords(batch(codec))
    assert isinstance(whole, TolerantBatch)
    read = [(record.key, record.headers) for record in whole]
    names = [_NAME, "?" * len(_NAME), _NAME]
    assert read == [
        (key, [("before", b"\xff"), (name, b"told"), ("after", None)])
        for key, name in zip((b"1", b"2", b"3"), names, strict=True)
    ]


def test_the_client_by_itself_still_stops_there() -> None:
    """If this fails, the client has learnt it, and `tolerance.py` can go."""
    whole = DefaultRecordBatch(batch(0))
    assert next(whole).key == b"1"
    for _ in range(2):
        with pytest.raises(CorruptRecordError, match="utf-8"):
            next(whole)
