"""How people and things are named at a door: by what others call them, or by their random id."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from api.customers import named
from api.wiring import Bahi
from ledger.book import Match
from ledger.errors import BadField, IdentityConflict, NotFound
from ledger.identifiers import Identifier, normalise

Named = tuple[tuple[Identifier, ...], Mapping[str, UUID]]
"""References and things, as a touchpoint takes them; what one of the two names, the other does not."""


def reference(bahi: Bahi, kind: str, text: str, *, new: bool = False) -> Named:
    """The deal, ticket, task, order or account of that number or id.

    A number comes first, since other systems number things by what looks like our ids. Raises
    `NotFound` for one that nobody has heard of, unless it may be `new`, and `Refused` for what is no
    number; neither quotes it.
    """
    number = normalise(Identifier(kind, text))
    if number is None:
        raise BadField(kind, "the number of one", "a text that names nothing")
    if bahi.ledger.vault.look_up(number) is None:
        thing = _id_in_the_book(bahi, kind, text)
        if thing is not None:
            return (), {kind: thing}
        if not new:
            raise NotFound(kind, "of that number")
    return (number,), {}


def references(bahi: Bahi, about: Mapping[str, str], new: Collection[str] = ()) -> Named:
    """The same of several by kind, of which those of the kinds `new` may be new."""
    numbers: list[Identifier] = []
    things: dict[str, UUID] = {}
    for kind, text in about.items():
        some, ids = reference(bahi, kind, text, new=kind in new)
        numbers += some
        things |= ids
    return tuple(numbers), things


def thing_id(bahi: Bahi, kind: str, text: str) -> UUID:
    """The random id of a thing named so. Raises `NotFound`, and `Refused` for what is no number."""
    references, things = reference(bahi, kind, text)
    if kind in things:
        return things[kind]
    found = bahi.ledger.vault.look_up(references[0])
    assert found is not None
    return found


def demand_thing(bahi: Bahi, kind: str, thing: UUID) -> None:
    """Raises `NotFound` for a thing of which the book has no event."""
    tagged = Match(tags=(f"{kind}:{thing}",))
    if not any(bahi.ledger.book.read(matching=[tagged], limit=1)):
        raise NotFound(kind, str(thing))


def person_of(bahi: Bahi, identifiers: Sequence[Identifier]) -> UUID | None:
    """The customer whom these name; None for somebody of whom nobody has heard.

    A command is about one person, and teaches nothing of them: what nobody is known by beside what
    somebody is stays unknown. Raises `IdentityConflict` where they name several people, and `Refused`
    for what is no identifier.
    """
    looked_up = [named(bahi, identifier) for identifier in identifiers]
    found = [customer for customer in looked_up if customer is not None]
    persons = bahi.ledger.living.now()
    people = {persons.canonical(customer) for customer in found}
    if len(people) > 1:
        came = f"those of {len(people)}; if they are one, merge them first"
        raise IdentityConflict("identifiers", "those of one person", came)
    return found[0] if found else None


def _id_in_the_book(bahi: Bahi, kind: str, text: str) -> UUID | None:
    try:
        thing = UUID(text)
        demand_thing(bahi, kind, thing)
    except (ValueError, NotFound):
        return None
    return thing
