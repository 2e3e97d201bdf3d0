"""The auditor of what comes in finds what is planted, each with the check that is for it, and nothing else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import UUID

import pytest

from tests.soak.streams.consumed import BAD, FORM, NUMBER, SECRET, Intake, audit
from tests.soak.streams.reading import Record, Topic
from tests.soak.tables import Row

_PEOPLE = ("ada", "bob", "eve")
_PAGES = (3,)
"""Numbers said in Segment's way."""


def _sent(offset: int, n: int) -> Record:
    header = (NUMBER, str(n).encode()) if n else (BAD, b"cut off")
    form = (FORM, b"segment" if n in _PAGES else b"binary")
    return Record(n % 3, offset, _PEOPLE[n % 3], SECRET.encode(), [header, form])


def _refusal(offset: int, **said: object) -> Record:
    told = {"topic": "given", "partition": 0, "offset": offset, "field": "value", "reason": "JSON"}
    return Record(0, offset, f"given/0/{offset}", json.dumps({**told, **said}).encode())


def _row(position: int, n: int, **said: object) -> Row:
    page = n in _PAGES
    envelope = {
        "type": "page.viewed" if page else "order.placed",
        "customer": str(UUID(int=n % 3)),
        "data": {"page": f"p{n}"} if page else {"amount_minor": n, "currency": "EUR"},
        "source": "web",
        **said,
    }
    body = json.dumps(envelope).encode()
    return Row(position, 0, UUID(int=n), str(envelope["type"]), 0, body, b"x", b"")


NUMBERS = (1, 2, 3, 4, 5, 6, 4, 0, 0)
"""What was sent at each offset, one of them twice, two of them bad."""
SOUND = Intake(
    "given",
    Topic([_sent(offset, n) for offset, n in enumerate(NUMBERS)]),
    [_row(position, n) for position, n in enumerate((1, 2, 4, 3, 6, 5), start=1)],
    Topic([_refusal(7), _refusal(8), _refusal(8)]),
    [{"topic": "given", "partition": 0, "offset": offset} for offset in (7, 8)],
    {0: 9, 1: 7, 2: 5},
    {0: 9, 1: 7, 2: 5},
)


def test_what_is_sound_is_found_sound() -> None:
    assert audit(SOUND) == []


ROWS, DEAD = [*SOUND.rows], [*SOUND.dead.records]

PLANTED: Mapping[str, tuple[Callable[[], Intake], set[str]]] = {
    "a message missing": (lambda: replace(SOUND, rows=ROWS[1:]), {"each message once"}),
    "a message twice": (
        lambda: replace(SOUND, rows=[*ROWS, _row(7, 6)]),
        {"each message once"},
    ),
    "one that nobody sent": (
        lambda: replace(SOUND, rows=[*ROWS, _row(7, 9, customer="somebody")]),
        {"each message once"},
    ),
    "one before its time": (
        lambda: replace(SOUND, rows=[*ROWS[:3], ROWS[4], ROWS[3], ROWS[5]][::-1]),
        {"in order of each key"},
    ),
    "one person as two": (
        lambda: replace(SOUND, rows=[*ROWS[:-1], _row(6, 5, customer=str(UUID(int=9)))]),
        {"one customer a key"},
    ),
    "two people as one": (
        lambda: replace(
            SOUND, rows=[_row(row.position, n, customer="x") for n, row in SOUND.taken]
        ),
        {"one customer a key"},
    ),
    "a source of the sender's": (
        lambda: replace(SOUND, rows=[*ROWS[:-1], _row(6, 5, source="/shop")]),
        {"as it was sent"},
    ),
    "a page for an order": (
        lambda: replace(SOUND, rows=[*ROWS[:-1], _row(6, 5, data={"page": "p5"})]),
        {"as it was sent"},
    ),
    "something of another beside it": (
        lambda: replace(
            SOUND, rows=[*ROWS[:3], _row(4, 3, data={"page": "p3", "quantity": 2}), *ROWS[4:]]
        ),
        {"as it was sent"},
    ),
    "nothing sealed": (
        lambda: replace(SOUND, rows=[*ROWS[:-1], replace(ROWS[-1], personal=b"")]),
        {"as it was sent"},
    ),
    "a refusal not told": (lambda: replace(SOUND, dead=Topic(DEAD[1:])), {"refusals"}),
    "a refusal not kept": (lambda: replace(SOUND, letters=SOUND.letters[1:]), {"refusals"}),
    "a good one refused": (
        lambda: replace(SOUND, dead=Topic([*DEAD, _refusal(2)])),
        {"refusals"},
    ),
    "no reason": (
        lambda: replace(SOUND, dead=Topic([*DEAD, _refusal(8, reason="")])),
        {"refusals"},
    ),
    "a refusal that quotes": (
        lambda: replace(SOUND, dead=Topic([*DEAD, _refusal(8, reason=f"came {SECRET}")])),
        {"nothing readable"},
    ),
    "an event that quotes": (
        lambda: replace(SOUND, rows=[*ROWS[:-1], _row(6, 5, tags=[SECRET])]),
        {"nothing readable"},
    ),
    "not committed": (lambda: replace(SOUND, committed={0: 9, 1: 7}), {"committed to the end"}),
    "committed too far": (
        lambda: replace(SOUND, committed={**SOUND.ends, 0: 10}),
        {"committed to the end"},
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_what_is_planted_is_found(fault: str) -> None:
    plant, expected = PLANTED[fault]
    found = audit(plant())
    assert {finding.partition(":")[0] for finding in found} == expected, found
