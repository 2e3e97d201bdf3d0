"""Random histories of a few people: what is told of them, and what somebody judges. Nothing of ours."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import assume
from hypothesis import strategies as st

from tests.ledger.searched import Link
from tests.replay.world import UNIQUE, Name, World

WHAT = 5
"""Kinds of touchpoints, by their number."""


@dataclass(frozen=True)
class Touch:
    names: tuple[Name, ...]
    day: int
    what: int


@dataclass(frozen=True)
class Judged:
    """`one` and `other` are taken modulo those who are known; or `one` is a standing link."""

    on: bool
    linked: bool
    one: int
    other: int
    day: int
    despite: bool

    def link(self, world: World) -> Link | None:
        """The link that is meant, if there is anybody to be meant."""
        standing = sorted(map(sorted, world.people().standing))
        if self.linked and standing:
            one, other = standing[self.one % len(standing)]
            return Link(self.on, one, other, self.day)
        if world.born == 0:
            return None
        return Link(self.on, self.one % world.born, self.other % world.born, self.day)


Step = Touch | Judged


def after(steps: Sequence[Step]) -> World:
    world = World()
    for step in steps:
        if isinstance(step, Touch):
            world.touch(step.names, step.day)
        elif (link := step.link(world)) is not None:
            world.judge(link, despite=step.despite)
    return world


days = st.integers(0, 6)
NAMES: list[Name] = [
    (UNIQUE, "a"),
    ("crm", "a"),
    ("device", "a"),
    (UNIQUE, "b"),
    ("crm", "b"),
    ("crm", "c"),
]
UNLIMITED: list[Name] = [("crm", "a"), ("device", "a"), ("crm", "b"), ("device", "b")]
"""So few that no limit speaks against them."""


def touches(names: Sequence[Name]) -> st.SearchStrategy[Step]:
    several = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(Touch, several, days, st.integers(0, WHAT - 1))


def judgements(
    *, on: bool, linked: st.SearchStrategy[bool], despite: st.SearchStrategy[bool]
) -> st.SearchStrategy[Step]:
    some = st.integers(0, 9)
    return st.builds(Judged, st.just(on), linked, some, some, days, despite)


@st.composite
def histories(
    draw: st.DrawFn, names: Sequence[Name], *judged: st.SearchStrategy[Step]
) -> list[Step]:
    """Some are heard of by one name, before any two of them are seen together."""
    known = names[: draw(st.integers(2, len(names)))]
    size = draw(st.integers(0, 12))
    step = st.one_of(touches(names), *judged)
    later = draw(st.lists(step, min_size=size, max_size=size))
    return [*(Touch((name,), 0, n % WHAT) for n, name in enumerate(known)), *later]


never = st.just(False)
random_histories = histories(
    NAMES,
    judgements(on=True, linked=st.booleans(), despite=st.booleans()),
    judgements(on=False, linked=st.sampled_from([True, True, False]), despite=never),
)
merging_histories = histories(UNLIMITED, judgements(on=True, linked=never, despite=st.just(True)))


@dataclass(frozen=True)
class Mistake:
    """Two who are merged after so many steps, on a day, and split at the end, on another."""

    place: int
    one: int
    other: int
    merged_on: int
    split_on: int


@st.composite
def mistaken(draw: st.DrawFn) -> tuple[list[Step], Mistake]:
    """A history, and a mistake that might be made in it; of two who are not merged anyway."""
    steps = draw(merging_histories)
    place = draw(st.integers(2, len(steps)))
    one, other = draw(st.permutations(range(after(steps[:place]).born)))[:2]
    assume(frozenset({one, other}) not in after(steps).people().standing)
    merged_on, split_on = sorted(draw(st.tuples(days, days)))
    return steps, Mistake(place, one, other, merged_on, split_on)
