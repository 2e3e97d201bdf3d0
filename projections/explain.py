"""A view in words and SQL: what it is for, what each column is, and what is run for it."""

from projections import sql
from projections.definition import Fold
from projections.questions import Question
from projections.store import ViewStore
from projections.words import in_words


def explain_fold(fold: Fold, store: ViewStore) -> str:
    """A fold for people: purpose, columns with type and meaning, and the SQL behind it."""
    width = max(len(name) for name in fold.shown.names)
    lines = [f"{fold.name} — {fold.purpose}", "", f"a fold, definition {fold.hash[:12]}"]
    lines += [f"{fold.source}: {fold.where or 'all'}", f"reads: {', '.join(fold.needs)}", ""]
    lines += [f"  {key.name:<{width}}  {key.type:<9}  key: {key.sql}" for key in fold.keys]
    lines += [f"  {m.name:<{width}}  {m.type:<9}  {in_words(m)}" for m in fold.measures]
    lines += ["", "-- a batch is folded (DuckDB)", sql.fold_sql(fold)]
    lines.append(store.explain(fold))
    if fold.by_customer:
        lines += ["-- customers that were merged are read by (DuckDB)", sql.merge_sql(fold)]
    return "\n".join(lines)


def explain_question(question: Question) -> str:
    """A question for people: purpose, what it asks, and its SQL."""
    asks = ", ".join(sorted(question.asks)) or "nothing"
    select = question.select.sql(dialect="duckdb", pretty=True, comments=False)
    return f"{question.name} — {question.purpose}\n\na question, asks {asks}\n\n{select}\n"
