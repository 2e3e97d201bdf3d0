"""Consent over HTTP: what people were shown, what they said, and what may be sent to them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.http.clerks import Office, office

NEWS = {"purpose": "marketing/news", "channel": "email"}
SHOWN = {"notice": "news", "notice_version": "1", "language": "de"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("consents")) as shop:
        notice = {**SHOWN, "title": "Neues", "text": "Ja, schickt mir Neues."}
        published = shop.done("/v1/notices", {**notice, "occurred_at": "2026-01-01T00:00:00Z"})
        assert shop.event(published["position"]).type == "notice.published"
        yield shop


@pytest.fixture
def anna(shop: Office) -> dict[str, Any]:
    return {"customer": str(shop.meet(user=uuid4().hex))}


def may(shop: Office, who: dict[str, Any], **more: str) -> dict[str, Any]:
    answer = shop.post("/v1/consents/may", {**who, **NEWS, **more}, "marketing")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_each_word_and_what_may_be_sent_after_it(shop: Office, anna: dict[str, Any]) -> None:
    walk: list[tuple[str, dict[str, Any], str, str]] = [
        ("request", {**NEWS, **SHOWN}, "consent.requested", "requested"),
        ("give", {**NEWS, **SHOWN, "proof": "Ticked"}, "consent.given", "given"),
        ("withdraw", {**NEWS, "method": "link"}, "consent.withdrawn", "withdrawn"),
        ("refuse", NEWS, "consent.refused", "refused"),
        ("give", NEWS, "consent.given", "given"),
        ("object", {"purpose": "marketing", "grounds": "No"}, "objection.raised", "objected"),
        ("lift", {"purpose": "marketing"}, "objection.lifted", "given"),
        ("unsubscribe", {"reason": "too-many"}, "email.unsubscribed", "unsubscribed"),
    ]
    for verb, body, topic, state in walk:
        told = shop.done(f"/v1/consents/{verb}", {**anna, **body})
        assert told["customer"] == anna["customer"]
        assert shop.event(told["position"]).type == topic
        answer = may(shop, anna)
        assert (answer["state"], answer["allowed"]) == (state, state == "given"), verb
        if verb != "lift":
            assert answer["decided_by"]["position"] == told["position"]
    traced = shop.post("/v1/consents/history", {**anna, **NEWS}).json()
    assert [step["type"] for step in traced["steps"]] == [topic for _, _, topic, _ in walk]
    assert [step["then"] for step in traced["steps"]] == [state for *_, state in walk]
    assert "Ticked" not in str(traced)


def test_a_yes_comes_with_its_text_and_the_next_hour(shop: Office, anna: dict[str, Any]) -> None:
    given = {**anna, **NEWS, **SHOWN, "occurred_at": "2026-02-01T12:00:00Z"}
    shop.done("/v1/consents/give", {**given, "valid_until": "2026-03-01T00:00:00+00:00"})
    told = may(shop, anna, as_of="2026-02-10T22:00:00Z")
    assert told["notice"]["text"] == "Ja, schickt mir Neues."
    assert told["lapses_at"] == "2026-03-01T00:00:00Z"
    assert told["next_at"] == "2026-02-11T08:00:00Z"
    assert may(shop, anna, as_of="2026-03-02T00:00:00Z")["state"] == "expired"
    assert may(shop, anna, known_at="2026-01-01T00:00:00Z")["state"] == "unknown"


def test_what_is_refused_says_what_is_allowed(shop: Office, anna: dict[str, Any]) -> None:
    assert shop.refused("/v1/consents/withdraw", {**anna, **NEWS}) == (
        409,
        "not-allowed",
        "consent: expected one that is given: else refuse it, came one that nobody ever gave",
    )
    cited = {**anna, **NEWS, "notice": "news", "notice_version": "2"}
    status, kind, detail = shop.refused("/v1/consents/give", cited)
    assert (status, kind) == (409, "not-allowed")
    assert detail.startswith("notice_version: expected one of 1")
    again = shop.refused("/v1/notices", {**SHOWN, "text": "Anders"})
    assert again[:2] == (409, "not-allowed")
    assert shop.refused("/v1/consents/give", {**anna, **NEWS, "channel": "letter"})[0] == 422
    assert shop.refused("/v1/consents/give", NEWS)[2] == (
        "customer: expected an id, or identifiers, came neither"
    )


def test_names_of_two_people_are_of_nobody(shop: Office) -> None:
    shop.meet(user="one-person")
    shop.meet(email="another@example.com")
    both = {"identifiers": {"user": "one-person", "email": "another@example.com"}}
    assert shop.refused("/v1/consents/give", {**both, **NEWS}) == (
        409,
        "identity-conflict",
        "identifiers: expected those of one person, came those of 2; if they are one, merge them first",
    )


def test_whoever_is_restricted_is_shown_for_few_purposes(
    shop: Office, anna: dict[str, Any]
) -> None:
    shop.done("/v1/consents/give", {**anna, **NEWS})
    shop.done("/v1/privacy/restrictions", {**anna, "ground": "accuracy"}, "privacy_officer")
    assert may(shop, anna)["state"] == "restricted"
    asked = {**anna, **NEWS}
    assert shop.refused("/v1/consents/history", asked)[:2] == (403, "withheld")
    assert shop.post("/v1/consents/history", {**asked, "looking_for": "legal"}).status_code == 200
    told = shop.refused("/v1/consents/history", {**asked, "looking_for": "legal"}, "service")
    assert told[:2] == (403, "not-for-this-role")
    lifted = {**anna, "ground": "corrected"}
    shop.done("/v1/privacy/restrictions/lift", lifted, "privacy_officer")
    assert may(shop, anna)["state"] == "given"
