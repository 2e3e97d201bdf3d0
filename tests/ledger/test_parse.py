"""What a door hands in becomes an event, or is refused in words that can be logged."""

import math
import re
import unicodedata
from decimal import Decimal
from typing import Any

import pytest

from ledger.catalogue import Retention, parse, types
from ledger.errors import BadField, Refused, TooLarge, UnknownType

ORDER = {"currency": "EUR", "amount_minor": 1}
LINE = {"product": "a", "quantity": 1, "amount_minor": 1}
PLAN = {"plan": "p", "billing_interval": "week", **ORDER}
CODE = "one word of letters, digits and _.:/+- such as price/too-high"
NAMED = "JSON with names of text and numbers of ordinary size"
STAGE = {"stage": "offer", "win_percent": 40}
GOAL = {
    "goal": "g",
    "metric": "orders",
    "target": 5,
    "period_start": "2026-04-01",
    "period_end": "2026-04-01",
}
ERASED = {
    "legal_basis": "b",
    "commitments": [],
    "book_size": 1,
    "vault_generation": 1,
    "backups_dead_from": "2026-05-19",
}
FIELDS = "currency, amount_minor, quantity, lines, note, address"
LINE_FIELDS = "product, quantity, amount_minor"
SECRET = "anna@example.com"


def with_line(**change: object) -> dict[str, Any]:
    return {**ORDER, "lines": [LINE, {**LINE, **change}]}


def deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


REFUSED: list[tuple[str, dict[str, Any], type[Refused], str]] = [
    ("order.placed", {}, BadField, "currency: expected a value, came nothing"),
    ("order.placed", {**ORDER, "currency": "EURO"}, BadField,
     "currency: expected an ISO 4217 currency code such as EUR, came text of 4 characters"),
    ("order.placed", {**ORDER, "currency": "eur"}, BadField,
     "currency: expected an ISO 4217 currency code such as EUR, came text of 3 characters"),
    ("order.placed", {**ORDER, "amount_minor": "12"}, BadField,
     "amount_minor: expected a whole number, came text of 2 characters"),
    ("order.placed", {**ORDER, "amount_minor": 12.0}, BadField,
     "amount_minor: expected a whole number, came float"),
    ("order.placed", {**ORDER, "amount_minor": True}, BadField,
     "amount_minor: expected a whole number, came bool"),
    ("order.placed", {**ORDER, "amount_minor": -1}, BadField,
     "amount_minor: expected at least 0, came -1"),
    ("order.placed", {**ORDER, "amount_minor": 2**53}, BadField,
     "amount_minor: expected at most 9007199254740991, came int"),
    ("order.placed", {**ORDER, SECRET: 1}, BadField,
     f"order.placed: expected no other fields than {FIELDS}, came text of 16 characters"),
    ("order.placed", {**ORDER, SECRET: "\0"}, BadField,
     "order.placed: expected text without U+0000, came text of 1 characters"),
    ("order.placed", with_line(**{SECRET: 1}), BadField,
     f"lines.1: expected no other fields than {LINE_FIELDS}, came text of 16 characters"),
    ("order.placed", with_line(product=SECRET), BadField,
     f"lines.1.product: expected {CODE}, came text of 16 characters"),
    ("email.clicked", {"link": "https://shop.example/u/anna"}, BadField,
     f"link: expected {CODE}, came text of 27 characters"),
    ("order.placed", with_line(product="a\n"), BadField,
     f"lines.1.product: expected {CODE}, came text of 2 characters"),
    ("order.placed", with_line(quantity=None), BadField,
     "lines.1.quantity: expected a whole number, came nothing"),
    ("order.placed", {**ORDER, "lines": "x"}, BadField,
     "lines: expected a list, came text of 1 characters"),
    ("order.placed", {**ORDER, "lines": ["x"]}, BadField,
     "lines.0: expected an object, came text of 1 characters"),
    ("order.placed", {**ORDER, "lines": [LINE] * 1001}, BadField,
     "lines: expected at most 1000 items, came list of 1,001"),
    ("order.placed", {**ORDER, "lines": [{"product": "a\0b"}]}, BadField,
     "lines: expected text without U+0000, came text of 3 characters"),
    ("order.placed", {**ORDER, "note": f"{SECRET}\0"}, BadField,
     "note: expected text without U+0000, came text of 17 characters"),
    ("order.placed", {**ORDER, "note": "\ud83d"}, BadField,
     "note: expected text in Unicode, came text of 1 characters"),
    ("order.placed", {**ORDER, "note": 5}, BadField, "note: expected text in Unicode, came int"),
    ("order.placed", {**ORDER, "note": "x" * 65_537}, BadField,
     "note: expected at most 65536 characters, came text of 65,537 characters"),
    ("order.placed", {**ORDER, "note": deep(5_000)}, TooLarge,
     "note: expected at most 100 lists and objects in one another, came more"),
    ("subscription.started", {**PLAN, "billing_interval": "day"}, BadField,
     "billing_interval: expected 'week', 'month', 'quarter' or 'year', came text of 3 characters"),
    ("subscription.started", {**PLAN, "trial_until": "2026-01-01T00:00:00"}, BadField,
     "trial_until: expected a time with a zone, came text of 19 characters"),
    ("subscription.started", {**PLAN, "trial_until": SECRET}, BadField,
     "trial_until: expected a time such as 2026-01-31T12:00:00Z, came text of 16 characters"),
    ("subscription.started", {**PLAN, "trial_until": "0001-01-01T00:00:00+01:00"}, BadField,
     "trial_until: expected a time from year 1 to 9999 in UTC, came text of 25 characters"),
    ("preference.set", {"language": "german"}, BadField,
     "language: expected a language tag such as de or pt-BR, came text of 6 characters"),
    ("preference.set", {"time_zone": "Berlin"}, BadField,
     "time_zone: expected a time zone such as Europe/Berlin, came text of 6 characters"),
    ("objection.raised", {"purpose": "Marketing"}, BadField,
     ("purpose: expected one word of small letters, digits and _.:/+- such as marketing/newsletter,"
      " came text of 9 characters")),
    ("consent.given", {"purpose": "p", "channel": "email", "jurisdiction": "XX"}, BadField,
     "jurisdiction: expected an ISO 3166 country code such as DE, came text of 2 characters"),
    ("rate.published",
     {"currency": "EUR", "quote": "INR", "rate_millionths": 0, "rate_date": "2026-01-01"}, BadField,
     "rate_millionths: expected more than 0, came 0"),
    ("rate.published",
     {"currency": "EUR", "quote": "INR", "rate_millionths": 1, "rate_date": SECRET}, BadField,
     "rate_date: expected a day such as 2026-01-31, came text of 16 characters"),
    ("schema.registered", {"event_name": "a", "safe_properties": {"in": {"a\0": 1}}}, BadField,
     "safe_properties: expected text without U+0000, came text of 2 characters"),
    ("schema.registered", {"event_name": "a", "safe_properties": [1]}, BadField,
     "safe_properties: expected an object, came list of 1"),
    ("custom.tracked", {"tracked_properties": {SECRET: {5: 1}}}, BadField,
     f"tracked_properties: expected {NAMED}, came dict of 1"),
    ("custom.tracked", {"tracked_properties": {5: SECRET}}, BadField,
     f"tracked_properties: expected {NAMED}, came dict of 1"),
    ("custom.tracked", {"tracked_properties": {SECRET: [2**64]}}, BadField,
     f"tracked_properties: expected {NAMED}, came dict of 1"),
    ("custom.tracked", {"tracked_properties": {SECRET: Decimal("1e999")}}, BadField,
     f"tracked_properties: expected {NAMED}, came dict of 1"),
    ("custom.tracked", {"properties": {SECRET: math.nan}}, BadField,
     f"properties: expected {NAMED}, came dict of 1"),
    ("form.submitted", {"form": "f", "answers": {SECRET: b"x"}}, BadField,
     f"answers: expected {NAMED}, came dict of 1"),
    ("form.submitted", {"form": "f", "answers": {SECRET: "\ud83d"}}, BadField,
     "answers: expected JSON with text in Unicode, came dict of 1"),
    ("form.submitted", {"form": "f", "answers": {f"{SECRET}\ud83d": 1}}, BadField,
     "answers: expected JSON with text in Unicode, came dict of 1"),
    ("form.submitted", {"form": "f", "answers": {"e\u0301": 1, "\u00e9": 2}}, BadField,
     "answers: expected each name once, in NFC, came one spelled twice"),
    ("form.submitted", {"form": "f", "answers": [SECRET]}, BadField,
     "answers: expected an object, came list of 1"),
    ("form.submitted", {"form": "f", "answers": {f"{SECRET}{n}": n for n in range(1001)}}, BadField,
     "answers: expected at most 1000 items, came dict of 1,001"),
    ("account.identified", {"sole_trader": True, "account_name": SECRET}, BadField,
     "account_name: expected none unless sole_trader is false: a sole trader's name is a person's, came text of 16 characters"),
    ("account.identified", {"sole_trader": SECRET}, BadField,
     "sole_trader: expected true or false, came text of 16 characters"),
    ("survey.answered", {"survey": "nps", "score": 11}, BadField,
     "score: expected at most 10, came 11"),
    ("survey.answered", {"survey": "csat", "score": 0}, BadField,
     "score: expected 1 to 5 for csat, came '0'"),
    ("survey.answered", {"survey": "ces", "score": 8}, BadField,
     "score: expected 1 to 7 for ces, came '8'"),
    ("survey.answered", {"survey": SECRET, "score": 1}, BadField,
     "survey: expected 'nps', 'csat' or 'ces', came text of 16 characters"),
    ("pipeline.defined", {"pipeline": "p", "stages": []}, BadField,
     "stages: expected at least 1 items, came list of 0"),
    ("pipeline.defined", {"pipeline": "p", "stages": [STAGE, {**STAGE, "win_percent": 9}]}, BadField,
     "stages: expected each stage once, came 'offer' twice"),
    ("pipeline.defined", {"pipeline": "p", "stages": [{**STAGE, "win_percent": 101}]}, BadField,
     "stages.0.win_percent: expected at most 100, came 101"),
    ("goal.set", {**GOAL, "period_end": "2026-03-31"}, BadField,
     "period_end: expected a day not before period_start, came an earlier one"),
    ("goal.set", {**GOAL, "metric": "revenue"}, BadField,
     "currency: expected one for revenue, and none for what is counted, came none"),
    ("goal.set", {**GOAL, "currency": "JPY"}, BadField,
     "currency: expected one for revenue, and none for what is counted, came 'JPY'"),
    ("customer.erased", {**ERASED, "commitments": ["A" * 64]}, BadField,
     "commitments.0: expected text that matches ^[0-9a-f]{64}$, came text of 64 characters"),
    ("customer.erasing", {"legal_basis": "b", "classes": [SECRET]}, BadField,
     "classes.0: expected 'identity', 'behaviour', 'content' or 'legal', came text of 16 characters"),
    ("customers.merged", {"other": f"{'n' * 8}-{'n' * 4}"}, BadField,
     "other: expected a UUID, came text of 13 characters"),
    ("order.plced", ORDER, UnknownType,
     "type: expected one of order.cancelled, order.placed, order.refunded, came 'order.plced'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "given", "error", "message"), REFUSED, ids=[message for *_, message in REFUSED]
)
def test_what_is_refused_and_in_which_words(
    topic: str, given: dict[str, Any], error: type[Refused], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$") as refusal:
        parse(topic, given, at_a_door=False)
    # No value is kept where a traceback in a log would show it.
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("topic", ["", "order", SECRET, f"anna.{SECRET}", "x" * 99])
def test_an_unknown_group_is_answered_with_the_groups_and_not_quoted(topic: str) -> None:
    with pytest.raises(UnknownType) as refusal:
        parse(topic, {})
    groups = sorted({model.TOPIC.split(".")[0] + ".…" for model in types()})
    near = [m.TOPIC for m in types() if m.TOPIC.startswith("order.")]
    near = near if topic == "order" else groups
    came = f"text of {len(topic)} characters"
    assert str(refusal.value) == f"type: expected one of {', '.join(near)}, came {came}"


# ---- text


def test_text_is_kept_in_nfc_wherever_it_stands() -> None:
    decomposed = unicodedata.normalize("NFD", "Zoë Müller, が")
    composed = unicodedata.normalize("NFC", decomposed)
    assert decomposed != composed
    event = parse("customer.identified", {"name": decomposed})
    assert event.personal() == {Retention.IDENTITY: {"name": composed}}
    given = {"title": {decomposed: [{"x": decomposed}, 1, None, True]}}
    schema = parse(
        "schema.registered", {"event_name": "a", "safe_properties": given}, at_a_door=False
    )
    assert schema.clear()["safe_properties"] == {
        "title": {composed: [{"x": composed}, 1, None, True]}
    }


def test_the_ends_of_a_scale_and_a_goal_of_one_day_are_taken() -> None:
    for survey, score in (
        ("nps", 0),
        ("nps", 10),
        ("csat", 1),
        ("csat", 5),
        ("ces", 1),
        ("ces", 7),
    ):
        answer = {"survey": survey, "score": score}
        assert parse("survey.answered", answer).clear() == answer
    for goal in (GOAL, {**GOAL, "metric": "revenue", "currency": "JPY"}):
        assert parse("goal.set", goal).clear() == goal
    company = {"sole_trader": False, "account_name": "Käserei eG"}
    assert parse("account.identified", company).clear() == company


def test_objects_are_kept_as_json_holds_them() -> None:
    given = {"a": Decimal("12.50"), "b": (1, None, True), "c": {"d": [2**64 - 1, -0.5]}, "e": ""}
    event = parse("form.submitted", {"form": "f", "answers": given})
    kept = {"a": 12.5, "b": [1, None, True], "c": {"d": [2**64 - 1, -0.5]}, "e": ""}
    assert event.personal() == {Retention.CONTENT: {"answers": kept}}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-02-14T09:30:00+05:30", "2026-02-14T04:00:00Z"),
        ("2026-02-14T04:00:00.000001Z", "2026-02-14T04:00:00.000001Z"),
        ("1969-12-31T23:59:59-01:00", "1970-01-01T00:59:59Z"),
    ],
)
def test_moments_are_kept_in_utc(given: str, kept: str) -> None:
    event = parse("subscription.started", {**PLAN, "trial_until": given})
    assert event.clear()["trial_until"] == kept
