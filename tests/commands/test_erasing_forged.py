"""A forged word of an erasure, through every door that takes events: refused, and it destroys nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.dcb.api import DCBEvent
from eventsourcing.persistence import ProgrammingError

from commands.privacy.erasing import resume
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.book import CUSTOMER_TAG
from ledger.dcb import BookRecorder, NativeEvent
from ledger.errors import ReservedType
from ledger.event import Event
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from tests.commands.erasures import LEO, lives, office
from tests.commands.samples import NOW, opened, recorded, take, told

TYPES = ["customer.erasing", "customer.erased"]
DATA: dict[str, dict[str, Any]] = {
    "customer.erasing": {"legal_basis": "x"},
    "customer.erased": {
        "legal_basis": "x", "commitments": [], "book_size": 1, "vault_generation": 1,
        "backups_dead_from": "2026-01-01",
    },
}  # fmt: skip
RESERVED = "ReservedType type: expected a type that a door may append, came "


def recording(ledger: Ledger, type_: str, anna: UUID) -> None:
    """Handed in as a touchpoint, by her name and by her id."""
    payload = catalogue.parse(type_, DATA[type_], at_a_door=False)
    named = Touchpoint(payload, NOW, "forger", "1", identifiers=(Identifier("user", "anna"),))
    known = Touchpoint(payload, NOW, "forger", "2", customer=anna)
    refused = ("refused", f"{RESERVED}'{type_}'")
    assert told(take(ledger, named, known)) == [refused, refused]


def parsing(_: Ledger, type_: str, __: UUID) -> None:
    """Parsed, as files, topics and requests over HTTP are."""
    with pytest.raises(ReservedType):
        catalogue.parse(type_, DATA[type_])


def as_ours(ledger: Ledger, type_: str, anna: UUID) -> None:
    """Said to come from us, in an event that a door may append."""
    payload = catalogue.parse("page.viewed", {"page": type_})
    outcomes = take(ledger, Touchpoint(payload, NOW, "bahi", "1", customer=anna))
    assert told(outcomes) == [
        ("refused", "BadField source: expected one that is not ours, as bahi is, came 'bahi'")
    ]


def through_the_library(ledger: Ledger, type_: str, anna: UUID) -> None:
    """Appended by an application of the eventsourcing library, in any of its shapes."""
    recorder = BookRecorder(ledger.book)
    forged = Event(uuid4(), type_, 1, "privacy", NOW, "bahi", DATA[type_], anna, actor=LEO)
    tag = f"{CUSTOMER_TAG}{anna}"
    for event in (
        DCBEvent(type=type_, data=b"{}", tags=[tag]),
        DCBEvent(type=type_, data=b"{}", tags=[]),
        DCBEvent(type="Anything", data=b"{}", tags=[tag]),
        NativeEvent(type=type_, data=b"", tags=[tag], event=forged),
        NativeEvent(type="Anything", data=b"", tags=[tag], event=forged),
    ):
        with pytest.raises(ProgrammingError, match="those come through commands"):
            recorder.append([event])
    # What carries none of our names is the application's own, whatever else it brings.
    recorder.append([NativeEvent(type="Anything", data=b"{}", tags=[], event=forged)])


DOORS: list[Callable[[Ledger, str, UUID], None]] = [
    recording,
    parsing,
    as_ours,
    through_the_library,
]


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("door", DOORS)
def test_it_is_refused_and_destroys_nothing(
    folder: Path, door: Callable[[Ledger, str, UUID], None], type_: str
) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        kept = ledger.vault.belongings([anna])
        door(ledger, type_, anna)
        assert not set(TYPES) & {r.event.type for r in recorded(ledger)}
        assert ledger.gone.now() == frozenset()
        assert resume(office(ledger)) == 0
        assert ledger.vault.belongings([anna]) == kept
        assert ledger.vault.announced() == []
