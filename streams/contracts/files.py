"""The contracts as files in a folder; what has been there once is only ever added to."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ledger.settings import Settings
from streams.contracts.adding import changes
from streams.contracts.asyncapi import REFUSAL_FILE, asyncapi, row_file, schema_file
from streams.contracts.schemas import ROWS, event_schema, published, refusal_schema, row_schema
from streams.kafka.topics import Topic

ASYNCAPI = "asyncapi.json"
_VERSIONED = re.compile(r"(.+\.v)(\d+)\.json")

Contracts = Mapping[str, Mapping[str, Any]]
"""By the name of its file, with `/`: a document or a schema."""


def contracts(settings: Settings) -> Contracts:
    """The document, a schema for each version of each published type, one for each topic of
    rows, and one for refusals.
    """
    found: dict[str, Mapping[str, Any]] = {ASYNCAPI: asyncapi(settings)}
    for topic in (Topic.EVENTS, Topic.ERASURES):
        for model in published(topic):
            for number in range(1, model.VERSION + 1):
                found[schema_file(model, number)] = event_schema(model, number)
    rows = {row_file(topic): row_schema(topic) for topic in ROWS}
    return {**found, **rows, REFUSAL_FILE: refusal_schema()}


def held_by(folder: Path) -> Contracts:
    """The schemas that stand in a folder; none, where there is no folder."""
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_bytes())
        for path in sorted(folder.glob("schemas/*.json"))
    }


def broken(before: Contracts, after: Contracts) -> Iterator[str]:
    """What whoever relies on `before` would miss in `after`, a line each.

    A version of a type stays as it is, and the next one only adds to it; what has no versions may have more.
    """
    for name, schema in before.items():
        if name not in after:
            yield f"{name}: expected it to stay, came nothing"
            continue
        for change in changes(schema, after[name], more=not _VERSIONED.fullmatch(name)):
            yield f"{name}: {change}"
    for name, schema in after.items():
        version = _VERSIONED.fullmatch(name)
        earlier = after.get(f"{version[1]}{int(version[2]) - 1}.json") if version else None
        if earlier is not None:
            for change in changes(earlier, schema, more=True):
                yield f"{name}: {change}"


def write(folder: Path, given: Contracts) -> None:
    """Write them, over what is there."""
    for name, content in given.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(content), encoding="utf-8")


def as_text(content: Mapping[str, Any]) -> str:
    """A document as it stands in its file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
