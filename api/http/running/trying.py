"""Lines to try a server with, which work as they are printed."""

import shlex
from collections.abc import Iterator
from datetime import timedelta

import orjson

from api.demo import STAR
from api.http.roles import Role
from api.wiring import Bahi
from ledger.identifiers import parse_identifier
from ledger.vault import ApiKey

_SOURCE = "trying"
_WORKS_FOR = timedelta(days=1)


def lines(bahi: Bahi, address: str) -> Iterator[str]:
    """Three calls by `curl`, with a key made for them: a touchpoint, a customer and a view."""
    now = bahi.clock()
    key = bahi.ledger.vault.issue(
        ApiKey(bahi.ids(), _SOURCE, Role.SERVICE, _SOURCE, False, now, now + _WORKS_FOR)
    )
    star = parse_identifier(STAR)
    touchpoint = {
        "id": str(bahi.ids()),
        "type": "page.viewed",
        "occurred_at": now,
        "identifiers": {star.kind: star.value},
        "data": {"page": "pricing"},
    }
    yield _line(key, f"{address}/v1/events", orjson.dumps(touchpoint).decode())
    known = bahi.ledger.vault.look_up(star)
    yield _line(key, f"{address}/v1/customers/{known}" if known else f"{address}/v1/views")
    yield _line(key, f"{address}/v1/views/pipeline")


def _line(key: str, url: str, body: str | None = None) -> str:
    command = ["curl", "-sS", "-H", f"Authorization: Bearer {key}"]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d", body]
    return shlex.join([*command, url])
