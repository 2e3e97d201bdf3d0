"""A few events folded in Python give the very rows that DuckDB gives, or it says that it cannot tell."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from random import Random

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ledger.clock import from_us
from ledger.event import Event, Recorded, encode_body
from ledger.people import ALIASES
from projections import few
from projections.definition import parse_fold
from projections.expressions import Unclear
from projections.few import Row
from projections.folding import Folder, merge
from projections.views import load
from tests.projections.business import PEOPLE, business
from tests.projections.source import as_raw, columns_of, shop
from tests.projections.test_consent_views import history as consents

FOLDS = load()[0]
UNTOLD = {"erasure", "pipeline_stages"}
"""Shipped folds that say something else than is worked out in Python."""
TRICKY = """
    count(*) FILTER (WHERE NOT (campaign = 'spring')) AS a,
    count(*) FILTER (WHERE campaign <> 'spring' OR market IS NULL) AS b,
    count(*) FILTER (WHERE NOT (campaign LIKE 's%' AND market = 'DE')) AS c,
    count(*) FILTER (WHERE campaign NOT IN ('spring', 'Sale')) AS d,
    count(*) FILTER (WHERE campaign IN ('spring', NULL)) AS e,
    count(*) FILTER (WHERE NOT (campaign IN ('spring', NULL))) AS f,
    count(*) FILTER (WHERE amount_minor NOT BETWEEN 100 AND 40000) AS g,
    count(*) FILTER (WHERE type LIKE '_rder.%' AND NOT (type LIKE '%ed')) AS h,
    count(amount_minor) FILTER (WHERE occurred_at >= TIMESTAMP '2024-01-03 00:00:00') AS i,
    min(market) AS j, max(campaign) AS k, bool_and(campaign = 'über') AS l, bool_or(market = 'IN') AS m,
    max(CASE WHEN market = 'DE' THEN campaign WHEN amount_minor > 9 THEN market END) AS n,
    arg_min(coalesce(campaign, market, ''), moment) AS o, arg_max(customer, moment) AS p,
    min(date_trunc('year', occurred_at)) AS q, max(occurred_at::DATE) AS r, sum(points) AS s
"""
ODD = {
    "seen": "SELECT source, {} FROM events GROUP BY source",
    "by_day": "SELECT date_trunc('day', occurred_at)::DATE AS day, {} FROM events GROUP BY day",
    "by_campaign": "SELECT campaign, {} FROM events WHERE NOT (market = 'DE') GROUP BY campaign",
}
ALL = {
    **FOLDS,
    **{n: parse_fold(n, f"-- {n}: odd.\n{text.format(TRICKY)}") for n, text in ODD.items()},
}


def recorded(events: Sequence[Event]) -> list[Recorded]:
    return [
        Recorded(position, from_us(position), event, encode_body(event))
        for position, event in enumerate(events, 1)
    ]


def told(seed: int) -> list[Event]:
    chance = Random(seed)
    events = [*business(120, seed), *shop(120, 4, seed)]
    for number in range(3):
        events += consents(chance, number)
    tea = [{"product": "tea", "quantity": 2, "amount_minor": 5}, {"product": None}, {"quantity": 1}]
    for event in [e for e in events if e.type == "order.placed"][:9]:
        events.append(replace(event, data={**event.data, "lines": tea[: chance.randrange(4)]}))
    chance.shuffle(events)
    return events


@settings(max_examples=4, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**16))
def test_rows_are_those_of_duckdb(seed: int) -> None:
    events = told(seed)
    one, other = PEOPLE[0], PEOPLE[1]
    alike = pa.table(
        [pa.array([other.bytes], pa.uuid()), pa.array([one.bytes], pa.uuid())], schema=ALIASES
    )
    unclear = set()
    with closing(Folder()) as folder:
        for mine in (None, (one, other)):
            some = [
                event if mine is None or event.customer in mine else replace(event, customer=None)
                for event in events
            ]
            table, rows = columns_of(as_raw(some)), [Row(each) for each in recorded(some)]
            for name, fold in ALL.items():
                if mine is None and fold.by_customer:
                    continue
                expected = merge(fold, folder.fold(fold, table), alike if mine else None, None)
                try:
                    assert few.shown(fold, rows, one).equals(expected), name
                except Unclear:
                    unclear.add(name)
    assert unclear <= UNTOLD


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"points": True}, "points"),
        ({"points": "7"}, "points"),
        ({"language": 7}, "language"),
        ({"rate_date": "2026-1-1"}, "rate_date"),
        ({"other": "nobody"}, "other"),
    ],
)
def test_a_value_of_another_type_is_left_to_duckdb(change: dict[str, object], column: str) -> None:
    event = replace(shop(1, 1)[0], data=change)
    (row,) = [Row(each) for each in recorded([event])]
    fold = parse_fold(
        "seen", f"-- seen: it.\nSELECT source, max({column}) AS x FROM events GROUP BY source"
    )
    with pytest.raises(Unclear):
        few.shown(fold, [row], None)


def test_a_total_past_64_bits_is_left_to_duckdb() -> None:
    events = [replace(e, source="web", data={"points": 2**53 - 1}) for e in shop(1_100, 1)]
    rows = [Row(each) for each in recorded(events)]
    fold = parse_fold(
        "seen", "-- seen: it.\nSELECT source, sum(points) AS x FROM events GROUP BY source"
    )
    with pytest.raises(Unclear):
        few.shown(fold, rows, None)
    assert few.shown(fold, rows[:1_024], None).num_rows == 1
