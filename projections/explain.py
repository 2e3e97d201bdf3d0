"""A view in words and SQL: what it is for, what each column is, and what is run for it."""

from projections import sql
from projections.definition import Aggregate, Fold, Measure
from projections.questions import Question
from projections.sqlite.sql import table_sql, upsert_sql

_WORDS = {
    Aggregate.COUNT: "how many have {0}",
    Aggregate.SUM: "the sum of {0}",
    Aggregate.MIN: "the least {0}",
    Aggregate.MAX: "the greatest {0}",
    Aggregate.ARG_MIN: "the earliest {0}",
    Aggregate.ARG_MAX: "the latest {0}",
    Aggregate.BOOL_OR: "whether {0} was ever true",
    Aggregate.BOOL_AND: "whether {0} was always true",
}


def explain_fold(fold: Fold) -> str:
    """A fold for people: purpose, columns with type and meaning, and the SQL behind it."""
    width = max(len(name) for name in fold.shown.names)
    lines = [f"{fold.name} — {fold.purpose}", "", f"a fold, definition {fold.hash[:12]}"]
    lines += [f"{fold.source}: {fold.where or 'all'}", f"reads: {', '.join(fold.needs)}", ""]
    lines += [f"  {key.name:<{width}}  {key.type:<9}  key: {key.sql}" for key in fold.keys]
    lines += [f"  {m.name:<{width}}  {m.type:<9}  {_in_words(m)}" for m in fold.measures]
    lines += ["", "-- a batch is folded (DuckDB)", sql.fold_sql(fold)]
    lines += ["-- kept in (SQLite)", table_sql(fold, fold.name)]
    lines += ["-- and merged by (SQLite)", upsert_sql(fold, fold.name)]
    if fold.by_customer:
        lines += ["-- customers that were merged are read by (DuckDB)", sql.merge_sql(fold)]
    return "\n".join(lines)


def explain_question(question: Question) -> str:
    """A question for people: purpose, what it asks, and its SQL."""
    asks = ", ".join(sorted(question.asks)) or "nothing"
    select = question.select.sql(dialect="duckdb", pretty=True, comments=False)
    return f"{question.name} — {question.purpose}\n\na question, asks {asks}\n\n{select}\n"


def _in_words(measure: Measure) -> str:
    words = "how many" if measure.sql == "*" else _WORDS[measure.aggregate].format(measure.sql)
    return f"{words}, where {measure.filter}" if measure.filter else words
