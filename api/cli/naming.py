"""How things are named on the command line: by the number that people use, or by their random id."""

from collections.abc import Mapping
from uuid import UUID

from api.wiring import Bahi
from ledger.book import Match
from ledger.errors import BadUsage, NotFound, Refused
from ledger.identifiers import Identifier, normalise

Named = tuple[tuple[Identifier, ...], Mapping[str, UUID]]
"""References and things, as a touchpoint takes them: one of the two is empty."""


def reference(bahi: Bahi, kind: str, text: str, *, new: bool = False) -> Named:
    """The deal, ticket, task, order or account of that number or id.

    A number comes first, since other systems number things by what looks like our ids. Raises
    `NotFound` for one that nobody has heard of, unless it may be `new`, and never quotes a number.
    """
    try:
        number = normalise(Identifier(kind, text))
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None
    if number is None:
        raise BadUsage(f"{kind}: expected the number of one, came a text that names nothing")
    if bahi.ledger.vault.look_up(number) is None:
        thing = _id_in_the_book(bahi, kind, text)
        if thing is not None:
            return (), {kind: thing}
        if not new:
            raise NotFound(kind, "of that number")
    return (number,), {}


def thing_id(bahi: Bahi, kind: str, text: str) -> UUID:
    """The random id of a thing named so. Raises `NotFound`."""
    references, things = reference(bahi, kind, text)
    if kind in things:
        return things[kind]
    found = bahi.ledger.vault.look_up(references[0])
    assert found is not None
    return found


def _id_in_the_book(bahi: Bahi, kind: str, text: str) -> UUID | None:
    try:
        thing = UUID(text)
    except ValueError:
        return None
    tagged = Match(tags=(f"{kind}:{thing}",))
    return thing if any(bahi.ledger.book.read(matching=[tagged], limit=1)) else None
