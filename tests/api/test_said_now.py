"""A command that says nothing of when it happened: now, and after whatever it follows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.carrying_out import done
from api.cli.carrying_out import Said, carry_out, parse
from api.wiring import Bahi
from commands.identity import merge, split
from commands.touchpoint import Touchpoint
from ledger.errors import BadField
from ledger.settings import Settings
from tests.commands.samples import customer_of, take, touchpoint

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AHEAD = NOW + timedelta(hours=20)
NEWS = {"purpose": "marketing/news", "channel": "email"}
STAGES = [{"stage": "lead", "win_percent": 10}]
CONSENT = [("consent.given", NEWS), ("consent.withdrawn", NEWS)]
DEAL = [("deal.opened", {"pipeline": "p", "stage": "lead"}), ("deal.won", {})]


class Clock:
    """Shows what it was set to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bahi(tmp_path: Path, clock: Clock) -> Any:
    settings = Settings(home=tmp_path, ledger="", vault="", keyring=None)
    with Bahi.open(settings, clock) as bahi:
        people = [{"user": "u1"}, {"email": "zoe@example.com"}]
        take(bahi.ledger, *(touchpoint(f"{n}", who=who) for n, who in enumerate(people)))
        say(bahi, "pipeline.defined", {"pipeline": "p", "stages": STAGES})
        yield bahi


def say(bahi: Bahi, topic: str, words: dict[str, Any], at: datetime | None = None) -> None:
    said = Said(None if at is None else at.isoformat(), None, json=False)
    customer = "user:u1" if topic.startswith("consent.") else None
    about = {"deal": "D"} if topic.startswith("deal.") else {}
    carry_out(
        bahi, said, parse(topic, **words), "Done", about=about, new={"deal"}, customer=customer
    )


def last(bahi: Bahi) -> tuple[str, datetime]:
    *_, event = (recorded.event for recorded in bahi.ledger.book.read())
    return event.type, event.occurred_at


@pytest.mark.parametrize(("first", "then"), [CONSENT, DEAL])
def test_what_is_said_now_follows_what_lies_ahead_of_our_clock(
    bahi: Bahi, first: tuple[str, dict[str, Any]], then: tuple[str, dict[str, Any]]
) -> None:
    say(bahi, *first, at=AHEAD)
    with pytest.raises(BadField, match="occurred_at: expected not before what it follows"):
        say(bahi, *then, at=NOW)
    say(bahi, *then)
    assert last(bahi) == (then[0], AHEAD)


@pytest.mark.parametrize(("first", "then"), [CONSENT, DEAL])
def test_nothing_said_now_is_of_a_day_that_is_further_ahead_than_any_may_be(
    bahi: Bahi,
    clock: Clock,
    first: tuple[str, dict[str, Any]],
    then: tuple[str, dict[str, Any]],
) -> None:
    say(bahi, *first, at=AHEAD)
    clock.now = NOW - timedelta(hours=4, microseconds=1)
    with pytest.raises(BadField, match="occurred_at: expected not before what it follows"):
        say(bahi, *then)
    assert last(bahi) == (first[0], AHEAD)


def test_a_merge_that_lies_ahead_is_taken_back_now(bahi: Bahi) -> None:
    one = customer_of(bahi.ledger, "user", "u1")
    other = customer_of(bahi.ledger, "email", "zoe@example.com")

    def judgement(topic: str, at: datetime) -> Touchpoint:
        payload = parse(topic, other=other)
        return Touchpoint(
            payload=payload, occurred_at=at, source="bahi", message_id=topic, customer=one
        )

    merge(bahi.desk, judgement("customers.merged", AHEAD))
    asked = judgement("customers.split", NOW)
    done(bahi, asked, lambda asked: split(bahi.desk, asked), now=True)
    assert last(bahi) == ("customers.split", AHEAD)
