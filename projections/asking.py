"""A question asked again and again of a few rows: planned once, since that takes longer than to answer it."""

import atexit
from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from ledger.relation import Feed
from projections import functions
from projections.questions import NOW, PEOPLE
from projections.sql import quoted

_CLOCK = pa.schema([("now", pa.timestamp("us"))])
_KEPT = 50
"""Questions that are kept planned, each as often as it was asked at once."""

Key = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, pa.Schema], ...]]


def answer_few(
    name: str,
    rows: Mapping[str, pa.Table],
    asked: Mapping[str, str],
    people: Mapping[str, pa.Table],
    now: datetime,
) -> pa.Table | None:
    """The answer of a question: as `questions.answer`, but that `asked` holds SQL with `NOW` in it.

    None for what cannot be planned ahead, or not be answered: whoever asks at length is told why.
    """
    schemas = tuple((view, table.schema) for view, table in rows.items())
    key: Key = (name, tuple(asked.items()), schemas)
    try:
        waiting = _idle.get(key)
        planned = waiting.pop() if waiting else _Planned(*key)
        found = planned.answer({**people, **rows}, now)
    except (duckdb.Error, IndexError):  # or somebody else was quicker
        return None
    if len(_idle) >= _KEPT and key not in _idle:
        _idle.clear()
    _idle.setdefault(key, []).append(planned)
    return found


_idle: dict[Key, list["_Planned"]] = {}
"""Lent to one thread at a time, whichever that is."""
atexit.register(_idle.clear)  # DuckDB complains of connections that outlive it


class _Planned:
    """One question over relations whose rows come and go."""

    def __init__(
        self,
        name: str,
        asked: tuple[tuple[str, str], ...],
        schemas: tuple[tuple[str, pa.Schema], ...],
    ) -> None:
        self._feeds = {view: Feed(schema) for view, schema in (*PEOPLE.items(), *schemas)}
        self._clock = Feed(_CLOCK)
        self._connection = functions.connect()
        self._connection.execute("SET threads = 1")  # it is over before another one is awake
        self._connection.register("the_clock", self._clock)
        for view, feed in self._feeds.items():
            self._connection.register(view, feed)
        moment, part = functions.template("moment.sql"), functions.template("planned_part.sql")
        parts = [
            part.format(name=quoted([view]), select=select.replace(NOW, moment))
            for view, select in asked
        ]
        planned = functions.template("planned.sql")
        text = planned.format(questions=", ".join(parts), name=quoted([name]))
        self._connection.execute(text)

    def answer(self, rows: Mapping[str, pa.Table], now: datetime) -> pa.Table:
        moment = now.astimezone(UTC).replace(tzinfo=None)
        self._clock.table = pa.table([pa.array([moment], _CLOCK[0].type)], schema=_CLOCK)
        for view, feed in self._feeds.items():
            feed.table = rows[view]
        try:
            return self._connection.sql("EXECUTE planned").to_arrow_table()
        finally:
            for feed in self._feeds.values():
                feed.table = feed.table.schema.empty_table()
