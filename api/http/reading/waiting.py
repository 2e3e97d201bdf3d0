"""`min_position`: an answer that has everything up to a position, such as the one that a write was answered with."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, Query

from api.http.serving import Serving, Shared
from ledger.book import MAX_POSITION
from projections.questions import asked_by

MinPosition = Annotated[
    int | None,
    Query(
        ge=0,
        le=MAX_POSITION,
        description="Answer with everything in it up to this position of the book; wait for that up to ten seconds.",
        examples=[1],
    ),
]


async def _of_customers(serving: Shared, min_position: MinPosition = None) -> None:
    if min_position is not None:
        folds = serving.bahi.views.folds
        await _reach(serving, min_position, [n for n, fold in folds.items() if fold.by_customer])


async def _of_view(name: str, serving: Shared, min_position: MinPosition = None) -> None:
    if min_position is not None:
        views = serving.bahi.views
        known = name in views.folds or name in views.questions
        wanted = asked_by(name, views.questions) & views.folds.keys() if known else ()
        await _reach(serving, min_position, wanted)


async def _of_book(serving: Shared, min_position: MinPosition = None) -> None:
    if min_position is not None:
        await _reach(serving, min_position, ())


async def _reach(serving: Serving, position: int, folds: Collection[str]) -> None:
    await serving.arrivals.reach(position, folds)


CustomersHave = Depends(_of_customers)
"""Of a route: the views of customers have everything up to what was asked for."""
ViewHas = Depends(_of_view)
"""The same of the view of that name."""
BookHas = Depends(_of_book)
"""The same of the book alone."""
