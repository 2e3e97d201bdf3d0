"""Views of customers and campaigns on histories of a few lines, told as one would tell them."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from ledger.event import Event
from projections.check import check_fold, made_events
from projections.definition import Fold, read_fold
from projections.folding import Folder
from tests.projections.dealings import MOMENTS, PEOPLE, by_key, happened, views_of
from tests.projections.source import MemorySource

_KPI = ("metric", "month", "market", "currency")


def test_an_empty_book_has_nobody_and_nothing_to_divide_by() -> None:
    with views_of(MemorySource.of([])) as views:
        counted = (
            "customers",
            "buyers",
            "repeat_buyers",
            "active_buyers_90_days",
            "leads",
            "tickets",
        )
        assert by_key(views.rows("kpi"), _KPI) == {
            (metric, None, None, None): 0 for metric in counted
        }
        for name in ("journey", "retention", "campaign_result"):
            assert views.rows(name).num_rows == 0


# type, data: (channel, sent, received, engaged)
_CHANNELS: list[tuple[str, dict[str, Any], tuple[str, int, int, int] | None]] = [
    ("email.sent", {}, ("email", 1, 0, 0)),
    ("email.delivered", {}, ("email", 0, 0, 0)),
    ("email.clicked", {}, ("email", 0, 0, 1)),
    ("message.sent", {"channel": "sms"}, ("sms", 1, 0, 0)),
    ("message.received", {"channel": "post"}, ("post", 0, 1, 1)),
    ("call.logged", {"direction": "outbound"}, ("phone", 1, 0, 0)),
    ("call.logged", {"direction": "inbound"}, ("phone", 0, 1, 1)),
    ("chat.started", {}, ("chat", 0, 0, 1)),
    ("chat.messaged", {"author": "customer"}, ("chat", 0, 1, 0)),
    ("chat.messaged", {"author": "bot"}, ("chat", 1, 0, 0)),
    ("chat.ended", {}, ("chat", 0, 0, 0)),
    ("social.engaged", {}, ("social", 0, 0, 1)),
    ("page.viewed", {}, ("web", 0, 0, 1)),
    ("form.submitted", {}, ("web", 0, 1, 1)),
    ("feature.used", {}, ("web", 0, 0, 1)),
    ("cart.abandoned", {}, ("web", 0, 0, 0)),
    ("ad.clicked", {}, ("ad", 0, 0, 1)),
    ("event.attended", {}, ("in_person", 0, 0, 1)),
    ("event.attended", {"attendance": "online"}, ("web", 0, 0, 1)),
    ("meeting.held", {}, ("in_person", 0, 0, 1)),
    ("order.placed", {}, None),
    ("loyalty.earned", {}, None),
]


def test_each_touch_counts_in_its_channel_as_sent_received_or_engaged() -> None:
    people = [UUID(int=n, version=4) for n in range(1, len(_CHANNELS) + 1)]
    events = [
        happened(kind, MOMENTS[0], who, **data)
        for who, (kind, data, _) in zip(people, _CHANNELS, strict=True)
    ]
    with views_of(MemorySource.of(events)) as views:
        rows = {row["customer"]: row for row in views.rows("customer_channel").to_pylist()}
        columns = ("channel", "sent", "received", "engaged")
        for who, (kind, _, wanted) in zip(people, _CHANNELS, strict=True):
            row = rows.get(who)
            assert (row and tuple(row[column] for column in columns)) == wanted, kind


def test_answers_count_by_the_scale_of_their_survey() -> None:
    scales = {"nps": range(11), "csat": range(1, 6), "ces": range(1, 8)}
    answers = [(survey, score) for survey, scale in scales.items() for score in scale]
    events = [
        happened(
            "survey.answered", MOMENTS[0], domain="service", number=n, survey=survey, score=score
        )
        for n, (survey, score) in enumerate(answers)
    ]
    with views_of(MemorySource.of(events)) as views:
        (row,) = views.rows("daily").to_pylist()
        counted = (
            "promoters",
            "passives",
            "detractors",
            "csat_answers",
            "csat_satisfied",
            "ces_answers",
        )
        assert [row[name] for name in (*counted, "ces_total")] == [2, 2, 7, 5, 2, 7, 28]
        figures = by_key(views.rows("kpi", where="month IS NULL AND market = ''"), ["metric"])
        names = ("net_promoter_score", "customer_satisfaction", "customer_effort_score")
        # (2 - 7) of 11, towards zero; 2 of 5; a mean answer of 4.
        assert [figures[name,] for name in names] == [-4545, 4000, 400]


def _day(day: int) -> datetime:
    return datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)


# What happens next, on which day: the stage as of that day, and the day since when.
_JOURNEY: list[tuple[Event, str, int]] = [
    (happened("page.viewed", _day(0)), "stranger", 0),
    (happened("customer.identified", _day(1)), "known", 1),
    (happened("lead.captured", _day(2), domain="sales"), "lead", 2),
    (happened("lead.qualified", _day(5), domain="sales"), "qualified", 5),
    (happened("deal.opened", _day(9), PEOPLE[0], "deal:d", domain="sales"), "opportunity", 9),
    (happened("deal.lost", _day(20), PEOPLE[0], "deal:d", domain="sales"), "qualified", 5),
    (happened("lead.disqualified", _day(21), domain="sales"), "disqualified", 21),
    (happened("deal.reopened", _day(30), PEOPLE[0], "deal:d", domain="sales"), "opportunity", 9),
    (happened("deal.won", _day(40), PEOPLE[0], "deal:d", domain="sales"), "buyer", 40),
    (happened("order.placed", _day(50), currency="INR", amount_minor=1), "buyer", 40),
    (happened("order.placed", _day(70), currency="INR", amount_minor=1), "repeat", 70),
    (happened("email.opened", _day(434)), "repeat", 70),
    (happened("email.opened", _day(435)), "lapsed", 435),
    (happened("subscription.renewed", _day(500), currency="INR", amount_minor=1), "repeat", 70),
]


def test_a_journey_has_its_stages_one_after_the_other() -> None:
    source = MemorySource.of([event for event, _, _ in _JOURNEY])
    with views_of(source) as views:
        for event, stage, since in _JOURNEY:
            when = event.occurred_at
            (row,) = views.rows("journey", source=source, as_of=when).to_pylist()
            assert (row["stage"], row["since"]) == (stage, _day(since).replace(tzinfo=None)), event
        days = ("lead", "qualify", "opportunity", "buy", "repeat")
        # The days to repeat run from the day they first bought, which was as a deal.
        assert [row[f"days_to_{step}"] for step in days] == [2, 3, 7, 40, 30]
        assert row["days_since_bought"] == 0


def test_nobody_lapses_while_their_subscription_stands() -> None:
    price: dict[str, Any] = {"currency": "EUR", "amount_minor": 1}
    events = [
        happened("subscription.started", _day(0), plan="year", **price),
        happened("email.opened", _day(400)),
        happened("subscription.cancelled", _day(420), plan="year"),
        happened("email.opened", _day(421)),
    ]
    source = MemorySource.of(events)
    with views_of(source) as views:
        found = [
            views.rows("journey", source=source, as_of=event.occurred_at).to_pylist()[0]
            for event in events
        ]
    began, ended = (_day(day).replace(tzinfo=None) for day in (0, 420))
    assert [(row["stage"], row["since"]) for row in found] == [
        ("buyer", began), ("buyer", began), ("lapsed", ended), ("lapsed", ended),
    ]  # fmt: skip


def test_what_was_paid_to_date_begins_with_the_first_payment_of_a_subscription() -> None:
    start: dict[str, Any] = {"plan": "basic", "currency": "EUR", "amount_minor": 900}
    first, second, third = PEOPLE
    events = [
        happened("subscription.started", _day(0), first, **start),
        happened("subscription.renewed", _day(30), first, **start),
        happened("subscription.started", _day(0), second, **start, trial_until="2024-01-01T12:00:00Z"),
        happened("subscription.started", _day(0), third, **start, trial_until="2024-01-08T12:00:00Z"),
    ]  # fmt: skip
    with views_of(MemorySource.of(events)) as views:
        money = by_key(views.rows("customer_money"), ["customer"])
        (worth,) = views.rows(
            "kpi", where="metric = 'lifetime_value' AND market IS NULL"
        ).to_pylist()
    # Who still tries it has paid nothing, and is nobody who pays.
    assert {who: (row["started"], row["renewed"]) for (who,), row in money.items()} == {
        first: (900, 900),
        second: (900, None),
    }
    assert worth["value"] == 1350


def test_engagement_of_today_is_of_the_last_90_days() -> None:
    now = MOMENTS[-1]
    events = [
        happened("page.viewed", now - timedelta(days=days), who)
        for days, who in zip((89, 90, 400), PEOPLE, strict=True)
    ]
    with views_of(MemorySource.of(events)) as views:
        where = "metric = 'engagement_90_days' AND market IS NULL"
        (row,) = views.rows("kpi", where=where).to_pylist()
    assert row["value"] == 3333


def test_a_campaign_is_judged_by_people_reached_and_by_money_of_one_currency() -> None:
    first, second, third = PEOPLE
    tag = "campaign:spring"
    events = [
        happened("campaign.launched", _day(0), None, tag, domain="sales", channel="email", purpose="news"),
        happened("campaign.cost_recorded", _day(0), None, tag, domain="sales", currency="EUR", amount_minor=400),
        *(happened("email.sent", _day(1), who, tag, number=n) for n, who in enumerate(PEOPLE)),
        happened("email.bounced", _day(1), third, tag, bounce="hard"),
        happened("email.opened", _day(2), first, tag),
        happened("email.opened", _day(3), first, tag),
        happened("lead.captured", _day(4), second, tag, domain="sales"),
        happened("order.placed", _day(5), first, tag, currency="EUR", amount_minor=1000),
        happened("order.refunded", _day(6), first, tag, currency="EUR", amount_minor=700),
        happened("order.placed", _day(6), first, tag, currency="JPY", amount_minor=9),
        happened("order.placed", _day(7), first, currency="EUR", amount_minor=5000),
    ]  # fmt: skip
    with views_of(MemorySource.of(events)) as views:
        rows = {row["currency"]: row for row in views.rows("campaign_result").to_pylist()}
        euros, yen = rows.pop("EUR"), rows.pop("JPY")
        assert rows == {}
        for row in (euros, yen):
            assert (row["channel"], row["purpose"], row["touched"], row["reached"]) == (
                "email",
                "news",
                3,
                2,
            )
            assert (row["opened"], row["open_rate"], row["click_rate"], row["leads"]) == (
                1,
                5000,
                0,
                1,
            )
        money = (
            "cost_minor",
            "revenue_minor",
            "orders",
            "return_on_cost",
            "cost_a_lead",
            "cost_an_order",
        )
        assert [euros[column] for column in money] == [400, 300, 1, -2500, 400, 400]
        assert [yen[column] for column in money] == [0, 9, 1, None, None, None]
        (overall,) = views.rows("kpi", where="metric = 'campaign_return'").to_pylist()
        assert (overall["currency"], overall["value"]) == ("EUR", -2500)


def _minute(minute: float) -> datetime:
    return _day(0) + timedelta(minutes=minute)


def test_a_ticket_counts_as_resolved_at_last_and_a_reopened_one_not_at_all() -> None:
    told: list[tuple[str, str, float, dict[str, Any]]] = [
        ("a", "ticket.opened", 0, {}), ("a", "ticket.replied", 0.5, {"author": "customer"}),
        ("a", "ticket.replied", 2.9, {"author": "agent"}), ("a", "ticket.resolved", 10, {}),
        ("a", "ticket.reopened", 20, {}), ("a", "ticket.resolved", 30, {}),
        ("b", "ticket.opened", 0, {}), ("b", "ticket.resolved", 5, {}), ("b", "ticket.reopened", 6, {}),
        ("c", "ticket.opened", 0, {}), ("c", "ticket.resolved", 5, {}), ("c", "ticket.reopened", 6, {}),
        ("c", "ticket.closed", 40, {}),
    ]  # fmt: skip
    events = [
        happened(kind, _minute(at), PEOPLE[0], f"ticket:{ticket}", domain="service", **data)
        for ticket, kind, at, data in told
    ]
    with views_of(MemorySource.of(events)) as views:
        rows = by_key(views.rows("kpi", where="month IS NULL AND market IS NULL"), ["metric"])
        kept = by_key(views.rows("ticket_sla"), ["ticket"])
    # c was closed without another answer: what was resolved before did not hold.
    assert {name: row["resolution_minutes"] for (name,), row in kept.items()} == {
        "a": 30,
        "b": None,
        "c": 40,
    }
    figures = ("tickets", "first_response", "resolution")
    assert [rows[name,] for name in figures] == [3, 2, 30]


def test_a_lead_is_converted_by_what_was_bought_from_that_moment_on() -> None:
    buys: dict[str, Any] = {"currency": "EUR", "amount_minor": 1}
    events = [
        *(happened("lead.captured", _day(3), who, domain="sales") for who in PEOPLE),
        happened("order.placed", _day(3), PEOPLE[0], **buys),
        happened("order.placed", _day(2), PEOPLE[1], **buys),
        happened("lead.qualified", _day(1), PEOPLE[2], domain="sales"),
    ]
    with views_of(MemorySource.of(events)) as views:
        rows = by_key(views.rows("kpi", where="month IS NULL AND market IS NULL"), ["metric"])
    figures = ("leads", "lead_qualification", "lead_conversion")
    assert [rows[name,] for name in figures] == [3, 3333, 3333]


def test_churn_is_what_was_cancelled_of_what_was_there_when_the_month_began() -> None:
    market = "market:DE"
    events = [
        *(happened("subscription.started", _day(n), who, market) for n, who in enumerate(PEOPLE)),
        happened("subscription.cancelled", _day(10), PEOPLE[0], market),
        happened("subscription.started", _day(35), PEOPLE[0], market),
        happened("subscription.cancelled", _day(40), PEOPLE[1], market),
        happened("page.viewed", _day(70), PEOPLE[2], market),
    ]
    with views_of(MemorySource.of(events)) as views:
        rows = views.rows("kpi", where="metric = 'churn'").to_pylist()
    churn = {(row["month"].month, row["market"]): row["value"] for row in rows}
    # None were there when January began; two of three when February did; two again when March did.
    assert churn == {(2, None): 5000, (2, "DE"): 5000, (3, None): 0, (3, "DE"): 0}


def test_why_shows_an_order_once_for_each_line_that_counts() -> None:
    lines = [
        {"product": "tea", "quantity": 1, "amount_minor": 300},
        {"product": "cup", "quantity": 1, "amount_minor": 900},
        {"product": "tea", "quantity": 5, "amount_minor": 100},
    ]
    late: dict[str, Any] = {"currency": "INR", "amount_minor": 300, "lines": [lines[0]]}
    events = [
        happened("order.placed", _day(3), currency="INR", amount_minor=1300, lines=lines),
        happened("order.placed", _day(1), **late),
        happened("order.placed", _day(2), PEOPLE[1], **late),
        happened("order.placed", _day(4), currency="INR", amount_minor=10),
        happened("cart.abandoned", _day(5), currency="INR", lines=[lines[0]]),
    ]
    source = MemorySource.of(events)
    with views_of(source) as views:
        key = (PEOPLE[0], "tea", "INR")
        row = views.row("customer_product", *key)
        assert row is not None
        figures = ("lines", "items", "ordered", "first_ordered", "last_ordered")
        assert [row[name] for name in figures] == [
            3, 7, 700, _day(1).replace(tzinfo=None), _day(3).replace(tzinfo=None),
        ]  # fmt: skip

        def behind(column: str) -> list[tuple[Any, ...]]:
            found = views.why("customer_product", column, *key, source=source).events.to_pylist()
            return [(event["position"], event["value"], event["decides"]) for event in found]

        assert behind("ordered") == [(2, 300, None), (1, 100, None), (1, 300, None)]
        assert [position for position, *_ in behind("lines")] == [2, 1, 1]
        assert [decides for *_, decides in behind("first_ordered")] == [True, False, False]
        assert [decides for *_, decides in behind("last_ordered")] == [False, True, True]
        assert "unnest" in views.explain("customer_product")


def test_a_fold_of_lines_is_another_one_than_the_same_over_events(tmp_path: Path) -> None:
    texts = {
        source: f"-- sold: amounts.\nSELECT currency, sum(amount_minor) AS n FROM {source} GROUP BY currency"
        for source in ("events", "order_lines")
    }
    folds = {}
    for source, text in texts.items():
        (tmp_path / source).mkdir()
        (tmp_path / source / "sold.sql").write_text(text)
        folds[source] = read_fold(tmp_path / source / "sold.sql")
    assert folds["events"].hash != folds["order_lines"].hash
    assert folds["events"].needs == ("position", "amount_minor", "currency")
    assert folds["order_lines"].needs == ("position", "type", "currency", "lines")
    assert Fold.from_json(folds["order_lines"].to_json()) == folds["order_lines"]


def test_a_fold_of_lines_passes_the_trial_on_made_orders() -> None:
    path = Path(__file__).parents[2] / "projections" / "folds" / "customer_product.sql"
    checked = check_fold(read_fold(path))
    assert (checked.real, checked.events > 1_000, checked.splits > 20) == (False, True, True)
    made = made_events(checked.fold, 1_000, random.Random(1))
    assert Folder().fold(checked.fold, made).num_rows > 100
