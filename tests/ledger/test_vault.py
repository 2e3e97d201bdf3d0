"""The vault: one answer to who somebody is, and keys that cannot be made again."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.catalogue import Retention
from ledger.errors import (
    BadField,
    Erased,
    IdentityConflict,
    KeysUnavailable,
)
from ledger.identifiers import Identifier
from ledger.keyring import Keyring, Keys
from ledger.naming import Named
from ledger.stores import open_vault
from ledger.vault import SubjectKey, Vault
from ledger.vault.fence import demand_living
from ledger.vault.store import Questions
from tests.ledger.conftest import MakeAddress
from tests.ledger.processes import CUE, race, start
from tests.ledger.vault_samples import (
    ANNA,
    ANNAS_PHONE,
    NOON,
    OPEN_VAULT,
    ORDER,
    PRIYA,
    SOMEBODY,
    customers,
    people,
    resolve,
    sql,
)

# Who is who


def test_a_new_person_is_known_from_then_on_by_every_identifier(vault: Vault) -> None:
    (anna,) = customers(vault, [[ANNA, ANNAS_PHONE]])
    assert isinstance(anna, UUID)
    assert customers(vault, [[ANNAS_PHONE], [ANNA], [PRIYA], []])[:2] == [anna, anna]
    assert vault.look_up(ANNAS_PHONE) == anna
    assert vault.look_up(Identifier("user", "anna@example.com")) is None


def test_an_identifier_that_is_new_beside_a_known_one_is_linked(vault: Vault) -> None:
    (anna,) = customers(vault, [[ANNA]])
    assert customers(vault, [[ANNAS_PHONE, ANNA]]) == [anna]
    assert vault.look_up(ANNAS_PHONE) == anna


def test_an_item_sees_what_earlier_items_have_linked(vault: Vault) -> None:
    first, second, third = customers(vault, [[ANNA], [ANNA, ANNAS_PHONE], [ANNAS_PHONE]])
    assert first == second == third is not None


def test_identifiers_of_two_people_show_them_to_be_one(vault: Vault) -> None:
    anna, priya = customers(vault, [[ANNA], [PRIYA]])
    assert isinstance(anna, UUID)
    assert isinstance(priya, UUID)
    assert resolve(vault, [[ANNA], [PRIYA, ANNA, ANNAS_PHONE], [ANNAS_PHONE], [ANNA, PRIYA]]) == [
        Named(anna),
        Named(priya, merges=(anna,)),
        Named(priya),
        Named(anna),
    ]


def test_how_many_identifiers_of_a_kind_name_somebody(vault: Vault, keyring: Keyring) -> None:
    anna, priya = customers(vault, [[ANNA, ANNAS_PHONE], [PRIYA]])
    assert isinstance(anna, UUID)
    assert isinstance(priya, UUID)
    keyring.begin_epoch()
    customers(vault, [[PRIYA, Identifier("email", "p@example.com")]])
    assert vault.kinds([anna]) == {"email": 1, "phone": 1}
    assert vault.kinds([anna, priya, uuid4()]) == {"email": 3, "phone": 1}
    assert vault.kinds([]) == {}


def test_an_item_without_identifiers_is_nobody(vault: Vault) -> None:
    before = vault.generation()
    assert customers(vault, [[], ()]) == [None, None]
    assert customers(vault, []) == []
    assert vault.generation() == before


def test_a_thing_is_not_taken_for_a_person_nor_a_person_for_a_thing(vault: Vault) -> None:
    refusal, priya = customers(vault, [[ANNA, ORDER], [PRIYA]])
    assert isinstance(refusal, BadField)
    assert str(refusal) == "identifiers: expected what names a person, came 'order'"
    assert isinstance(priya, UUID)
    with pytest.raises(BadField, match="references: expected one of account, deal, ticket, order"):
        vault.references([ORDER, ANNA])
    assert vault.look_up(ANNA) is None
    assert vault.look_up(ORDER) is None


def test_a_reference_keeps_its_id(vault: Vault) -> None:
    deal = Identifier("deal", ORDER.value)
    first, again, other = vault.references([ORDER, ORDER, deal])
    assert first == again != other
    assert vault.references([deal, ORDER]) == [other, first]
    assert vault.references([]) == []


NAMES = [Identifier(kind, str(n)) for kind in ("crm", "email") for n in range(4)]
CALLS = st.lists(
    st.lists(st.lists(st.sampled_from(NAMES), max_size=3), max_size=5), min_size=1, max_size=5
)
Answer = tuple[int, list[int]]


@settings(max_examples=30)  # each with a vault of its own
@given(CALLS)
def test_random_calls_are_answered_as_a_dictionary_would(
    new_vault_address: MakeAddress,
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[list[list[Identifier]]],
) -> None:
    folder = tmp_path_factory.mktemp("vault")
    numbers = count(1)
    keyring = Keyring.create(folder / "keyring.json")
    address = new_vault_address(folder)
    with open_vault(address, keyring, ids=lambda: UUID(int=next(numbers))) as vault:
        found = [resolve(vault, call) for call in calls]
    # A number may be drawn for somebody who turns out to be known: they are told apart, not counted.
    told: dict[UUID, int] = {}
    answers = [
        [
            (told.setdefault(one.customer, len(told) + 1), [told[other] for other in one.merges])
            if isinstance(one, Named)
            else None
            for one in answer
        ]
        for answer in found
    ]
    model: dict[Identifier, int] = {}
    assert answers == [answers_of(call, model) for call in calls]


def answers_of(call: list[list[Identifier]], model: dict[Identifier, int]) -> list[Answer | None]:
    """Whoever the first known name is of, else somebody new; and who else, once a call."""
    answers: list[Answer | None] = []
    pairs: set[frozenset[int]] = set()
    for item in call:
        known = [model[name] for name in item if name in model]
        who = known[0] if known else max(model.values(), default=0) + 1
        others = [other for other in dict.fromkeys(known) if other != who]
        news = [other for other in others if frozenset({who, other}) not in pairs]
        pairs |= {frozenset({who, other}) for other in news}
        for name in item:
            model.setdefault(name, who)
        answers.append((who, news) if item else None)
    return answers


def test_processes_that_meet_the_same_people_agree_who_they_are(
    vault: Vault, vault_address: str, tmp_path: Path
) -> None:
    rounds = 120
    code = (
        OPEN_VAULT + CUE + f"for n in range({rounds}):\n"
        "    print(*customers(vault, [[Identifier('user', f'u{n}')]]))\n"
        f"for n in range({rounds}):\n"
        "    print(*vault.references([Identifier('order', str(n))]))\n"
        f"for n in range({rounds}):\n"
        "    (key,) = vault.subject_keys([(UUID(int=n), Retention.CONTENT)]).values()\n"
        "    print(key.commitment.hex())\n"
        f"for n in range({rounds}):\n"
        "    print(vault.staff(f'clerk {n}'))\n"
    )
    one, other, third = race(*(start(code, vault_address, tmp_path) for _ in range(3)))
    assert one == other == third
    assert len(set(one.split())) == 4 * rounds


def test_threads_share_a_vault(vault: Vault) -> None:
    answers: list[Sequence[object]] = []

    def work() -> None:
        answers.append([customers(vault, people(n, n + 5)) for n in range(0, 100, 5)])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 6


# The keys of each person


def test_a_key_is_made_once_for_a_person_and_a_class(vault: Vault) -> None:
    wanted = [(SOMEBODY, retention) for retention in Retention]
    made = vault.subject_keys([*wanted, *wanted])
    assert set(made) == set(wanted)
    assert vault.subject_keys(wanted) == made
    assert {named: vault.key(*named, 1) for named in wanted} == made
    halves = [half for key in made.values() for half in (key.encryption, key.commitment)]
    assert {len(half) for half in halves} == {32}
    assert len(set(halves)) == 8
    assert not any(key.logged for key in made.values())


def test_a_key_made_by_another_vault_for_the_same_person_is_another_key(
    vault: Vault, new_vault_address: MakeAddress, keyring: Keyring, tmp_path: Path
) -> None:
    named = (SOMEBODY, Retention.IDENTITY)
    (tmp_path / "other").mkdir()
    with open_vault(new_vault_address(tmp_path / "other"), keyring) as other:
        made = {each.subject_keys([named])[named].encryption for each in (vault, other)}
    assert len(made) == 2


def test_a_printed_key_shows_no_secret(vault: Vault) -> None:
    (key,) = vault.subject_keys([(SOMEBODY, Retention.LEGAL)]).values()
    assert repr(key) == (
        f"SubjectKey(subject={SOMEBODY!r}, retention=<Retention.LEGAL: 'legal'>, "
        f"version=1, logged=False)"
    )


def test_a_key_that_the_book_has_recorded_is_marked(vault: Vault) -> None:
    identity, legal = ((SOMEBODY, retention) for retention in (Retention.IDENTITY, Retention.LEGAL))
    made = vault.subject_keys([identity, legal])
    vault.mark_logged([made[legal]])
    assert vault.subject_keys([identity, legal]) == {
        identity: made[identity],
        legal: replace(made[legal], logged=True),
    }


def test_a_key_that_is_not_here_is_unavailable_not_erased(vault: Vault) -> None:
    with pytest.raises(KeysUnavailable, match="expected key 1 of class legal for") as refused:
        vault.key(SOMEBODY, Retention.LEGAL, 1)
    assert type(refused.value) is KeysUnavailable


@pytest.mark.parametrize("how", ["erasing", "tombstone"])
def test_no_key_of_an_erased_person_is_made_or_opened(
    vault: Vault, keyring: Keyring, vault_address: str, how: str
) -> None:
    other = uuid4()
    vault.subject_keys([(SOMEBODY, Retention.IDENTITY)])
    if how == "erasing":
        sql(vault_address, "INSERT INTO erasing VALUES (?)", SOMEBODY.bytes)
    else:
        keyring.add_tombstone(SOMEBODY)
    with pytest.raises(Erased, match=f"^customer {SOMEBODY} is erased"):
        vault.key(SOMEBODY, Retention.IDENTITY, 1)
    for retention in (Retention.IDENTITY, Retention.CONTENT):
        with pytest.raises(Erased):
            vault.subject_keys([(other, Retention.IDENTITY), (SOMEBODY, retention)])
    assert vault.fenced([other, SOMEBODY]) == {SOMEBODY}
    assert vault.holding([other, SOMEBODY]) == {SOMEBODY}  # none was made for the other one


def test_a_key_and_who_is_being_erased_are_read_as_of_one_moment(
    vault: Vault, vault_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = (SOMEBODY, Retention.CONTENT)
    (key,) = vault.subject_keys([named]).values()

    def erased_just_then(rows: Questions, keys: Keys, subjects: Iterable[UUID]) -> None:
        demand_living(rows, keys, subjects)
        sql(vault_address, "INSERT INTO erasing VALUES (?)", SOMEBODY.bytes)
        sql(vault_address, "DELETE FROM subject_key WHERE subject = ?", SOMEBODY.bytes)

    asks: list[Callable[[], SubjectKey]] = [
        lambda: vault.key(*named, 1),
        lambda: vault.subject_keys([named])[named],
    ]
    for ask in asks:
        monkeypatch.setattr("ledger.vault.person_keys.demand_living", erased_just_then)
        assert ask() == key  # and not: unavailable, or made anew
        monkeypatch.undo()
        with pytest.raises(Erased):
            ask()
        sql(vault_address, "DELETE FROM erasing")
        sql(vault_address, "DELETE FROM subject_key")
        (key,) = vault.subject_keys([named]).values()


def test_a_name_is_given_to_somebody_else_unless_it_is_anothers(
    vault: Vault, vault_address: str
) -> None:
    anna, priya = customers(vault, [[ANNA], [PRIYA]])
    assert isinstance(anna, UUID)
    assert isinstance(priya, UUID)
    vault.assign({ANNA: SOMEBODY, ANNAS_PHONE: anna}, [anna])
    assert [vault.look_up(one) for one in (ANNA, ANNAS_PHONE)] == [SOMEBODY, anna]
    assert vault.kinds([anna]) == {"phone": 1}
    vault.assign({ANNA: SOMEBODY}, [])
    other = Identifier("user", "u9")
    with pytest.raises(IdentityConflict, match=r"^identifiers.email: expected one that names nob"):
        vault.assign({other: anna, PRIYA: anna}, [anna])
    sql(vault_address, "INSERT INTO erasing (subject) VALUES (?)", anna.bytes)
    with pytest.raises(Erased):
        vault.assign({other: anna}, [anna])
    assert [vault.look_up(one) for one in (other, PRIYA)] == [None, priya]


def test_no_new_identifier_leads_to_somebody_who_is_being_erased(
    vault: Vault, vault_address: str
) -> None:
    (anna,) = customers(vault, [[ANNA]])
    assert isinstance(anna, UUID)
    sql(vault_address, "INSERT INTO erasing VALUES (?)", anna.bytes)
    assert customers(vault, [[ANNA, ANNAS_PHONE]]) == [anna]
    assert vault.look_up(ANNAS_PHONE) is None


def test_everything_that_names_somebody_is_found_across_epochs(
    vault: Vault, keyring: Keyring
) -> None:
    (anna, _) = customers(vault, [[ANNA], [PRIYA]])
    assert isinstance(anna, UUID)
    keyring.begin_epoch()
    customers(vault, [[ANNA, ANNAS_PHONE]])
    both = sorted(map(keyring.identifier_digest, (ANNA, ANNAS_PHONE)))
    assert vault.identifier_digests(anna) == both
    vault.rewrap(keyring)
    assert vault.identifier_digests(anna) == both
    assert vault.identifier_digests(uuid4()) == []


def test_identifiers_of_the_lately_erased_are_suppressed_until_their_time(
    vault: Vault, keyring: Keyring, vault_address: str
) -> None:
    digest = keyring.keys().suppression_of(keyring.identifier_digest(ANNA))
    sql(
        vault_address,
        "INSERT INTO suppression VALUES (?, ?)",
        digest,
        int(NOON.timestamp()) * 10**6,
    )
    assert vault.suppressed([ANNA, PRIYA], NOON - timedelta(microseconds=1)) == {ANNA}
    assert vault.suppressed([ANNA, PRIYA], NOON) == frozenset()


def test_staff_have_an_id_and_a_name(vault: Vault) -> None:
    mika = vault.staff("Mika Jose\u0301")
    assert vault.staff(" Mika Jos\u00e9 ") == mika != vault.staff("Mika")
    assert vault.staff_name(mika) == "Mika Jos\u00e9"
    assert vault.staff_name(uuid4()) is None
    with pytest.raises(BadField, match=r"^actor: expected the name of a member of staff"):
        vault.staff(" ")
