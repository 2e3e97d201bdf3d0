"""May we? A hand-written January of thirty events, and the answer at the end of each day.

Asha (A) and a second record of hers (B) are one person for some days, and one again in the end.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands.consent import Permission, State, Withdraw, history, may_send
from commands.deciding import Desk, Rule
from commands.identity import Merge, Split
from commands.record import record
from commands.rules import RULES
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger import catalogue
from ledger.catalogue import EventType
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.clock import random_ids
from ledger.errors import NotAllowed
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from tests.commands.samples import NOW, clock, customer_of, opened

GUARDED: dict[type[EventType], type[Rule]] = {
    **RULES,
    CustomersMerged: Merge,
    CustomersSplit: Split,
}
NEWS = ("marketing/news", "email")
_NEWS = {"purpose": NEWS[0], "channel": NEWS[1]}
_SMS = {"purpose": "service", "channel": "sms"}
_FIRST = {"notice": "news", "notice_version": "1"}
_SECOND = {"notice": "news", "notice_version": "2"}


def on(day: float) -> datetime:
    """That day of January at noon; the half of a day after it is the evening."""
    return datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=day - 1)


def end_of(day: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, microseconds=-1)


def until(day: int) -> dict[str, str]:
    return {"valid_until": on(day).isoformat()}


def notice(version: str, text: str) -> dict[str, str]:
    return {"notice": "news", "notice_version": version, "language": "en", "text": text}


EVENTS: list[tuple[float, str, str, dict[str, str]]] = [
    # As they were recorded, from position 1 on: the day, who, what, in which words.
    (1, "-", "notice.published", notice("1", "May we write?")),
    (1, "A", "customer.identified", {}),
    (2, "A", "consent.requested", _NEWS | _FIRST),
    (3, "A", "consent.given", _NEWS | _FIRST | {"method": "double_opt_in"} | until(12)),
    (4, "A", "preference.set", {"time_zone": "Asia/Kolkata"}),
    (5, "A", "preference.set", {"language": "en"}),
    (6, "-", "notice.published", notice("2", "May we write, and call?")),
    (7, "A", "consent.given", _NEWS | _SECOND | until(20)),
    (8, "A", "email.unsubscribed", {}),
    (9, "A", "consent.given", _NEWS | _SECOND | until(22)),
    (10, "A", "objection.raised", {"purpose": "marketing"}),
    (11, "A", "objection.lifted", {"purpose": "marketing"}),
    (12, "A", "customer.restricted", {"ground": "contested"}),
    (13, "A", "customer.unrestricted", {"ground": "settled"}),
    (14, "A", "consent.refused", _SMS),
    (15, "B", "customer.identified", {}),
    (15, "B", "consent.refused", _NEWS),
    (16, "A", "customers.merged", {"other": "B"}),
    (17, "B", "consent.given", _NEWS),
    (18, "A", "consent.withdrawn", _NEWS),
    (19, "A", "customers.split", {"other": "B"}),
    (20, "B", "email.complained", {}),
    (21, "A", "consent.given", _NEWS),
    (22, "A", "consent.given", _NEWS | until(24)),
    (21.25, "A", "consent.withdrawn", _NEWS),  # by letter, and opened days later
    (23, "A", "objection.raised", {"purpose": "service"}),
    (25, "A", "consent.requested", _NEWS),
    (26, "A", "consent.refused", _NEWS),
    (27, "A", "customers.merged", {"other": "B"}),
    (28, "A", "consent.given", _NEWS),
]

ANSWERS: list[tuple[int, str, str, int | None]] = [
    # The end of the day, whom we ask about, how it stands, and the position that decides.
    (1, "A", "unknown", None),
    (2, "A", "requested", 3),
    (3, "A", "given", 4),
    (4, "A", "given", 4),
    (5, "A", "given", 4),
    (6, "A", "given", 4),
    (7, "A", "given", 8),
    (8, "A", "unsubscribed", 9),
    (9, "A", "given", 10),  # an explicit yes, after the unsubscribe
    (10, "A", "objected", 11),  # to marketing, and so to marketing/news
    (11, "A", "given", 10),  # what stood before
    (12, "A", "restricted", 13),
    (13, "A", "given", 10),
    (14, "A", "given", 10),  # the no was to something else
    (15, "A", "given", 10),
    (15, "B", "refused", 17),
    (16, "A", "refused", 17),  # one person: the yes of day 9 does not overrule the other's no
    (16, "B", "refused", 17),
    (17, "A", "given", 19),  # said again, by the one who had refused
    (18, "A", "withdrawn", 20),
    (18, "B", "withdrawn", 20),
    (19, "A", "withdrawn", 20),
    (19, "B", "given", 19),  # as if the merge had never been
    (20, "A", "withdrawn", 20),
    (20, "B", "unsubscribed", 22),
    (21, "A", "withdrawn", 25),  # the letter of that evening
    (22, "A", "given", 24),
    (23, "A", "given", 24),
    (24, "A", "expired", 24),
    (25, "A", "expired", 24),
    (26, "A", "refused", 28),
    (
        27,
        "A",
        "unsubscribed",
        22,
    ),  # the other's complaint; the yes of day 22 came before they were one
    (28, "A", "given", 30),  # and this one after
    (28, "B", "given", 30),
    (29, "A", "given", 30),
]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with opened(tmp_path_factory.mktemp("january")) as ledger:
        for number, (day, who, topic, words) in enumerate(EVENTS, 1):
            named = customer_of(ledger, "user", words.get("other", "-"))
            other = {} if named is None else {"other": str(named)}
            asked = touchpoint(str(number), day, who, topic, words | other)
            assert said(ledger, asked) == Outcome(Fate.APPENDED, number)
        yield ledger


def touchpoint(
    message_id: str, day: float, who: str, topic: str, words: dict[str, str]
) -> Touchpoint:
    return Touchpoint(
        payload=catalogue.parse(topic, words, at_a_door=False),
        occurred_at=on(day),
        source="test",
        message_id=message_id,
        identifiers=() if who == "-" else (Identifier("user", who),),
    )


def desk(ledger: Ledger) -> Desk:
    return Desk(ledger, clock, random_ids, timedelta(days=1))


def said(ledger: Ledger, asked: Touchpoint) -> Outcome:
    """Carried out where a rule guards it; what comes late comes through a door that asks nobody."""
    rule = GUARDED.get(type(asked.payload))
    if rule is not None and asked.occurred_at != on(21.25):
        return desk(ledger).carry_out(asked, rule)
    (outcome,) = record(ledger, [asked], clock=clock, future_tolerance=timedelta(days=1))
    return outcome


def answer(
    ledger: Ledger, who: str, as_of: datetime, *asked: str, known_upto: int | None = None
) -> Permission:
    customer = customer_of(ledger, "user", who)
    assert customer is not None
    purpose, channel = asked or NEWS
    return may_send(ledger, customer, purpose, channel, now=NOW, as_of=as_of, known_upto=known_upto)


@pytest.mark.parametrize(("day", "who", "state", "position"), ANSWERS)
def test_the_answer_of_each_day(
    ledger: Ledger, day: int, who: str, state: str, position: int | None
) -> None:
    found = answer(ledger, who, end_of(day))
    assert (found.state, found.by.position if found.by else None) == (state, position)
    assert found.allowed is (state == "given")
    assert (found.next_at is not None) is found.allowed


def test_what_was_known_then_is_answered_as_it_was(ledger: Ledger) -> None:
    """Before the letter was opened, the end of day 21 was a yes."""
    then = answer(ledger, "A", end_of(21), known_upto=24)
    assert (then.state, then.by and then.by.position) == (State.GIVEN, 23)
    before_the_split = answer(ledger, "B", end_of(19), known_upto=20)
    assert (before_the_split.state, before_the_split.by and before_the_split.by.position) == (
        State.WITHDRAWN,
        20,
    )


def test_other_purposes_and_channels_are_other_questions(ledger: Ledger) -> None:
    days = {day: answer(ledger, "A", end_of(day), "service", "sms") for day in (13, 14, 23, 29)}
    assert {day: (found.state, found.by and found.by.position) for day, found in days.items()} == {
        13: ("unknown", None),
        14: ("refused", 15),
        23: ("objected", 26),
        29: ("objected", 26),
    }
    assert answer(ledger, "A", end_of(8), "service", "email").state == State.UNSUBSCRIBED


def test_the_answer_carries_what_they_saw_and_when_it_lapses(ledger: Ledger) -> None:
    shown = {day: answer(ledger, "A", end_of(day)) for day in (1, 2, 6, 7, 10, 28)}
    texts = {day: found.notice and (found.notice.version, found.notice.text, found.notice.position)
             for day, found in shown.items()}  # fmt: skip
    assert texts == {
        1: None,
        2: ("1", "May we write?", 1),
        6: ("1", "May we write?", 1),  # version 2 is out, and they have seen version 1
        7: ("2", "May we write, and call?", 7),
        10: None,
        28: None,
    }
    lapses = {day: found.lapses_at for day, found in shown.items()}
    assert lapses == {1: None, 2: None, 6: on(12), 7: on(20), 10: None, 28: None}
    assert answer(ledger, "A", end_of(24)).lapses_at == on(24)


def test_a_yes_says_from_when_on_their_clock(ledger: Ledger) -> None:
    unknown, known = answer(ledger, "A", end_of(3)), answer(ledger, "A", end_of(4))
    assert (unknown.time_zone, unknown.next_at) == (None, datetime(2026, 1, 4, 8, tzinfo=UTC))
    assert known.time_zone == "Asia/Kolkata"
    assert known.next_at == datetime(2026, 1, 5, 2, 30, tzinfo=UTC)  # eight o'clock there
    assert answer(ledger, "A", on(5)).next_at == on(5)
    assert answer(ledger, "B", end_of(28)).time_zone == "Asia/Kolkata"


def test_the_history_tells_the_answer_after_each_event(ledger: Ledger) -> None:
    customer = customer_of(ledger, "user", "A")
    assert customer is not None
    steps = history(ledger, customer, *NEWS, as_of=end_of(11))
    assert [(step.recorded.position, step.then.state.value) for step in steps] == [
        (3, "requested"), (4, "given"), (8, "given"), (9, "unsubscribed"), (10, "given"),
        (11, "objected"), (12, "given"),
    ]  # fmt: skip
    everything = history(ledger, customer, *NEWS)
    told = {step.recorded.position: step.then.state.value for step in everything}
    assert {n: told[n] for n in (17, 18, 19, 20, 21, 22, 25, 29, 30)} == {
        17: "refused", 18: "refused", 19: "given", 20: "withdrawn", 21: "withdrawn",
        22: "unsubscribed", 25: "withdrawn", 29: "unsubscribed", 30: "given",
    }  # fmt: skip
    assert [step.recorded.event.occurred_at for step in everything] == sorted(
        step.recorded.event.occurred_at for step in everything
    )


def test_of_two_clerks_who_take_back_one_yes_one_learns_of_the_other(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        for number in range(5):
            given = said(ledger, touchpoint(f"{number}", 1, "u1", "consent.given", _NEWS))
            assert given.position is not None
            lost = (
                "consent: expected one that is given: else refuse it, came one that was withdrawn on 2026-01-01"
                f" at position {given.position + 1}"
            )
            assert sorted(_both_withdraw(ledger, f"{number}")) == sorted(["appended", lost])


def _both_withdraw(ledger: Ledger, name: str) -> list[str]:
    ends: list[str] = []
    starting = threading.Barrier(2, timeout=60)

    def clerk(who: str) -> None:
        asked = touchpoint(f"{who} {name}", 1, "u1", "consent.withdrawn", _NEWS)
        starting.wait()
        try:
            ends.append(str(desk(ledger).carry_out(asked, Withdraw).fate))
        except NotAllowed as refusal:
            ends.append(str(refusal))

    clerks = [threading.Thread(target=clerk, args=(who,)) for who in ("one", "other")]
    for thread in clerks:
        thread.start()
    for thread in clerks:
        thread.join()
    return ends


def test_the_same_command_again_decides_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asked = touchpoint("yes", 1, "u1", "consent.given", _NEWS)
        no = touchpoint("no", 2, "u1", "consent.withdrawn", _NEWS)
        assert [said(ledger, one).position for one in (asked, no)] == [1, 2]
        assert said(ledger, no) == Outcome(Fate.DUPLICATE, 2)
        assert said(ledger, asked) == Outcome(Fate.DUPLICATE, 1)


def test_nobody_is_entered_for_what_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        with pytest.raises(NotAllowed, match="nobody ever gave"):
            said(ledger, touchpoint("no", 2, "u1", "consent.withdrawn", _NEWS))
        assert customer_of(ledger, "user", "u1") is None


def test_a_yes_counts_from_its_own_moment_on(tmp_path: Path) -> None:
    """Of a source whose clock runs ahead; until then it is as if nobody had said it."""
    ahead = clock() + timedelta(hours=1)
    with opened(tmp_path) as ledger:
        said(ledger, touchpoint("no", 1, "u1", "consent.refused", _NEWS))
        yes = replace(touchpoint("yes", 2, "u1", "consent.given", _NEWS), occurred_at=ahead)
        said(ledger, yes)
        customer = customer_of(ledger, "user", "u1")
        assert customer is not None
        states = [
            may_send(ledger, customer, *NEWS, now=now).state
            for now in (NOW, ahead - timedelta(microseconds=1), ahead)
        ]
        assert states == ["refused", "refused", "given"]


PUBLISHED: list[tuple[list[str], str | None, tuple[str | None, str | None, int | None]]] = [
    # What was published (day, language; each with its own text), the language cited, and the evidence.
    ([], None, (None, None, None)),
    (["1 en"], None, ("en", "May we? en 1", 1)),
    (["1 en", "2 de"], None, (None, None, None)),
    (["1 en", "2 de"], "de", ("de", "May we? de 2", 2)),
    (["1 en", "2 de"], "fr", ("fr", None, None)),
    # The yes is of day 5: what came out later is not what they saw.
    (["1 en", "6 de"], None, ("en", "May we? en 1", 1)),
    (["6 de"], None, (None, None, None)),
    (["6 de"], "de", ("de", None, None)),
    (["5 en"], None, ("en", "May we? en 5", 1)),
]


@pytest.mark.parametrize(("published", "language", "evidence"), PUBLISHED)
def test_the_text_is_one_that_was_out_when_they_answered(
    tmp_path: Path,
    published: list[str],
    language: str | None,
    evidence: tuple[str | None, str | None, int | None],
) -> None:
    with opened(tmp_path) as ledger:
        for line in published:
            day, spoken = line.split()
            words = notice("1", f"May we? {spoken} {day}") | {"language": spoken}
            said(ledger, touchpoint(line, int(day), "-", "notice.published", words))
        cited = {} if language is None else {"language": language}
        asked = touchpoint("yes", 5, "u1", "consent.given", _NEWS | _FIRST | cited)
        (_,) = record(ledger, [asked], clock=clock, future_tolerance=timedelta(days=1))
        found = answer(ledger, "u1", NOW).notice
        assert found is not None
        assert (found.language, found.text, found.position) == evidence


def test_the_history_tells_one_from_another_at_the_same_instant(tmp_path: Path) -> None:
    told = [
        ("A", "consent.given", _NEWS),
        ("A", "consent.withdrawn", _NEWS),
        ("B", "consent.refused", _NEWS),
        ("A", "consent.given", _NEWS),
        ("A", "customers.merged", {"other": "B"}),
        ("A", "customers.split", {"other": "B"}),
    ]
    with opened(tmp_path) as ledger:
        for number, (who, topic, words) in enumerate(told):
            named = customer_of(ledger, "user", words.get("other", "-"))
            other = {} if named is None else {"other": str(named)}
            said(ledger, touchpoint(str(number), 1, who, topic, words | other))
        customer = customer_of(ledger, "user", "A")
        assert customer is not None
        steps = history(ledger, customer, *NEWS)
        assert [(step.recorded.position, step.then.state.value) for step in steps] == [
            (1, "given"), (2, "withdrawn"), (4, "given"), (5, "refused"), (6, "given"),
        ]  # fmt: skip
