"""Whom identifiers name: each row what is known, what an item says, and what follows from it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

import pytest

from ledger.errors import BadField
from ledger.identifiers import Identifier
from ledger.naming import Limits, Named, Naming
from ledger.people import Persons

LIMITS = Limits(unique=frozenset({"user"}), most=2)
KNOWN = {"user:1": "A", "user:2": "B", "mail:1": "A", "mail:2": "B", "mail:3": "C", "web:4": "D"}
"""A and B have accounts of their own; C and D have none."""


@dataclass(frozen=True)
class Row:
    """Groups that are one person, linked one after the other; pairs that were parted; those being
    erased; items; and what each is answered with: `customer+merges`, and what they link.
    """

    what: str
    items: Sequence[str]
    answers: Sequence[str]
    linked: str = ""
    one: Sequence[str] = ()
    parted: Sequence[str] = ()
    fenced: str = ""


ROWS = [
    Row("nobody is known", ["user:9 mail:9"], ["X"], "user:9=X mail:9=X"),
    Row("one is known", ["mail:3"], ["C"]),
    Row("one known brings a new one along", ["mail:9 mail:3"], ["C"], "mail:9=C"),
    Row("and it is known to the next item", ["mail:9 mail:3", "mail:9"], ["C", "C"], "mail:9=C"),
    Row("several known are one person", ["mail:1 mail:3"], ["A+C"]),
    Row("the most trusted is whom it is about", ["mail:3 mail:1"], ["C+A"]),
    Row("three at once", ["mail:3 web:4 mail:1"], ["C+D+A"]),
    Row("told again, it is no news", ["mail:1 mail:3", "mail:3 mail:1"], ["A+C", "C"]),
    Row("what is linked already is no news", ["mail:3 mail:1"], ["C"], one=["AC"]),
    Row("one person by way of others, it is news", ["mail:1 web:4"], ["A+D"], one=["ACD"]),
    Row("by way of others in the same batch", ["mail:1 mail:3", "mail:3 web:4", "mail:1 web:4"],
        ["A+C", "C+D", "A+D"]),
    Row("two accounts are two people", ["user:1 user:2"], ["A"]),
    Row("whatever shows them to be one", ["mail:2 mail:1"], ["B"]),
    Row("also by way of another", ["mail:3 mail:1", "mail:3 mail:2"], ["C+A", "C"]),
    Row("also if that one was merged before", ["mail:3 mail:2"], ["C"], one=["CA"]),
    Row("a second account does not fit in", ["mail:1 user:9"], ["A"]),
    Row("a new account is somebody else", ["user:9 mail:1"], ["X"], "user:9=X"),
    Row("also for one merged with an account", ["user:9 mail:3"], ["X"], "user:9=X", one=["AC"]),
    Row("but a first account fits in", ["user:9 mail:3"], ["C"], "user:9=C"),
    Row("and then a second does not", ["user:8 mail:3", "user:9 mail:3"], ["C", "X"],
        "user:8=C user:9=X"),
    Row("of two new accounts the first", ["user:8 user:9"], ["X"], "user:8=X"),
    Row("the next that fits", ["user:9 mail:1 mail:3"], ["C"], "user:9=C"),
    Row("a third of a kind is left aside", ["mail:3 mail:8 mail:9"], ["C"], "mail:8=C"),
    Row("no more of a kind by merging", ["mail:3 mail:8", "mail:1 mail:3"], ["C", "A"], "mail:8=C"),
    Row("nor with what is new", ["mail:1 mail:8 mail:3"], ["A"], "mail:8=A"),
    Row("whoever has judged otherwise is believed", ["mail:1", "user:2 mail:1", "web:9 mail:1"],
        ["A", "B", "A"], "web:9=A", one=["AB"]),
    Row("and more of it does not come to that", ["user:9 mail:1"], ["X"], "user:9=X", one=["AB"]),
    Row("too many by judgement keeps nobody else out", ["user:1 web:4"], ["A+D"], one=["AB"]),
    Row("those who were parted stay two", ["mail:1 mail:3", "mail:3 mail:1"], ["A", "C"],
        parted=["AC"]),
    Row("by way of others too", ["mail:3 web:4", "mail:1 web:4"], ["C+D", "A"], parted=["AC"]),
    Row("also of a person merged before", ["mail:1 web:4"], ["A"], one=["CD"], parted=["AC"]),
    Row("also where somebody made them one again by way of others", ["mail:1 web:4"], ["A"],
        one=["ABCD"], parted=["AC"]),
    Row("nothing is linked to who is being erased", ["mail:3 mail:9"], ["C"], fenced="C"),
    Row("nor merged with them", ["mail:1 mail:3", "mail:3 mail:1"], ["A", "C"], fenced="C"),
    Row("nor with one of theirs", ["web:4 mail:1"], ["D"], one=["AC"], fenced="C"),
    Row("nobody is named", [""], ["-"]),
    Row("a number is no person", ["order:1 mail:1", "mail:1"], ["BadField", "A"]),
    Row("twice the same is once", ["mail:9 mail:9 mail:3 mail:3"], ["C"], "mail:9=C"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what.replace(" ", "-"))
def test_whom_an_item_names(row: Row) -> None:
    naming = Naming(
        owners={identifier(text): customer(letter) for text, letter in KNOWN.items()},
        counts=lambda of: Counter(
            text.partition(":")[0] for text, letter in KNOWN.items() if customer(letter) == of
        ),
        persons=persons(row.one, row.parted),
        limits=LIMITS,
        ids=lambda: customer("X"),
        fenced=frozenset(map(customer, row.fenced)),
    )
    answers = [naming.name([identifier(text) for text in item.split()]) for item in row.items]
    assert [said(answer) for answer in answers] == row.answers
    assert (
        " ".join(f"{i.kind}:{i.value}={letter(owner)}" for i, owner in naming.linked) == row.linked
    )


@pytest.mark.parametrize(
    ("ones", "others", "kind"),
    [
        ({}, {}, None),
        ({"mail": 1, "user": 1}, {"mail": 1}, None),
        ({"mail": 2}, {"mail": 1}, "mail"),
        ({"user": 1, "mail": 2}, {"user": 1, "mail": 2}, "mail"),
        ({"user": 1}, {"user": 1}, "user"),
        ({"user": 2}, {"mail": 2}, None),
    ],
)
def test_what_speaks_against_two_being_one(
    ones: dict[str, int], others: dict[str, int], kind: str | None
) -> None:
    assert LIMITS.against(ones, others) == LIMITS.against(others, ones) == kind


def customer(letter: str) -> UUID:
    return UUID(int=ord(letter))


def letter(customer: UUID) -> str:
    return chr(customer.int)


def identifier(text: str) -> Identifier:
    kind, _, value = text.partition(":")
    return Identifier(kind, value)


def persons(one: Iterable[str], parted: Iterable[str]) -> Persons:
    groups = {customer(a): tuple(map(customer, group)) for group in one for a in group}
    links = {frozenset(map(customer, two)) for group in one for two in pairwise(group)}
    return Persons(
        groups, {}, frozenset(links), frozenset(frozenset(map(customer, p)) for p in parted)
    )


def said(answer: object) -> str:
    if isinstance(answer, Named):
        return "+".join(map(letter, (answer.customer, *answer.merges)))
    return "BadField" if isinstance(answer, BadField) else "-"
