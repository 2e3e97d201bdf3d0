"""Who is one person, searched for by hand: paths over links. Nothing of ours is imported."""

from collections.abc import Iterable
from dataclasses import dataclass

Moment = tuple[int, int]
"""Day, then position."""

FOREVER = (10**6, 10**6)


@dataclass(frozen=True)
class Link:
    """One is merged with another, or split from them, on a day."""

    on: bool
    one: int
    other: int
    day: int


class Searched:
    """The same by hand: which links stand, and a path for everything that is asked."""

    def __init__(self, told: Iterable[tuple[int, Link]]) -> None:
        links = list(told)
        self.standing: dict[frozenset[int], Moment] = {}
        self.parted: set[frozenset[int]] = set()
        pairs = {frozenset({link.one, link.other}) for _, link in links}
        for pair in pairs:
            said = sorted(
                (link.day, position, link.on)
                for position, link in links
                if frozenset({link.one, link.other}) == pair
            )
            if said[-1][2]:
                since_split = max((at for at in said if not at[2]), default=(-1, -1, False))
                first = min(at for at in said if at[2] and at > since_split)
                self.standing[pair] = first[:2]
            else:
                self.parted.add(pair)

    def reached(self, one: int, upto: Moment = FOREVER) -> set[int]:
        """Everyone on a path of links that all stand since then."""
        seen, waiting = {one}, [one]
        while waiting:
            here = waiting.pop()
            for pair, since in self.standing.items():
                if here in pair and since <= upto:
                    (there,) = pair - {here}
                    if there not in seen:
                        seen.add(there)
                        waiting.append(there)
        return seen

    def since(self, one: int, other: int) -> Moment | None:
        """The earliest moment by which there is a path between them."""
        moments = sorted(self.standing.values())
        return next((upto for upto in moments if other in self.reached(one, upto)), None)
