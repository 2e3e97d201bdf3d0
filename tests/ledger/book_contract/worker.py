"""What a process does that works on a book: `main(TASK, …)`.

`append ADDRESS SEED AFTER` appends batches of events for ever, and acknowledges each by the number
of the last event. `callers ADDRESS ROUND MANY` lets so many threads append event after event to a
grouped book, and says number and position of each. Every other task obeys orders: an address and
numbers in a line of JSON, and the answer for each number in another.
"""

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from threading import Event, Thread
from typing import Any

from ledger.book import Book, Condition, Match
from ledger.errors import ConditionFailed
from ledger.grouped import GroupedBook
from ledger.stores import open_book
from tests.ledger.samples import an_event, some_events

opened = cache(open_book)
TAGS = ("market:IN", "campaign:spring")


def batch_sizes(seed: int) -> Iterator[int]:
    """Sizes of the batches of `append`, the same for the same seed."""
    chance = random.Random(seed)
    while True:
        yield chance.choice((1, 2, 30, 300))


def append(book: Book, seed: int, after: int) -> None:
    for size in batch_sizes(seed):
        book.append(some_events(after + 1, after + size, TAGS))
        after += size
        print(after, flush=True)


def callers(book: Book, round_: int, many: int) -> None:
    def call(caller: int) -> None:
        for n in count(1_000_000 * (many * round_ + caller)):
            (receipt,) = book.append([an_event(n)])
            os.write(sys.stdout.fileno(), f"{n} {receipt.position}\n".encode())

    for caller in range(many):
        Thread(target=call, args=(caller,), daemon=True).start()
    Event().wait()


def same(address: str, round_: int) -> Any:
    """Append three events that all racers have, each racer in an order of its own."""
    events = some_events(3 * round_ + 1, 3 * round_ + 3)
    order = random.sample(range(3), 3)
    receipts = opened(address).append([events[n] for n in order])
    told = {n: (r.status, r.position) for n, r in zip(order, receipts, strict=True)}
    return [told[n] for n in range(3)]


def other(address: str, round_: int) -> Any:
    """Append an event of which each racer tells another fact under the same id."""
    (receipt,) = opened(address).append([an_event(round_ + 1, data={"pid": os.getpid()})])
    return receipt.status, receipt.position, receipt.fields


def condition(address: str, round_: int) -> Any:
    """Append an event with the id of this racer's own, unless anybody has; won, and where it is."""
    deal = f"deal:{round_}"
    event = an_event(os.getpid() * 1_000 + round_, "deal.opened", (deal,))
    try:
        (receipt,) = opened(address).append([event], Condition((Match(tags=(deal,)),)))
    except ConditionFailed as failure:
        return False, failure.position
    return True, receipt.position


def start(address: str, round_: int) -> Any:
    """Open a book that is not there yet, and append to it; where the event is."""
    with open_book(f"{address}-{round_}") as book:
        return book.append([an_event(os.getpid(), about=os.getpid())])[0].position


def wait(address: str, after: int) -> Any:
    """Wait for the book to grow; its head."""
    return opened(address).wait(after, 600)


TASKS: dict[str, Callable[..., Any]] = {
    task.__name__: task for task in (same, other, condition, start, wait)
}


def main(task: str, *arguments: str) -> None:
    if task == "append":
        address, seed, after = arguments
        with open_book(address) as book:
            print("ready", flush=True)
            append(book, int(seed), int(after))
    if task == "callers":
        address, round_, many = arguments
        with GroupedBook(open_book(address)) as book:
            print("ready", flush=True)
            callers(book, int(round_), int(many))
    print("ready", flush=True)
    for line in sys.stdin:
        address, *numbers = json.loads(line)
        # Several in a row, so that racers meet in the middle of one another's work.
        print(json.dumps([TASKS[task](address, number) for number in numbers]), flush=True)
