"""Who a customer is: for few roles, for a reason, on record before it is shown, and kept by nobody on the way."""

from collections.abc import Iterator

import pytest

from ledger.catalogue.audit import PersonalDataOpened
from ledger.errors import StoreUnavailable
from tests.api.http.posting import Server
from tests.api.http.readers import Readers, readers_of

WHY = {"reason": "calls about their order", "purpose": "support"}


@pytest.fixture
def readers(server: Server) -> Iterator[Readers]:
    """Give readers of whom nobody has read yet."""
    with readers_of(server) as readers:
        yield readers


def opened(readers: Readers) -> list[str]:
    """Of whom it is on record that they were opened, by the keys of this test."""
    vault = readers.server.bahi.ledger.vault
    ours = {
        vault.staff(f"key:{key.id}") for key in vault.api_keys() if key.source == readers.source
    }
    return [
        str(one.event.customer)
        for one in readers.server.bahi.ledger.book.read()
        if one.event.type == PersonalDataOpened.TOPIC and one.event.actor in ours
    ]


@pytest.mark.parametrize("role", ["agent", "privacy_officer"])
def test_it_is_opened_and_on_record_by_whose_key_that_was(readers: Readers, role: str) -> None:
    anna = readers.orders("anna")
    answer = readers.post(f"/v1/customers/{anna}/open", WHY, role)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    address = f"anna@{readers.source}.example"
    assert told["customer"] == str(anna)
    named = [f"user:{readers.source}-anna", f"email:{address}"]
    assert told["profile"]["identifiers"] == named
    assert (told["erased"], told["unavailable"]) == (0, 0)
    assert opened(readers) == [str(anna)]
    assert int(answer.headers["bahi-position"]) >= readers.server.bahi.ledger.book.head()


@pytest.mark.parametrize("role", ["service", "analyst", "marketing", "auditor", "admin", "ingest"])
def test_others_open_nobody(readers: Readers, role: str) -> None:
    anna = readers.orders("anna")
    assert readers.post(f"/v1/customers/{anna}/open", WHY, role).status_code == 403
    assert opened(readers) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"purpose": "support"}, 422),
        ({"reason": "", "purpose": "support"}, 422),
        ({"reason": "  ", "purpose": "support"}, 400),
        ({"reason": "calls", "purpose": "Anna's birthday!"}, 400),
        ({"reason": "calls", "purpose": "support", "as_of": "2026-01-31"}, 422),
    ],
)
def test_without_a_reason_nothing_is_opened(
    readers: Readers, body: dict[str, str], status: int
) -> None:
    anna = readers.orders("anna")
    answer = readers.post(f"/v1/customers/{anna}/open", body)
    assert answer.status_code == status
    assert "Anna's" not in answer.text
    assert opened(readers) == []


def test_a_merged_customer_is_opened_whole_and_an_erased_one_never(readers: Readers) -> None:
    anna, ben, cleo = (readers.orders(who) for who in ("anna", "ben", "cleo"))
    readers.merge(anna, ben)
    told = readers.post(f"/v1/customers/{ben}/open", WHY).json()
    assert told["customer"] == str(anna)
    assert len(told["profile"]["identifiers"]) == 4
    assert sorted(opened(readers)) == sorted([str(anna), str(ben)])
    readers.restrict(cleo)
    assert readers.post(f"/v1/customers/{cleo}/open", WHY).status_code == 403
    legal = {"reason": "a claim", "purpose": "legal"}
    assert readers.post(f"/v1/customers/{cleo}/open", legal).status_code == 200
    readers.erase(anna)
    assert readers.post(f"/v1/customers/{ben}/open", WHY).status_code == 410


def test_what_cannot_be_put_on_record_is_not_shown(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = readers.orders("anna")
    readers.client("agent")

    def full(*_given: object, **_more: object) -> None:
        raise StoreUnavailable("book", "the disk is full")

    monkeypatch.setattr(type(readers.server.bahi.ledger.book), "append_group", full)
    answer = readers.post(f"/v1/customers/{anna}/open", WHY)
    assert answer.status_code == 503
    assert readers.source not in answer.text
