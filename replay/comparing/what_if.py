"""What if: the same history through views that are defined otherwise, or with events that never happened.

Nothing of it is kept. Views are folded for one answer, in memory, and no event is appended.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import duckdb
import orjson
import pyarrow as pa

from commands.draft import Draft, check_fact
from commands.touchpoint import Touchpoint
from ledger import catalogue, relation
from ledger.catalogue import About
from ledger.catalogue.sales import PipelineDefined
from ledger.clock import to_us
from ledger.errors import BadField, BadUsage, came_safely
from ledger.event import encode_body
from ledger.gone import hidden_table
from ledger.relation import Scannable
from projections import Fold, Views, questions
from replay.clocks import read_moment
from replay.history import Clocks
from replay.opening import Reading

CHANCE = "win_percent"
"""The parameter that a stage of a pipeline has."""
_SOURCE = "what-if"


@dataclass(frozen=True, slots=True)
class Supposed:
    """What is supposed: views by name, defined otherwise or new, and events, after all others in the book."""

    folds: Mapping[str, Fold] = field(default_factory=dict)
    questions: Mapping[str, Path] = field(default_factory=dict)
    events: tuple[Touchpoint, ...] = ()


NOTHING = Supposed()


class WhatIf:
    """One moment of history, looked at as it is and as it might have been.

    Both looks are of the same events and of the same `:now`, so what differs between them was supposed.
    """

    def __init__(self, reading: Reading, at: Clocks, purpose: str = "") -> None:
        self._reading = reading
        self._purpose = purpose
        self._upto = reading.book.head() if at.known_upto is None else at.known_upto
        self._as_of = at.as_of
        self._now = at.as_of or reading.clock()

    def with_file(self, supposed: Supposed, path: Path) -> Supposed:
        """And with the fold or question in this file, in place of the one of its name, if there is one.

        A fold is tried as `bahi views check` does, on the book. Raises `DefinitionRefused`.
        """
        views, name = self._reading.views, path.stem
        if name in views.folds or (name not in views.questions and _is_of_events(path)):
            fold = views.check(path, self._reading.columns).fold
            return Supposed({**supposed.folds, name: fold}, supposed.questions, supposed.events)
        questions.read_question(path)
        asks = {**supposed.questions, name: path}
        return Supposed(supposed.folds, asks, supposed.events)

    def with_events(self, supposed: Supposed, text: str | bytes) -> Supposed:
        """And with events, a JSON object or a list of them: `type`, `data`, and where wanted `tags`, `occurred_at`.

        They are about nobody, and hold nothing personal; they happened last unless they say when. Raises
        `BadUsage` for what is no such list, `Refused` for an event that is none.
        """
        try:
            given = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise BadUsage("events: expected JSON, came text that is none") from None
        listed = given if isinstance(given, list) else [given]
        events = tuple(self._touchpoint(one) for one in listed)
        return Supposed(supposed.folds, supposed.questions, (*supposed.events, *events))

    def with_value(self, supposed: Supposed, text: str) -> Supposed:
        """And with another chance of winning: `win_percent.STAGE=60`, or `win_percent.PIPELINE.STAGE=60`.

        That is a `pipeline.defined` which says so of that stage, and of all else what was defined by then.
        Raises `BadUsage` for another name, and for a stage that no pipeline has.
        """
        name, _, value = text.partition("=")
        parameter, *path = name.split(".")
        if parameter != CHANCE or len(path) not in {1, 2} or not value.strip().isdecimal():
            expected = f"{CHANCE}.STAGE=60 or {CHANCE}.PIPELINE.STAGE=60, with a whole number"
            raise BadUsage(f"--set: expected {expected}, came {text}")
        *pipelines, stage = path
        found = [
            row
            for row in self.rows("pipeline_stages", supposed).to_pylist()
            if not pipelines or row["pipeline"] == pipelines[0]
        ]
        changed = [row for row in found if _stage(row, stage) is not None]
        if not changed:
            known = sorted({one["stage"] for row in found for one in orjson.loads(row["stages"])})
            raise BadUsage(
                f"--set: expected a stage, {', '.join(known) or 'of which there is none'}; came {stage}"
            )
        events = tuple(self._redefined(row, stage, int(value)) for row in changed)
        return Supposed(supposed.folds, supposed.questions, (*supposed.events, *events))

    def rows(self, name: str, supposed: Supposed = NOTHING, where: str | None = None) -> pa.Table:
        """A view's rows, as they would be; see `History.view`.

        Raises `DefinitionRefused` where what is supposed does not fit the views that ask it.
        """
        reading = self._reading
        views = reading.views.supposing(supposed.folds, supposed.questions)
        behind = questions.asked_by(name, views.questions)
        if supposed is not NOTHING:
            asks = {one: views.questions[one] for one in behind & views.questions.keys()}
            questions.demand_sound(views.folds, asks)
        hidden = reading.hidden(self._purpose)
        persons = reading.people.at(self._as_of, self._upto).without(hidden)
        source = Following(reading.read, self._upto, supposed.events)
        return views.rows(
            name,
            source=source,
            as_of=self._as_of,
            known_upto=source.head(),
            where=where,
            now=self._now,
            aliases=persons.aliases(),
            joined=persons.togetherness(),
            hidden=hidden_table(hidden),
        )

    def views(self, supposed: Supposed = NOTHING) -> Views:
        """The views as they are supposed to be, for whoever asks what they are made of."""
        return self._reading.views.supposing(supposed.folds, supposed.questions)

    def _redefined(self, row: Mapping[str, Any], stage: str, value: int) -> Touchpoint:
        stages = [
            one | {CHANCE: value} if one["stage"] == stage else one
            for one in orjson.loads(row["stages"])
        ]
        data = {"pipeline": row["pipeline"], "stages": stages, "currency": row["currency"] or None}
        tags = {"market": row["market"]} if row["market"] else {}
        return self._touchpoint({"type": PipelineDefined.TOPIC, "data": data, "tags": tags})

    def _touchpoint(self, given: object) -> Touchpoint:
        if not isinstance(given, dict) or not given.keys() <= {
            "type",
            "data",
            "tags",
            "occurred_at",
        }:
            raise BadUsage(
                "events: expected objects with type, data, tags, occurred_at, came another"
            )
        data, tags = given.get("data", {}), given.get("tags", {})
        if not isinstance(data, dict) or not isinstance(tags, dict):
            raise BadUsage("events: expected objects in data and tags, came something else")
        payload = catalogue.parse(str(given.get("type", "")), data, at_a_door=False)
        if payload.ABOUT is About.PERSON:
            raise BadField("type", "an event that may be about nobody", came_safely(payload.TOPIC))
        for name in payload.RETENTIONS:
            if getattr(payload, name) is not None:
                raise BadField(name, "nothing personal, since nobody is meant", "something")
        when = given.get("occurred_at")
        moment = self._now if when is None else read_moment(str(when), "occurred_at")
        things = {kind: tags[kind] for kind in tags.keys() & set(catalogue.REFERENCE_KINDS)}
        touchpoint = Touchpoint(
            payload=payload,
            occurred_at=moment,
            source=_SOURCE,
            message_id=_SOURCE,
            tags={kind: tags[kind] for kind in tags.keys() - things.keys()},
            things={kind: _thing(kind, value) for kind, value in things.items()},
        )
        check_fact(Draft(0, touchpoint))
        return touchpoint


def _thing(kind: str, value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise BadField(
            f"tags.{kind}", "the id that the book has for it", came_safely(str(value))
        ) from None


def _stage(row: Mapping[str, Any], stage: str) -> Mapping[str, Any] | None:
    stages = orjson.loads(row["stages"])
    return next((one for one in stages if one["stage"] == stage), None)


def _is_of_events(path: Path) -> bool:
    """Whether a file whose name says nothing is a fold, by what it reads."""
    return bool({"events", "order_lines"} & questions.read_question(path).asks)


def _raw(given: Touchpoint) -> Mapping[str, object]:
    draft = Draft(0, given, id=uuid4())
    return {"recorded_at": to_us(given.occurred_at), "body": encode_body(draft.event()).decode()}


class Following:
    """The events of a source up to a position, and then others, at the positions that follow."""

    def __init__(self, recorded: Scannable, upto: int, supposed: Sequence[Touchpoint]) -> None:
        self._recorded = recorded
        self._upto = upto
        rows = [{"position": n, **_raw(one)} for n, one in enumerate(supposed, upto + 1)]
        self._supposed = pa.Table.from_pylist(rows, schema=relation.RAW)

    def head(self) -> int:
        """See `EventSource`."""
        return self._upto + int(self._supposed.num_rows)

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        """See `EventSource`."""
        last = self.head() if upto is None else min(upto, self.head())
        if after < self._upto:
            here = min(last, self._upto)
            yield from self._recorded.batches(after, columns, upto=here, size=size)
        yield from self._others(after, last, columns).to_batches(size)

    @contextmanager
    def scan(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Sequence[str],
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> Iterator[str]:
        """See `Scannable`."""
        last = self.head() if upto is None else min(upto, self.head())
        here = min(last, self._upto)
        given = self._recorded.scan(connection, columns, after=min(after, here), upto=here)
        with given as recorded:
            connection.register("supposed", self._others(after, last, columns))
            yield _template().format(recorded=recorded)

    def _others(self, after: int, last: int, columns: Sequence[str]) -> pa.Table:
        first = max(after - self._upto, 0)
        raw = self._supposed.slice(first, max(last - self._upto - first, 0))
        return relation.project(raw, columns)


@cache
def _template() -> str:
    return (
        files("replay.comparing")
        .joinpath("sql", "supposed.sql")
        .read_text(encoding="utf-8")
        .strip()
    )
