"""Mapping files read, and held against the catalogue: what can never work is refused before a row is."""

import codecs
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import available_timezones

from pydantic import ValidationError

from ledger import catalogue
from ledger.catalogue import About, EventType
from ledger.errors import DefinitionRefused, NotFound, Refused
from ledger.identifiers import parse_identifier
from ledger.money import is_currency
from ledger.relation import duckdb_type
from streams.files.mapping import WHITESPACE, FieldCell, Kind, Mapping

UNIX_FORMATS = {"unix_s": 1, "unix_ms": 1_000}
"""Formats that count from 1970-01-01 UTC, with their units a second."""

_CLEAR_TAG_KINDS = tuple(k for k in catalogue.TAG_KINDS if k not in catalogue.REFERENCE_KINDS)
_KIND_OF_COLUMN: dict[str, Kind] = {
    "BIGINT": "integer",
    "TIMESTAMP": "time",
    "DATE": "date",
    "JSON": "json",
}


def load_mapping(path: Path) -> Mapping:
    """The mapping in a TOML file, checked against the catalogue.

    Raises `NotFound` where there is no such file, else `DefinitionRefused` saying where in it
    something is wrong, why, and what to write instead.
    """
    try:
        text = path.read_bytes().decode()
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("mapping file", str(path), "`bahi mapping FILE` drafts one") from None
    except UnicodeDecodeError as error:
        raise DefinitionRefused(path.name, f"byte {error.start}", "not UTF-8") from None
    return parse_mapping(text, path.name)


def parse_mapping(text: str, name: str = "mapping") -> Mapping:
    """The mapping that a TOML text spells; raises `DefinitionRefused` as `load_mapping` does."""
    try:
        mapping = Mapping.named(tomllib.loads(text), name)
    except tomllib.TOMLDecodeError as error:
        why, _, where = re.sub(r"\)$", "", str(error)).rpartition(" (at ")
        raise DefinitionRefused(name, where, f"not TOML: {why}") from None
    except ValidationError as error:
        raise _first_problem(error, name) from None
    for where, why, instead in _problems(mapping):
        raise DefinitionRefused(name, where, why, instead)
    return mapping


def kind_of(field: str) -> Kind | None:
    """How a field of this name is read; None where no type of the catalogue has it."""
    for model in catalogue.types():
        if not model.RESERVED and field in model.model_fields:
            column = duckdb_type(model.model_fields[field].annotation)
            return _KIND_OF_COLUMN.get(column, "text")
    return None


def mapped_types(mapping: Mapping) -> tuple[type[EventType], ...]:
    """The types that its rows can be, or none where the rows say it themselves."""
    cell = mapping.event.type
    if cell.value is not None:
        return (catalogue.find(str(cell.value)),)
    return tuple(catalogue.find(topic) for topic in dict.fromkeys((cell.map or {}).values()))


def _first_problem(error: ValidationError, name: str) -> DefinitionRefused:
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "the file"
    if problem["type"] == "missing":
        return DefinitionRefused(name, where, "missing", "`bahi mapping FILE` drafts a whole one")
    cause = problem.get("ctx", {}).get("error")
    why, _, instead = (str(cause) if cause else str(problem["msg"])).partition("; ")
    return DefinitionRefused(name, where, why, instead)


Problem = tuple[str, str, str]
"""Where in the mapping, why it cannot be, and what to write instead."""


def _problems(mapping: Mapping) -> Iterator[Problem]:
    """Everything that is wrong with it, in the order of the file; each check relies on those before."""
    yield from _file_problems(mapping)
    yield from _type_problems(mapping)
    timed = mapping.event.occurred_at
    yield from _time_problems("event.occurred_at", timed.format, timed.zone)
    yield from _kind_problems(mapping)
    yield from _field_problems(mapping)
    yield from _coverage_problems(mapping)


def _file_problems(mapping: Mapping) -> Iterator[Problem]:
    delimiter = mapping.file.delimiter
    if delimiter not in (None, WHITESPACE) and (len(delimiter) != 1 or delimiter in '"\r\n'):
        yield (
            "file.delimiter",
            f"{delimiter!r} cannot part cells",
            f'one character or "{WHITESPACE}"',
        )
    encoding = mapping.file.encoding
    if encoding is not None and not _can_be_read(encoding):
        yield (
            "file.encoding",
            f"{encoding!r} is no encoding of text that can be read",
            "utf-8, cp1252 …",
        )


def _can_be_read(encoding: str) -> bool:
    try:
        plain = '\r\n",;\t{}'
        return codecs.lookup(encoding).name.startswith("utf-16") or (
            plain.encode(encoding) == plain.encode("ascii")
        )
    except (LookupError, UnicodeError):
        return False


def _type_problems(mapping: Mapping) -> Iterator[Problem]:
    cell = mapping.event.type
    topics = {"event.type": str(cell.value)} if cell.value is not None else {}
    topics |= {f"event.type.map.{key}": topic for key, topic in (cell.map or {}).items()}
    for where, topic in topics.items():
        try:
            model = catalogue.find(topic)
        except Refused as refusal:
            yield where, f"no event type {topic!r}", refusal.expected
            continue
        if model.RESERVED:
            yield where, f"only commands may append {topic}", "a type that a door may append"


def _time_problems(where: str, format_: str | None, zone: str | None) -> Iterator[Problem]:
    if zone is not None and zone not in available_timezones():
        yield f"{where}.zone", f"no time zone {zone!r}", "a name such as Europe/Berlin or UTC"
    if format_ is None:
        return
    if format_ in UNIX_FORMATS:
        if zone is not None:
            yield f"{where}.zone", f"{format_} counts in UTC", "leave zone out"
        return
    try:
        written = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).strftime(format_)
        if datetime.strptime(written, format_).year != 2001:  # noqa: DTZ007 — only tries the pattern
            yield f"{where}.format", f"{format_!r} has no year", "directives such as %Y-%m-%d"
    except ValueError:
        yield f"{where}.format", f"{format_!r} cannot be read back", "directives such as %Y-%m-%d"


def _kind_problems(mapping: Mapping) -> Iterator[Problem]:
    for part, kinds in (("references", catalogue.REFERENCE_KINDS), ("tags", _CLEAR_TAG_KINDS)):
        for key in getattr(mapping, part):
            if key not in kinds:
                yield f"{part}.{key}", "no such kind", f"one of {', '.join(kinds)}"
    for key, cell in mapping.identifiers.items():
        if cell.column is None:
            yield f"identifiers.{key}", "one value for every row would be one person", "a column"
        try:
            parse_identifier(f"{key}:")
        except Refused:
            yield f"identifiers.{key}", "not a kind", "small letters, digits and _"


def _field_problems(mapping: Mapping) -> Iterator[Problem]:
    types = mapped_types(mapping)
    known = sorted({name for model in types for name in model.model_fields})
    for name, cell in mapping.fields.items():
        where = f"fields.{name}"
        kind = kind_of(name)
        if kind is None or (types and name not in known):
            owner = " or ".join(model.TOPIC for model in types) or "any event type"
            yield where, f"not a field of {owner}", f"one of {', '.join(known)}" if known else ""
        yield from _time_problems(where, cell.format, cell.zone)
        if (cell.format or cell.zone) and (cell.kind or kind) not in ("time", "date"):
            yield where, "format and zone are for times and dates", "leave them out"
        if cell.map and (cell.kind or kind) != "text":
            yield f"{where}.map", "only texts have a map", "leave it out"
        if cell.money is not None:
            yield from _money_problems(mapping, name, cell)


def _money_problems(mapping: Mapping, name: str, cell: FieldCell) -> Iterator[Problem]:
    where = f"fields.{name}.money"
    if kind_of(name) != "integer":
        yield where, f"{name} is not an amount in minor units", "a field such as amount_minor"
    own = cell.money.currency if cell.money else None
    stated = mapping.fields.get("currency")
    if own is None and stated is None:
        yield where, "no currency", 'currency = "EUR", or a field currency'
    for place, given in ((f"{where}.currency", own), ("fields.currency", stated)):
        if given is not None and given.value is not None and not is_currency(str(given.value)):
            yield place, f"{given.value!r} is not in ISO 4217", "a code such as EUR"
    if own and stated and own.value and stated.value and own.value != stated.value:
        yield (
            f"{where}.currency",
            f"{own.value}, but fields.currency is {stated.value}",
            "one of them",
        )


def _coverage_problems(mapping: Mapping) -> Iterator[Problem]:
    """What every row would lack."""
    for model in mapped_types(mapping):
        for name, info in model.model_fields.items():
            if info.is_required() and name not in mapping.fields:
                yield f"fields.{name}", f"{model.TOPIC} cannot be without it", "map it"
        for kind in model.NEEDS:
            part = "references" if kind in catalogue.REFERENCE_KINDS else "tags"
            if kind not in getattr(mapping, part):
                why = f"{model.TOPIC} does not say which {kind} it happens to"
                yield f"{part}.{kind}", why, f'such as {kind} = "{kind}_id"'
        if model.ABOUT is About.PERSON and not mapping.identifiers:
            yield "identifiers", f"{model.TOPIC} is about a person", 'such as user = "customer_id"'
        if mapping.identifiers and all(m.ABOUT is About.NOBODY for m in mapped_types(mapping)):
            yield "identifiers", f"{model.TOPIC} is about nobody", "leave them out"
