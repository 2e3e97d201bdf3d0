"""One event of the book as a record of Kafka: a CloudEvent in binary mode, its attributes in the headers.

Source: CloudEvents 1.0.2, and its Kafka protocol binding 1.0.2, §3.2. Names of extensions are lower-case
letters and digits. What is personal stays sealed; of somebody who is erased there is nothing but what
happened: no customer, no sealed bytes, and the type for a key.
"""

from binascii import b2a_base64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

import orjson

from ledger.clock import from_us
from ledger.event import format_moment
from ledger.sealing import sealed_bytes

Header = tuple[str, bytes]

_REMEMBERED = 10_000
"""Kinds of events, and moments, that are spelled once."""


class Record(NamedTuple):
    """What a producer sends: `value` is None where there is nothing under the key any more."""

    key: bytes
    value: bytes | None
    headers: list[Header]


class CloudEvents:
    """Makes records of the events of one ledger."""

    def __init__(self, ledger_id: UUID) -> None:
        self._ledger_id = ledger_id
        self._constant: dict[tuple[str, str, int, str], tuple[Header, ...]] = {}

    def record(
        self,
        position: int,
        recorded_us: int,
        envelope: Mapping[str, Any],
        personal: bytes,
        *,
        nameless: bool = False,
    ) -> Record:
        """An event as it stands in the book, `envelope` being its body as JSON values; with `nameless`,
        of nobody.

        Value: `{"tags": {kind: value}, "data": {…}, "personal": [base64 of each sealed blob]}`.
        """
        kind = envelope["type"]
        customer = None if nameless else envelope.get("customer")
        key = (kind if customer is None else customer).encode()
        alike = (envelope["source"], kind, envelope["version"], envelope["domain"])
        constant = self._constant.get(alike) or self._spelled(*alike)
        headers = [
            *constant,
            ("ce_id", envelope["id"].encode()),
            ("ce_time", envelope["occurred_at"].encode()),
            ("ce_position", b"%d" % position),
            ("ce_recordedtime", _time(recorded_us)),
            ("ce_partitionkey", key),
        ]
        if customer is not None:
            headers.append(("ce_subject", key))
        if "correlation" in envelope:
            headers.append(("ce_correlation", envelope["correlation"].encode()))
        if "causation" in envelope:
            headers.append(("ce_causation", envelope["causation"].encode()))
        sealed = b""
        if personal and not nameless:
            blobs = [b2a_base64(blob, newline=False) for blob in sealed_bytes(personal)]
            sealed = b'"%b"' % b'","'.join(blobs) if blobs else b""
        tags = dict([tag.split(":", 1) for tag in envelope.get("tags", ())])
        clear = orjson.dumps({"tags": tags, "data": envelope["data"]})
        return Record(key, b'%b,"personal":[%b]}' % (clear[:-1], sealed), headers)

    def _spelled(self, source: str, kind: str, version: int, domain: str) -> tuple[Header, ...]:
        """The headers that events of one type, from one source, have in common."""
        said = {
            "ce_specversion": "1.0",
            "ce_source": f"/bahi/{self._ledger_id}/{quote(source, safe='')}",
            "ce_type": kind,
            "ce_dataschema": schema_of(kind, version),
            "ce_domain": domain,
            "ce_typeversion": str(version),
            "content-type": "application/json",
        }
        if len(self._constant) > _REMEMBERED:
            self._constant.clear()
        constant = tuple((name, text.encode()) for name, text in said.items())
        self._constant[source, kind, version, domain] = constant
        return constant


def schema_of(kind: str, version: int) -> str:
    """The name of the schema of a value, a URI: it stays the same for good."""
    return f"urn:bahi:{kind}:{version}"


@lru_cache(_REMEMBERED)
def _time(us: int) -> bytes:
    """A moment as RFC 3339 has it; all events of an append share one."""
    return format_moment(from_us(us)).encode()
