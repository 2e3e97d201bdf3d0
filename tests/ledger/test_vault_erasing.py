"""What the vault destroys for an erasure, on both stores: all at once, once, and nobody else's."""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ledger.catalogue import Retention
from ledger.errors import Erased, KeysUnavailable, StoreUnavailable
from ledger.identifiers import Identifier
from ledger.keyring import Keyring
from ledger.sqlite.connection import open_connection, statement
from ledger.stores import open_vault, vault_file
from ledger.vault import SUPPRESSED_FOR, Belongings, Erasure, Vault
from tests.ledger.test_postgres_vault import a_session, walked
from tests.ledger.vault_samples import (
    ANNA,
    ANNAS_PHONE,
    LETTER,
    NOON,
    PRIYA,
    TABLES,
    customers,
    people,
    sql,
)

IDENTITY, CONTENT = Retention.IDENTITY, Retention.CONTENT
EVENT = UUID("cccccccc-0000-8000-8000-000000000001")
AGAIN = UUID("cccccccc-0000-8000-8000-000000000002")
HERS = replace(LETTER, id=uuid4(), content=b"hers alone", identifiers=(ANNAS_PHONE,))
HIS = replace(LETTER, id=uuid4(), content=b"his alone", identifiers=(PRIYA,))


def two_people(vault: Vault) -> tuple[UUID, UUID]:
    """Anna and Priya, each with identifiers, two keys and a dead letter that names them."""
    anna, _, priya = customers(vault, [[ANNA, ANNAS_PHONE], [ANNAS_PHONE], [PRIYA]])
    assert isinstance(anna, UUID)
    assert isinstance(priya, UUID)
    keys = vault.subject_keys(
        [(who, kept) for who in (anna, priya) for kept in (IDENTITY, CONTENT)]
    )
    vault.mark_logged(keys.values())
    vault.keep([LETTER, HERS, HIS])
    return anna, priya


def erase(vault: Vault, *erasures: Erasure, now: datetime = NOON) -> list[object]:
    vault.announce(erasures, now)
    found = vault.destroy(erasures, now)
    return [found.get(one.event) for one in erasures]


def letters(vault: Vault) -> set[UUID]:
    return {letter.id for letter in vault.letters()}


def test_everything_of_a_person_goes_and_nothing_of_anybody_else(
    vault: Vault, keyring: Keyring, vault_address: str
) -> None:
    anna, priya = two_people(vault)
    hers = {kept: vault.subject_keys([(anna, kept)])[anna, kept] for kept in (IDENTITY, CONTENT)}
    generation = vault.generation()
    vault.announce([Erasure(EVENT, anna)], NOON)
    receipt = vault.destroy([Erasure(EVENT, anna)], NOON)[EVENT]
    assert {(k.subject, k.retention, k.version, k.commitment) for k in receipt.keys} == {
        (anna, kept, 1, key.commitment.hex()) for kept, key in hers.items()
    }
    assert (receipt.identifiers, receipt.letters) == (2, 2)
    assert (receipt.generation, receipt.epoch) == (generation + 2, 1)
    assert receipt.generation == vault.generation()
    assert vault.belongings([anna]) == Belongings({}, {}, 0)
    assert vault.holding([anna, priya]) == {priya}
    assert vault.look_up(ANNA) is None
    assert vault.look_up(PRIYA) == priya
    assert vault.belongings([priya]) == Belongings({IDENTITY: 1, CONTENT: 1}, {"email": 1}, 1)
    assert letters(vault) == {HIS.id}
    assert vault.fenced([anna, priya]) == {anna}
    with pytest.raises(Erased):
        vault.key(anna, CONTENT, 1)
    with pytest.raises(Erased):
        vault.subject_keys([(anna, CONTENT)])
    assert sql(vault_address, "SELECT count(*) FROM dead_letter_identifier") == [(1,)]


def test_what_names_the_erased_is_suppressed_for_its_time_and_then_forgotten(
    vault: Vault, vault_address: str
) -> None:
    anna, _ = two_people(vault)
    erase(vault, Erasure(EVENT, anna))
    all_of_them = [ANNA, ANNAS_PHONE, PRIYA]
    assert vault.suppressed(all_of_them, NOON) == {ANNA, ANNAS_PHONE}
    last = NOON + SUPPRESSED_FOR - timedelta(microseconds=1)
    assert vault.suppressed(all_of_them, last) == {ANNA, ANNAS_PHONE}
    assert vault.suppressed(all_of_them, NOON + SUPPRESSED_FOR) == frozenset()
    vault.expire_suppressions(last)
    assert vault.suppressed(all_of_them, NOON) == {ANNA, ANNAS_PHONE}
    vault.expire_suppressions(NOON + SUPPRESSED_FOR)
    assert sql(vault_address, "SELECT count(*) FROM suppression") == [(0,)]


def test_an_erasure_is_announced_until_it_ends(vault: Vault) -> None:
    anna, priya = two_people(vault)
    vault.announce([Erasure(EVENT, anna)], NOON)
    vault.announce([Erasure(EVENT, anna), Erasure(AGAIN, priya)], NOON + timedelta(hours=1))
    told = [(one.event, one.subject, one.begun_at) for one in vault.announced()]
    assert told == [(EVENT, anna, NOON), (AGAIN, priya, NOON + timedelta(hours=1))]
    assert vault.fenced([anna, priya]) == frozenset()  # nothing has happened to them
    vault.ended([AGAIN])
    assert [one.event for one in vault.announced()] == [EVENT]


def test_what_was_destroyed_is_told_again_and_not_done_again(vault: Vault) -> None:
    anna, priya = two_people(vault)
    some = Erasure(EVENT, priya, frozenset({CONTENT}))
    first = erase(vault, some)
    later = vault.subject_keys([(priya, CONTENT)])[priya, CONTENT]
    assert erase(vault, some, now=NOON + timedelta(days=1)) == first
    assert vault.key(priya, CONTENT, 2) == later
    vault.ended([EVENT])
    assert vault.destroy([some], NOON) == {}
    assert vault.destroy([Erasure(AGAIN, anna)], NOON) == {}  # which nobody has announced
    assert vault.holding([anna]) == {anna}


def test_what_is_sealed_while_one_class_goes_stays(vault: Vault) -> None:
    _, priya = two_people(vault)
    some = Erasure(EVENT, priya, frozenset({CONTENT, Retention.LEGAL}))
    vault.announce([some], NOON)
    assert vault.key(priya, CONTENT, 1).version == 1  # nothing has happened to it
    wanted = [(priya, CONTENT), (priya, Retention.LEGAL), (priya, IDENTITY)]
    later = vault.subject_keys(wanted)
    assert [later[one].version for one in wanted] == [2, 1, 1]
    vault.announce([some], NOON)  # and no more goes by that
    assert vault.subject_keys(wanted) == later
    receipt = vault.destroy([some], NOON)[EVENT]
    assert [(key.retention, key.version) for key in receipt.keys] == [(CONTENT, 1)]
    assert vault.subject_keys(wanted) == later
    with pytest.raises(Erased):
        vault.key(priya, CONTENT, 1)


def test_one_class_goes_and_the_person_stays(vault: Vault) -> None:
    _, priya = two_people(vault)
    old = vault.subject_keys([(priya, CONTENT)])[priya, CONTENT]
    erase(vault, Erasure(EVENT, priya, frozenset({CONTENT})))
    assert vault.fenced([priya]) == frozenset()
    assert vault.belongings([priya]) == Belongings({IDENTITY: 1}, {"email": 1}, 1)
    assert vault.look_up(PRIYA) == priya
    with pytest.raises(Erased, match=r"^key 1 of class content for .* was destroyed on purpose$"):
        vault.key(priya, CONTENT, 1)
    with pytest.raises(KeysUnavailable) as missing:
        vault.key(priya, CONTENT, 2)
    assert not isinstance(missing.value, Erased)
    new = vault.subject_keys([(priya, CONTENT)])[priya, CONTENT]
    assert (new.version, new.logged) == (2, False)
    assert new.encryption != old.encryption
    assert vault.usable([(priya, CONTENT, 1), (priya, CONTENT, 2), (priya, IDENTITY, 1)]) == {
        (priya, CONTENT, 2), (priya, IDENTITY, 1),
    }  # fmt: skip
    erase(vault, Erasure(AGAIN, priya, frozenset({CONTENT})))
    assert vault.subject_keys([(priya, CONTENT)])[priya, CONTENT].version == 3


def test_with_who_somebody_is_goes_what_names_them(vault: Vault) -> None:
    anna, _ = two_people(vault)
    erase(vault, Erasure(EVENT, anna, frozenset({IDENTITY})))
    assert vault.belongings([anna]) == Belongings({CONTENT: 1}, {}, 0)
    assert vault.suppressed([ANNA], NOON) == frozenset()  # they are not gone, and may come again
    assert customers(vault, [[ANNA]]) != [anna]


def test_keys_of_requests_go_along_and_are_known_to_be_erased(vault: Vault) -> None:
    anna, _ = two_people(vault)
    first, second = uuid4(), uuid4()
    vault.subject_keys([(first, IDENTITY), (second, IDENTITY)])
    receipt = vault.destroy([Erasure(EVENT, anna, others=(first,))], NOON)
    assert receipt == {}
    (told,) = erase(vault, Erasure(EVENT, anna, others=(first,)))
    assert told is not None
    assert vault.holding([first, second]) == {second}
    assert vault.destroy_keys(second) == 1
    assert vault.destroy_keys(second) == 0
    for request in (first, second):
        with pytest.raises(Erased):
            vault.key(request, IDENTITY, 1)


@pytest.mark.parametrize(
    ("epoch_began", "now", "dead_from"),
    [
        ("2026-03-01T12:00Z", "2026-03-01T12:00Z", "2026-03-09"),
        ("2026-03-01T12:00Z", "2026-03-08T11:00Z", "2026-03-09"),
        ("2026-03-01T23:30Z", "2026-03-02T00:00Z", "2026-03-09"),
        # Nobody has changed the epoch when it was due: at the earliest that is done now.
        ("2026-03-01T12:00Z", "2026-03-20T08:00Z", "2026-03-21"),
    ],
)
def test_copies_are_dead_from_the_day_after_their_epoch_ends(
    tmp_path: Path, epoch_began: str, now: str, dead_from: str
) -> None:
    began = datetime.fromisoformat(epoch_began).replace(tzinfo=UTC)
    keyring = Keyring.create(tmp_path / "other.json", clock=lambda: began)
    with open_vault(str(tmp_path / "other.db"), keyring) as vault:
        vault.adopt(keyring.ledger_id)
        anna, _ = two_people(vault)
        vault.announce([Erasure(EVENT, anna)], NOON)
        at = datetime.fromisoformat(now).replace(tzinfo=UTC)
        assert str(vault.destroy([Erasure(EVENT, anna)], at)[EVENT].dead_from) == dead_from


def test_identifiers_under_an_older_epoch_are_found_too(vault: Vault, keyring: Keyring) -> None:
    anna, _ = two_people(vault)
    keyring.begin_epoch()
    assert customers(vault, [[ANNA, Identifier("user", "anna")]]) == [anna]
    (receipt,) = erase(vault, Erasure(EVENT, anna))
    assert receipt is not None
    assert vault.look_up(ANNA) is None
    assert vault.look_up(Identifier("user", "anna")) is None


def test_a_key_that_opens_after_all_is_found_behind_the_fence(
    vault: Vault, vault_address: str
) -> None:
    anna, _ = two_people(vault)
    before = sql(vault_address, "SELECT * FROM subject_key")
    vault.announce([Erasure(EVENT, anna)], NOON)
    keys = vault.destroy([Erasure(EVENT, anna)], NOON)[EVENT].keys
    assert vault.opening(keys) == []
    for row in before:  # as an older copy would
        if row[0] == anna.bytes and row[1] == "content":
            marks = ", ".join("?" for _ in row)
            sql(vault_address, f"INSERT INTO subject_key VALUES ({marks})", *row)
    assert [(key.subject, key.retention) for key in vault.opening(keys)] == [(anna, CONTENT)]


def test_nothing_of_what_was_destroyed_is_left_in_the_vaults_files(
    vault: Vault, vault_address: str
) -> None:
    file = vault_file(vault_address)
    if file is None:
        return  # a server keeps deleted rows; what is in them is wrapped
    anna, _ = two_people(vault)
    wrapped = [row[0] for row in sql(vault_address, "SELECT wrapped FROM subject_key")]
    named = [row[0] for row in sql(vault_address, "SELECT wrapped FROM identifier")]
    erase(vault, Erasure(EVENT, anna))
    assert any(blob in files_of(file) for blob in wrapped)  # the log still has them
    vault.scrub()
    left = files_of(file)
    assert sum(blob in left for blob in wrapped) == 2
    assert sum(blob in left for blob in named) == 1


def files_of(file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))


def test_a_reader_who_keeps_the_log_is_waited_for_and_then_named(
    tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.sqlite.connection._BUSY_MS", 100)
    with open_vault(str(tmp_path / "own.db"), keyring) as vault:
        anna, _ = two_people(vault)
        reader = open_connection(tmp_path / "own.db")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject_key").fetchone()
        erase(vault, Erasure(EVENT, anna))
        with pytest.raises(StoreUnavailable, match=r"^own\.db: its log holds what was destroyed"):
            vault.scrub()
        reader.execute("COMMIT")
        reader.close()
        vault.scrub()
        assert (tmp_path / "own.db-wal").stat().st_size == 0


def test_an_erasure_walks_indexes_however_much_others_have(
    postgres_url: str, tmp_path: Path
) -> None:
    address = f"{postgres_url}?schema=vault_{uuid4().hex}"
    keyring = Keyring.create(tmp_path / "keyring.json")
    with open_vault(address, keyring) as vault:
        vault.adopt(keyring.ledger_id)
        vault.keep([LETTER])
        with a_session(address, keyring) as asked:
            sql(address, "ANALYZE")  # the planner is sure: there is next to nothing in it
            erase_one(asked, "nobody yet")
            with a_session(address, keyring) as filling:
                fill(filling, [one for one in customers(filling, people(0, 3_000)) if one])
            before = walked(address)
            erase_one(asked, "u1")
        after = walked(address)
    rows = {name: after[name] - before[name] for name in after}
    assert {name: count for name, count in rows.items() if count > 60} == {}
    assert [n for n in rows if n in TABLES and rows[n] and n not in {"vault", "generation"}] == []


def test_in_a_file_every_question_of_an_erasure_is_a_search(
    tmp_path: Path, keyring: Keyring
) -> None:
    open_vault(str(tmp_path / "own.db"), keyring).close()
    plans = {}
    with closing(open_connection(tmp_path / "own.db")) as connection:
        for name in STATEMENTS:
            text = re.sub("--.*", "", statement(f"vault/{name}"))
            found = connection.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?"))
            plans[name] = [detail for *_, detail in found if detail.startswith("SCAN")]
    assert {name: scans for name, scans in plans.items() if scans} == {}


STATEMENTS = [
    "find_erasures",
    "keep_receipts",
    "end_erasures",
    "keys_of_subjects",
    "delete_subject_keys",
    "destroyed_keys",
    "lost_keys",
    "keys_gone",
    "usable_keys",
    "owned_identifiers",
    "delete_identifiers",
    "letters_of_identifiers",
    "remove_dead_letters",
    "any_suppression_until",
    "expire_suppressions",
    "holding",
    "kinds_of_owners",
]


def fill(vault: Vault, known: Sequence[object]) -> None:
    vault.subject_keys([(c, CONTENT) for c in known if isinstance(c, UUID)])
    vault.announce([Erasure(uuid4(), c) for c in known[:1_000] if isinstance(c, UUID)], NOON)
    given = people(0, 3_000)
    vault.keep([
        replace(LETTER, id=uuid4(), content=b"%d" % n, identifiers=given[n]) for n in range(3_000)
    ])  # fmt: skip


def erase_one(vault: Vault, user: str) -> None:
    (one,) = customers(vault, [[Identifier("user", user)]])
    assert isinstance(one, UUID)
    vault.subject_keys([(one, IDENTITY), (one, CONTENT)])
    event = uuid4()
    (receipt,) = erase(vault, Erasure(event, one))
    assert receipt is not None
    assert vault.opening(vault.destroy([Erasure(event, one)], NOON)[event].keys) == []
    vault.belongings([one])
    vault.usable([(one, CONTENT, 1)])
    vault.destroy_keys(one)
    vault.expire_suppressions(NOON)
    vault.ended([event])
