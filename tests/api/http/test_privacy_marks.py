"""What the document says of commands: what is sealed is marked, and every example is one that is taken."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.http import deciding
from api.http.roles import MAY
from ledger.catalogue import types

PERSONAL = {name for model in types() for name in model.RETENTIONS}
NAMING = {"identifiers", "reference", "identity_value"}


def bodies() -> Iterator[tuple[str, type[BaseModel]]]:
    """Each route that reads a body, and what it reads."""
    for room in deciding.ROOMS:
        for route in room.router.routes:
            assert isinstance(route, APIRoute)
            if route.body_field is not None:
                body = route.body_field.field_info.annotation
                assert isinstance(body, type)
                assert issubclass(body, BaseModel)
                yield route.path, body


BODIES = dict(bodies())


def named(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every property of it, and of what it has within."""
    for one in (schema, *schema.get("$defs", {}).values()):
        yield from one.get("properties", {}).items()


def test_every_command_reads_a_body() -> None:
    rooms = "pipelines goals deals tickets tasks accounts notices consents merges splits privacy"
    posts = [path for method, path in MAY if method == "POST"]
    assert set(BODIES) == {path for path in posts if path.split("/")[2] in rooms.split()}


@pytest.mark.parametrize("route", BODIES)
def test_what_is_sealed_or_names_somebody_is_marked(route: str) -> None:
    why = {"reason"} if route in {"/v1/merges", "/v1/splits"} else set()
    fields, sealed = named(BODIES[route].model_json_schema()), PERSONAL | NAMING | why
    unmarked = [name for name, field in fields if name in sealed and not field.get("writeOnly")]
    assert unmarked == []


@pytest.mark.parametrize("route", BODIES)
def test_every_example_is_taken(route: str) -> None:
    body = BODIES[route]
    for example in body.model_json_schema()["examples"]:
        body.model_validate(example)
