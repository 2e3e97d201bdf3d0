"""The contract: OpenAPI of every route, with who may call it, and each problem told once."""

from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import FastAPI

from api.http.answers import write
from api.http.problems import MEDIA_TYPE, SCHEMA
from api.http.roles import MAY, PUBLIC

_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of `bahi access issue`.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The same key as the user, with an empty password, as Segment's libraries send it.",
    },
}

_TAGS = {
    "touchpoints in": "What happened, from whoever saw it. Each is in the book for good when it is answered.",
    "dead letters": "What was refused: kept sealed for 30 days, and tried again.",
    "reading": "Customers, timelines, views and the stream of events, on any day.",
    "deals": "Selling.",
    "tickets": "Serving.",
    "tasks": "What is to be done.",
    "accounts": "Companies.",
    "consents": "What people allow and forbid, and what may be sent.",
    "identity": "Who is one person.",
    "privacy": "What people ask about their data.",
    "how it stands": "For whoever runs it.",
}


def written(app: FastAPI) -> bytes:
    """The document in JSON, written once: it is long, and anybody may ask for it."""
    if not hasattr(app.state, "contract"):
        app.state.contract = write(app.openapi())
    document: bytes = app.state.contract
    return document


def contract(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = _named_apart(FastAPI.openapi(app))
        document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
        components = document["components"]
        components["securitySchemes"] = _SCHEMES
        components["schemas"]["Problem"] = SCHEMA
        components["responses"] = {}
        for method, path, operation in _operations(document):
            _say_who_may(operation, method, path)
            _tell_once(operation["responses"], components["responses"])
            for told in ("requestBody", "responses"):
                if told in operation:
                    operation[told] = _lifted(operation[told], components["schemas"])
        app.openapi_schema = document
    return app.openapi_schema


def _named_apart(document: dict[str, Any]) -> dict[str, Any]:
    """The same; models of one name, which have their modules before it, under names that people would give them."""
    text = write(document).decode()
    for name in [name for name in document["components"]["schemas"] if "__" in name]:
        *_, module, model = name.split("__")
        text = text.replace(name, f"{module.title()}{model}")
    found: dict[str, Any] = orjson.loads(text)
    for name, schema in found["components"]["schemas"].items():
        if "title" in schema:
            schema["title"] = name
    return found


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _say_who_may(operation: dict[str, Any], method: str, path: str) -> None:
    """The roles, in words and for programs; nothing where no key is asked for."""
    roles = sorted(MAY[method, path])
    if not roles:
        return
    operation["security"] = [{name: []} for name in _SCHEMES]
    operation["x-roles"] = roles
    client = "; also a client key" if (method, path) in PUBLIC else ""
    told = f"For {', '.join(roles)}{client}."
    operation["description"] = f"{operation.get('description', '')}\n\n{told}".lstrip()


def _lifted(told: Any, schemas: dict[str, Any]) -> Any:
    """The same, each object that has a title standing under it among the schemas, where others can refer to it."""
    if isinstance(told, list):
        return [_lifted(one, schemas) for one in told]
    if not isinstance(told, dict):
        return told
    found = {name: _lifted(one, schemas) for name, one in told.items()}
    title = str(found.get("title", ""))
    named = found.get("type") == "object" and title.isidentifier()
    if named and schemas.setdefault(title, found) == found:
        return {"$ref": f"#/components/schemas/{title}"}
    return found


def _tell_once(answers: dict[str, Any], shared: dict[str, Any]) -> None:
    """Put problems where all operations can refer to them."""
    for status, answer in answers.items():
        if MEDIA_TYPE in answer.get("content", {}) and len(answer["content"]) == 1:
            answer["content"][MEDIA_TYPE]["schema"] = {"$ref": "#/components/schemas/Problem"}
            kinds = "_".join(sorted(answer["content"][MEDIA_TYPE]["examples"]))
            name = f"{status}_{kinds}".replace("-", "_")
            found = shared.setdefault(name, answer)
            if write(found) == write(answer):
                answers[status] = {"$ref": f"#/components/responses/{name}"}
