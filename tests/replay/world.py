"""What a book must tell of people, worked out one step after the other. Nothing of ours is imported.

Customers are numbers, in the order in which they were first heard of; moments are a day and a position.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from tests.ledger.searched import Link, Searched

Name = tuple[str, str]
"""Kind and value."""

UNIQUE, MOST = "user", 2
"""One of that kind a person, and at most so many of any other."""


@dataclass
class World:
    """Everything that was told, at positions from 1 on: whom a touchpoint is about, or a link."""

    told: list[tuple[int, int | Link]] = field(default_factory=list)
    names: dict[Name, int] = field(default_factory=dict)
    born: int = 0

    def people(self, as_of: int | None = None, known: int | None = None) -> Searched:
        """Who is one person by the links of then."""
        return Searched(
            (position, what)
            for position, (day, what) in enumerate(self.told, 1)
            if isinstance(what, Link)
            and (as_of is None or day <= as_of)
            and (known is None or position <= known)
        )

    def touch(self, names: Sequence[Name], day: int) -> int:
        """A touchpoint of these names; its position."""
        about: int | None = None
        new: list[Name] = []
        for name in dict.fromkeys(names):
            owner = self.names.get(name)
            if owner is None:
                if self._room(about, [*new, name]):
                    new.append(name)
            elif about is None:
                about = owner if not new or self._room(owner, new) else None
            elif owner != about and self._one(about, owner, new):
                self.told.append((day, Link(True, about, owner, day)))
        if about is None:
            about, self.born = self.born, self.born + 1
        self.names |= dict.fromkeys(new, about)
        self.told.append((day, about))
        return len(self.told)

    def judge(self, link: Link, *, despite: bool) -> bool:
        """Somebody's judgement; whether it is taken."""
        pair = {link.one, link.other}
        people = self.people()
        before = [
            day
            for day, what in self.told
            if isinstance(what, Link) and {what.one, what.other} == pair
        ]
        if len(pair) == 1 or link.day < max(before, default=0):
            return False
        if (frozenset(pair) in people.standing) == link.on:
            return False
        apart = link.other not in people.reached(link.one)
        if link.on and apart and not despite and not self._fit(link.one, link.other, ()):
            return False
        self.told.append((link.day, link))
        return True

    def _having(self, customer: int | None) -> Counter[str]:
        person = set() if customer is None else self.people().reached(customer)
        return Counter(kind for (kind, _), owner in self.names.items() if owner in person)

    def _room(self, customer: int | None, new: Collection[Name]) -> bool:
        kinds = {kind for kind, _ in new}
        having = self._having(customer) + Counter(kind for kind, _ in new)
        return all(having[kind] <= _limit(kind) for kind in kinds)

    def _fit(self, one: int, other: int, new: Iterable[Name]) -> bool:
        ones, others = self._having(one) + Counter(kind for kind, _ in new), self._having(other)
        return all(ones[kind] + others[kind] <= _limit(kind) for kind in ones if others[kind])

    def _one(self, one: int, other: int, new: Sequence[Name]) -> bool:
        """Whether it is news that they are one person, and nothing speaks against it."""
        people = self.people()
        ones, others = people.reached(one), people.reached(other)
        parted = any(frozenset({a, b}) in people.parted for a in ones for b in others)
        if frozenset({one, other}) in people.standing or parted:
            return False
        return other in ones or self._fit(one, other, new)


def _limit(kind: str) -> int:
    return 1 if kind == UNIQUE else MOST
