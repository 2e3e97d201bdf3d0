"""A fold read some rows at a time is the fold read at once, whoever is merged or hidden, on both stores."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
import pytest

from api.wiring import Bahi
from commands.identity import merge, split
from commands.record import record
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.errors import NotAllowed
from ledger.gone import hidden_table
from ledger.identifiers import Identifier
from ledger.settings import Settings
from projections.paging import Span
from tests.commands.samples import CLERK, touchpoint

FOLDS = ("customer_360", "customer_product", "campaign_customer", "daily")
_CUSTOMERS = 40


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bahi(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
) -> Iterator[Bahi]:
    home: Path = tmp_path_factory.mktemp("paging")
    schema = uuid4().hex
    stores: dict[str, Any] = {}
    if request.param == "postgres":
        stores = {
            "ledger": f"{postgres_url}?schema=b_{schema}",
            "vault": f"{postgres_url}?schema=v_{schema}",
        }
    with Bahi.open(Settings(home=home, **stores)) as bahi:
        _live(bahi, Random(7))
        yield bahi


def _live(bahi: Bahi, random: Random) -> None:
    """Orders of many people, some of whom turn out to be one, and some of them not after all."""
    items = [
        touchpoint(
            f"m{n}",
            who={"user": f"u{random.randrange(_CUSTOMERS)}"},
            tags={"market": random.choice(["DE", "FR"]), "campaign": random.choice(["a", "b"])},
            data={
                "amount_minor": 100,
                "currency": "EUR",
                "lines": [{"product": random.choice("pqr"), "quantity": 1, "amount_minor": 100}],
            },
        )
        for n in range(150)
    ]
    # Somebody of whom there is no row, who is older than those who are merged with them.
    items.insert(0, touchpoint("first", "lead.captured", who={"user": "old"}, data={}))
    tolerance = bahi.settings.future_tolerance
    for outcome in record(bahi.ledger, items, clock=bahi.clock, future_tolerance=tolerance):
        assert outcome.refusal is None
    everybody = sorted(
        {one.event.customer for one in bahi.ledger.book.read() if one.event.customer}
    )
    _tie(bahi, "customers.merged", everybody[0], _customer(bahi, "old"))
    for _ in range(15):
        _tie(bahi, "customers.merged", *random.sample(everybody, 2))
    for pair in list(bahi.ledger.people.now().links)[:3]:
        _tie(bahi, "customers.split", *pair)
    assert bahi.reading.fold() == []


def _customer(bahi: Bahi, user: str) -> UUID:
    found = bahi.ledger.vault.look_up(Identifier("user", user))
    assert found is not None
    return found


def _tie(bahi: Bahi, topic: str, one: UUID, other: UUID) -> None:
    said = {"other": str(other), "reason_given": "seen"}
    payload = catalogue.parse(topic, said, at_a_door=False)
    asked = Touchpoint(payload, bahi.clock(), "crm", uuid4().hex, customer=one, actor=CLERK)
    with suppress(NotAllowed):  # they are one person by now
        if topic == "customers.merged":
            merge(bahi.desk, asked, despite_identifiers=True)
        else:
            split(bahi.desk, asked)


def _whole(bahi: Bahi, name: str, hidden: frozenset[UUID]) -> pa.Table:
    persons = bahi.ledger.people.now().without(hidden)
    return bahi.views.rows(name, aliases=persons.aliases(), hidden=hidden_table(hidden))


def _by_index(bahi: Bahi, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [key.name for key in bahi.views.folds[name].index]
    return sorted(rows, key=lambda row: [row[one] for one in names])


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("rows", [1, 3, 1_000])
@pytest.mark.parametrize("hides", [0, 5])
def test_batches_come_to_the_whole(bahi: Bahi, name: str, rows: int, hides: int) -> None:
    people = sorted(bahi.ledger.people.now().groups)
    hidden = frozenset(Random(hides).sample(people, hides))
    persons = bahi.ledger.people.now().without(hidden)
    span = Span(rows=rows, most=max(rows, 4))
    reading = bahi.views.in_order(name, persons, lambda: hidden_table(hidden), span)
    found = [row for batch in reading.batches() for row in batch.to_pylist()]
    whole = _whole(bahi, name, hidden).to_pylist()
    assert len(whole) > 3
    assert found == _by_index(bahi, name, whole)


@pytest.mark.parametrize("name", FOLDS)
def test_it_goes_on_after_any_key(bahi: Bahi, name: str) -> None:
    persons = bahi.ledger.people.now()
    whole = _by_index(bahi, name, _whole(bahi, name, frozenset()).to_pylist())
    names = [key.name for key in bahi.views.folds[name].index]
    for place in (0, len(whole) // 2, len(whole) - 1):
        key = [whole[place][one] for one in names]
        span = Span(after=key, rows=2)
        reading = bahi.views.in_order(name, persons, lambda: hidden_table(()), span)
        found = [row for batch in reading.batches() for row in batch.to_pylist()]
        # Of the person that the key is of, all rows come again, be they before it.
        assert [row for row in found if [row[one] for one in names] > key] == whole[place + 1 :]


def test_it_goes_on_after_somebody_who_is_read_elsewhere_by_now(bahi: Bahi) -> None:
    persons = bahi.ledger.people.now()
    whole = _whole(bahi, "customer_360", frozenset()).to_pylist()
    merged = [one for one in persons.groups if persons.canonical(one) > one]
    assert merged, "expected somebody who is older than one before them"
    for last in merged:
        span = Span(after=[last], rows=2)
        reading = bahi.views.in_order("customer_360", persons, lambda: hidden_table(()), span)
        found = [row for batch in reading.batches() for row in batch.to_pylist()]
        assert found == [row for row in whole if row["customer"] > last]


def test_one_person_is_read_by_index_and_whole(bahi: Bahi) -> None:
    persons = bahi.ledger.people.now()
    oldest, other, *_ = next(iter(persons.groups.values()))
    span = Span(only=[other])
    reading = bahi.views.in_order("customer_360", persons, lambda: hidden_table(()), span)
    found = [row for batch in reading.batches() for row in batch.to_pylist()]
    whole = _whole(bahi, "customer_360", frozenset()).to_pylist()
    assert found == [row for row in whole if row["customer"] == oldest]
