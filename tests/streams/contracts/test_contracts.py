"""The contracts are what AsyncAPI and JSON Schema say, what is committed, and what the catalogue makes of it."""

import gzip
import json
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft7Validator

from api.cli import main
from ledger import catalogue
from ledger.settings import Settings
from streams.contracts import ASYNCAPI, as_text, broken, contracts
from streams.contracts.schemas import published
from streams.kafka.topics import Topic
from tests.streams.contracts.validating import Contracts, closed

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "docs" / "contracts"
EXAMPLES = ROOT / "tests" / "ledger" / "examples"
SPECIFICATION = ROOT / "tests" / "data" / "asyncapi-3.0.0.json.gz"

HELD = Contracts(COMMITTED)
TYPES = [model for topic in (Topic.EVENTS, Topic.ERASURES) for model in published(topic)]


def made() -> dict[str, str]:
    """The files as they are made now."""
    settings = Settings(kafka_prefix="bahi", kafka_partitions=12)
    return {name: as_text(content) for name, content in contracts(settings).items()}


@cache
def specification() -> Draft7Validator:
    return Draft7Validator(json.loads(gzip.decompress(SPECIFICATION.read_bytes())))


def bundled(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the schemas in it, where it refers to their files."""
    whole = deepcopy(document)
    for message in whole["components"]["messages"].values():
        if "schema" in message["payload"]:
            message["payload"]["schema"] = HELD.files[message["payload"]["schema"]["$ref"]]
    return whole


def test_what_is_committed_is_what_is_made() -> None:
    """`bahi contracts --out docs/contracts` makes it so; it refuses to break what stands there."""
    files = {path.relative_to(COMMITTED).as_posix(): path for path in COMMITTED.rglob("*.json")}
    assert {name: path.read_text("utf-8") for name, path in files.items()} == made()


def test_every_version_of_what_is_published_has_a_schema_and_a_next_version_only_adds() -> None:
    wanted = {
        f"schemas/{model.TOPIC}.v{number}.json"
        for model in TYPES
        for number in range(1, model.VERSION + 1)
    }
    others = {"schemas/row.customers.json", "schemas/row.consents.json", "schemas/row.deals.json"}
    assert {*HELD.files} == wanted | others | {"schemas/refusal.json"}
    assert [*broken(HELD.files, HELD.files)] == []


def test_the_document_is_valid_asyncapi_and_so_it_is_with_its_schemas_within() -> None:
    for document in (HELD.document, bundled(HELD.document)):
        assert [error.message for error in specification().iter_errors(document)] == []


def _without_action(document: Any) -> None:
    del document["operations"]["write-events"]["action"]


def _with_a_word_of_our_own(document: Any) -> None:
    document["channels"]["events"]["cleanup"] = "delete"


def _with_a_schema_that_is_none(document: Any) -> None:
    document["components"]["schemas"]["cloudEvent"]["required"] = "all"


def _with_another_binding(document: Any) -> None:
    document["channels"]["events"]["bindings"]["kafka"]["partitions"] = "twelve"


@pytest.mark.parametrize(
    "spoil",
    [_without_action, _with_a_word_of_our_own, _with_a_schema_that_is_none, _with_another_binding],
)
def test_a_document_that_is_not_valid_is_found_out(spoil: Any) -> None:
    document = deepcopy(HELD.document)
    spoil(document)
    assert not specification().is_valid(document)


def test_every_reference_leads_somewhere_and_every_file_is_referred_to() -> None:
    """Earlier versions are named by their URI alone, which the headers carry."""
    text = json.dumps(HELD.document)
    inner: set[str] = set()
    files: set[str] = set()
    for part in text.split('"$ref": "')[1:]:
        target = part.partition('"')[0]
        (inner if target.startswith("#/") else files).add(target)
    assert all(HELD.at(target) for target in inner)
    ids = {schema["$id"]: name for name, schema in HELD.files.items()}
    named = {ids[uri] for uri in ids if f'"{uri}"' in text}
    assert files <= {*HELD.files}
    assert files | named == {*HELD.files}


@pytest.mark.parametrize("name", HELD.files)
def test_every_schema_is_one(name: str) -> None:
    Draft7Validator.check_schema(HELD.files[name])


def test_what_is_personal_is_in_no_schema() -> None:
    for model in TYPES:
        for number in range(1, model.VERSION + 1):
            schema = HELD.files[f"schemas/{model.TOPIC}.v{number}.json"]
            assert {*schema["properties"]["data"]["properties"]}.isdisjoint(model.RETENTIONS)


@pytest.mark.parametrize("model", TYPES, ids=lambda model: model.TOPIC)
def test_the_example_of_each_version_fits_its_schema_and_shows_every_field(
    model: type[catalogue.EventType],
) -> None:
    for number in range(1, model.VERSION + 1):
        name = f"{model.TOPIC}.v{number}.json"
        example = json.loads((EXAMPLES / name).read_bytes())
        schema = HELD.files[f"schemas/{name}"]
        tags = dict.fromkeys(model.NEEDS, str(UUID(int=1)))
        value = {"tags": tags, "data": example["data"], "personal": []}
        Draft7Validator(closed(schema)).validate(value)
        assert {*schema["properties"]["data"]["properties"]} == {*example["data"]}


# ---- the command


def run(
    capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch, *given: str
) -> tuple[int, str]:
    patch.setattr(sys, "argv", ["bahi", "contracts", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def test_the_command_writes_them_and_never_breaks_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAHI_KAFKA_PREFIX", "shop")
    out = tmp_path / "contracts"
    assert run(capsys, monkeypatch, "--out", str(out)) == (
        0,
        f"{len(made())} files written to {out}\n",
    )
    document = json.loads((out / ASYNCAPI).read_bytes())
    assert document["channels"]["events"]["address"] == "shop.events"
    assert run(capsys, monkeypatch, "--out", str(out))[0] == 0

    file = out / "schemas" / "order.placed.v1.json"
    earlier = json.loads(file.read_bytes())
    earlier["properties"]["data"]["properties"]["voucher"] = {"type": "string"}
    file.write_text(json.dumps(earlier))
    (out / ASYNCAPI).unlink()
    code, err = run(capsys, monkeypatch, "--out", str(out))
    assert code == 4
    assert "order.placed.v1.json: data.voucher: expected it to stay, came nothing" in err
    assert "nothing is written" in err
    assert not (out / ASYNCAPI).exists()
