"""Every rule for folds has a file that breaks it; here is what its writer is told."""

from pathlib import Path

import pytest

from ledger.errors import DefinitionRefused
from projections.definition import read_fold

_FOLDER = Path(__file__).parent / "refused"

_OURS = "aliases, events, folded, hidden, hidden_customer, joined, merged, migration, order_lines, view_table"
_OF_A_LINE = (
    "it has product, quantity and amount_minor of the line, and the columns of events but moment,"
    " lines and data, which all lines of an order share"
)

# name: (where in the file, why, what to write instead)
REFUSED: dict[str, tuple[str, str, str]] = {
    "Upper_Case": (
        "name",
        "a view is not called 'Upper_Case'",
        "name the file in lower case, with digits and _, and not " + _OURS,
    ),
    "a_file": ("FROM", "a fold reads events alone", "write FROM events"),
    "age_of": (
        "n",
        "age: it reads the clock, though DuckDB calls it consistent",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "aggregate_in_filter": (
        "n",
        "an aggregate inside an expression that is not one: max",
        "aggregate plain expressions, and combine the columns in a question",
    ),
    "aggregate_in_where": (
        "WHERE",
        "an aggregate inside an expression that is not one: count_star",
        "aggregate plain expressions, and combine the columns in a question",
    ),
    "any_value": (
        "language",
        (
            "any_value of two runs does not follow from any_value of each; allowed are "
            "count, sum, min, max, arg_min, arg_max, bool_or, bool_and"
        ),
        "write arg_min(x, moment) for the earliest or arg_max(x, moment) for the latest",
    ),
    "approximate": (
        "campaigns",
        (
            "approx_count_distinct of two runs does not follow from approx_count_distinct "
            "of each; allowed are count, sum, min, max, arg_min, arg_max, bool_or, "
            "bool_and"
        ),
        "put the value in the key with a count, and work it out in a question",
    ),
    "around_aggregates": (
        "known_for",
        "neither a key nor an aggregate, but an expression around aggregates",
        "keep each aggregate in a column of its own, and combine them in a question",
    ),
    "array_agg": (
        "campaigns",
        (
            "array_agg of two runs does not follow from array_agg of each; allowed are "
            "count, sum, min, max, arg_min, arg_max, bool_or, bool_and"
        ),
        "put the value in the key, and collect the list in a question",
    ),
    "average": (
        "typical",
        (
            "avg of two runs does not follow from avg of each; allowed are count, sum, min, "
            "max, arg_min, arg_max, bool_or, bool_and"
        ),
        "write sum(x) and count(x) as two columns, and divide them in a question",
    ),
    "bool_of_number": ("paid", "BIGINT is no condition", "compare it with something"),
    "chance": (
        "WHERE",
        "random: DuckDB calls it VOLATILE, not CONSISTENT",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "clock": (
        "n",
        "now: DuckDB calls it CONSISTENT_WITHIN_QUERY, not CONSISTENT",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "collated": (
        "campaign",
        "collation: text compares by its bytes, in every store alike",
        "write lower(x) where case should not matter",
    ),
    "comma_join": ("FROM", "a fold reads events alone", "join views in a question"),
    "common_table": (
        "WITH",
        "a fold reads events and nothing else",
        "write the expression where it is used",
    ),
    "count_distinct": (
        "campaigns",
        "count(DISTINCT x): distinct values of two runs do not add up",
        "put x in the key, and count the rows in a question",
    ),
    "decimal_sum": (
        "amount",
        "sum of DECIMAL(18,2): only whole numbers add up alike in every order",
        "sum minor units, or count(*) with a FILTER",
    ),
    "distinct_rows": (
        "DISTINCT",
        "distinct rows of two runs do not add up",
        "put the columns in the key",
    ),
    "division": (
        "amount",
        "division with /: it gives a float, and floats do not add up alike in every order",
        "write // for whole numbers, or divide in a question",
    ),
    "earliest_by_position": (
        "language",
        "the second argument of arg_min is moment, exactly: no other order has no ties",
        "write arg_min(x, moment)",
    ),
    "empty_comment": (
        "comment",
        "nothing says what it is for",
        "begin with -- empty_comment: its purpose",
    ),
    "events": (
        "name",
        "a view is not called 'events'",
        "name the file in lower case, with digits and _, and not " + _OURS,
    ),
    "field_of_data": (
        "colour",
        "events has no column data.colour",
        "`bahi view events` lists its columns",
    ),
    "filter_on_key": ("kind", "FILTER belongs to an aggregate", "write CASE WHEN … THEN … END"),
    "first_value": (
        "language",
        (
            "first of two runs does not follow from first of each; allowed are count, "
            "sum, min, max, arg_min, arg_max, bool_or, bool_and"
        ),
        "write arg_min(x, moment) for the earliest or arg_max(x, moment) for the latest",
    ),
    "float_key": (
        "amount",
        "it is DOUBLE, and floats are not equal in every order and store",
        "write whole numbers: minor units, or // in place of /",
    ),
    "float_minimum": (
        "root",
        "it is DOUBLE, and floats are not equal in every order and store",
        "write whole numbers: minor units, or // in place of /",
    ),
    "float_sum": (
        "amount",
        "sum of DOUBLE: only whole numbers add up alike in every order",
        "sum minor units, or count(*) with a FILTER",
    ),
    "greatest_three": ("amounts", "max takes one plain expression", "write max(x)"),
    "grouped_by_all": (
        "GROUP BY",
        "it is not exactly the columns that are no aggregates",
        "write GROUP BY customer",
    ),
    "grouped_by_cube": (
        "GROUP BY",
        "it is not exactly the columns that are no aggregates",
        "write GROUP BY customer, currency",
    ),
    "grouped_by_less": (
        "GROUP BY",
        "it is not exactly the columns that are no aggregates",
        "write GROUP BY customer, currency",
    ),
    "grouped_by_more": (
        "GROUP BY",
        "it is not exactly the columns that are no aggregates",
        "write GROUP BY customer",
    ),
    "grouped_by_number": (
        "GROUP BY",
        "it is not exactly the columns that are no aggregates",
        "write GROUP BY customer",
    ),
    "having": ("HAVING", "a row left out today may be needed tomorrow", "filter in a question"),
    "lambda": ("n", "lambda: a fold takes plain expressions", "use it in a question"),
    "latest_by_time": (
        "language",
        "the second argument of arg_max is moment, exactly: no other order has no ties",
        "write arg_max(x, moment)",
    ),
    "latest_three": ("languages", "arg_max takes one plain expression", "write arg_max(x, moment)"),
    "latest_line": ("product", "order_lines has no column moment", _OF_A_LINE),
    "limited": ("LIMIT", "a row left out today may be needed tomorrow", "limit in a question"),
    "list_kept": (
        "campaigns",
        "a view does not keep VARCHAR[]",
        "write it as BIGINT, VARCHAR, BOOLEAN, UUID, TIMESTAMP, DATE or JSON",
    ),
    "macro_clock": (
        "n",
        "ago: what stands behind it may give another answer each time",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "median": (
        "typical",
        (
            "median of two runs does not follow from median of each; allowed are count, sum, "
            "min, max, arg_min, arg_max, bool_or, bool_and"
        ),
        "put the value in the key with a count, and work it out in a question",
    ),
    "nameless": ("COUNT(*)", "it has no name", "write COUNT(*) AS its_name"),
    "nameless_key": ("LOWER(campaign)", "it has no name", "write LOWER(campaign) AS its_name"),
    "nested_aggregate": (
        "n",
        "an aggregate inside an expression that is not one: max",
        "aggregate plain expressions, and combine the columns in a question",
    ),
    "new_id": (
        "id",
        "uuid: DuckDB calls it VOLATILE, not CONSISTENT",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "no_comment": (
        "comment",
        "nothing says what it is for",
        "begin with -- no_comment: its purpose",
    ),
    "no_condition": ("n", "VARCHAR is no condition", "compare it with something"),
    "no_condition_in_where": ("WHERE", "BIGINT is no condition", "compare it with something"),
    "no_key": ("GROUP BY", "a fold has one row a key, and there is no key", "select a key column"),
    "no_sql": (
        "file",
        "it cannot be read as SQL, at line 2, column 38",
        "write one SELECT … FROM events GROUP BY key",
    ),
    "not_a_select": (
        "file",
        "a fold is one SELECT, and nothing else",
        "write one SELECT … FROM events GROUP BY key",
    ),
    "not_grouped": (
        "GROUP BY",
        "it is not exactly the columns that are no aggregates",
        "write GROUP BY customer",
    ),
    "nothing": (
        "file",
        "a fold is one SELECT, and nothing else",
        "write one SELECT … FROM events GROUP BY key",
    ),
    "numbered_parameter": (
        "n",
        "parameter: a fold has no input but events",
        "ask for :now in a question",
    ),
    "offset_rows": ("OFFSET", "a row left out today may be needed tomorrow", "limit in a question"),
    "ordered": (
        "ORDER BY",
        "the rows of a view have no order",
        "order in a question, or on reading",
    ),
    "ordered_aggregate": (
        "language",
        "ORDER BY inside min",
        "write arg_min or arg_max with moment as the second argument",
    ),
    "other_relation": ("FROM", "a fold reads events alone", "write FROM events"),
    "parameter": ("n", "parameter: a fold has no input but events", "ask for :now in a question"),
    "position_reference": (
        "n",
        "positional_reference: a fold takes plain expressions",
        "name a column",
    ),
    "qualified_rows": ("QUALIFY", "a window needs all rows at once", "use a window in a question"),
    "quantile": (
        "large",
        (
            "quantile_disc of two runs does not follow from quantile_disc of each; allowed "
            "are count, sum, min, max, arg_min, arg_max, bool_or, bool_and"
        ),
        "put the value in the key with a count, and work it out in a question",
    ),
    "renamed_events": ("FROM", "a fold reads events alone", "write FROM events"),
    "reserved_name": (
        "_n",
        "this name is reserved",
        "begin with a letter, and use lower case, digits and _",
    ),
    "rowid_name": (
        "rowid",
        "this name is reserved",
        "begin with a letter, and use lower case, digits and _",
    ),
    "same_name": ("n", "two columns have this name", "rename one"),
    "sampled": ("SAMPLE", "a fold reads every event", "leave it out"),
    "setting": (
        "zone",
        "current_setting: DuckDB calls it CONSISTENT_WITHIN_QUERY, not CONSISTENT",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "star": ("*", "it has no name", "write * AS its_name"),
    "string_agg": (
        "campaigns",
        (
            "listagg of two runs does not follow from listagg of each; allowed are count, "
            "sum, min, max, arg_min, arg_max, bool_or, bool_and"
        ),
        "put the value in the key, and join the texts in a question",
    ),
    "subquery": (
        "n",
        "subquery: a fold reads events and nothing else",
        "look the rest up in a question",
    ),
    "subquery_in_where": (
        "WHERE",
        "subquery: a fold reads events and nothing else",
        "look the rest up in a question",
    ),
    "sum_distinct": (
        "amounts",
        "sum(DISTINCT x): distinct values of two runs do not add up",
        "put x in the key, and count the rows in a question",
    ),
    "table_function": ("FROM", "a fold reads events alone", "write FROM events"),
    "text_of_customer": (
        "whom",
        "a text made of a customer would outlive their erasure",
        "write the customer as it is",
    ),
    "text_sum": (
        "amount",
        "sum of VARCHAR: only whole numbers add up alike in every order",
        "sum minor units, or count(*) with a FILTER",
    ),
    "timestamp_now": (
        "n",
        "current_timestamp: it is another value each time",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "today": (
        "n",
        "current_date: it is another value each time",
        "fold what the event says (occurred_at), and ask for :now in a question",
    ),
    "two_statements": (
        "file",
        "a fold is one SELECT, and nothing else",
        "write one SELECT … FROM events GROUP BY key",
    ),
    "two_relations": ("FROM", "a fold reads events alone", "join views in a question"),
    "union": (
        "file",
        "a fold is one SELECT, and nothing else",
        "write one SELECT … FROM events GROUP BY key",
    ),
    "unknown_column": (
        "amount",
        "events has no column amount",
        "`bahi view events` lists its columns",
    ),
    "unknown_function": (
        "campaign",
        "shorten: DuckDB knows no such function",
        "see DuckDB's list of functions",
    ),
    "wide_integer": ("amount", "a view does not keep HUGEINT", "write x::BIGINT"),
    "whole_order": ("lines", "order_lines has no column lines", _OF_A_LINE),
    "window": ("n", "window: it needs all rows at once", "use a window in a question"),
    "wrong_arguments": (
        "file",
        "it cannot be read as SQL, at line 2, column 44",
        "write one SELECT … FROM events GROUP BY key",
    ),
    "zoned_time": (
        "last_seen",
        "a view does not keep TIMESTAMP WITH TIME ZONE",
        "write x::TIMESTAMP, times are UTC already",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_fold_that_would_not_merge_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(DefinitionRefused) as refusal:
        read_fold(_FOLDER / f"{name}.sql")
    assert (refusal.value.where, refusal.value.why, refusal.value.instead) == REFUSED[name]


def test_every_refused_file_is_in_the_table() -> None:
    assert sorted(path.stem for path in _FOLDER.glob("*.sql")) == sorted(REFUSED)
