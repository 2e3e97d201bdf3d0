"""What the views have of one thing: a deal, a ticket, a task, a company."""

import pyarrow as pa

from api.wiring import Bahi
from replay.history import Clocks, Past


def folds_of(bahi: Bahi, kind: str) -> list[str]:
    """The folds that have such things in their key."""
    folds = bahi.views.folds.values()
    return [fold.name for fold in folds if any(key.name == kind for key in fold.keys)]


def rows_of(bahi: Bahi, history: Past, kind: str, thing: str, at: Clocks) -> dict[str, pa.Table]:
    """Its row of each of them, of those that have one; by index where that is how their rows are kept."""
    found = {}
    for name in folds_of(bahi, kind):
        first = bahi.views.folds[name].index[0]
        if first.name == first.sql == kind:
            found[name] = history.things(name, [thing], at)
        else:
            found[name] = history.view(name, at, f"{kind} = '{thing}'")
    return {name: rows for name, rows in found.items() if rows.num_rows}
