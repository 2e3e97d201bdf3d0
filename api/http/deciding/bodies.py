"""What commands are asked for in: bodies made of the catalogue's own fields, so that no field stands twice.

What identifies a person is marked `writeOnly`: it is sealed, and no answer has it.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from api.naming import person_of
from api.wiring import Bahi
from ledger.catalogue import About, EventType
from ledger.catalogue.fields import Code, Country, Moment
from ledger.catalogue.model import first_problem
from ledger.errors import BadField, Erased, NotFound
from ledger.identifiers import KIND, MAX_IDENTIFIER, Identifier

MAX_BODY = 1024 * 1024
"""Bytes of a command: more than any event may have."""

_MOST_NAMES = 20
WRITE_ONLY: JsonDict = {"writeOnly": True}
"""Of a field: it is sealed, or names somebody, and no answer has it."""


def _quoting_nobody(given: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """What is wrong about names, without the names: pydantic would quote them as a place."""
    try:
        return read(given)
    except ValidationError:
        expected = f"1 to {_MOST_NAMES} kinds, each with its text, such as email and an address"
        raise ValueError(expected) from None


Text = Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER)]
"""A name or number that others give to people and things."""

Identifiers = Annotated[
    dict[Annotated[str, Field(pattern=f"^{KIND.pattern}$")], Text],
    Field(min_length=1, max_length=_MOST_NAMES),
    WrapValidator(_quoting_nobody),
]
"""What names a person, by kind."""


class Body(BaseModel):
    """Base of what is read. Refused as the catalogue refuses: `BadField`, which quotes no value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _refused_our_way(cls, given: Any, read: ValidatorFunctionWrapHandler) -> Self:
        try:
            found: Self = read(given)
        except ValidationError as error:
            raise first_problem(error, cls, "body") from None
        return found


TBody = TypeVar("TBody", bound=Body)


class Said(Body):
    """Something that happened."""

    occurred_at: Moment | None = Field(
        None, description="When it happened, if not now.", examples=["2026-03-01T12:00:00Z"]
    )


class Person(Body):
    """One person, by their id or by what names them."""

    customer: UUID | None = Field(None, description="Their id.")
    identifiers: Identifiers | None = Field(
        None,
        description="What names them, by kind: email, phone, user, … Several are of one person.",
        examples=[{"email": "anna@example.com"}],
        json_schema_extra=WRITE_ONLY,
    )

    def named(self, bahi: Bahi) -> UUID | None:
        """The customer; None where nobody is named.

        Raises `NotFound` for somebody of whom nobody has heard, `Erased`, and `Refused`.
        """
        if self.customer is not None and self.identifiers is not None:
            raise BadField("customer", "an id or identifiers", "both")
        if self.customer is not None:
            bahi.reading.demand_heard_of(self.customer)
            found: UUID | None = self.customer
        elif self.identifiers is not None:
            found = person_of(bahi, identifiers_of(self.identifiers))
            if found is None:
                raise NotFound("customer", "with that " + ", ".join(self.identifiers))
        else:
            return None
        if found in bahi.ledger.gone.now():
            raise Erased(f"customer {found} is erased")
        return found

    def somebody(self, bahi: Bahi, field: str = "customer") -> UUID:
        """The same, of whom there has to be one."""
        found = self.named(bahi)
        if found is None:
            raise BadField(field, "an id, or identifiers", "neither")
        return found


class OfPerson(Person, Said):
    """Something that happened, about a person."""


def identifiers_of(given: Mapping[str, str]) -> tuple[Identifier, ...]:
    """The same as the ledger has them."""
    return tuple(Identifier(kind, value) for kind, value in given.items())


_TAGS: Mapping[str, Any] = {
    "campaign": (Code | None, Field(None, description="The campaign that it came from.")),
    "market": (Country | None, Field(None, description="ISO country, such as DE.")),
}


def body_of(
    name: str,
    payload: type[EventType],
    example: Mapping[str, Any],
    *,
    base: type[TBody],
    creates: str | None = None,
    about: Sequence[str] = (),
    tags: Sequence[str] = (),
    without: Sequence[str] = (),
    more: Mapping[str, Any] | None = None,
) -> type[TBody]:
    """The body of a command that appends such events: their fields but for those `without`, which the
    command knows by itself, and `more`, which are its own or stand in another way.

    `creates` is the kind of thing that it makes, by the number in `reference`; `about` are kinds that
    it may name besides.
    """
    fields: dict[str, Any] = {}
    if creates is not None:
        meaning = f"The number that you give the {creates}."
        fields["reference"] = (Text, Field(description=meaning, json_schema_extra=WRITE_ONLY))
    for field, info in payload.model_fields.items():
        if field not in without:
            fields[field] = info.annotation, _marked(info, payload, field)
    fields |= more or {}
    for kind in about:
        fields[kind] = Text | None, Field(None, description=f"The {kind}: its number, or its id.")
    fields |= {tag: _TAGS[tag] for tag in tags}
    made: type[TBody] = create_model(name, __base__=base, __doc__=payload.__doc__, **fields)
    made.model_config["json_schema_extra"] = {"examples": [dict(example)]}
    return made


def _marked(info: FieldInfo, payload: type[EventType], field: str) -> FieldInfo:
    marked = copy(info)
    if field in payload.RETENTIONS:
        marked.json_schema_extra = dict(WRITE_ONLY)
        marked.description = f"Sealed, for reasons of {payload.RETENTIONS[field].value}."
    return marked


def base_of(payload: type[EventType], creates: str | None) -> type[Said]:
    """Whether a command for it names a person: what goes on with a thing is about whom it was before."""
    somebody = payload.ABOUT is About.PERSON
    return OfPerson if somebody or (payload.ABOUT is About.MAYBE and creates) else Said
