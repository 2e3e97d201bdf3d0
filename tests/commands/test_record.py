"""Recording: an outcome an item, ids before identity, one bad item never stopping the others."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from commands.record import BATCH, check
from commands.touchpoint import Fate, Touchpoint
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import IdReused, Refused
from ledger.event import MAX_EVENT_BYTES
from ledger.identifiers import Identifier
from tests.commands.samples import (
    CLERK,
    DAY,
    NOW,
    customer_of,
    opened,
    recorded,
    take,
    told,
    touchpoint,
)
from tests.ledger.openings import unsealed

RATE = {
    "currency": "EUR",
    "quote": "USD",
    "rate_millionths": 1_084_500,
    "rate_date": "2026-02-01",
}
SECRET = "zanna-secret@example.com"


def test_outcomes_come_in_the_order_of_the_items(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        answers = take(
            ledger,
            touchpoint("a"),
            touchpoint("b", who={"user": "null"}),
            touchpoint("c", who={"user": "u2"}),
            touchpoint("a"),
        )
        assert told(answers) == [
            ("appended", 1),
            (
                "refused",
                "BadField identifiers: expected at least one that names a person, came none",
            ),
            ("appended", 2),
            ("duplicate", 1),
        ]
        assert told(take(ledger, touchpoint("c", who={"user": "u2"}))) == [("duplicate", 2)]


def test_nothing_in_is_nothing_out(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert take(ledger) == []
        assert ledger.book.head() == 0


def test_more_than_a_batch_is_recorded_in_order(tmp_path: Path) -> None:
    items = [touchpoint(str(n), who={"user": f"u{n % 7}"}) for n in range(BATCH + 2)]
    with opened(tmp_path) as ledger:
        assert told(take(ledger, *items)) == [("appended", n + 1) for n in range(BATCH + 2)]
        assert len({found.event.customer for found in recorded(ledger)}) == 7


@pytest.mark.parametrize("together", [True, False])
def test_a_known_id_is_answered_whoever_it_would_name_by_now(
    tmp_path: Path, together: bool
) -> None:
    items = [
        touchpoint("1", who={"user": "u1"}),
        touchpoint("2", who={"email": "zoe@example.com"}),
        touchpoint("1", who={"user": "u1", "email": "zoe@example.com"}),
        touchpoint("1", who={"user": "u1", "email": "no address"}),
        touchpoint("1", who={}),
        touchpoint("3", who={"user": "u1", "email": "zoe@example.com"}),
    ]
    with opened(tmp_path) as ledger:
        answers = take(ledger, *items) if together else [take(ledger, item)[0] for item in items]
        assert told(answers) == [
            ("appended", 1),
            ("appended", 2),
            ("duplicate", 1),
            ("duplicate", 1),
            ("duplicate", 1),
            ("appended", 4),  # after the merge that it shows
        ]


@pytest.mark.parametrize("together", [True, False])
def test_what_comes_again_names_nobody(tmp_path: Path, together: bool) -> None:
    items = [
        touchpoint("1", who={"user": "u1"}),
        touchpoint("1", who={"user": "u1", "email": "zoe@example.com"}),
        touchpoint("2", who={"email": "zoe@example.com"}),
        touchpoint("2", who={"email": "zoe@example.com", "user": "u1"}),
    ]
    with opened(tmp_path) as ledger:
        for batch in [items] if together else [[item] for item in items]:
            take(ledger, *batch)
        first, second = recorded(ledger)
        assert first.event.customer != second.event.customer


@pytest.mark.parametrize("together", [True, False])
def test_the_same_id_with_another_fact_is_refused_and_named(tmp_path: Path, together: bool) -> None:
    first = touchpoint("1", references={"order": "7"}, tags={"market": "DE"})
    others: list[tuple[Touchpoint, tuple[str, ...]]] = [
        (replace(first, actor=CLERK), ()),
        (replace(first, correlation=CLERK, causation=CLERK), ()),
        (replace(first, identifiers=(Identifier("user", "u2"),)), ()),
        (replace(first, references=(Identifier("order", " 7 "),)), ()),
        (replace(first, tags={"market": "FR"}), ("tags",)),
        (replace(first, references=(Identifier("order", "8"),)), ("tags",)),
        (replace(first, occurred_at=NOW), ("occurred_at",)),
        (touchpoint("1", data={"currency": "EUR", "amount_minor": 1}), ("tags", "data")),
        (touchpoint("1", "order.cancelled"), ("type", "tags", "data")),
    ]
    with opened(tmp_path) as ledger:
        items = [first, *(item for item, _ in others)]
        answers = take(ledger, *items) if together else [take(ledger, item)[0] for item in items]
        assert answers[0].position == 1
        for answer, (_, fields) in zip(answers[1:], others, strict=True):
            if fields:
                assert isinstance(answer.refusal, IdReused)
                assert (answer.refusal.position, answer.refusal.fields) == (1, fields)
            else:
                assert (answer.fate, answer.position) == (Fate.DUPLICATE, 1)
        assert ledger.book.head() == 1


def test_an_id_in_many_words_is_looked_up_with_the_others_once_it_is_in_the_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = touchpoint("1", at=NOW + 365 * DAY)
    given = [bad, *(touchpoint("1", data=_order(amount)) for amount in range(200))]
    with opened(tmp_path) as ledger:
        looked, known = [], type(ledger.book).known

        def counted(self: Any, ids: Any) -> Any:
            looked.append(ids)
            return known(self, ids)

        monkeypatch.setattr(type(ledger.book), "known", counted)
        answers = take(ledger, *given)
        assert [answer.fate for answer in answers[:2]] == [Fate.REFUSED, Fate.APPENDED]
        assert {type(answer.refusal) for answer in answers[2:]} == {IdReused}
        assert len(looked) == 3
        assert ledger.book.head() == 1


def _order(amount: int) -> dict[str, Any]:
    return {"currency": "EUR", "amount_minor": amount}


def test_message_ids_belong_to_their_source(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        answers = take(ledger, touchpoint("1"), touchpoint("1", source="till"))
        assert told(answers) == [("appended", 1), ("appended", 2)]


NOBODY = "BadField identifiers: expected at least one that names a person, came none"
CODE = "a name of 1 to 64 letters, digits and _.:/+-"

REFUSALS: list[tuple[dict[str, Any], str]] = [
    (
        {"at": NOW + DAY + timedelta(microseconds=1)},
        "BadField occurred_at: expected at the latest 2026-03-02 12:00:00 UTC, came a later time",
    ),
    (
        {"at": datetime(2026, 2, 1)},  # noqa: DTZ001 -- that is what is refused
        "BadField occurred_at: expected a time with a zone, came a time without one",
    ),
    (
        {"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
        "BadField occurred_at: expected a time from year 1 to 9999 in UTC, came one beyond",
    ),
    ({"who": {}}, NOBODY),
    ({"who": {"user": "null", "phone": "-1", "email": "anonymous", "device": " 000-0 "}}, NOBODY),
    (
        {"who": {"email": "zanna-secret"}},
        "BadField identifiers.email: expected an e-mail address, came text of 12 characters",
    ),
    (
        {"who": {"phone": "0171 123456"}},
        ("BadField identifiers.phone: expected a phone number with its country, as in +49 …, "
        "came text of 11 characters"),
    ),
    (
        {"who": {"user": "zanna-secret\x00"}},
        "BadField identifiers.user: expected text without U+0000, came text of 13 characters",
    ),
    (
        {"who": {"user": "zanna-secret\ud800"}},
        ("BadField identifiers.user: expected text in Unicode, not half of a surrogate pair, "
        "came text of 13 characters"),
    ),
    (
        {"who": {"user": "zanna-secret" * 100}},
        "TooLarge identifiers.user: expected at most 1,024 characters, came text of 1,200 characters",
    ),
    (
        {"who": {"Zanna": "u1"}},
        ("BadField identifiers: expected a kind of small letters, digits and _, "
        "came text of 5 characters"),
    ),
    (
        {"who": {"user": "u1", "order": "7"}},
        "BadField identifiers: expected what names a person, came 'order'",
    ),
    (
        {"type": "rate.published", "data": RATE},
        "BadField identifiers: expected none, since rate.published is about nobody, came some",
    ),
    ({"tags": {"segment": "x"}}, "BadField tags: expected one of campaign, market, came 'segment'"),
    (
        {"tags": {"market": "Zanna"}},
        ("BadField tags.market: expected an ISO 3166 country code such as DE, "
        "came text of 5 characters"),
    ),
    (
        {"tags": {"campaign": SECRET}},
        f"BadField tags.campaign: expected {CODE}, came text of 24 characters",
    ),
    (
        {"references": {"invoice": "7"}},
        "BadField references: expected one of account, deal, ticket, order, task, came 'invoice'",
    ),
    (
        {"references": {"order": "null"}},
        "BadField references.order: expected the number of one thing, came text of 4 characters",
    ),
    ({"source": SECRET}, f"BadField source: expected {CODE}, came text of 24 characters"),
    (
        {"message_id": ""},
        "TooLarge message_id: expected 1 to 1024 characters, came 0 characters",
    ),
    (
        {"message_id": "x" * 1_025},
        "TooLarge message_id: expected 1 to 1024 characters, came 1025 characters",
    ),
    (
        {"message_id": "zanna-secret\ud800"},
        "BadField message_id: expected text in Unicode, came half of a surrogate pair",
    ),
    (
        {"type": "personal_data.opened", "data": {"purpose": "x"}},
        "ReservedType type: expected a type that a door may append, came 'personal_data.opened'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), REFUSALS, ids=[str(n) for n in range(len(REFUSALS))])
def test_what_cannot_be_taken_is_refused_alone(
    tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    bad = touchpoint(**{"message_id": "bad", **given})
    assert "zanna" not in message.lower()
    with pytest.raises(Refused) as dry:
        check(bad, latest=NOW + DAY)
    with opened(tmp_path) as ledger:
        good = [touchpoint("1", who={"user": "u8"}), touchpoint("2", who={"user": "u9"})]
        generation = None
        for _ in range(2):  # the second time it stands among known ids
            answers = take(ledger, good[0], bad, good[1])
            assert [answer.position for answer in answers] == [1, None, 2]
            assert told(answers)[1] == ("refused", message)
            assert f"{type(dry.value).__name__} {dry.value}" == message
            assert generation in {None, ledger.vault.generation()}
            generation = ledger.vault.generation()


def large(size: int) -> Touchpoint:
    """Prose of this many letters, in four fields of two retention classes."""
    prose = "x" * (size // 4)
    return touchpoint("big", "customer.identified", data=dict.fromkeys(
        ("name", "address", "company", "job_title"), prose
    ))  # fmt: skip


def test_an_event_over_the_limit_is_refused_before_anybody_is_named(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        big, small = large(262_100), large(261_000)
        answers = take(ledger, big, touchpoint("1", who={"user": "u2"}))
        refused, appended = told(answers)
        assert str(refused[1]).startswith(
            "TooLarge event: expected at most 262,144 bytes, came 262,"
        )
        assert appended == ("appended", 1)
        assert customer_of(ledger, "user", "u1") is None
        with pytest.raises(Refused):
            check(big, latest=NOW + DAY)
        assert told(take(ledger, small)) == [("appended", 2)]
        (_, found) = recorded(ledger)
        assert len(found.body) + len(found.event.personal) > MAX_EVENT_BYTES - 2_000


def test_personal_text_over_its_limit_does_not_become_an_event() -> None:
    with pytest.raises(Refused, match=r"^note: expected .*65536 char.*, came text of 65,537 char"):
        catalogue.parse(
            "order.placed", {"currency": "EUR", "amount_minor": 1, "note": "x" * 65_537}
        )


def test_two_references_of_one_kind_are_one_too_many(tmp_path: Path) -> None:
    two = replace(touchpoint(), references=(Identifier("order", "7"), Identifier("order", "8")))
    with opened(tmp_path) as ledger:
        assert told(take(ledger, two)) == [
            ("refused", "BadField references.order: expected one, came 2")
        ]


def test_one_identifier_known_brings_the_others_along(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        take(
            ledger,
            touchpoint("1", who={"user": "u1", "email": "zoe@example.com"}),
            touchpoint("2", who={"email": "ZOE@example.com", "phone": "+49 171 1234567"}),
            touchpoint("3", who={"phone": "0171 1234567"}, tags={"market": "DE"}),
        )
        take(ledger, touchpoint("4", who={"phone": "(0171) 1234567"}), region="DE")
        assert {found.event.customer for found in recorded(ledger)} == {
            customer_of(ledger, "user", "u1")
        }


def test_references_become_random_tags_the_same_number_the_same_tag(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        take(ledger, touchpoint("1", references={"order": "A-7", "deal": "A-7"}))
        take(ledger, touchpoint("2", references={"order": " A-7"}, tags={"campaign": "spring"}))
        take(ledger, touchpoint("3", references={"order": "A-8"}))
        first, second, third = (found.event.tags for found in recorded(ledger))
        deal, order = first
        assert UUID(deal.removeprefix("deal:")) != UUID(order.removeprefix("order:"))
        assert second == ("campaign:spring", order)
        assert third != (order,)
        assert len(third) == 1
        assert customer_of(ledger, "order", "A-7") == UUID(order[6:])


def test_what_is_sealed_opens_to_the_personal_fields_and_names_and_nothing_else(
    tmp_path: Path,
) -> None:
    item = touchpoint(
        "1",
        who=[("user", "Zanna1"), ("email", "Zanna@Example.com"), ("email", "zanna2@example.com")],
        references={"order": "Z-7"},
        data={"currency": "EUR", "amount_minor": 5, "note": "zanna's", "address": "Zannagasse"},
    )
    with opened(tmp_path) as ledger:
        take(ledger, item)
        (found,) = recorded(ledger)
        customer = found.event.customer
        assert customer is not None
        assert b"zanna" not in found.body.lower()
        assert b"Z-7" not in found.body
        assert found.event.data == {"currency": "EUR", "amount_minor": 5}
        assert unsealed(ledger, found.event) == {
            (customer, Retention.CONTENT): {"note": "zanna's"},
            (customer, Retention.IDENTITY): {
                "address": "Zannagasse",
                "identifiers": [
                    ["user", "Zanna1"],
                    ["email", "zanna@example.com"],
                    ["email", "zanna2@example.com"],
                ],
                "references": [["order", "Z-7"]],
            },
        }
        envelope = orjson.loads(found.body)
        assert set(envelope) == {
            "id", "type", "version", "domain", "customer", "tags", "occurred_at", "source", "data",
        }  # fmt: skip


def test_what_is_about_nobody_seals_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        answers = take(ledger, touchpoint("1", "rate.published", who={}, data=RATE))
        assert told(answers) == [("appended", 1)]
        (found,) = recorded(ledger)
        assert (found.event.customer, found.event.personal) == (None, b"")
