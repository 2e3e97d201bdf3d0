"""The processes that append: one by one, in batches, on a condition, and as a user's process does.

Each notes what it is about to send, sends it, and notes the positions that it was answered. What it
sent and had no answer for, it sends again or leaves, as chance will have it.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from api.wiring import Bahi
from commands.record import record
from commands.recording import Recorder
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.book import Book, Condition, Match, Receipt, Status
from ledger.catalogue.commerce import OrderPlaced, OrderRefunded
from ledger.errors import ConditionFailed
from ledger.event import Event
from ledger.grouped import GroupedBook
from ledger.identifiers import Identifier
from ledger.settings import read_settings
from tests.soak.part import STOP, Part, persist

BATCH = 500
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_MARKETS = ("DE", "IN", "FR")
_CURRENCIES = ("EUR", "INR")
_GUARDED = tuple(f"deal:{UUID(int=(8 << 76) | (2 << 62) | n)}" for n in range(1, 5))
_PEOPLE = 40
_TOLERANCE = timedelta(days=36_500)

Sent = dict[str, Any]
"""One event as its writer means it: what stands in the book must say the same."""


def facts(part: Part, n: int, tags: Sequence[str] = (), **data: int) -> Sent:
    """Return event number `n` of this writer: the same number is the same event, in every life."""
    moment = _BEGIN + timedelta(minutes=n % 20_000, seconds=part.seed % 60)
    return {
        "n": n,
        "type": "order.refunded" if n % 5 == 0 else "order.placed",
        "occurred_at": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "source": part.name,
        "tags": sorted([f"market:{_MARKETS[n % 3]}", *tags]),
        "data": {"currency": _CURRENCIES[n % 2], "amount_minor": n, **data},
    }


def _about(sent: Sent, part: Part) -> Sent:
    """The same, about somebody, with an id, and with bytes where what is sealed would be."""
    n = sent["n"]
    mine = int.from_bytes(hashlib.sha256(part.name.encode()).digest()[:6])
    return sent | {
        "id": str(UUID(int=(mine << 80) | (8 << 76) | (2 << 62) | n)),
        "customer": str(UUID(int=(0xC << 124) | (8 << 76) | (2 << 62) | n % _PEOPLE)),
        "personal": (f"{part.name} {n} " * (n % 4)).encode().hex(),
    }


def event(sent: Sent) -> Event:
    return Event(
        id=UUID(sent["id"]),
        type=sent["type"],
        version=1,
        domain="touchpoint",
        occurred_at=datetime.fromisoformat(sent["occurred_at"]),
        source=sent["source"],
        data=sent["data"],
        customer=UUID(sent["customer"]),
        tags=tuple(sent["tags"]),
        personal=bytes.fromhex(sent["personal"]),
    )


def _left_over(part: Part) -> tuple[int, list[Sent]]:
    """The next number, and what was noted as sent and never answered, by number."""
    last, open_ = 0, {}
    for line in part.notes.read():
        for sent in line.get("sent", ()):
            last = sent["n"]
            open_[last] = sent
        for n, _ in line.get("acked", ()):
            open_.pop(n, None)
        if "refused" in line or "given_up" in line:
            open_.clear()
    return last + 1, list(open_.values())


def _send(
    part: Part,
    size: Callable[[], int],
    make: Callable[[int], Sent],
    append: Callable[..., list[int]],
) -> None:
    """Send what is new, in batches of `size`, until told to stop; first perhaps what was left over."""
    n, again = _left_over(part)
    if again and part.chance.random() < 0.7:
        part.notes.write({"acked": _answers(again, append(again))})
    while not part.told(STOP):
        batch = [make(n + k) for k in range(size())]
        n += len(batch)
        part.notes.write({"sent": batch})
        part.notes.write({"acked": _answers(batch, append(batch))})
        time.sleep(_pause(part, len(batch)))


def _answers(batch: Sequence[Sent], positions: Sequence[int]) -> list[tuple[int, int]]:
    return [(sent["n"], position) for sent, position in zip(batch, positions, strict=True)]


def _pause(part: Part, size: int) -> float:
    """Seconds that leave the machine some time for whoever reads."""
    return part.chance.uniform(0, 0.6) if size > 1 else part.chance.choice((0, 0, 0, 0.02))


def _positions(receipts: Sequence[Receipt]) -> list[int]:
    assert all(receipt.status is not Status.REUSED for receipt in receipts), receipts
    return [receipt.position for receipt in receipts]


def single(part: Part) -> None:
    """Append one event after the other."""
    _append(part, 1)


def batches(part: Part) -> None:
    """Append five hundred events at a time."""
    _append(part, BATCH)


def _append(part: Part, size: int) -> None:
    with part.open_book() as book:
        _append_to(book, part, size)


def _append_to(book: Book, part: Part, size: int) -> None:
    _send(
        part,
        lambda: size,
        lambda n: _about(facts(part, n), part),
        lambda batch: _positions(book.append([*map(event, batch)])),
    )


def guarded(part: Part) -> None:
    """Append one event or fifty to a deal, each of which says how many the deal had before it.

    That is a promise only under the condition that nobody has written to the deal since it was read.
    """
    with part.open_book() as book:
        _append_guarded(book, part)


def _append_guarded(book: Book, part: Part) -> None:
    n, again = _left_over(part)
    if again:
        # Under a condition nothing of it may be there without all of it.
        known = book.known(UUID(sent["id"]) for sent in again)
        assert len(known) in {0, len(again)}, "half of a batch stands"
        if known:
            at = [known[UUID(sent["id"])][0] for sent in again]
            part.notes.write({"acked": _answers(again, at)})
        else:
            part.notes.write({"given_up": True})
    while not part.told(STOP):
        size = part.chance.choice((1, 1, 1, 1, 1, 1, 1, 50))
        _decide(part, book, n, size, part.chance.choice(_GUARDED))
        n += size


def grouped(part: Part) -> None:
    """Append from several threads that share commits, with conditions and without."""

    def one(thread: Part) -> None:
        _append_to(book, thread, 1)

    def another(thread: Part) -> None:
        _append_guarded(book, thread)

    with GroupedBook(part.open_book()) as book:
        _together(part, [one, another] * 3)


def _together(part: Part, tasks: Sequence[Callable[[Part], None]]) -> None:
    """Let each have a thread, and notes of its own; an error is raised when all have ended."""
    with ThreadPoolExecutor(len(tasks)) as threads:
        begun = [
            threads.submit(persist, replace(part, name=f"{part.name}.{number}"), task)
            for number, task in enumerate(tasks)
        ]
    for one in begun:
        one.result()


def _decide(part: Part, book: Book, n: int, size: int, deal: str) -> None:
    """Read the deal and append to it, and decide again if somebody was quicker."""
    while not part.told(STOP):
        matching = [Match(tags=(deal,))]
        before = [recorded.position for recorded in book.read(matching=matching)]
        batch = [
            _about(facts(part, n + k, (deal,), saw=len(before) + k), part) for k in range(size)
        ]
        condition = Condition(tuple(matching), before[-1] if before else 0)
        part.notes.write({"sent": batch})
        try:
            receipts = book.append([*map(event, batch)], condition)
        except ConditionFailed:
            part.notes.write({"refused": [sent["n"] for sent in batch]})
        else:
            part.notes.write({"acked": _answers(batch, _positions(receipts))})
            return


def recorded(part: Part) -> None:
    """Record touchpoints of people with names and notes, through vault and seal."""
    with Bahi.open(read_settings()) as bahi:

        def append(batch: Sequence[Sent]) -> list[int]:
            outcomes = record(
                bahi.ledger, map(_touchpoint, batch), clock=bahi.clock, future_tolerance=_TOLERANCE
            )
            return [*map(_place, outcomes)]

        sizes = (1, 1, 20, BATCH)
        _send(part, lambda: part.chance.choice(sizes), partial(_of_somebody, part), append)


def received(part: Part) -> None:
    """Record touchpoints that come one by one, in threads and in tasks, and share batches."""

    def in_thread(thread: Part) -> None:
        _send(
            thread, lambda: 1, partial(_of_somebody, thread),
            lambda batch: [_place(recorder.record_now(_touchpoint(sent))) for sent in batch],
        )  # fmt: skip

    def in_task(thread: Part) -> None:
        async def append(batch: Sequence[Sent]) -> list[int]:
            told = await asyncio.gather(*(recorder.record(_touchpoint(sent)) for sent in batch))
            return [*map(_place, told)]

        _send(thread, lambda: 5, partial(_of_somebody, thread), lambda b: asyncio.run(append(b)))

    with (
        Bahi.open(read_settings()) as bahi,
        Recorder(bahi.ledger, clock=bahi.clock, future_tolerance=_TOLERANCE) as recorder,
    ):
        _together(part, [in_thread, in_task] * 2)


def _of_somebody(part: Part, n: int) -> Sent:
    return facts(part, n) | {"person": f"person.{n * 7 % _PEOPLE}@example.com"}


def _place(outcome: Outcome) -> int:
    assert outcome.fate is not Fate.REFUSED, outcome.refusal
    assert outcome.position is not None
    return outcome.position


def _touchpoint(sent: Sent) -> Touchpoint:
    payload = OrderRefunded if sent["type"] == "order.refunded" else OrderPlaced
    (market,) = sent["tags"]
    return Touchpoint(
        payload=payload(note=f"a note of {sent['person']}", **sent["data"]),
        occurred_at=datetime.fromisoformat(sent["occurred_at"]),
        source=sent["source"],
        message_id=str(sent["n"]),
        identifiers=(Identifier("email", sent["person"]),),
        tags={"market": market.removeprefix("market:")},
    )
