"""The line at the end of an answer from history: how much was read for it, and how fast."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from api.render import say
from api.wiring import Bahi


@contextmanager
def closing_line(bahi: Bahi) -> Iterator[None]:
    """Say on stderr, when the block has ended well, how many events it read of history and in what time.

    What is answered from kept rows reads none, and says so. An event that is read for several
    views counts for each.
    """
    before, began = bahi.reading.read.events, perf_counter()
    yield
    took_s = perf_counter() - began
    events = bahi.reading.read.events - before
    if events:
        say(f"{events:,} events read in {took_s:.2f} s: {round(events / took_s):,} a second")
    else:
        say(f"no event was read for it, in {took_s:.2f} s")
