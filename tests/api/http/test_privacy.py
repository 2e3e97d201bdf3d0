"""Requests about people's data over HTTP: as OpenDSR has them, and the steps that answer them."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.api.http.clerks import Office, office, problem

REQUESTS = "/v1/privacy/requests"
ERASURES = "/v1/privacy/erasures"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("privacy")) as shop:
        yield shop


@pytest.fixture(scope="module")
def on_server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("privacy"), postgres_url) as shop:
        yield shop


@pytest.fixture(params=["shop", "on_server"])
def either(request: pytest.FixtureRequest) -> Office:
    """The same on both stores."""
    shop: Office = request.getfixturevalue(request.param)
    return shop


def asking(email: str, right: str = "access", **more: Any) -> dict[str, Any]:
    identity = {"identity_type": "email", "identity_value": email, "identity_format": "raw"}
    return {
        "subject_request_id": str(uuid4()),
        "subject_request_type": right,
        "regulation": "gdpr",
        "subject_identities": [identity],
        **more,
    }


def someone() -> str:
    return f"{uuid4().hex}@example.com"


def asked(shop: Office, email: str, right: str = "access", **more: Any) -> str:
    """Our id of a new request."""
    request: str = shop.done(REQUESTS, asking(email, right, **more), "service")["request"]
    return request


def officer(shop: Office, name: str = "") -> httpx.Client:
    return shop.clerk("privacy_officer", "office", name)


def step(shop: Office, request: str, verb: str, **body: Any) -> httpx.Response:
    return officer(shop).post(f"{REQUESTS}/{request}/{verb}", json=body)


def test_a_request_as_open_dsr_sends_it(either: Office) -> None:
    shop, email = either, someone()
    body = asking(email, "portability", api_version="2.0", submitted_time="2026-03-02T10:00:00Z")
    body |= {
        "extensions": {"other.example": {"id": 1}},
        "status_callback_urls": ["https://a.example"],
    }
    sent = json.dumps(body).encode()
    service = shop.clerk("service")
    heads = {"content-type": "application/json"}
    answer = service.post(REQUESTS, content=sent, headers=heads)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["controller_id"] == "crm"
    assert told["subject_request_id"] == body["subject_request_id"]
    assert told["expected_completion_time"] == "2026-04-03T00:00:00Z", "the end of the 2nd"
    assert (told["state"], told["due_on"], told["new"]) == ("received", "2026-04-02", True)
    assert told["status_callback_urls"] == []
    assert b64decode(told["encoded_request"]) == sent
    known = service.get("/v1/privacy/discovery").json()
    key = Ed25519PublicKey.from_public_bytes(b64decode(known["processor_public_key"]))
    signature, signed = b64decode(told["processor_signature"]), told["encoded_request"].encode()
    key.verify(signature, signed)
    with pytest.raises(InvalidSignature):
        key.verify(signature, signed[:-4])
    event = shop.event(told["position"])
    assert (event.type, event.source, event.data["right"]) == (
        "privacy.requested",
        "crm",
        "portability",
    )
    again = service.post(REQUESTS, content=sent, headers=heads).json()
    assert (again["position"], again["new"]) == (told["position"], False)
    assert "token" in told
    assert "token" not in again
    other = {**body, "subject_request_type": "access"}
    assert shop.refused(REQUESTS, other, "service")[:2] == (409, "id-reused")


def test_discovery_says_what_can_be_asked(shop: Office) -> None:
    told = shop.clerk("agent").get("/v1/privacy/discovery").json()
    assert told["api_version"] == "2.0"
    assert {"identity_type": "email", "identity_format": "raw"} in told["supported_identities"]
    assert told["supported_regulations"] == ["gdpr", "ccpa", "lgpd"]
    assert told["supported_subject_request_types"][:3] == ["access", "portability", "erasure"]


def test_how_it_stands_is_told_to_its_own_source_and_to_the_office(shop: Office) -> None:
    body = asking(someone())
    request = shop.done(REQUESTS, body, "service")["request"]
    own = shop.clerk("service")
    for named in (request, body["subject_request_id"]):
        told = own.get(f"{REQUESTS}/{named}").json()
        assert (told["request"], told["request_status"]) == (request, "pending")
        assert told.get("subject_request_id", request) == named
    assert officer(shop).get(f"{REQUESTS}/{request}").json()["state"] == "received"
    foreign = shop.clerk("service", "shop").get(f"{REQUESTS}/{request}")
    assert problem(foreign)[:2] == (403, "foreign-scope")
    foreign = shop.clerk("service", "shop").delete(f"{REQUESTS}/{request}")
    assert problem(foreign)[:2] == (403, "foreign-scope")
    assert problem(own.get(f"{REQUESTS}/{uuid4()}"))[:2] == (404, "not-found")


def test_a_request_from_its_receipt_to_its_answer(shop: Office) -> None:
    request, own = asked(shop, someone()), shop.clerk("service")
    walk: list[tuple[str, dict[str, Any], str, str]] = [
        ("confirm", {}, "received", "pending"),
        ("challenge", {}, "challenged", "pending"),
        ("verify", {"verified_by": "signed-in"}, "verified", "in_progress"),
        ("extend", {"ground": "complexity"}, "verified", "in_progress"),
        ("fulfil", {}, "fulfilled", "completed"),
    ]
    for verb, body, state, status in walk:
        told = step(shop, request, verb, **body)
        assert (told.status_code, told.json().get("state")) == (201, state), told.text
        shown = own.get(f"{REQUESTS}/{request}").json()
        assert (shown["state"], shown["request_status"]) == (state, status)
    late = step(shop, request, "refuse", ground="unfounded")
    assert problem(late)[:2] == (409, "not-allowed")
    assert late.json()["latest"]["type"] == "privacy.fulfilled"


def test_a_refusal_is_on_a_ground_of_its_law(shop: Office) -> None:
    request = asked(shop, someone())
    _, _, detail = problem(step(shop, request, "refuse", ground="too-busy"))
    assert detail.startswith("ground: expected one of cannot-identify (Art. 11(2), 12(2))")
    told = step(shop, request, "refuse", ground="excessive", grounds="The tenth in a week")
    assert told.json()["state"] == "refused"
    assert shop.event(told.json()["position"]).data["ground"] == "excessive"


def test_what_is_due_is_listed_for_the_office(shop: Office) -> None:
    body = asking(someone())
    told = shop.done(REQUESTS, body, "service")
    listed = officer(shop).get(REQUESTS, params={"min_position": told["position"]}).json()
    (row,) = [row for row in listed if row["request"] == told["request"]]
    assert (row["duty"], row["right"], row["due_on"]) == ("answer", "access", told["due_on"])
    step(shop, told["request"], "refuse", ground="unfounded")
    head = shop.bahi.ledger.book.head()
    listed = officer(shop).get(REQUESTS, params={"min_position": head}).json()
    assert told["request"] not in [row["request"] for row in listed]
    every = officer(shop).get(REQUESTS, params={"min_position": head, "all": True}).json()
    assert told["request"] in [row["request"] for row in every]


def test_taken_back_while_it_is_pending_and_no_later(shop: Office) -> None:
    own = shop.clerk("service")
    request, verified = asked(shop, someone()), asked(shop, someone())
    heads = {"Idempotency-Key": f"cancel {request}"}
    told = own.delete(f"{REQUESTS}/{request}", headers=heads)
    assert told.status_code == 202, told.text
    assert (told.json()["request_status"], told.json()["new"]) == ("cancelled", True)
    again = own.delete(f"{REQUESTS}/{request}", headers=heads)
    assert (again.status_code, again.json()["new"]) == (202, False)
    assert problem(own.delete(f"{REQUESTS}/{request}"))[:2] == (409, "not-allowed")
    step(shop, verified, "verify")
    status, _, detail = problem(own.delete(f"{REQUESTS}/{verified}"))
    assert (status, detail[:56]) == (
        409,
        "request: expected one that is received or challenged, ca",
    )
    assert own.get(f"{REQUESTS}/{verified}").json()["request_status"] == "in_progress"


def test_whoever_asks_teaches_nothing_of_who_they_are(shop: Office) -> None:
    known, claimed = someone(), someone()
    customer = shop.meet(email=known)
    body = asking(known)
    body["subject_identities"] += asking(claimed)["subject_identities"]
    told = shop.done(REQUESTS, body, "service")
    assert shop.event(told["position"]).customer == customer
    status, _, _ = shop.refused("/v1/consents/may", may(claimed))
    assert status == 404, "the other name is nobody's yet"
    new = shop.done(REQUESTS, asking(claimed), "service")
    assert shop.event(new["position"]).customer != customer
    assert shop.post("/v1/consents/may", may(claimed)).status_code == 200


def may(email: str) -> dict[str, Any]:
    return {"identifiers": {"email": email}, "purpose": "news", "channel": "email"}


def test_an_erasure_is_planned_and_confirmed_by_somebody_else_than_verified_it(
    either: Office,
) -> None:
    shop, email = either, someone()
    customer = shop.meet(email=email)
    asks = asking(email, "erasure", contact=email, message="Forget me")
    request = shop.done(REQUESTS, asks, "service")["request"]
    assert step(shop, request, "verify", verified_by="signed-in").status_code == 201
    order = {"identifiers": {"email": email}, "legal_basis": "gdpr-17-1-b", "request": request}
    planned = officer(shop).post(f"{ERASURES}/plan", json=order).json()
    assert planned["digits"] is None
    assert "who verified it" in planned["against"]
    other = officer(shop, "another")
    planned = other.post(f"{ERASURES}/plan", json=order).json()
    assert planned["customers"] == [str(customer)]
    assert planned["identifiers"] == {"email": 1}
    digits = planned["digits"]
    wrong = f"{(int(digits) + 1) % 1_000_000:06}"
    assert problem(other.post(ERASURES, json={**order, "digits": wrong}))[2] == (
        "digits: expected those of the plan of this very erasure, came others"
    )
    same = officer(shop).post(ERASURES, json={**order, "digits": digits})
    assert problem(same)[:2] == (409, "not-allowed")
    done = other.post(ERASURES, json={**order, "digits": digits})
    assert done.status_code == 201, done.text
    assert all(check["ok"] for check in done.json()["checks"])
    assert str(customer) not in done.text, "a certificate names nobody"
    assert shop.event(done.json()["events"][-1]["position"]).type == "customer.erased"
    status = shop.clerk("service").get(f"{REQUESTS}/{request}").json()
    assert (status["state"], status["request_status"]) == ("fulfilled", "completed")
    again = shop.done(REQUESTS, asks, "service")
    assert (again["request"], again["state"], again["new"]) == (request, "fulfilled", False)
    gone = other.post(f"{ERASURES}/plan", json={"customer": str(customer), "legal_basis": "b"})
    assert problem(gone)[:2] == (410, "erased")
    assert shop.refused("/v1/consents/may", may(email))[:2] == (404, "not-found")


def test_a_hold_stands_in_the_way_until_it_is_released(shop: Office) -> None:
    who = {"customer": str(shop.meet(email=someone()))}
    hold = {**who, "hold": "claim-14", "ground": "litigation"}
    assert shop.done("/v1/privacy/holds", hold, "privacy_officer")["customer"] == who["customer"]
    order = {**who, "legal_basis": "gdpr-17-1-b"}
    planned = officer(shop).post(f"{ERASURES}/plan", json=order).json()
    assert (planned["digits"], len(planned["holds"])) == (None, 1)
    stopped = officer(shop).post(ERASURES, json={**order, "digits": "000000"})
    assert problem(stopped)[:2] == (409, "not-allowed")
    assert "claim-14" in stopped.json()["detail"]
    shop.done("/v1/privacy/holds/release", hold | {"ground": "settled"}, "privacy_officer")
    digits = officer(shop).post(f"{ERASURES}/plan", json=order).json()["digits"]
    assert officer(shop).post(ERASURES, json={**order, "digits": digits}).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject_request_id": "7"}, "subject_request_id"),
        ({"subject_request_type": "sale"}, "subject_request_type"),
        ({"regulation": None}, "regulation"),
        ({"subject_identities": []}, "subject_identities"),
        ({"subject_identities": None}, "subject_identities"),
        ({"customer": str(UUID(int=1))}, "subject_identities"),
        (
            {"subject_identities": [{**asking("anna")["subject_identities"][0], "identity_format": "md5"}]},
            "subject_identities.0.identity_format",
        ),
        ({"subject_identities": asking("anna at home")["subject_identities"]}, "identifiers.email"),
        ({"contact": 7}, "contact"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_request_is_named(
    shop: Office, change: dict[str, Any], field: str
) -> None:
    answer = shop.post(REQUESTS, asking("anna@example.com") | change, "service")
    assert (problem(answer)[:2], answer.json()["field"]) == ((422, "bad-field"), field)
    assert "anna" not in answer.text
