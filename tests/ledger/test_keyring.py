"""The keyring: one file that others cannot read, changed in one step, and never by two at once."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadUsage, KeyringMissing, KeysUnavailable
from ledger.identifiers import Identifier
from ledger.keyring import HighWater, Keyring, _parse, framed
from tests.ledger.processes import CUE, DIE, race, run_until_killed, start

LEDGER = UUID("11111111-2222-4333-8444-555555555555")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring" / "keyring.json"


@pytest.fixture
def keyring(path: Path) -> Keyring:
    return Keyring.create(path, clock=lambda: NOON, ids=lambda: LEDGER)


def test_nobody_else_can_read_what_belongs_to_it(keyring: Keyring, path: Path) -> None:
    keyring.begin_epoch()
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
    assert modes == {"keyring.json": "0o600", "keyring.json.lock": "0o600"}
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_one_that_others_can_read_is_refused(keyring: Keyring, path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(KeysUnavailable, match=f"expected mode 0600, came {mode:04o}") as refused:
        Keyring.open(path)
    advice = "`chmod 600` it, then `bahi keys rotate`, which does not renew its HMAC keys"
    assert str(refused.value).endswith(advice)


def test_one_that_is_not_there_is_missed_by_name(path: Path) -> None:
    with pytest.raises(KeyringMissing, match=f"^expected a keyring at {path}, found none"):
        Keyring.open(path)


def test_a_path_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeysUnavailable, match=r"expected a file to read, came: Not a directory$"):
        Keyring.open(tmp_path / "file" / "keyring.json")


def test_one_that_is_taken_away_is_missed_at_the_next_look(keyring: Keyring, path: Path) -> None:
    path.unlink()
    with pytest.raises(KeyringMissing):
        keyring.keys()


def test_a_file_that_is_no_keyring_is_refused_without_being_quoted(
    keyring: Keyring, path: Path
) -> None:
    contents = json.loads(path.read_text())
    contents["identifier_key"] = "secret-that-is-too-short"
    path.write_text(json.dumps(contents))
    with pytest.raises(KeysUnavailable, match="expected a keyring of format 1") as refused:
        Keyring.open(path)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_it_is_never_overwritten(keyring: Keyring, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        Keyring.create(path)
    assert path.read_bytes() == before


def test_opened_again_it_is_the_same(keyring: Keyring, path: Path) -> None:
    wrapped = keyring.keys().wrap(b"secret", b"here")
    again = Keyring.open(path)
    assert again.ledger_id == keyring.ledger_id == LEDGER
    assert again.keys().unwrap(wrapped, b"here") == b"secret"
    assert again.event_id("shop", "1") == keyring.event_id("shop", "1")
    signature = keyring.keys().signing_key.sign(b"said")
    again.keys().signing_key.public_key().verify(signature, b"said")


def test_what_is_printed_shows_no_key(keyring: Keyring, path: Path) -> None:
    contents = json.loads(path.read_text())
    secrets = [contents["epochs"][0]["key"]]
    secrets += [contents[name] for name in contents if name.endswith("_key")]
    assert len(secrets) == 5
    assert len(set(secrets)) == 5
    printed = repr(keyring) + repr(keyring.keys()) + str(keyring.keys().wrap(b"x", b"y"))
    printed += repr(_parse(path, path.read_bytes()))
    for secret in secrets:
        assert len(secret) == 64
        assert secret not in printed
        assert repr(bytes.fromhex(secret))[2:-1] not in printed


def test_an_event_id_is_a_uuid_of_version_8_that_needs_the_key(
    keyring: Keyring, path: Path
) -> None:
    key = bytes.fromhex(json.loads(path.read_text())["event_id_key"])
    message = b"\x00\x00\x00\x04shop\x00\x00\x00\x03A-7"
    digest = bytearray(hmac.new(key, message, hashlib.sha256).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    found = keyring.event_id("shop", "A-7")
    assert found == UUID(bytes=bytes(digest))
    assert (found.version, found.variant) == (8, RFC_4122)
    assert found != keyring.event_id("shopA", "-7")


def test_two_ledgers_share_no_event_id_and_no_digest(tmp_path: Path) -> None:
    one, other = (Keyring.create(tmp_path / name / "k.json") for name in ("one", "other"))
    anna = Identifier("email", "anna@example.com")
    assert one.event_id("shop", "1") != other.event_id("shop", "1")
    assert one.identifier_digest(anna) != other.identifier_digest(anna)
    assert one.keys().suppression_of(one.identifier_digest(anna)) != one.identifier_digest(anna)
    with pytest.raises(KeysUnavailable, match="made by another ledger"):
        other.keys().unwrap(one.keys().wrap(b"secret", b"here"), b"here")


def test_a_wrapped_secret_opens_in_its_own_place_only(keyring: Keyring) -> None:
    wrapped = keyring.keys().wrap(b"secret", b"here")
    assert keyring.keys().unwrap(wrapped, b"here") == b"secret"
    with pytest.raises(KeysUnavailable, match="altered, moved"):
        keyring.keys().unwrap(wrapped, b"there")
    flipped = bytes([*wrapped.blob[:-1], wrapped.blob[-1] ^ 1])
    with pytest.raises(KeysUnavailable, match="altered, moved"):
        keyring.keys().unwrap(wrapped._replace(blob=flipped), b"here")


def test_wrapped_twice_is_never_the_same(keyring: Keyring) -> None:
    nonces = {keyring.keys().wrap(b"secret", b"here").blob[:12] for _ in range(5_000)}
    assert len(nonces) == 5_000


def test_an_older_epoch_opens_until_it_is_retired(keyring: Keyring) -> None:
    old = keyring.keys().wrap(b"secret", b"here")
    assert keyring.begin_epoch() == 2
    new = keyring.keys().wrap(b"secret", b"here")
    assert (old.epoch, new.epoch) == (1, 2)
    assert keyring.keys().unwrap(old, b"here") == b"secret"
    keyring.retire_epochs_before(2)
    assert keyring.keys().unwrap(new, b"here") == b"secret"
    with pytest.raises(KeysUnavailable, match="expected a secret of epoch 2, came one of epoch 1"):
        keyring.keys().unwrap(old, b"here")


def test_a_retired_key_is_no_longer_in_the_folder(keyring: Keyring, path: Path) -> None:
    old = json.loads(path.read_text())["epochs"][0]["key"]
    keyring.begin_epoch()
    keyring.retire_epochs_before(2)
    assert all(old not in file.read_text() for file in path.parent.iterdir())


def test_what_others_have_retired_is_no_concern(keyring: Keyring) -> None:
    for _ in range(2):
        keyring.begin_epoch()
    keyring.retire_epochs_before(3)
    keyring.retire_epochs_before(2)
    assert keyring.keys().epochs == (3,)


def test_an_epoch_is_begun_only_where_the_newest_is_old_enough(path: Path) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    keyring = Keyring.create(path, clock=lambda: moment)
    assert keyring.begin_epoch(if_before=moment - timedelta(microseconds=1)) == 1
    assert keyring.begin_epoch(if_before=moment) == 2
    assert keyring.keys().epochs == (1, 2)


def test_the_mark_is_lowered_on_purpose_only(keyring: Keyring) -> None:
    keyring.raise_high_water(9, b"root", 9)
    keyring.raise_high_water(3, b"other", 3)
    assert keyring.high_water == HighWater(9, b"root", 9)
    keyring.lower_high_water(HighWater(3, b"other", 4))
    assert keyring.high_water == HighWater(3, b"other", 4)


def test_the_last_epoch_cannot_be_retired(keyring: Keyring) -> None:
    with pytest.raises(BadUsage, match="expected an epoch of this keyring, came 2"):
        keyring.retire_epochs_before(2)
    assert keyring.keys().epochs == (1,)


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ((11, b"new", 6), HighWater(11, b"new", 6)),
        ((9, b"lower", 6), HighWater(10, b"root", 6)),
        ((11, b"new", 4), HighWater(11, b"new", 5)),
        ((10, b"other", 5), HighWater(10, b"root", 5)),
    ],
)
def test_the_high_water_mark_never_goes_down(
    keyring: Keyring, path: Path, then: tuple[int, bytes, int], expected: HighWater
) -> None:
    assert keyring.high_water == HighWater(0, b"", 0)
    keyring.raise_high_water(10, b"root", 5)
    keyring.raise_high_water(*then)
    assert keyring.high_water == Keyring.open(path).high_water == expected


def test_the_file_is_left_alone_when_nothing_changes(keyring: Keyring, path: Path) -> None:
    keyring.add_tombstone(LEDGER)
    keyring.raise_high_water(3, b"root", 3)
    before = path.stat()
    keyring.add_tombstone(LEDGER)
    keyring.raise_high_water(2, b"older", 2)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_a_change_by_another_is_seen_at_the_next_look(keyring: Keyring, path: Path) -> None:
    other = Keyring.open(path)
    for number in range(2, 12, 2):
        other.begin_epoch()
        other.begin_epoch()  # the file system may give this one the inode number of the last seen
        assert keyring.keys().wrap(b"secret", b"here").epoch == number + 1
    other.add_tombstone(LEDGER)
    assert keyring.tombstones == {LEDGER}


def test_processes_that_change_it_at_once_lose_nothing(keyring: Keyring, path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from uuid import UUID\n"
        "from ledger.keyring import Keyring\n"
        "keyring = Keyring.open(Path(sys.argv[1]))\n" + CUE + "for n in range(40):\n"
        "    keyring.add_tombstone(UUID(int=int(sys.argv[2]) + n))\n"
    )
    race(start(code, path, 1_000), start(code, path, 2_000), start(code, path, 3_000))
    assert {customer.int for customer in keyring.tombstones} == {
        base + n for base in (1_000, 2_000, 3_000) for n in range(40)
    }


def test_killed_before_the_rename_it_is_the_old_one_and_can_be_changed_again(
    keyring: Keyring, path: Path
) -> None:
    run_until_killed(
        "import sys; from pathlib import Path; from ledger.keyring import Keyring\n"
        "keyring = Keyring.open(Path(sys.argv[1]))\n"
        "def die(*_: object) -> None:\n    " + DIE + "Path.replace = die\n"
        "keyring.begin_epoch()\n",
        path,
    )
    assert (path.parent / "keyring.json.new").exists()
    assert Keyring.open(path).keys().epochs == (1,)
    assert keyring.begin_epoch() == 2
    assert not (path.parent / "keyring.json.new").exists()


@given(st.lists(st.binary(max_size=8)), st.lists(st.binary(max_size=8)))
def test_no_two_lists_of_parts_are_framed_alike(one: list[bytes], other: list[bytes]) -> None:
    assert (framed(*one) == framed(*other)) == (one == other)
