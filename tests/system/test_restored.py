"""Stores that come back from older copies: refused, recovered on purpose, and nobody is back in them."""

from typing import Any
from uuid import UUID

import pytest

from api.wiring import Bahi
from commands.privacy import recovering
from commands.privacy.ordering import Order, begin
from ledger.catalogue import Retention
from ledger.errors import KeysUnavailable, StoreRolledBack
from ledger.keyring import Keyring
from ledger.vault import Vault
from replay.verify import verify_book, verify_views
from tests.system.restoring import (
    DAY,
    NOW,
    Shop,
    erase_them,
    events,
    item,
    known,
    readable,
    take,
    who,
)

CONTENT, IDENTITY = Retention.CONTENT, Retention.IDENTITY
BEFORE = NOW - DAY
STORES = ("book", "vault", "keyring", "views")
OLDER = r"bring back the newest copy; where there is none, `bahi recover` erases in this one"


class People:
    """Anna and Hanna are one person; Anna is erased after the copies were made, and Cleo's messages are."""

    anna: UUID
    hanna: UUID
    ben: UUID
    cleo: UUID


Built = tuple[Shop, People]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built(Shop(tmp_path_factory.mktemp("embedded")))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Built:
    return built(Shop(tmp_path_factory.mktemp("served"), postgres_url))


@pytest.fixture(params=["embedded", "served"])
def begun(request: pytest.FixtureRequest) -> Built:
    """A shop on either store, each time as it was when everything had been made."""
    found: Built = request.getfixturevalue(request.param)
    return again(found)


@pytest.fixture
def shop(begun: Built) -> Shop:
    return begun[0]


@pytest.fixture
def people(begun: Built) -> People:
    return begun[1]


def built(shop: Shop) -> Built:
    people = made(shop)
    shop.copy(*STORES, to="now")
    return shop, people


def again(begun: Built) -> Built:
    begun[0].restore(*STORES, of="now")
    begun[0].now = NOW
    return begun


def made(shop: Shop) -> People:
    """A shop with three people, copied; one of them erased since, and a little of another."""
    found = People()
    with shop.open() as bahi:
        for name in ("anna", "hanna", "ben", "cleo"):
            for type_ in ("order.placed", "message.received"):
                take(bahi, item(type_, name, BEFORE))
            setattr(found, name, known(bahi, name))
        take(bahi, item("order.placed", "anna", BEFORE, also="hanna"))
        bahi.catch_up()
        assert bahi.ledger.people.now().members(found.anna) == (found.anna, found.hanna)
    shop.copy(*STORES)
    with shop.open() as bahi:
        erase_them(bahi, found.anna)
        erase_them(bahi, found.cleo, classes=[CONTENT])
        take(bahi, item("order.placed", "ben", BEFORE))
    return found


def refuse(shop: Shop, match: str) -> None:
    with pytest.raises(StoreRolledBack, match=match):
        shop.open()


def demand_erased(bahi: Bahi, people: People) -> None:
    """Nobody of the erased is in book, vault or keyring; the others are."""
    ledger = bahi.ledger
    for one in (people.anna, people.hanna):
        assert readable(bahi, one) == set()
        assert ledger.people.now().members(one)[0] == people.anna
    assert ledger.vault.knowing([people.anna, people.hanna]) == frozenset()
    assert [who(bahi, name) for name in ("anna", "hanna")] == [None, None]
    assert ledger.keyring.tombstones == ledger.gone.between(0, ledger.book.head())
    assert ledger.keyring.tombstones == {people.anna, people.hanna}
    assert readable(bahi, people.ben)
    told = [r.event for r in events(bahi)]
    for one in (people.anna, people.hanna):
        (begun,) = [e for e in told if (e.type, e.customer) == ("customer.erasing", one)]
        (ended,) = [e for e in told if (e.type, e.customer) == ("customer.erased", one)]
        assert ended.causation == begun.id


def demand_gone(bahi: Bahi, people: People) -> None:
    """Nor are they in any view; and everything can be verified."""
    demand_erased(bahi, people)
    ledger = bahi.ledger
    bahi.catch_up()
    shown = bahi.history.view("customer_360").column("customer").to_pylist()
    assert sorted(shown) == sorted([people.ben, people.cleo])
    mark = ledger.keyring.high_water
    verify_book(ledger.book, remembered=(mark.size, mark.root))
    assert set(verify_views(ledger.book, bahi.views).values()) == {None}


def recovered(bahi: Bahi) -> list[dict[str, object]]:
    return [dict(r.event.data) for r in events(bahi) if r.event.type == "ledger.recovered"]


@pytest.mark.parametrize(
    ("stores", "match", "lost", "again"),
    [
        (("book",), "book: expected at least", 2, 0),
        (("vault",), "vault: expected generation", 0, 3),
        (("book", "vault"), "book: expected at least", 2, 0),
        (("vault", "keyring"), "vault: expected no key of anybody erased", 0, 3),
    ],
    ids=lambda given: "+".join(given) if isinstance(given, tuple) else None,
)
def test_an_older_copy_is_refused_and_recovered(
    shop: Shop, people: People, stores: tuple[str, ...], match: str, lost: int, again: int
) -> None:
    remembered = Keyring.open(shop.settings.keyring_file).high_water
    shop.restore(*stores)
    refuse(shop, f"{match}.*{OLDER}")
    remembered = Keyring.open(shop.settings.keyring_file).high_water
    standing = shop.recover()
    assert standing.remembered == remembered
    assert standing.book_is_older == ("book" in stores)
    assert standing.vault_is_older == ("vault" in stores)
    with shop.open() as bahi:
        assert bahi.unfinished is None
        demand_gone(bahi, people)
        (told,) = recovered(bahi)
        assert (told["erasings_lost"], told["erased_again"]) == (lost, again)
        assert (told["remembered_size"], told["found_size"]) == (
            remembered.size,
            standing.found.size,
        )
        assert told.get("remembered_root") == (remembered.root.hex() or None)
        classes = {kept for _, kept in readable(bahi, people.cleo)}
        # Of what is in no store any more, nothing can say that it was: only then Cleo's words are back.
        assert (CONTENT in classes) == (stores == ("book", "vault"))
        assert IDENTITY in classes
        assert take(bahi, item("order.placed", "ben", BEFORE))[0].refusal is None
    with shop.open() as bahi:
        assert len(recovered(bahi)) == 1


def test_what_a_keyring_has_forgotten_the_book_tells_it(shop: Shop, people: People) -> None:
    shop.restore("keyring")
    assert Keyring.open(shop.settings.keyring_file).tombstones == frozenset()
    with shop.open() as bahi:
        demand_gone(bahi, people)


def test_a_keyring_from_before_the_epoch_says_so(shop: Shop, people: People) -> None:
    with shop.open() as bahi:
        bahi.ledger.keyring.begin_epoch()
        bahi.ledger.vault.rewrap(bahi.ledger.keyring)
    shop.restore("keyring")
    expected = (
        "keyring: expected the one with epoch 2, as the vault has it, came one whose newest is 1"
    )
    for opening in (shop.open, shop.open_restored):
        with pytest.raises(KeysUnavailable, match=expected):
            opening()


def test_a_vault_from_before_the_epoch_is_dead(shop: Shop, people: People) -> None:
    shop.now = NOW + 8 * DAY
    with shop.open() as bahi:  # the epoch is over, so it ends by itself
        assert bahi.overdue is None
        assert bahi.ledger.keyring.keys().epochs == (2,)
    shop.restore("vault")
    expected = (
        "vault: expected one of epoch 2 or later, came one of epoch 1, whose key was destroyed"
    )
    for opening in (shop.open, shop.open_restored):
        with pytest.raises(StoreRolledBack, match=expected):
            opening()


def test_an_older_book_that_knows_nothing_of_an_erasure_is_refused_whatever_the_mark_says(
    shop: Shop, people: People
) -> None:
    """Whoever dies between an erasure and the closing has raised no mark."""
    file = shop.settings.keyring_file
    stones = Keyring.open(file).tombstones
    shop.restore("book", "keyring")
    Keyring.open(file).add_tombstone(*stones)
    refuse(shop, "book: expected the erasing of everybody erased, .* found none of 2 customers")
    shop.recover()
    with shop.open() as bahi:
        demand_gone(bahi, people)


def test_views_from_before_forget_on_the_way(shop: Shop, people: People) -> None:
    shop.restore("views")
    with shop.open() as bahi:
        bahi.catch_up()
        demand_gone(bahi, people)


def test_where_nothing_is_older_nothing_is_done(shop: Shop, people: People) -> None:
    bahi, standing = shop.open_restored()
    bahi.close(in_order=False)
    assert (standing.book_is_older, standing.vault_is_older) == (False, False)
    assert (standing.untold, standing.returned) == (frozenset(), frozenset())
    assert standing.erased == {people.anna, people.hanna}


def test_keyring_and_vault_from_before_an_erasure_of_one_class(shop: Shop, people: People) -> None:
    """The book alone knows of it; and a copy may be brought back twice."""
    shop.copy("vault", "keyring", to="before")
    with shop.open() as bahi:
        for number in range(9):  # so that recovering alone does not make up for what was lost
            take(bahi, item("order.placed", f"visitor{number}", BEFORE))
        erase_them(bahi, people.ben, classes=[CONTENT])
    for _ in range(2):
        shop.restore("vault", "keyring", of="before")
        refuse(shop, f"vault: expected generation .* as the book certifies.*{OLDER}")
        assert shop.recover(views=False).vault_is_older
        bahi, standing = shop.open_restored()
        bahi.close(in_order=False)
        assert not standing.vault_is_older
        with shop.open() as bahi:
            assert bahi.unfinished is None
            assert {kept for _, kept in readable(bahi, people.ben)} == {IDENTITY}


@pytest.mark.parametrize("classes", [None, [CONTENT]], ids=["whole", "content"])
def test_a_vault_from_before_an_erasure_that_had_only_begun(
    shop: Shop, people: People, classes: list[Retention] | None
) -> None:
    with shop.open() as bahi:  # whose closing remembers all that was
        took = take(bahi, item("order.placed", "ben", BEFORE))
        assert took[0].refusal is None
    shop.copy("vault", "keyring", to="before")
    stop_when_begun(shop, people.ben, classes)
    shop.restore("vault", of="before")
    refuse(shop, f"vault: expected generation .*{OLDER}")
    shop.recover(views=False)
    demand_carried_on(shop, people.ben, classes)
    with shop.open() as bahi:
        assert [told["erased_again"] for told in recovered(bahi)] == [1]


@pytest.mark.parametrize("classes", [None, [CONTENT]], ids=["whole", "content"])
def test_keyring_and_vault_from_before_an_erasure_that_had_only_begun(
    shop: Shop, people: People, classes: list[Retention] | None
) -> None:
    """Nothing but the book's word says that it has begun, which is ours."""
    shop.copy("vault", "keyring", to="before")
    stop_when_begun(shop, people.ben, classes)
    shop.restore("vault", "keyring", of="before")
    demand_carried_on(shop, people.ben, classes)


def stop_when_begun(shop: Shop, customer: UUID, classes: list[Retention] | None) -> None:
    bahi = Bahi.open(shop.settings, lambda: shop.now)
    order = Order.of(bahi.actor(), "gdpr-17-1-b", None, classes)
    assert len(begin(bahi.desk, [customer], order).begun) == 1
    bahi.close(in_order=False)


def demand_carried_on(shop: Shop, customer: UUID, classes: list[Retention] | None) -> None:
    with shop.open() as bahi:
        assert bahi.unfinished is None
        kept = {kept for _, kept in readable(bahi, customer)}
        assert kept == ({IDENTITY} if classes else set())
        assert (customer in bahi.ledger.keyring.tombstones) == (classes is None)
        told = [r.event for r in events(bahi) if r.event.customer == customer]
        (begun,) = [one for one in told if one.type == "customer.erasing"]
        (ended,) = [one for one in told if one.type == "customer.erased"]
        assert ended.causation == begun.id
        assert bahi.ledger.vault.announced() == []


@pytest.mark.parametrize(
    "step",
    [
        "ledger.keyring.Keyring.raise_high_water",
        "commands.privacy.recovering._append_recovered",
        "commands.privacy.recovering._append_erasings",
        "ledger.vault.vault.Vault.announce",
        "ledger.vault.vault.Vault.destroy",
        "ledger.keyring.Keyring.add_tombstone",
        "commands.privacy.erasing._certified",
        "ledger.vault.vault.Vault.ended",
        "commands.privacy.recovering._account_for_keys",
        "ledger.keyring.Keyring.lower_high_water",
    ],
)
@pytest.mark.parametrize(
    ("where", "stores"),
    [
        ("embedded", ("book",)),
        ("embedded", ("vault",)),
        ("embedded", ("book", "vault")),
        ("served", ("book", "vault")),
    ],
    ids=["book", "vault", "book+vault", "on a server"],
)
def test_stopped_at_any_step_it_is_refused_until_it_was_recovered(
    where: str,
    stores: tuple[str, ...],
    step: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: Built = request.getfixturevalue(where)
    shop, people = again(begun)
    shop.restore(*stores)
    with monkeypatch.context() as patch:
        patch.setattr(step, stop)
        with pytest.raises(Stopped):
            shop.recover(views=False)
    refuse(shop, OLDER)
    shop.recover(views=False)
    with shop.open() as bahi:
        assert bahi.ledger.vault.announced() == []
        demand_erased(bahi, people)
        assert len(recovered(bahi)) == 1


def test_a_vault_that_has_caught_up_while_it_is_recovered_is_refused_until_the_end(
    embedded: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By as many writes as were lost it looks like the one that is remembered, half done."""
    shop, people = again(embedded)
    shop.copy("vault", to="just before")
    with shop.open() as bahi:
        erase_them(bahi, people.ben, people.cleo, classes=[IDENTITY])
    shop.restore("vault", of="just before")
    refuse(shop, OLDER)
    announced = []

    def stop_at_the_second(vault: Vault, *given: Any) -> None:
        announced.append(given)
        if len(announced) == 2:
            raise Stopped
        announce(vault, *given)

    announce = Vault.announce
    monkeypatch.setattr(recovering, "AT_ONCE", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "announce", stop_at_the_second)
        with pytest.raises(Stopped):
            shop.recover(views=False)
    refuse(shop, OLDER)
    shop.recover(views=False)
    with shop.open() as bahi:
        for one in (people.ben, people.cleo):
            assert IDENTITY not in {kept for _, kept in readable(bahi, one)}


class Stopped(Exception):
    """As if the process had been killed."""


def stop(*_: object, **__: object) -> None:
    raise Stopped
