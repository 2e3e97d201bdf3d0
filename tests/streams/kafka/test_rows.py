"""Topics that keep the latest of each key: as the views are, and without whoever is not to be seen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands.privacy.redaction import ALL, approve, finish, proposal, propose
from commands.touchpoint import Touchpoint
from streams.kafka import publishing, rows
from streams.kafka.publishing import Publisher, Told
from tests.commands.samples import touchpoint
from tests.streams.kafka.shop import Shop, expect_each_once, opened

CARD = "4111111111111111"


@pytest.fixture
def shop(tmp_path: Path, kafka_bootstrap: str) -> Iterator[Shop]:
    with opened(tmp_path / "home", kafka_bootstrap) as shop:
        yield shop


def seen_in_views(shop: Shop, name: str) -> list[dict[str, Any]]:
    """The rows that anybody may read, as JSON."""
    found = shop.bahi.history.view(name).to_pylist()
    return [{column: _json(value) for column, value in row.items()} for row in found]


def _json(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat() + "Z"
    return str(value) if isinstance(value, UUID) else value


def expect_as_in_views(shop: Shop) -> None:
    customers = {row["customer"]: row for row in seen_in_views(shop, "customer_360")}
    deals = {row["deal"]: row for row in seen_in_views(shop, "deal")}
    consents = {
        f"{row['customer']}:{row['purpose']}:{row['channel']}": row
        for row in seen_in_views(shop, "permission")
    }
    assert without(shop.latest("customers"), "position") == customers
    assert without(shop.latest("deals"), "position") == deals
    found = shop.latest("consents")
    for row in found.values():
        row["position"] = row.pop("decided_by")
    assert found == consents


def without(found: dict[str, Any], column: str) -> dict[str, Any]:
    return {
        key: {name: v for name, v in row.items() if name != column} for key, row in found.items()
    }


def test_rows_follow_their_views_through_everything_that_happens_to_people(shop: Shop) -> None:
    ada, eve, bob = shop.orders("ada", 2), shop.orders("eve"), shop.orders("bob")
    for who, number in ((ada, "d1"), (eve, "d2")):
        shop.deal(number, who)
    shop.consents(ada)
    shop.consents(eve, "newsletter")
    shop.consents(bob)
    shop.publish()
    assert {*shop.latest("customers")} == {str(ada), str(eve), str(bob)}
    assert {key.split(":")[0] for key in shop.latest("consents")} == {str(ada), str(eve), str(bob)}
    expect_as_in_views(shop)

    shop.merge(ada, eve)
    shop.publish()
    assert {*shop.latest("customers")} == {str(ada), str(bob)}
    assert shop.latest("customers")[str(ada)]["orders"] == 3
    assert {row["contact"] for row in shop.latest("deals").values()} == {str(ada), str(eve)}
    assert {*shop.latest("consents")} == {
        f"{ada}:marketing:email", f"{ada}:newsletter:email", f"{bob}:marketing:email",
    }  # fmt: skip
    expect_as_in_views(shop)

    shop.restrict(eve)
    shop.publish()
    assert {*shop.latest("customers")} == {str(bob)}
    assert {*shop.latest("consents")} == {f"{bob}:marketing:email"}
    assert [row["contact"] for row in shop.latest("deals").values()] == [None, None]
    expect_as_in_views(shop)

    shop.unrestrict(eve)
    shop.split(ada, eve)
    shop.orders("eve")
    shop.publish()
    assert {*shop.latest("customers")} == {str(ada), str(eve), str(bob)}
    assert f"{ada}:newsletter:email" not in shop.latest("consents")
    expect_as_in_views(shop)

    shop.merge(eve, bob)
    shop.publish()
    expect_as_in_views(shop)
    shop.erase(bob)
    shop.publish()
    assert {*shop.latest("customers")} == {str(ada)}
    assert {*shop.latest("consents")} == {f"{ada}:marketing:email"}
    assert sorted(str(row["contact"]) for row in shop.latest("deals").values()) == sorted(
        [str(ada), "None"]
    )
    expect_as_in_views(shop)
    assert not any(str(gone) in json.dumps(shop.latest(name)) for gone in (eve, bob)
                   for name in ("customers", "consents", "deals"))  # fmt: skip


def test_several_splits_at_once_leave_nothing_where_it_was(shop: Shop) -> None:
    people = [shop.orders(who) for who in ("ada", "bob", "eve")]
    ada, bob, eve = people
    for who, purpose in zip(people, ("marketing", "newsletter", "surveys"), strict=True):
        shop.consents(who, purpose)
        shop.deal(purpose, who)
    shop.merge(ada, bob)
    shop.merge(bob, eve)
    shop.restrict(eve)
    shop.publish()
    assert shop.latest("customers") == {}
    shop.split(ada, bob)
    shop.split(bob, eve)
    shop.publish()
    assert {*shop.latest("customers")} == {str(ada), str(bob)}
    expect_as_in_views(shop)
    shop.unrestrict(eve)
    shop.merge(ada, bob)
    shop.merge(bob, eve)
    shop.publish()
    assert {*shop.latest("customers")} == {str(ada)}
    expect_as_in_views(shop)
    shop.split(ada, bob)
    shop.split(bob, eve)
    shop.publish()
    expect_as_in_views(shop)


def test_after_a_long_way_each_key_goes_out_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_EVENTS", 5)
    monkeypatch.setattr(rows, "_AT_ONCE", 2)
    for _ in range(3):
        for who in ("ada", "bob", "eve"):
            shop.orders(who, 2)
    shop.publish()
    assert len(shop.committed("customers")) == 3
    expect_as_in_views(shop)


def test_rows_that_were_not_all_sent_are_sent_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_EVENTS", 5)
    monkeypatch.setattr(rows, "_AT_ONCE", 1)
    for who in ("ada", "bob", "eve"):
        shop.orders(who, 4)
    told: list[int] = []
    far = Told(lambda lag: told.append(lag.position))
    Publisher(shop.bahi.reading).run(lambda: told.count(12) > 2, far)
    assert 0 < len(shop.latest("customers")) < 3
    shop.publish()
    expect_as_in_views(shop)
    expect_each_once(shop)


def test_what_was_removed_of_an_event_is_in_no_row_any_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_FEW_KEYS", 3)
    ada = shop.orders("ada", 2)
    for who in ("ada", "bob"):
        shop.take(touchpoint(f"of {who}", who={"user": who}, tags={"campaign": CARD}))
    eve = shop.orders("eve", 3)
    shop.publish()
    assert str(shop.latest("customers")).count(CARD) == 2

    for position in (3, 4):
        _approve(shop, position)
    troubles: list[str] = []
    lag = shop.publish(Told(trouble=troubles.append))
    assert lag.rows < lag.position == lag.head
    assert "no rows until" in troubles[0]
    bahi = shop.bahi
    finish(
        bahi.ledger.book,
        lambda: bahi.views.rebuild_all(bahi.columns, lambda *_: None),
        bahi.columns.follow_redactions,
    )
    assert shop.publish().all_out
    assert {*shop.latest("customers")} == {str(ada), str(eve)}
    assert CARD not in str(shop.latest("customers"))
    expect_as_in_views(shop)


def _approve(shop: Shop, position: int) -> None:
    """Have two approve that an event be removed, and die before it is."""
    bahi, (clerk, other) = shop.bahi, (uuid4(), uuid4())
    said = proposal(bahi.ledger.book, position, "card-number", ALL)
    asked = Touchpoint(said, bahi.clock(), "bahi", str(uuid4()), actor=clerk)
    at = propose(bahi.desk, asked).position
    assert at is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(bahi.ledger.book), "redact", _die)
        with pytest.raises(KeyboardInterrupt):
            approve(
                bahi.desk, at, actor=other, source="bahi",
                refold=lambda: None, recopy=lambda: None,
            )  # fmt: skip


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_view_that_has_stopped_keeps_no_event_back_and_nobody_who_is_erased(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = shop.orders("ada", 2), shop.orders("bob", 2)
    shop.consents(ada)
    shop.publish()
    shop.orders("ada")
    shop.erase(ada)
    said: list[str] = []
    monkeypatch.setattr(rows.Rows, "troubles", lambda *_: ["fold customer_360 stopped"])
    lag = shop.publish(Told(trouble=said.append))
    assert lag.position == lag.head > lag.rows
    assert len(said) == 1
    assert "no rows until" in said[0]
    assert {*shop.latest("customers")} == {str(bob)}
    assert shop.latest("consents") == {}
    monkeypatch.undo()
    shop.publish()
    expect_as_in_views(shop)
