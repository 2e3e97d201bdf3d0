"""Views: what there is, and the rows of any of them, today's or another day's, chosen, ordered and by pages."""

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
from fastapi import Query, Request, Response
from starlette.responses import StreamingResponse

from api.http.answers import (
    CSV,
    JSON,
    NDJSON,
    NEXT,
    PARQUET,
    POSITION,
    Json,
    tag_of,
    unchanged,
    wanted,
)
from api.http.callers import Calling, demand_oversight, sees
from api.http.guard import router as guarded
from api.http.problems import both, documented
from api.http.reading.asking import Asked, Known, asked_of, in_full, known_of, known_of_fold
from api.http.reading.cursors import MAX_CURSOR
from api.http.reading.customers import look_upto
from api.http.reading.looks import Look, Looking
from api.http.reading.shown import CURSOR, TEXT, UNCHANGED, WHOLE, answer, listed, objects
from api.http.reading.waiting import BookHas, ViewHas
from api.http.serving import Serving, Shared
from api.pages import listed_json
from api.render import json_rows
from ledger.errors import StoreUnavailable
from projections.choosing import By, Op, beyond, choose
from projections.paging import Span
from replay.history import Clocks, Past
from replay.rows.formats import FileFormat, encoded

router = guarded()

_LIMIT = 1_000
_PAGE = 100
_FIRST = 1_000
"""Rows of the first batch where a page is looked for among them; each batch after it is larger."""
_PLACE = "_place"
_FORMATS = {NDJSON: FileFormat.JSONL, CSV: FileFormat.CSV, PARQUET: FileFormat.PARQUET}
_OFFERED = {JSON: JSON, NDJSON: "application/jsonl", CSV: CSV, PARQUET: PARQUET}

Order = Annotated[
    str | None,
    Query(
        description="Columns with commas between them, - before one for the largest first; null comes last.",
        examples=["-orders,customer"],
        max_length=1_000,
    ),
]
Limit = Annotated[
    int | None,
    Query(
        ge=1,
        le=_LIMIT,
        description=f"So many rows at the most; without it {_PAGE} in JSON, and all there are in other forms.",
    ),
]
Cursor = Annotated[
    str | None,
    Query(
        description="`next` of the page before, which was asked the same.", max_length=MAX_CURSOR
    ),
]

_LISTED = objects(
    {
        "name": TEXT,
        "kind": {"enum": ["fold", "question"]},
        "state": {"enum": ["current", "behind", "rebuilding", "failed"]},
        "position": WHOLE,
        "lag": WHOLE,
        "purpose": TEXT,
        "columns": listed(objects({"name": TEXT, "type": TEXT})),
    },
    {"failure": {"type": ["string", "null"]}},
)


@router.get(
    "/v1/views",
    operation_id="list_views",
    tags=["reading"],
    summary="Every view, its columns, and how far it is",
    dependencies=[BookHas],
    responses={
        200: answer(
            "Folds are kept, questions are asked of them.",
            objects({"views": listed(_LISTED)}),
            {
                "views": [
                    {
                        "name": "customer_360",
                        "kind": "fold",
                        "state": "current",
                        "position": 42,
                        "lag": 0,
                        "purpose": "one row a customer; who they are to us, at a glance.",
                        "columns": [{"name": "customer", "type": "uuid"}],
                    }
                ]
            },
        )
    },
)
def list_views(serving: Shared, caller: Calling) -> Response:
    """`lag` counts events of the book that are not in a view yet."""
    bahi = serving.bahi
    head = bahi.ledger.book.head()
    views = [(line, known_of(bahi.views, line.name)) for line in bahi.views.list(head)]
    told = [
        {**listed_json(line), "columns": known.columns}
        for line, known in views
        if sees(caller, {line.name, *known.folds})
    ]
    return Json({"views": told}, headers={POSITION: str(head)})


@router.get(
    "/v1/views/{name}",
    operation_id="get_view",
    tags=["reading"],
    summary="The rows of a view",
    dependencies=[ViewHas],
    responses=both(
        documented("not-found", "fold-failed", "not-there-yet", "definition-refused"),
        {
            **UNCHANGED,
            200: answer(
                "Rows in the order of the key, or as asked; `next` is null with the last of them.",
                objects({"view": TEXT, "rows": listed({"type": "object"}), "next": CURSOR}),
                {
                    "view": "customer_360",
                    "rows": [{"customer": "3f1c2b9e-6f0d-4c1f-9a52-7d8e9f0a1b2c", "orders": 23}],
                    "next": "WyJhYTg3YTU2ZiJd",
                },
                {
                    NDJSON: '{"customer":"3f1c2b9e-6f0d-4c1f-9a52-7d8e9f0a1b2c","orders":23}\n',
                    CSV: "customer,orders\n3f1c2b9e-6f0d-4c1f-9a52-7d8e9f0a1b2c,23\n",
                    PARQUET: "PAR1…",
                },
            ),
        },
    ),
    openapi_extra={
        "x-conditions": "Any column as a parameter: market=DE, orders[gte]=20, market[in]=DE,AT, last_order[null]=true; "
        "the words are eq ne lt lte gt gte in null. A column called as one of the parameters is asked as purpose[eq]."
    },
)
def get_view(
    name: str,
    request: Request,
    serving: Shared,
    caller: Calling,
    look: Looking,
    order: Order = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """Any column is a condition: `market=DE`, `orders[gte]=20`, `market[in]=DE,AT`, `last_order[null]=true`; the
    words are `eq ne lt lte gt gte in null`. A column that is called like a parameter is asked as `purpose[eq]`.

    Pages go on by key, so rows that come or go meanwhile shift none of them; those of a question by place.
    A long answer comes in batches, each as the view is by then.
    """
    bahi = serving.bahi
    at = look.clocks(bahi)
    known = known_of(bahi.views, name)
    demand_oversight(caller, {name, *known.folds})
    if known.key and not at.past:  # while a view is rebuilt, it serves by its former definition
        known = known_of_fold(bahi.history.in_order(name, Span()).fold)
    media = wanted(request, _OFFERED)
    if limit is None and media == JSON:
        limit = _PAGE
    asked = asked_of(name, known, request.query_params.multi_items(), order, limit, cursor)
    position, tag = _standing(
        serving, known, look, at, [name, media, *request.query_params.multi_items()]
    )
    headers = {POSITION: str(position)} | ({"ETag": tag} if tag else {})
    if tag and (same := unchanged(request, tag, headers)):
        return same
    rows = Rows(bahi.history_for(look.purpose), name, known, asked, at)
    if limit is None:
        parts = encoded(rows.all(), _FORMATS[media])
        first = next(parts, b"")  # what cannot be answered is to be said with a status
        return StreamingResponse(chain([first], parts), 200, headers, media)
    page = rows.page(limit)
    if media == JSON:
        document = {"view": name, "rows": json_rows(page.rows), "next": page.next}
        return Json(document, headers=headers)
    headers |= {NEXT: page.next} if page.next else {}
    body = b"".join(encoded(page.rows.to_reader(), _FORMATS[media]))
    return Response(body, 200, headers, media)


def _standing(
    serving: Serving, known: Known, look: Look, at: Clocks, asked: list[Any]
) -> tuple[int, str | None]:
    """How much of the book is in an answer, and its ETag; none for what changes by itself, nor where a fold has
    stopped: whoever asks then is to be told that.
    """
    bahi = serving.bahi
    reached = serving.arrivals.standing()
    positions = sorted((name, reached[name].position) for name in known.folds)
    upto = look_upto(serving, at)
    going = at.past or all(reached[name].going for name in known.folds)
    if not going or (known.of_the_clock and at.as_of is None):
        tag = None
    else:
        persons, hidden = bahi.ledger.people.now(), bahi.reading.hidden(look.purpose)
        people = [hash(persons.links), hash(persons.parted), hash(hidden)]
        tag = tag_of(known.digest, asked, people, upto if at.past else positions)
    return (upto if at.past else min((p for _, p in positions), default=upto)), tag


class Page(NamedTuple):
    """Rows, and the cursor of those after them."""

    rows: pa.Table
    next: str | None


class Rows:
    """The rows that are asked for."""

    def __init__(self, history: Past, name: str, known: Known, asked: Asked, at: Clocks) -> None:
        self._history = history
        self._name = name
        self._known = known
        self._asked = asked
        self._at = at

    def page(self, limit: int) -> Page:
        """So many of them. Of a fold as it is today memory follows the page, in whatever order that is."""
        known = self._known
        if not known.key:
            return self._place(limit)
        where, order = self._wanted()
        if self._at.past:
            rows = choose(self._history.view(self._name, self._at), where, order, limit + 1)
        elif self._asked.order:
            rows = known.schema.empty_table()
            for batch in self._batches(10_000):
                rows = choose(pa.concat_tables([rows, batch]), where, order, limit + 1)
        else:
            rows = self._first(where, order, limit + 1)
        if rows.num_rows <= limit:
            return Page(rows, None)
        last = rows.slice(limit - 1, 1).to_pylist()[0]
        return Page(rows.slice(0, limit), self._asked.next([last[one.column] for one in order]))

    def all(self) -> pa.RecordBatchReader:
        """All of them; of a fold as it is today, in the order of its key, some at a time."""
        known = self._known
        if not known.key:
            return self._in_place(None).drop_columns([_PLACE]).to_reader(10_000)
        where, order = self._wanted()
        if self._at.past or self._asked.order:
            rows = choose(self._history.view(self._name, self._at), where, order)
            return rows.to_reader(10_000)
        return pa.RecordBatchReader.from_batches(
            known.schema,
            (one for rows in self._chosen(where, order, _FIRST) for one in rows.to_batches()),
        )

    def _wanted(self) -> tuple[list[Any], list[By]]:
        """Conditions and order of rows that have a key: those after the cursor, if there is one."""
        order = in_full(self._asked.order, self._known.key)
        after = self._asked.after
        return [*self._asked.where, *([beyond(order, after)] if after else [])], order

    def _first(self, where: list[Any], order: list[By], most: int) -> pa.Table:
        found = [self._known.schema.empty_table()]
        for rows in self._chosen(where, order, _FIRST if where else most):
            found.append(rows)
            if sum(map(len, found)) >= most:
                break
        return pa.concat_tables(found).slice(0, most)

    def _chosen(self, where: list[Any], order: list[By], first: int) -> Iterator[pa.Table]:
        for batch in self._batches(first):
            yield choose(batch, where, order) if where else batch

    def _batches(self, first: int) -> Iterator[pa.Table]:
        """All rows of the fold that may be wanted, in the order of its key."""
        leading = self._known.key[0]
        only = next(
            (
                one.values
                for one in self._asked.conditions
                if one.column == leading and one.op in (Op.EQ, Op.IN)
            ),
            None,
        )
        after = () if self._asked.order else tuple(self._asked.after)
        reading = self._history.in_order(self._name, Span(after, only, first))
        if reading.fold.hash != self._known.digest:
            raise StoreUnavailable(self._name, "its definition changed while it was asked for")
        for batch in reading.batches():
            yield batch.cast(self._known.schema)

    def _place(self, limit: int) -> Page:
        """A page of a question, which has an order of its own and no key."""
        rows = self._in_place(limit + 1)
        more = self._asked.next([self._before + limit]) if rows.num_rows > limit else None
        return Page(rows.slice(0, limit).drop_columns([_PLACE]), more)

    def _in_place(self, most: int | None) -> pa.Table:
        """Rows of a question after as many as came before, with the place that each has among all."""
        rows = self._history.view(self._name, self._at)
        placed = rows.append_column(_PLACE, pa.array(range(rows.num_rows), pa.int64()))
        asked, before = self._asked, self._before
        upto = None if most is None else before + most
        return choose(placed, asked.where, [*asked.order, By(_PLACE)], upto).slice(before)

    @property
    def _before(self) -> int:
        """Of a question, how many rows came before."""
        return self._asked.after[0] if self._asked.after else 0
