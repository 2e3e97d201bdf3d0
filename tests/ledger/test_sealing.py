"""Sealed records: they open in their own place, for a reason, while the person's keys live."""

import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ledger.catalogue import Retention
from ledger.errors import BadField, BadUsage, Erased, KeysUnavailable
from ledger.event import Event
from ledger.keyring import Keyring
from ledger.sealing import (
    Blob,
    KeyRecord,
    Opening,
    Part,
    Sealer,
    blobs,
    encode_records,
    sealed_size,
)
from ledger.stores import open_vault
from tests.ledger.conftest import MakeAddress
from tests.ledger.openings import CLERK, on_record_in
from tests.ledger.processes import DIE, run_until_killed
from tests.ledger.vault_samples import OPEN_VAULT, sql

ANNA = UUID("aaaaaaaa-0000-4000-8000-000000000001")
PRIYA = UUID("bbbbbbbb-0000-4000-8000-000000000002")
NAMED: Part = (ANNA, Retention.IDENTITY)
SAID: Part = (ANNA, Retention.CONTENT)
OTHER: Part = (PRIYA, Retention.IDENTITY)
FIELDS = {"name": "Änna Maier", "phone": "+491711234567"}


class Place:
    """A vault with its sealer."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address = address
        self.keyring = Keyring.create(folder / "keyring.json")
        self.vault = open_vault(address, self.keyring)
        self.sealer = Sealer(self.keyring.ledger_id, self.vault)
        self.folder = folder

    def close(self) -> None:
        self.vault.close()

    def sealed(self, event: Event, *parts: Part) -> Event:
        keys = self.vault.subject_keys(parts)
        given = {part: {**FIELDS, "class": part[1].value} for part in parts}
        return replace(event, personal=self.sealer.seal(event, given, keys))

    def open(self, event: Event) -> dict[Part, object]:
        with self.opening() as opening:
            return dict(opening.open(event))

    def opening(self, *customers: UUID) -> Opening:
        """Open data of these (of both of them), which is on record."""
        return self.sealer.opening(on_record_in(self.folder, *(customers or (ANNA, PRIYA))))

    def begin_erasing(self, customer: UUID) -> None:
        sql(self.address, "INSERT INTO erasing VALUES (?)", customer.bytes)


@pytest.fixture
def place(tmp_path: Path, vault_address: str) -> Iterator[Place]:
    with closing(Place(tmp_path, vault_address)) as place:
        yield place


@pytest.fixture(scope="module")
def lasting_place(
    tmp_path_factory: pytest.TempPathFactory, new_vault_address: MakeAddress
) -> Iterator[Place]:
    """One place for all the examples of a property."""
    folder = tmp_path_factory.mktemp("vault")
    with closing(Place(folder, new_vault_address(folder))) as place:
        yield place


def an_event() -> Event:
    return Event(uuid4(), "order.placed", 1, "touchpoint", datetime(2026, 3, 1, tzinfo=UTC), "shop")


def sealed_blobs(event: Event) -> list[Blob]:
    return [record for record in blobs(event.personal) if isinstance(record, Blob)]


def test_what_is_sealed_opens_by_person_and_class(place: Place) -> None:
    event = place.sealed(an_event(), NAMED, SAID, OTHER)
    assert place.open(event) == {
        NAMED: {**FIELDS, "class": "identity"},
        SAID: {**FIELDS, "class": "content"},
        OTHER: {**FIELDS, "class": "identity"},
    }
    assert place.open(an_event()) == {}


def test_the_stored_bytes_are_as_they_are_written_down(place: Place) -> None:
    event = place.sealed(an_event(), SAID)
    key = place.vault.key(*SAID, 1)
    raw = event.personal
    assert raw[:52] == b"\x02" + ANNA.bytes + b"\x03" + b"\x00\x01" + key.commitment
    raw = raw[52:]
    assert raw[:20] == b"\x01" + ANNA.bytes + b"\x03" + b"\x00\x01"
    nonce, length, ciphertext = raw[20:32], raw[32:36], raw[36:]
    assert length == len(ciphertext).to_bytes(4, "big")
    bound = b""
    for part in (
        place.keyring.ledger_id.bytes, event.id.bytes, b"order.placed", b"1", ANNA.bytes, b"\x03",
        b"\x00\x01",
    ):  # fmt: skip
        bound += len(part).to_bytes(4, "big") + part
    padded = AESGCM(key.encryption).decrypt(nonce, ciphertext, bound)
    text = '{"class":"content","name":"Änna Maier","phone":"+491711234567"}'.encode()
    assert padded == (len(text).to_bytes(4, "big") + text).ljust(128, b"\x00")


@pytest.mark.parametrize(("characters", "padded"), [(1, 64), (49, 64), (50, 128), (500, 576)])
def test_lengths_are_padded_to_64_bytes(place: Place, characters: int, padded: int) -> None:
    keys = place.vault.subject_keys([SAID])
    personal = place.sealer.seal(an_event(), {SAID: {"said": "x" * characters}}, keys)
    (blob,) = (record for record in blobs(personal) if isinstance(record, Blob))
    assert len(blob.ciphertext) == padded + 16


def test_the_size_is_known_before_there_are_keys(place: Place) -> None:
    parts = {NAMED: FIELDS, SAID: {"said": "x" * 100}}
    size = sealed_size(parts.values())
    assert len(place.sealer.seal(an_event(), parts, place.vault.subject_keys(parts))) == size


def test_nothing_of_it_is_readable_in_the_event(place: Place) -> None:
    event = place.sealed(an_event(), NAMED)
    for value in FIELDS.values():
        assert value.encode() not in event.personal
    assert "Maier" not in repr(place.vault.key(*NAMED, 1))


def test_a_nonce_is_never_used_again(place: Place) -> None:
    keys = place.vault.subject_keys([NAMED])
    event = an_event()
    sealed = [place.sealer.seal(event, {NAMED: FIELDS}, keys) for _ in range(3_000)]
    found = [record.nonce for raw in sealed for record in blobs(raw) if isinstance(record, Blob)]
    assert len(set(found)) == len(found) == 3_000


def moved(change: str, event: Event, place: Place) -> Event:
    """The event with its one blob where it does not belong."""
    (blob,) = sealed_blobs(event)
    place.vault.subject_keys([OTHER, SAID])
    match change:
        case "event":
            return replace(event, id=uuid4())
        case "type":
            return replace(event, type="order.refunded")
        case "version":
            return replace(event, version=2)
        case "person":
            blob = replace(blob, subject=PRIYA)
        case "class":
            blob = replace(blob, retention=Retention.CONTENT)
        case "bit":
            last = blob.ciphertext[-1] ^ 1
            blob = replace(blob, ciphertext=blob.ciphertext[:-1] + bytes([last]))
        case _:
            assert change == "nothing"
    return replace(event, personal=encode_records([blob]))


@pytest.mark.parametrize("change", ["event", "type", "version", "person", "class", "bit"])
def test_a_blob_that_was_moved_or_altered_does_not_open(place: Place, change: str) -> None:
    event = place.sealed(an_event(), NAMED)
    (found,) = place.open(moved(change, event, place)).values()
    assert isinstance(found, KeysUnavailable)
    assert not isinstance(found, Erased)
    assert "it was altered, or moved here from another event" in str(found)
    assert place.open(moved("nothing", event, place)) == {NAMED: {**FIELDS, "class": "identity"}}


def test_a_blob_is_bound_to_its_ledger_and_key_version_too(place: Place) -> None:
    event = place.sealed(an_event(), NAMED)
    (blob,) = sealed_blobs(event)
    key = place.vault.key(*NAMED, 1)
    assert place.sealer.unseal(event, blob, key)["name"] == "Änna Maier"
    for sealer, of_version in [(Sealer(uuid4(), place.vault), 1), (place.sealer, 2)]:
        with pytest.raises(KeysUnavailable, match="altered, or moved"):
            sealer.unseal(event, replace(blob, key_version=of_version), key)


def test_only_theirs_opens_whose_opening_is_on_record(place: Place) -> None:
    event = place.sealed(an_event(), NAMED, SAID, OTHER)
    with place.opening(ANNA) as opening:
        assert opening.open(event).keys() == {NAMED, SAID}
    with place.opening(CLERK) as opening:
        assert opening.open(event) == {}


def test_what_a_request_has_under_a_key_of_its_own_is_theirs_who_asked(place: Place) -> None:
    request = uuid4()
    asked = replace(an_event(), customer=ANNA, data={"request": str(request)})
    event = place.sealed(asked, (request, Retention.IDENTITY), OTHER)
    for subject, found in ((ANNA, 1), (request, 1), (CLERK, 0)):
        with place.opening(subject) as opening:
            assert len(opening.open(event)) == found
    with place.opening(ANNA) as opening:
        assert opening.open(replace(event, data={"request": str(uuid4())})) == {}


def test_many_are_opened_as_one_by_one(place: Place) -> None:
    events = [place.sealed(an_event(), NAMED), an_event(), place.sealed(an_event(), SAID, OTHER)]
    sql(place.address, "DELETE FROM subject_key WHERE subject = ?", PRIYA.bytes)
    with place.opening() as opening:
        together = opening.open_all(events)
        assert [list(parts) for parts in together] == [[NAMED], [], [SAID, OTHER]]
        assert [str(parts) for parts in together] == [str(opening.open(one)) for one in events]
        assert opening.open_all([]) == []


def test_an_opening_that_has_ended_opens_nothing_more(place: Place) -> None:
    event = place.sealed(an_event(), NAMED)
    with place.opening(ANNA) as opening:
        assert (opening.on_record.actor, opening.on_record.purpose) == (CLERK, "service")
        opening.open(event)
    with pytest.raises(BadUsage, match="one that has ended"):
        opening.open(event)


def test_erased_and_unavailable_are_different_answers_and_neither_is_silence(place: Place) -> None:
    event = place.sealed(an_event(), NAMED, SAID, OTHER)
    place.begin_erasing(ANNA)
    sql(place.address, "DELETE FROM subject_key WHERE subject = ?", PRIYA.bytes)
    answers = place.open(event)
    assert {part: type(answer) for part, answer in answers.items()} == {
        NAMED: Erased,
        SAID: Erased,
        OTHER: KeysUnavailable,
    }


def test_a_tombstone_closes_what_a_restored_vault_could_still_open(place: Place) -> None:
    event = place.sealed(an_event(), NAMED)
    place.keyring.add_tombstone(ANNA)
    assert isinstance(place.open(event)[NAMED], Erased)


def test_an_erasure_that_begins_during_a_request_is_not_overlooked(place: Place) -> None:
    event = place.sealed(an_event(), NAMED, OTHER)
    with place.opening() as opening:
        assert opening.open(event)[NAMED] == {**FIELDS, "class": "identity"}
        place.begin_erasing(ANNA)
        answers = opening.open(event)
    assert isinstance(answers[NAMED], Erased)
    assert answers[OTHER] == {**FIELDS, "class": "identity"}


def test_nothing_is_sealed_for_the_erased(place: Place) -> None:
    place.begin_erasing(ANNA)
    with pytest.raises(Erased, match=f"^customer {ANNA} is erased"):
        place.sealed(an_event(), NAMED)


def test_text_that_is_not_unicode_is_refused_without_being_quoted(place: Place) -> None:
    keys = place.vault.subject_keys([NAMED])
    with pytest.raises(BadField) as refused:
        place.sealer.seal(an_event(), {NAMED: {"name": "An\ud800na"}}, keys)
    assert str(refused.value) == (
        "personal: expected JSON values, their text in Unicode, came something else"
    )


def test_the_first_event_under_a_key_records_it(place: Place) -> None:
    first, second = (an_event() for _ in range(2))
    batch = place.sealer.batch([NAMED, OTHER])
    records = [
        list(blobs(batch.seal(first, {NAMED: FIELDS}))),
        list(blobs(batch.seal(second, {NAMED: FIELDS, OTHER: FIELDS}))),
    ]
    key = place.vault.key(*NAMED, 1)
    assert records[0][0] == KeyRecord(ANNA, Retention.IDENTITY, 1, key.commitment)
    kinds = [[(type(r), r.subject) for r in of_event] for of_event in records]
    assert kinds == [
        [(KeyRecord, ANNA), (Blob, ANNA)],
        [(Blob, ANNA), (KeyRecord, PRIYA), (Blob, PRIYA)],
    ]


def test_a_key_counts_as_logged_when_the_event_that_records_it_is_in_the_book(place: Place) -> None:
    first, second = an_event(), an_event()
    batch = place.sealer.batch([NAMED, OTHER])
    batch.seal(first, {NAMED: FIELDS})
    batch.seal(second, {OTHER: FIELDS})
    batch.appended([second.id])
    keys = place.vault.subject_keys([NAMED, OTHER])
    assert {part: key.logged for part, key in keys.items()} == {NAMED: False, OTHER: True}
    batch.appended([first.id])
    assert all(key.logged for key in place.vault.subject_keys([NAMED, OTHER]).values())
    records = list(blobs(place.sealer.seal(an_event(), {NAMED: FIELDS}, keys)))
    assert [type(record) for record in records] == [KeyRecord, Blob]


def test_killed_between_key_and_event_the_key_is_found_and_recorded(
    place: Place, tmp_path: Path
) -> None:
    printed = run_until_killed(
        OPEN_VAULT + "wanted = (UUID(sys.argv[3]), Retention.IDENTITY)\n"
        "print(vault.subject_keys([wanted])[wanted].commitment.hex(), flush=True)\n" + DIE,
        place.address,
        tmp_path,
        ANNA,
    )
    event = place.sealed(an_event(), NAMED)
    record = next(blobs(event.personal))
    assert isinstance(record, KeyRecord)
    assert record.commitment.hex() == printed.strip()
    assert place.open(event) == {NAMED: {**FIELDS, "class": "identity"}}


HEADS = {
    "subject": st.uuids(),
    "retention": st.sampled_from(list(Retention)),
    "key_version": st.integers(1, 65_535),
}
RECORDS = st.one_of(
    st.builds(
        Blob, **HEADS, nonce=st.binary(min_size=12, max_size=12), ciphertext=st.binary(min_size=16)
    ),
    st.builds(KeyRecord, **HEADS, commitment=st.binary(min_size=32, max_size=32)),
)


@given(st.lists(RECORDS, max_size=5))
def test_records_end_where_they_say(records: list[Blob | KeyRecord]) -> None:
    assert list(blobs(encode_records(records))) == records


@given(st.lists(RECORDS, min_size=1, max_size=3), st.integers(min_value=1))
def test_a_record_that_is_cut_short_is_refused(records: list[Blob | KeyRecord], cut: int) -> None:
    whole = encode_records(records)
    *before, last = (encode_records([record]) for record in records)
    left = whole[: len(b"".join(before)) + cut % len(last)]
    if len(left) == len(b"".join(before)):
        assert list(blobs(left)) == records[:-1]
        return
    with pytest.raises(BadField, match=r"^personal: expected sealed records from end to end, came"):
        list(blobs(left))


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"\x01",
        b"\x03" + bytes(60),
        b"\x02" + bytes(16) + b"\x09\x00\x01" + bytes(32),
        b"\x01" + bytes(16) + b"\x01\x00\x01" + bytes(12) + struct.pack(">I", 15) + bytes(15),
        b"\x01"
        + bytes(16)
        + b"\x01\x00\x01"
        + bytes(12)
        + struct.pack(">I", 2**32 - 1)
        + bytes(99),
    ],
    ids=["zero", "lone head", "unknown format", "unknown class", "shorter than a tag", "endless"],
)
def test_what_trails_behind_the_records_is_refused(place: Place, garbage: bytes) -> None:
    event = place.sealed(an_event(), NAMED)
    with pytest.raises(BadField, match=r"^personal: expected sealed records from end to end, came"):
        list(blobs(event.personal + garbage))
    with pytest.raises(BadField, match=r"^personal"):
        place.open(replace(event, personal=event.personal + garbage))


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXT, TEXT | st.integers(0, 2**53) | st.none() | st.lists(TEXT)))
def test_any_fields_come_back_as_they_were(lasting_place: Place, fields: dict[str, object]) -> None:
    place = lasting_place
    event = an_event()
    keys = place.vault.subject_keys([NAMED])
    sealed = replace(event, personal=place.sealer.seal(event, {NAMED: fields}, keys))
    assert place.open(sealed) == {NAMED: fields}
