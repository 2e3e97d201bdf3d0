"""Contracts as a subscriber would use them: the document finds the message, and the message its schema."""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft7Validator, FormatChecker

from tests.streams.kafka.shop import Seen

CHECKER = FormatChecker(["date"])
CHECKER.checks("uuid", raises=ValueError)(
    lambda text: not isinstance(text, str) or bool(UUID(text))
)


@CHECKER.checks("date-time", raises=ValueError)
def _moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).utcoffset() is not None


class Contracts:
    """A folder of contracts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.document: dict[str, Any] = json.loads((folder / "asyncapi.json").read_bytes())
        self._validators: dict[str, Draft7Validator] = {}

    @cached_property
    def files(self) -> dict[str, Any]:
        """Every schema, by its file."""
        found = sorted(self.folder.glob("schemas/*.json"))
        return {f"schemas/{path.name}": json.loads(path.read_bytes()) for path in found}

    @cached_property
    def by_id(self) -> dict[str, Any]:
        """Every schema, by its URI."""
        return {schema["$id"]: schema for schema in self.files.values()}

    def at(self, reference: str) -> Any:
        """What a reference within the document means."""
        found: Any = self.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found

    def messages(self, channel: str) -> dict[str, Any]:
        """The messages of a channel, by name."""
        return self._channels[channel]

    @cached_property
    def _channels(self) -> dict[str, dict[str, Any]]:
        return {
            channel: {name: self.at(one["$ref"]) for name, one in said["messages"].items()}
            for channel, said in self.document["channels"].items()
        }

    def problems(self, channel: str, seen: Seen) -> Iterator[str]:
        """What of a record is not as it was promised: key, headers, value, and anything besides."""
        kind = seen.headers.get("ce_type")
        if kind is None:
            suffix = "tombstone" if seen.value is None else "row"
            kind = "refusal" if channel == "dead" else f"{channel}.{suffix}"
        message = self.messages(channel)[kind]
        yield from self._wrong(f"{kind} key", message["bindings"]["kafka"]["key"], seen.key)
        yield from self._wrong(f"{kind} headers", message.get("headers", {}), seen.headers)
        yield from self._wrong(f"{kind} value", self._value(message, seen), seen.value)

    def _value(self, message: Any, seen: Seen) -> Any:
        """The schema of a value: that which the record names, else that which its message does."""
        if named := seen.headers.get("ce_dataschema"):
            return self.by_id[named]
        if "schema" in message["payload"]:
            return self.files[message["payload"]["schema"]["$ref"]]
        return message["payload"]

    def _wrong(self, what: str, schema: Any, value: Any) -> Iterator[str]:
        name = what + schema.get("$id", "")
        if name not in self._validators:
            whole = closed(self._whole(schema))
            self._validators[name] = Draft7Validator(whole, format_checker=CHECKER)
        for error in self._validators[name].iter_errors(value):
            yield f"{what}: {'.'.join(map(str, error.absolute_path))}: {error.message}"

    def _whole(self, schema: Any) -> Any:
        """With what it refers to in its place, and what holds together as one."""
        if "$ref" in schema:
            return self._whole(self.at(schema["$ref"]))
        if "allOf" not in schema:
            return schema
        merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
        for part in map(self._whole, schema["allOf"]):
            for name, one in part["properties"].items():
                merged["properties"][name] = {**merged["properties"].get(name, {}), **one}
            merged["required"] += part.get("required", [])
        return merged


def closed(schema: Any) -> Any:
    """The schema, and nothing that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return deepcopy(schema)
    found = {name: closed(one) for name, one in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        found["additionalProperties"] = False
    return found
