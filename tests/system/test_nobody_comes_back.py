"""Once somebody is erased they stay so: for caches, other processes, late news, files read again, and views."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.wiring import Bahi
from commands.dead_letters import RefusedItem, keep_refused
from commands.identity import merge, split
from commands.touchpoint import Fate, Touchpoint
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import BadField, Erased, NamesErased, NotAllowed
from ledger.sealing import SealedBatch, Sealer
from ledger.vault import Erasure
from replay.history import Clocks
from streams.files import load_mapping, read_file
from streams.imports import Report, import_rows, replay_letters
from tests.ledger.openings import on_record
from tests.system.restoring import (
    DAY,
    NOW,
    Shop,
    erase_them,
    events,
    item,
    known,
    mail,
    readable,
    take,
    who,
)

BEFORE, SINCE = NOW - DAY, NOW + DAY / 24
BOTH = ("order.placed", "message.received")
MAPPING = """
source = "orders"
[event]
type = "order.placed"
occurred_at = "when"
message_id = ["no"]
[identifiers]
email = "mail"
[fields]
amount_minor = { column = "total", money = {} }
currency = "currency"
"""
ROWS = [
    "no,mail,when,total,currency",
    "1,anna@example.com,2026-02-02T03:04:05Z,12.50,EUR",
    "2,ben@example.com,2026-02-03T03:04:05Z,7.00,EUR",
]


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    server = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    return Shop(tmp_path, server)


@pytest.fixture
def anna(shop: Shop) -> UUID:
    """She and Ben have ordered and written."""
    with shop.open() as bahi:
        take(bahi, *(item(type_, name, BEFORE) for name in ("anna", "ben") for type_ in BOTH))
        return known(bahi, "anna")


def load(bahi: Bahi, folder: Path, *rows: str) -> Report:
    """Import a file of these rows."""
    (folder / "orders.toml").write_text(MAPPING)
    (folder / "orders.csv").write_text("\n".join([ROWS[0], *rows]) + "\n")
    mapping = load_mapping(folder / "orders.toml")
    rows_read = read_file(folder / "orders.csv", mapping)
    return import_rows(bahi.ledger, rows_read, mapping.source, bahi.intake)


def test_a_process_that_has_her_in_its_caches_forgets_her(shop: Shop, anna: UUID) -> None:
    with shop.open() as other, shop.open() as bahi:
        bahi.catch_up()
        ben = known(bahi, "ben")
        assert bahi.history.customer(anna) != {}
        assert bahi.ledger.gone.now() == frozenset()
        seen = on_record(bahi.ledger.book, anna, ben)
        hers = next(r.event for r in events(bahi) if r.event.customer == anna)
        with bahi.ledger.sealer.opening(seen) as opening:
            assert opening.open(hers)[anna, Retention.IDENTITY]
            erase_them(other, anna)
            # It has the key in its hand, and asks whether it still may.
            assert isinstance(opening.open(hers)[anna, Retention.IDENTITY], Erased)
        assert who(bahi, "anna") is None
        assert bahi.ledger.gone.now() == {anna}
        assert bahi.history.customer(anna).keys() <= {"erasure"}  # that it happened
        bahi.catch_up()
        assert bahi.history.view("customer_360").column("customer").to_pylist() == [ben]
        assert bahi.ledger.fenced([anna, ben]) == {anna}


def test_what_was_sealed_before_under_her_key_is_not_appended_after(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.open() as other, shop.open() as bahi:
        batch, sealed = Sealer.batch, list[UUID]()

        def slow(sealer: Sealer, wanted: Any) -> SealedBatch:
            made = batch(sealer, wanted := list(wanted))
            if not sealed:
                sealed.extend(subject for subject, _ in wanted)
                erase_them(other, anna)
            return made

        monkeypatch.setattr(Sealer, "batch", slow)
        head = bahi.ledger.book.head()
        (late, of_ben) = take(
            bahi, item("order.placed", "anna", BEFORE), item(BOTH[0], "ben", BEFORE)
        )
        assert anna in sealed
        assert isinstance(late.refusal, NamesErased)
        assert of_ben.fate is Fate.APPENDED
        told = [r.event for r in events(bahi) if r.position > head]
        assert [(e.type, e.customer == anna) for e in told] == [
            ("customer.erasing", True), ("customer.erased", True), ("order.placed", False),
        ]  # fmt: skip
        assert readable(bahi, anna) == set()


def test_a_key_of_hers_is_not_made_again(shop: Shop, anna: UUID) -> None:
    with shop.open() as other, shop.open() as bahi:
        erase_them(other, anna)
        for ask in (
            lambda: bahi.ledger.vault.subject_keys([(anna, Retention.IDENTITY)]),
            lambda: bahi.ledger.vault.subject_keys([(anna, Retention.LEGAL)]),
            lambda: bahi.ledger.vault.assign({mail("anna"): anna}, [anna]),
        ):
            with pytest.raises(Erased):
                ask()
        assert bahi.ledger.vault.knowing([anna]) == frozenset()


def test_the_same_file_again_names_nobody(shop: Shop, tmp_path: Path) -> None:
    with shop.open() as bahi:
        assert load(bahi, tmp_path, *ROWS[1:]).appended == 2
        anna = known(bahi, "anna")
        erase_them(bahi, anna)
        again = load(bahi, tmp_path, *ROWS[1:])
        assert (again.appended, again.duplicates, again.refused) == (0, 2, 0)
        assert who(bahi, "anna") is None
        # What is new in it and older than the erasure is refused, and kept nowhere; nor is a bad row of hers.
        later = load(
            bahi, tmp_path,
            "3,anna@example.com,2026-02-04T03:04:05Z,1.00,EUR",
            "4,anna@example.com,2026-02-04T03:04:05Z,much,EUR",
            "5,ben@example.com,2026-02-04T03:04:05Z,much,EUR",
        )  # fmt: skip
        assert (later.appended, later.refused) == (0, 3)
        assert "anna" not in " ".join(why for _, _, why in later.refusals)
        assert [letter.coordinates["row"] for letter in bahi.ledger.vault.letters()] == [3]
        assert who(bahi, "anna") is None
    shop.now = SINCE + DAY
    with shop.open() as bahi:
        # She buys again: somebody new, of whom nothing joins the two.
        assert (
            load(bahi, tmp_path, "6,anna@example.com,2026-03-02T03:04:05Z,1.00,EUR").appended == 1
        )
        assert known(bahi, "anna") != anna
        assert take(bahi, item("email.opened", "anna", SINCE))[0].fate is Fate.APPENDED
        bahi.catch_up()
        shown = bahi.history.view("customer_360").column("customer").to_pylist()
        assert sorted(shown) == sorted([known(bahi, "anna"), known(bahi, "ben")])


def test_a_dead_letter_that_turns_out_to_be_hers_is_destroyed(
    shop: Shop, anna: UUID, tmp_path: Path
) -> None:
    (tmp_path / "orders.toml").write_text(MAPPING)
    mapping = load_mapping(tmp_path / "orders.toml")
    with shop.open() as bahi:
        ledger = bahi.ledger
        given: Callable[[str], RefusedItem] = lambda name: RefusedItem(  # noqa: E731
            BadField("mail", "an address", "none"),
            {"row": 1, "line": 2},
            f'{{"no": "{name}", "mail": "{name}@example.com", "when": "2026-02-04T03:04:05Z",'
            f' "total": "1.00", "currency": "EUR"}}'.encode(),
        )  # nobody could read whom they name
        refused = [given("anna"), given("ben")]
        keep_refused(ledger, "file:orders", refused, clock=bahi.clock, ids=bahi.ids)
        erase_them(bahi, anna)
        letters = [letter.id for letter in ledger.vault.letters()]
        assert len(letters) == 2
        told = [outcome for _, outcome in replay_letters(ledger, letters, mapping, bahi.intake)]
        assert {type(o.refusal) for o in told} == {NamesErased, type(None)}
        assert list(ledger.vault.letters()) == []
        assert who(bahi, "anna") is None


def test_no_view_shows_her_rebuilt_or_of_another_day(shop: Shop, anna: UUID) -> None:
    with shop.open() as bahi:
        bahi.catch_up()
        ben, head = known(bahi, "ben"), bahi.ledger.book.head()
        erase_them(bahi, anna)
        bahi.views.rebuild("customer_360", bahi.ledger.book)
        past = [Clocks(), Clocks(as_of=BEFORE), Clocks(known_upto=head), Clocks(BEFORE, head)]
        for at in past:
            rows = bahi.history.view("customer_360", at)
            assert rows.column("customer").to_pylist() == [ben]
            assert bahi.history.customer(anna, at).keys() <= {"erasure"}


def test_who_was_parted_from_her_stays_and_who_was_one_with_her_goes(
    shop: Shop, anna: UUID
) -> None:
    def said(kind: str, one: UUID, other: UUID) -> Touchpoint:
        payload = catalogue.parse(f"customers.{kind}", {"other": other}, at_a_door=False)
        return Touchpoint(payload, bahi.clock(), "desk", str(uuid4()), customer=one)

    with shop.open() as bahi:
        take(bahi, *(item("order.placed", name, BEFORE) for name in ("hanna", "joan")))
        ben, hanna, joan = (known(bahi, name) for name in ("ben", "hanna", "joan"))
        for other in (ben, hanna, joan):
            merge(bahi.desk, said("merged", anna, other))
        split(bahi.desk, said("split", anna, ben))
        erase_them(bahi, joan)
        assert bahi.ledger.gone.now() == {anna, hanna, joan}
        assert readable(bahi, ben) != set()
        fates = [
            take(bahi, item("order.placed", name, BEFORE))[0].fate for name in ("ben", "hanna")
        ]
        assert fates == [Fate.APPENDED, Fate.REFUSED]
        # No judgement about who was who takes anybody out of it.
        with pytest.raises((BadField, NotAllowed)):
            split(bahi.desk, said("split", anna, hanna))
        with pytest.raises((BadField, NotAllowed)):
            merge(bahi.desk, said("merged", ben, anna))
        assert bahi.ledger.gone.now() == {anna, hanna, joan}


def test_an_erasing_that_somebody_slipped_in_destroys_nothing(shop: Shop, anna: UUID) -> None:
    with shop.open() as bahi:
        before = readable(bahi, anna)
        assert before != set()
        receipts = bahi.ledger.vault.destroy([Erasure(uuid4(), anna)], NOW)
        assert receipts == {}
        assert readable(bahi, anna) == before
