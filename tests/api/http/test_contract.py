"""The contract holds: whatever is sent, as whatever role, is answered as documented, and never with a fault of ours."""

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.http.roles import MAY, Role
from api.wiring import Bahi
from ledger.settings import Settings
from ledger.vault import ApiKey
from tests.api.http.running import served

EXAMPLES = 1
"""Of each way to make them, for each role and operation."""
MANY = int(os.environ.get("ROUNDS", "200"))
_LONGEST_S = 10
_FOREVER = {"wait", "Last-Event-ID"}
"""Parameters by which an answer may take its time."""


@dataclass
class Open:
    """A server, its document, and a key for each role."""

    address: str
    operations: dict[str, Any]
    keys: dict[Role, str]
    known: dict[str, str]
    log: io.StringIO


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    log = io.StringIO()
    home = tmp_path_factory.mktemp("contract")
    with Bahi.open(Settings(home=home, http_rate=1_000_000)) as bahi, served(bahi, log) as address:
        now = bahi.clock()
        keys = {
            role: bahi.ledger.vault.issue(ApiKey(uuid4(), role, role, "shop", False, now))
            for role in Role
        }
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
        found = [one.ok() for one in schema.get_all_operations()]  # type: ignore[union-attr]
        operations = {one.label: one for one in found}
        yield Open(address, operations, keys, _filled(address, keys), log)


def _filled(address: str, keys: dict[Role, str]) -> dict[str, str]:
    """Something of everything; the ids of it."""
    key = {"authorization": f"Bearer {keys[Role.SERVICE]}"}
    with httpx.Client(base_url=address, headers=key) as client:

        def done(path: str, **body: Any) -> dict[str, Any]:
            answer = client.post(path, json=body)
            assert answer.status_code in {200, 201}, answer.text
            found: dict[str, Any] = answer.json()
            return found

        stages = [{"stage": "lead", "win_percent": 10}]
        done("/v1/pipelines", pipeline="office", stages=stages)
        person = {"identifiers": {"user": "u1"}}
        order = {"currency": "EUR", "amount_minor": 5}
        at = "2026-01-31T12:00:00Z"
        done("/v1/events", id="o1", type="order.placed", occurred_at=at, data=order, **person)
        deal = done("/v1/deals", reference="D-1", pipeline="office", stage="lead", **person)
        ticket = done("/v1/tickets", reference="T-1", **person)
        found = done("/v1/customers/search", identifier={"kind": "user", "value": "u1"})
    return {
        "deal": deal["deal"],
        "ticket": ticket["ticket"],
        "customer": found["customers"][0],
        "name": "customer_360",
    }


def test_every_route_that_is_served_is_in_the_document(door: Open) -> None:
    hidden = {("GET", "/openapi.json")}
    documented = {tuple(label.split(" ", 1)) for label in door.operations}
    assert documented == set(MAY) - hidden


def test_each_operation_has_a_name_a_tag_and_an_example_of_what_is_sent(door: Open) -> None:
    document = httpx.get(f"{door.address}/openapi.json").json()
    tags = {tag["name"] for tag in document["tags"]}
    names = []
    for methods in document["paths"].values():
        for operation in methods.values():
            names.append(operation["operationId"])
            assert set(operation["tags"]) <= tags
            assert operation["summary"]
    assert len(names) == len(set(names))


def _check(door: Open, case: Any, role: Role) -> None:
    for name in _FOREVER & {*(case.query or {})}:
        del case.query[name]
    case.headers = {
        name: value for name, value in (case.headers or {}).items() if name not in _FOREVER
    }
    case.headers["authorization"] = f"Bearer {door.keys[role]}"
    case.headers.setdefault("accept", "application/json")
    answer = case.call(base_url=door.address, timeout=_LONGEST_S)
    assert answer.status_code != 500, (
        f"{role}: {case.as_curl_command()}\n{door.log.getvalue()[-2_000:]}"
    )
    case.validate_response(
        answer,
        checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
    )


def _walk(door: Open, role: Role, examples: int) -> None:
    """Send what fits the document and what does not; of what a role may not do, the least that shows it."""
    for label, operation in door.operations.items():
        method, _, path = label.partition(" ")
        may = not MAY[method, path] or role in MAY[method, path]
        for mode in GenerationMode if may else [GenerationMode.POSITIVE]:
            _send(door, operation, role, mode, examples if may else 1)


def _send(door: Open, operation: Any, role: Role, mode: GenerationMode, examples: int) -> None:
    names = [part.name for part in operation.path_parameters]
    known = {name: door.known[name] for name in names if name in door.known}

    @hypothesis.settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode, path_parameters=known or None))
    def send(case: Any) -> None:
        _check(door, case, role)

    with suppress(Unsatisfiable):  # where all fits
        send()


@pytest.mark.parametrize("role", Role)
def test_whatever_is_sent_is_answered_as_documented(door: Open, role: Role) -> None:
    _walk(door, role, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("role", Role)
def test_for_long_whatever_is_sent_is_answered_as_documented(door: Open, role: Role) -> None:
    _walk(door, role, MANY)
