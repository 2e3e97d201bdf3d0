"""How commands become routes: read, decided, durable, and answered with where they stand in the book."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http import HTTPStatus
from inspect import cleandoc
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, Field, create_model

from api.carrying_out import Asked, Done, carry_out
from api.http.callers import Caller, Calling
from api.http.deciding.bodies import MAX_BODY, OfPerson, Said, base_of, body_of
from api.http.problems import Problem, documented, kind_of, parts_of
from api.http.serving import Serving, Shared
from api.naming import demand_thing, references
from api.wiring import Bahi
from commands.rules import RULES
from commands.things import Thing
from ledger import catalogue
from ledger.book import Match
from ledger.catalogue import About, EventType
from ledger.errors import NotAllowed
from ledger.event import format_moment, moment_of

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[ -~]+$",
        description="A name for this very command, among all that your source hands in: said again, it "
        "is the same event, and answered with its position.",
        examples=["order-1042-shipped"],
    ),
]
"""A route's argument: the message id of its command."""

REFUSED = ("not-found", "not-allowed", "id-reused", "identity-conflict", "erased", "names-erased")
"""The problems that any command may end in."""


class Carried(BaseModel):
    """It is in the book, for good."""

    position: int = Field(
        description="Where it stands; reads take it as `min_position`.", ge=1, examples=[1042]
    )
    new: bool = Field(
        description="False: it stood there already, since it was said before.", examples=[True]
    )


@dataclass(frozen=True, slots=True)
class Making:
    """What a command is made of, for those that know more than was said."""

    bahi: Bahi
    source: str
    message_id: str | None
    at: datetime | None
    payload: type[EventType]
    attributes: Mapping[str, Any]


def parsed(making: Making) -> EventType:
    """What was said, as it was said; what is None is left out."""
    given = {name: value for name, value in making.attributes.items() if value is not None}
    return catalogue.parse(making.payload.TOPIC, given, at_a_door=False)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: where it is asked for, of which type it is, and what its type does not say of it.

    `name` is a verb and a noun. `creates` is the kind of thing that it makes, by its number; `about` are
    kinds that it may name besides, and `tags` those in the clear.
    """

    path: str
    payload: type[EventType]
    name: str
    example: Mapping[str, Any]
    creates: str | None = None
    about: Sequence[str] = ()
    tags: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    made: Callable[[Making], EventType] = parsed

    @property
    def kind(self) -> str | None:
        """The kind of thing whose id is in the path."""
        found = re.search(r"{(\w+)}", self.path)
        return found and found[1]


def add(router: APIRouter, room: str, *commands: Command) -> None:
    """Give each of them its route."""
    for command in commands:
        _add(router, room, command)


def _add(router: APIRouter, room: str, command: Command) -> None:
    kind, payload = command.kind, command.payload
    body_type = body_of(
        "".join(word.capitalize() for word in command.name.split("_")),
        payload,
        command.example,
        base=base_of(payload, command.creates),
        creates=command.creates,
        about=command.about,
        tags=command.tags,
        more=command.more,
    )
    needs = [one for one in (kind, command.creates) if one is not None]
    if payload.ABOUT is About.PERSON:
        needs.append("customer")
    may = [*command.about, *(["customer"] if payload.ABOUT is About.MAYBE else [])]
    route = router.post(
        command.path,
        status_code=HTTPStatus.CREATED,
        response_model=answer_of(tuple(needs), tuple(may)),
        response_model_exclude_none=True,
        operation_id=command.name,
        summary=command.name.replace("_", " ").capitalize(),
        description=cleandoc(payload.__doc__ or ""),
        tags=[room],
        responses=documented(*REFUSED),
        max_body_size=MAX_BODY,
    )
    ids = (*needs, *may)

    if kind is None:

        def anew(
            serving: Shared,
            caller: Calling,
            body: body_type,  # type: ignore[valid-type]
            key: IdempotencyKey = None,
        ) -> dict[str, Any]:
            return answer(_carried(serving, caller, key, command, body, {}), ids)

        route(anew)
    else:

        def further(
            serving: Shared,
            caller: Calling,
            thing: Annotated[UUID, Path(alias=kind)],
            body: body_type,  # type: ignore[valid-type]
            key: IdempotencyKey = None,
        ) -> dict[str, Any]:
            demand_thing(serving.bahi, kind, thing)
            done = _carried(serving, caller, key, command, body, {kind: thing})
            return answer(done, ids)

        route(further)


def _carried(
    serving: Serving,
    caller: Caller,
    key: str | None,
    command: Command,
    body: Said,
    things: Mapping[str, UUID],
) -> Done:
    bahi, payload = serving.bahi, command.payload
    about = {kind: getattr(body, kind) for kind in command.about}
    if command.creates is not None:
        about[command.creates] = getattr(body, "reference")  # noqa: B009 — the body was made with one
    named = {kind: text for kind, text in about.items() if text is not None}
    numbers, known = references(bahi, named, {command.creates} if command.creates else ())
    customer = None
    if isinstance(body, OfPerson):
        needed = payload.ABOUT is About.PERSON
        customer = body.somebody(bahi) if needed else body.named(bahi)
    attributes = {name: getattr(body, name) for name in payload.model_fields}
    making = Making(bahi, caller.source, key, body.occurred_at, payload, attributes)
    tags = {tag: getattr(body, tag) for tag in command.tags}
    asked = Asked(
        command.made(making),
        caller.source,
        caller.actor,
        message_id=key,
        at=body.occurred_at,
        references=numbers,
        things={**known, **things},
        customer=customer,
        tags={tag: text for tag, text in tags.items() if text is not None},
    )
    with saying_who(bahi, asked):
        return carry_out(bahi, asked)


@contextmanager
def saying_who(bahi: Bahi, asked: Asked) -> Iterator[None]:
    """Where a rule forbids what is asked of a thing, say also what was done with it last, and by whom:
    whoever came second learns who came first.
    """
    try:
        yield
    except NotAllowed as refusal:
        more = parts_of(refusal) | {"latest": _latest(bahi, asked)}
        raise Problem(HTTPStatus.CONFLICT, kind_of(refusal), str(refusal), **more) from None


def _latest(bahi: Bahi, asked: Asked) -> dict[str, Any] | None:
    rule = RULES[type(asked.payload)]
    if not issubclass(rule, Thing):
        return None
    thing = asked.things.get(rule.KIND)
    for number in asked.references:
        thing = bahi.ledger.vault.look_up(number) if number.kind == rule.KIND else thing
    matching = Match(tuple(kind.TOPIC for kind in rule.LIFE), (f"{rule.KIND}:{thing}",))
    events = sorted(bahi.ledger.book.read(matching=[matching]), key=moment_of)
    return latest(events[-1]) if events else None


def latest(recorded: Any) -> dict[str, Any]:
    """What happened last, and who had a hand in it, for a problem."""
    event = recorded.event
    return {
        "position": recorded.position,
        "type": event.type,
        "occurred_at": format_moment(event.occurred_at),
        "source": event.source,
        "actor": event.actor,
    }


def answer(done: Done, ids: Sequence[str] = ()) -> dict[str, Any]:
    """Where it stands, and the ids of whom and what it is about."""
    event = done.recorded.event
    found = {kind: event.customer if kind == "customer" else done.thing(kind) for kind in ids}
    return {"position": done.position, "new": done.new, **found}


@cache
def answer_of(needs: tuple[str, ...], may: tuple[str, ...] = ()) -> type[BaseModel]:
    """The model of an answer with these ids, of which `may` need not be there."""
    fields: dict[str, Any] = {kind: (UUID, Field(description=f"The {kind}.")) for kind in needs}
    fields |= {kind: (UUID | None, Field(None, description=f"The {kind}, if any.")) for kind in may}
    name = "".join(kind.capitalize() for kind in (*needs, *may)) + "Carried"
    return create_model(name, __base__=Carried, **fields) if fields else Carried
