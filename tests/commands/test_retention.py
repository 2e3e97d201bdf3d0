"""Retention: when a period is over, by tables of days; whose it is, by a model that reads lists."""

import random
import re
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands.privacy.processing import record_of_processing
from commands.privacy.retention import Rule, Rules, read_rules
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import DefinitionRefused
from tests.commands.keeping import a_rule, ago, found, listed, merge, person
from tests.commands.samples import DAY, NOW, opened, take, touchpoint

DAYS: list[tuple[str, bool, str, str]] = [
    ("P1D", False, "2026-03-01", "2026-03-03"),
    ("P2W", False, "2026-03-01", "2026-03-16"),
    ("P1M", False, "2026-01-31", "2026-03-01"),
    ("P1M", False, "2024-01-31", "2024-03-01"),
    ("P14M", False, "2025-01-15", "2026-03-16"),
    ("P1Y", False, "2024-02-29", "2025-03-01"),
    ("P1Y2M3W4D", False, "2026-01-01", "2027-03-27"),
    ("P3Y", True, "2022-01-01", "2026-01-01"),
    ("P3Y", True, "2022-12-31", "2026-01-01"),
    ("P10Y", True, "2016-06-30", "2027-01-01"),
]


@pytest.mark.parametrize(("period", "year_end", "last", "over"), DAYS)
def test_a_period_is_over_on_the_day_after_its_last(
    period: str, year_end: bool, last: str, over: str
) -> None:
    rule = a_rule(period=period, year_end=year_end)
    assert str(rule.over_on(date.fromisoformat(last))) == over


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rule = 7", "retention.toml: rule: Input should be a valid tuple"),
        ("[[rule]]\nname='a'\nclass='content'\nperiod='P1Y'", "retention.toml: rule.0: Value error, types or domains: what its period runs from"),
        ("[[rule]]\nname='a'\nclass='content'\nperiod='1 year'\ndomains=['sales']", "retention.toml: rule.0.period: Value error, a period such as P3Y, P14M or P90D"),
        ("[[rule]]\nname='a'\nclass='content'\nperiod='P'\ndomains=['sales']", "retention.toml: rule.0.period: Value error, a period such as P3Y, P14M or P90D"),
        ("[[rule]]\nname='a'\nclass='content'\nperiod='P1Y'\ntypes=['order.eaten']", "retention.toml: rule.0.types.0: Value error, one of order."),
        ("[[rule]]\nname='a'\nclass='all'\nperiod='P1Y'\ndomains=['sales']", "retention.toml: rule.0.class: Input should be 'identity', 'behaviour', 'content' or 'legal'"),
        ("[[rule]]\nname='a'\nclass='legal'\nperiod='P1Y'\ndomains=['sales']\nmarkets=['XX']", "retention.toml: rule.0.markets.0: Value error, an ISO 3166 country code such as DE"),
        ("[[rule]]\nname='a'\nclass='legal'\nperiod='P1Y'\ndomains=['sales']\n" * 2, "retention.toml: the file: Value error, a name of its own for each rule"),
        ("[[rule]\n", "retention.toml: the file: it cannot be read: "),
        ("[[rule]]\nname='a'\nclass='legal'\nperiod='P1Y'\ndomains=['sales']\nsoon=true", "retention.toml: rule.0.soon: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_a_file_that_says_no_rules_is_refused_by_its_place(
    tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "retention.toml").write_text(text)
    with pytest.raises(DefinitionRefused) as refused:
        read_rules(tmp_path / "retention.toml")
    assert str(refused.value).startswith(why)


def test_the_rules_that_are_shipped_cover_every_class() -> None:
    assert {rule.retention for rule in read_rules(None).rule} == {*Retention}


def test_in_the_example_of_the_manual_no_rule_of_a_market_ends_what_shows_a_consent() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text()
    (example,) = re.findall(r"```toml\n(\[controller\].*?)```", manual, re.DOTALL)
    rules = Rules.model_validate(tomllib.loads(example))
    assert {rule.name for rule in rules.of(Retention.LEGAL, "DE")} == {"proof", "invoices"}
    assert {rule.name for rule in rules.of(Retention.LEGAL, "FR")} == {"proof"}


# ---- whose time is over


def test_it_runs_from_the_last_event_that_the_rule_names(folder: Path) -> None:
    with opened(folder) as ledger:
        order = {"currency": "EUR", "amount_minor": 1, "note": "n"}
        take(
            ledger,
            ago(400, "u1"),
            ago(364, "u1"),
            ago(500, "u2"),
            ago(10, "u2", type="order.placed", data=order),
            ago(366, "u3"),
        )
        u2, u3 = person(ledger, "u2"), person(ledger, "u3")
        of_touchpoints = a_rule()
        assert listed(found(ledger, of_touchpoints)) == [(u3, "r", "")]
        of_messages = a_rule(domains=[], types=["message.received"])
        assert {one.customer for one in found(ledger, of_messages)} == {u2, u3}
        of_orders = a_rule(domains=[], types=["order.placed"], period="P9D")
        assert {one.customer for one in found(ledger, of_orders)} == {u2}
        assert found(ledger, of_orders, at=NOW - DAY) == []
        (one,) = found(ledger, of_orders)
        assert (one.last, one.over_on) == (NOW - 10 * DAY, date(2026, 3, 1))


def test_rules_of_ones_own_market_go_before_those_of_all(folder: Path) -> None:
    with opened(folder) as ledger:
        take(
            ledger,
            ago(800, "de", "1", tags={"market": "FR"}),
            ago(400, "de", "2", tags={"market": "DE"}),
            ago(400, "in", tags={"market": "IN"}),
            ago(400, "nowhere"),
        )
        rules = [a_rule("all"), a_rule("german", period="P2Y", markets=["DE", "AT"])]
        assert {(one.customer, one.rule.name) for one in found(ledger, *rules)} == {
            (person(ledger, "in"), "all"),
            (person(ledger, "nowhere"), "all"),
        }
        later = found(ledger, *rules, at=NOW + 365 * DAY)
        assert (person(ledger, "de"), "german", "") in listed(later)


def test_a_rule_of_a_market_leaves_those_that_run_from_something_else(folder: Path) -> None:
    """What shows a consent of last week stays, however long ago they bought."""
    with opened(folder) as ledger:
        order = {"currency": "EUR", "amount_minor": 1, "note": "n"}
        tags = {"market": "DE"}
        take(
            ledger,
            ago(4000, "u1", type="order.placed", data=order, tags=tags),
            ago(4000, "u2", type="order.placed", data=order, tags=tags),
            ago(7, "u1", type="cart.abandoned", data={}),
        )
        invoices = a_rule(
            "invoices", types=["order.placed"], domains=[], period="P8Y", markets=["DE"]
        )
        proof = a_rule("proof", types=["cart.abandoned"], domains=[], period="P3Y")
        bought = a_rule("bought", types=["order.placed"], domains=[], period="P30Y")
        assert listed(found(ledger, invoices, proof, bought)) == [
            (person(ledger, "u2"), "invoices", "")
        ]
        everything = a_rule("everything", period="P10Y")
        assert listed(found(ledger, invoices, everything)) == [
            (person(ledger, "u2"), "everything", "")
        ]


def test_where_several_hold_all_have_to_be_over(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, ago(400))
        rules = [a_rule("long", period="P500D"), a_rule("short")]
        assert found(ledger, *rules) == []
        (one,) = found(ledger, *rules, at=NOW + 101 * DAY)
        assert one.rule.name == "long"


def test_one_person_of_two_customers_is_active_by_either(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, ago(400, "u1"), ago(3, "u2"), ago(400, "u3"))
        one, other = person(ledger, "u1"), person(ledger, "u2")
        merge(ledger, one, other)
        assert listed(found(ledger, a_rule())) == [(person(ledger, "u3"), "r", "")]


@pytest.mark.parametrize("seed", range(3))
def test_as_a_model_that_reads_lists_would_say(tmp_path: Path, seed: int) -> None:
    """Random people, markets, types and rules; the model walks day by day and knows no calendar of ours."""
    chance = random.Random(seed)
    kinds = {
        "message.received": "touchpoint",
        "order.placed": "touchpoint",
        "ticket.opened": "service",
    }
    told_of: list[tuple[str, str, int, str | None]] = []
    rules = []
    for n in range(6):
        types = chance.sample(sorted(kinds), chance.randrange(2))
        rules.append(
            a_rule(
                f"r{n}",
                types=types,
                domains=[] if types and chance.random() < 0.5 else [chance.choice(["touchpoint", "service"])],
                period=f"P{chance.randrange(30, 600)}D",
                markets=chance.choice([[], [], ["DE"], ["IN", "FR"]]),
                **{"class": chance.choice(["content", "identity"])},
            )
        )  # fmt: skip
    with opened(tmp_path) as ledger:
        for n in range(60):
            who, kind = f"u{chance.randrange(12)}", chance.choice(sorted(kinds))
            days, market = chance.randrange(700), chance.choice([None, "DE", "IN", "US"])
            told_of.append((who, kind, days, market))
            data = {
                "message.received": {"channel": "email", "message": "w"},
                "order.placed": {"currency": "EUR", "amount_minor": 1, "note": "w"},
                "ticket.opened": {"subject": "w"},
            }[kind]
            more: dict[str, Any] = (
                {"references": {"ticket": f"t{n}"}} if kind == "ticket.opened" else {}
            )
            tags = {} if market is None else {"market": market}
            take(ledger, ago(days, who, str(n), type=kind, data=data, tags=tags, **more))
        got = {
            (one.customer, one.retention.value, str(one.over_on)) for one in found(ledger, *rules)
        }
        wanted = {(person(ledger, who), *rest) for who, *rest in modelled(told_of, rules, kinds)}
    assert got == wanted


def modelled(
    told_of: list[tuple[str, str, int, str | None]], rules: list[Rule], kinds: dict[str, str]
) -> set[tuple[str, str, str]]:
    over = set()
    for who in {who for who, *_ in told_of}:
        own = [(kind, days, market) for person_, kind, days, market in told_of if person_ == who]
        markets = sorted((days, -ord(market[0]), market) for _, days, market in own if market)
        market = markets[0][2] if markets else "none"
        for kept in ("content", "identity"):
            of_class = [rule for rule in rules if rule.retention.value == kept]
            named = [rule for rule in of_class if market in rule.markets]
            ends = []
            general = [
                rule
                for rule in of_class
                if rule.markets == () and not any(speaks_for(one, rule, kinds) for one in named)
            ]
            for rule in named + general:
                lasts = [
                    d for kind, d, _ in own if kind in rule.types or kinds[kind] in rule.domains
                ]
                if lasts:
                    ends.append(int(rule.period[1:-1]) - min(lasts))
            if ends and max(ends) < 0:
                over.add((who, kept, str((NOW + timedelta(days=max(ends) + 1)).date())))
    return over


def speaks_for(one: Rule, rule: Rule, kinds: dict[str, str]) -> bool:
    """Whether a rule runs from everything that the other does: no domain has but one type."""
    types = all(kind in one.types or kinds[kind] in one.domains for kind in rule.types)
    return types and all(domain in one.domains for domain in rule.domains)


# ---- the record of processing


def test_the_record_says_what_is_kept_of_whom_and_how_long(tmp_path: Path) -> None:
    (tmp_path / "retention.toml").write_text(
        "[controller]\nname='Ames & Co'\ncontact='Ulm'\ntransfers='none'\n"
        "[[rule]]\nname='words'\nclass='content'\nperiod='P3Y'\ndomains=['touchpoint']\nwhy='claims'\n"
    )
    rules = read_rules(tmp_path / "retention.toml")
    with opened(tmp_path) as ledger:
        take(ledger, ago(400, "u1"), touchpoint("9", at=NOW - DAY, source="till"))
        record = record_of_processing(ledger.book, rules)
    assert record["controller"] == {"name": "Ames & Co", "contact": "Ulm", "officer": ""}
    assert record["transfers"] == "none"
    assert record["sources"] == [
        {"source": "shop", "events": 1, "first": "2025-01-25", "last": "2025-01-25"},
        {"source": "till", "events": 1, "first": "2026-02-28", "last": "2026-02-28"},
    ]
    touchpoints = record["activities"][0]
    assert (touchpoints["domain"], touchpoints["events"]) == ("touchpoint", 2)
    assert {"email", "identifiers", "name"} <= {*touchpoints["sealed"]["identity"]}
    assert "currency" in touchpoints["in_the_clear"]
    kinds = {name for one in record["activities"] for name in one["types"]}
    assert kinds == {model.TOPIC for model in catalogue.types()}
    by_class = {one["class"]: one["rules"] for one in record["retention"]}
    assert by_class["content"] == [
        {"name": "words", "period": "P3Y", "domains": ["touchpoint"], "why": "claims"}
    ]
    assert by_class["identity"] == []
    assert record["recipients"] == []
