"""Merging and splitting over HTTP: by somebody's judgement, and exactly taken back."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.http.clerks import Office, office

WHY = {"reason": "She named both."}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("identity")) as shop:
        yield shop


def two(shop: Office, kind: str = "email") -> tuple[str, str, dict[str, Any]]:
    """Two customers, and a body that names the first by its id and the other by what names them."""
    name = f"{uuid4().hex}@example.com"
    one, other = shop.meet(**{kind: uuid4().hex + "@example.com"}), shop.meet(**{kind: name})
    body = {"customer": str(one), "other": {"identifiers": {kind: name}}, **WHY}
    return str(one), str(other), body


def test_two_become_one_and_two_again(shop: Office) -> None:
    one, other, body = two(shop)
    merged = shop.done("/v1/merges", body)
    assert (merged["one_person"], merged["read_under"]) == (True, [one, one])
    event = shop.event(merged["position"])
    assert (event.type, str(event.customer), event.data["other"]) == (
        "customers.merged",
        one,
        other,
    )
    status, kind, _ = shop.refused("/v1/merges", body, "privacy_officer")
    assert (status, kind) == (409, "not-allowed")
    split = shop.done("/v1/splits", body, "privacy_officer")
    assert (split["one_person"], split["read_under"]) == (False, [one, other])
    assert shop.refused("/v1/splits", body) == (
        409,
        "not-allowed",
        "customers: expected two who were merged, came one who was merged with nobody",
    )


def test_what_only_one_person_can_have_keeps_two_apart_unless_somebody_insists(
    shop: Office,
) -> None:
    _, _, body = two(shop, "user")
    assert shop.refused("/v1/merges", body) == (
        409,
        "identity-conflict",
        "identifiers: expected at most 1 of kind user for one person, came 2",
    )
    assert shop.done("/v1/merges", {**body, "despite_identifiers": True})["one_person"]


def test_said_again_it_is_the_same_merge(shop: Office) -> None:
    _, _, body = two(shop)
    first = shop.done("/v1/merges", body, key="call-12")
    assert shop.done("/v1/merges", body, key="call-12") == {**first, "new": False}
    assert shop.refused("/v1/splits", body, key="call-12")[:2] == (409, "id-reused")


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"reason": " "}, 422, "reason: expected text that matches "),
        ({"reason": None}, 422, "reason: expected "),
        ({"other": {}}, 422, "other.customer: expected an id, or identifiers, came neither"),
        ({"other": {"identifiers": {"user": "nobody-is"}}}, 404, "no customer with that user"),
        ({"despite": True}, 422, "body: expected no other fields than "),
    ],
)
def test_what_is_wrong_is_named(
    shop: Office, change: dict[str, Any], status: int, detail: str
) -> None:
    _, _, body = two(shop)
    came, _, told = shop.refused("/v1/merges", body | change)
    assert (came, told[: len(detail)]) == (status, detail)


def test_nobody_is_merged_with_themselves(shop: Office) -> None:
    one, _, body = two(shop)
    status, kind, detail = shop.refused("/v1/merges", {**body, "other": {"customer": one}})
    assert (status, kind, detail) == (
        409,
        "identity-conflict",
        "customers: expected two, came one customer twice",
    )
