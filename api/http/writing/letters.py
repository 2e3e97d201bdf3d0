"""Dead letters: what was refused, where and why; tried again, and opened by who may."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.http.answers import write
from api.http.callers import Caller, Calling
from api.http.guard import router as guarded
from api.http.problems import Problem, documented
from api.http.reading.cursors import MAX_CURSOR, cursor_of, values_of
from api.http.roles import Role
from api.http.serving import Serving, Shared
from api.http.writing.documents import REFUSED
from commands.dead_letters import open_refused
from ledger.clock import from_us, to_us
from ledger.errors import BadField, TooLarge
from ledger.vault import KeptLetter
from streams.parts import json_of
from streams.replaying import replay

router = guarded()

_OWN = frozenset({Role.INGEST, Role.SERVICE})
"""Roles that see what came from their own source, and nothing else."""
_LIST = ("dead-letters",)

Letter = Annotated[UUID, Path(description="Its id, from the list.")]


class Kept(BaseModel):
    """A dead letter as it is listed: where it stood and why it was refused, never what it said."""

    id: UUID
    kept_at: datetime
    door: str = Field(description="How it came, and from which source.", examples=["http:shop"])
    place: dict[str, Any] = Field(description="Where it stood, as its door tells places.")
    field: str = Field(description="The dotted name of what was wrong.", examples=["data.currency"])
    reason: str = Field(description="What was expected, and what came; no value is quoted.")


class Page(BaseModel):
    """Some of them, oldest first."""

    letters: list[Kept]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


class Again(BaseModel):
    """What to correct before it is tried again."""

    model_config = ConfigDict(extra="forbid")

    corrections: dict[str, Any] = Field(
        default_factory=dict,
        max_length=100,
        description="By the path of what to write over, as in `data.currency`.",
        examples=[{"data.currency": "EUR"}],
    )


class Replayed(BaseModel):
    """It is in the book, and the letter is gone."""

    status: str = Field(examples=["appended"])
    position: int


class Why(BaseModel):
    """Why it has to be seen. That is on record before anything is shown."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, examples=["The shop asks what it sent on Tuesday."])
    purpose: str = Field("mending", min_length=1, description="In one word.")


class Opened(Kept):
    """A dead letter, whole."""

    content: str = Field(description="What came, as it came.")


@router.get(
    "/v1/dead-letters",
    operation_id="list_dead_letters",
    tags=["dead letters"],
    response_model=Page,
)
def list_letters(
    serving: Shared,
    caller: Calling,
    cursor: Annotated[str | None, Query(max_length=MAX_CURSOR)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page:
    """List what was refused. Keys of ingest and service see what came from their own source."""
    found = list(islice(_seen_by(caller, serving, _after(cursor)), limit + 1))
    page = found[:limit]
    more = len(found) > limit
    last = [to_us(page[-1].kept_at), page[-1].id] if more else []
    return Page(letters=[_kept(one) for one in page], next=cursor_of(_LIST, last) if more else None)


@router.post(
    "/v1/dead-letters/{letter}/replay",
    operation_id="replay_dead_letter",
    tags=["dead letters"],
    response_model=Replayed,
    responses=documented("not-found", *REFUSED),
)
def replay_letter(
    letter: Letter, serving: Shared, caller: Calling, again: Again | None = None
) -> Replayed:
    """Try it again, corrected or after something else was mended. Refused again, it stays; taken, it is gone.

    Rows of files need their mapping, and are tried again on the command line.
    """
    _demand_own(caller, serving.bahi.ledger.vault.letter(letter))
    corrections = _read(again.corrections) if again else {}
    intake, ledger = serving.intake, serving.bahi.ledger
    tried = replay(ledger, [letter], intake, corrections=corrections, actor=caller.actor)
    ((_, outcome),) = tried
    if outcome.refusal is not None:
        raise outcome.refusal
    assert outcome.position is not None
    return Replayed(status=outcome.fate.value, position=outcome.position)


@router.post(
    "/v1/dead-letters/{letter}/open",
    operation_id="open_dead_letter",
    tags=["dead letters"],
    response_model=Opened,
    responses=documented("not-found", "erased"),
)
def open_letter(letter: Letter, why: Why, serving: Shared, caller: Calling) -> Opened:
    """See what it said. It may be about people: that it is opened, and why, is recorded for each of them."""
    found = open_refused(
        serving.bahi.ledger,
        letter,
        actor=caller.actor,
        purpose=why.purpose,
        reason=why.reason,
        clock=serving.bahi.clock,
    )
    content = found.content.decode(errors="backslashreplace")
    return Opened(**_kept(found).model_dump(), content=content)


def _read(corrections: dict[str, Any]) -> Any:
    """Corrections as JSON that an item may have. Raises `Refused`."""
    try:
        whole = write(corrections)
    except TypeError:  # so says the writer of what is deeper than it can write
        raise TooLarge("corrections", "JSON of ordinary depth", "a deeper one") from None
    return json_of(whole, "corrections")


def _seen_by(
    caller: Caller, serving: Serving, after: tuple[datetime, UUID] | None
) -> Iterator[KeptLetter]:
    letters = serving.bahi.ledger.vault.letters(after)
    return (one for one in letters if caller.role not in _OWN or _is_own(caller, one))


def _demand_own(caller: Caller, letter: KeptLetter) -> None:
    if caller.role in _OWN and not _is_own(caller, letter):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "foreign-scope",
            "expected a dead letter of the key's own source, came one of another",
        )


def _is_own(caller: Caller, letter: KeptLetter) -> bool:
    return letter.door.partition(":")[2] == caller.source


def _after(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Where the page before ended. Raises `BadField`."""
    values = values_of(_LIST, cursor, 2)
    if not values:
        return None
    try:
        kept_us, letter = values
        return from_us(kept_us), UUID(letter)
    except (ValueError, TypeError, OverflowError, AttributeError):
        expected = "one from an answer to this very question"
        raise BadField("cursor", expected, "another") from None


def _kept(letter: KeptLetter) -> Kept:
    return Kept(
        id=letter.id,
        kept_at=letter.kept_at,
        door=letter.door,
        place=dict(letter.coordinates),
        field=letter.field,
        reason=letter.reason,
    )
