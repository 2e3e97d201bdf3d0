"""Whom the identifiers of an item name, and which customers they show to be one person.

Identifiers come in order of trust, and a less trusted one never outweighs a more trusted one: where
a limit speaks against taking it in, it is left aside, and the item is recorded all the same. So a
browser that two people share joins neither of them.

Every pair that an item shows to be one person becomes a link, also where the two are one person by
way of others: whoever takes one link back must not lose what the other one was known by. What a limit
kept out while two were one person stays out when they are two again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ledger.catalogue import REFERENCE_KINDS
from ledger.clock import Ids
from ledger.errors import BadField, Refused, came_safely
from ledger.identifiers import Identifier
from ledger.people import Pair, Persons


@dataclass(frozen=True, slots=True)
class Limits:
    """What one person may have: one identifier of a `unique` kind, `most` of any other."""

    unique: frozenset[str] = frozenset({"user"})
    most: int = 50

    def of(self, kind: str) -> int:
        """How many identifiers of this kind one person may have."""
        return 1 if kind in self.unique else self.most

    def against(self, ones: Mapping[str, int], others: Mapping[str, int]) -> str | None:
        """What keeps two people from being one: a kind that both have, too many of it together.

        `ones` and `others` count their identifiers by kind. What one of them has alone speaks against
        nothing: where it is too much, somebody has judged that it may be.
        """
        both = sorted(ones.keys() & others.keys())
        return next((kind for kind in both if ones[kind] + others[kind] > self.of(kind)), None)


LIMITS = Limits()
"""What holds where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Named:
    """Whom an item is about, and the customers who turned out to be the same person by it."""

    customer: UUID
    merges: tuple[UUID, ...] = ()


@dataclass(slots=True)
class Naming:
    """Names item after item; each sees what the ones before it have linked and merged.

    `owners` are the identifiers that were known beforehand, `counts` tells how many of each kind a
    customer has, `fenced` are those who are being erased: nothing is linked to them.
    """

    owners: dict[Identifier, UUID]
    counts: Callable[[UUID], Mapping[str, int]]
    persons: Persons
    limits: Limits
    ids: Ids
    fenced: frozenset[UUID] = frozenset()
    linked: list[tuple[Identifier, UUID]] = field(default_factory=list)
    """What is to be kept: new identifiers, and whom they name from now on."""
    _pairs: set[Pair] = field(default_factory=set)
    _united: dict[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    _counted: dict[UUID, Counter[str]] = field(default_factory=dict)

    def name(self, item: Sequence[Identifier]) -> Named | Refused | None:
        """Whom an item names; None if it has no identifiers, a refusal for the number of a thing."""
        for identifier in item:
            if identifier.kind in REFERENCE_KINDS:
                return BadField("identifiers", "what names a person", came_safely(identifier.kind))
        if not item:
            return None
        person: UUID | None = None
        new: dict[Identifier, None] = {}
        merges: list[UUID] = []
        for identifier in item:
            owner = self.owners.get(identifier)
            if owner is None:
                if identifier not in new and self._fits(person, [*new, identifier]):
                    new[identifier] = None
            elif person is None:
                if self._fits(owner, list(new)):
                    person = owner
            elif self._shows(person, owner, list(new)):
                self._unite(person, owner)
                merges.append(owner)
        person = person or self._somebody_new()
        if new and person not in self.fenced:
            self._link(person, list(new))
        return Named(person, tuple(merges))

    def _somebody_new(self) -> UUID:
        person = self.ids()
        self._counted[person] = Counter()
        return person

    def _link(self, person: UUID, new: Sequence[Identifier]) -> None:
        for identifier in new:
            self.owners[identifier] = person
            self._count(person)[identifier.kind] += 1
            self.linked.append((identifier, person))

    def _fits(self, person: UUID | None, new: Sequence[Identifier]) -> bool:
        """Whether a person (None: a new one) may have these besides what they have."""
        if not new or (person is None and len(new) == 1):
            return True
        having = self._having(person) if person else Counter[str]()
        more = Counter(identifier.kind for identifier in new)
        return all(having[kind] + count <= self.limits.of(kind) for kind, count in more.items())

    def _shows(self, one: UUID, other: UUID, new: Sequence[Identifier]) -> bool:
        """Whether it is news that these are one person, and nothing speaks against it."""
        pair = frozenset({one, other})
        if one == other or pair in self.persons.links or pair in self._pairs:
            return False
        ones, others = self._members(one), self._members(other)
        if self.fenced & {*ones, *others} or self.persons.were_parted(ones, others):
            return False
        if other in ones:
            return True
        having = self._having(one) + Counter(identifier.kind for identifier in new)
        return self.limits.against(having, self._having(other)) is None

    def _members(self, customer: UUID) -> tuple[UUID, ...]:
        return self._united.get(customer) or self.persons.members(customer)

    def _unite(self, one: UUID, other: UUID) -> None:
        self._pairs.add(frozenset({one, other}))
        members = tuple(dict.fromkeys(self._members(one) + self._members(other)))
        self._united |= dict.fromkeys(members, members)

    def _having(self, person: UUID) -> Counter[str]:
        """How many identifiers of each kind a person has, under whichever customer."""
        return sum((self._count(member) for member in self._members(person)), Counter[str]())

    def _count(self, customer: UUID) -> Counter[str]:
        if customer not in self._counted:
            self._counted[customer] = Counter(self.counts(customer))
        return self._counted[customer]
