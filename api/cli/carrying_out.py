"""How a command that a rule guards is asked for on the command line, and answered."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from api.cli.app import SOURCE
from api.cli.looking import find_customer
from api.cli.naming import reference, thing_id
from api.render import out, write_json
from api.wiring import Bahi
from commands.rules import RULES
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger import catalogue
from ledger.catalogue import EventType
from ledger.errors import BadField
from ledger.event import decode_body
from ledger.identifiers import Identifier
from replay.clocks import parse_moment
from streams.files.cells import money
from streams.files.mapping import Cell, Money

_ATTEMPTS = 10
"""How often "now" is looked up anew because somebody else's now came first."""


@dataclass(frozen=True, slots=True)
class Said:
    """When it happened and under what id, by whoever says so; and how they want to be answered."""

    at: str | None
    message_id: str | None
    json: bool

    def moment(self, bahi: Bahi) -> datetime | None:
        """When it happened; None for now.

        A date is its first moment: its last may be still to come, and would keep all else waiting.
        What was said before under this id, without a time both times, happened when it did.
        """
        if self.at is not None:
            try:
                return datetime.combine(date.fromisoformat(self.at), time.min, UTC)
            except ValueError:
                return parse_moment(self.at, "--at")
        if self.message_id is not None:
            event_id = bahi.ledger.keyring.event_id(SOURCE, self.message_id)
            for _, body in bahi.ledger.book.known([event_id]).values():
                return decode_body(body).occurred_at
        return None


def carry_out(
    bahi: Bahi,
    said: Said,
    payload: EventType,
    answer: str,
    *,
    about: Mapping[str, str | None] | None = None,
    new: Collection[str] = (),
    customer: str | None = None,
    tags: Mapping[str, str | None] | None = None,
) -> None:
    """Carry out what is asked for, and print the answer, with the position, for people or programs.

    `about` names things by kind, of which those of the kinds `new` may be new; `customer` names a
    person; `tags` are campaign and market. What is None is left out. Raises `Refused`, `NotFound`.
    """
    named = {kind: text for kind, text in (about or {}).items() if text is not None}
    references: list[Identifier] = []
    things: dict[str, UUID] = {}
    for kind, text in named.items():
        numbers, ids = reference(bahi, kind, text, new=kind in new)
        references += numbers
        things |= ids
    at = said.moment(bahi)
    asked = Touchpoint(
        payload=payload,
        occurred_at=at or bahi.clock(),
        source=SOURCE,
        message_id=said.message_id or str(bahi.ids()),
        references=tuple(references),
        tags={kind: text for kind, text in (tags or {}).items() if text is not None},
        customer=None if customer is None else find_customer(bahi, customer),
        things=things,
        actor=bahi.actor(),
    )
    outcome = _carried_out(bahi, asked, now=at is None)
    known = outcome.fate is Fate.DUPLICATE
    if said.json:
        ids = {kind: thing_id(bahi, kind, text) for kind, text in named.items()}
        shown = {kind: str(thing) for kind, thing in ids.items()}
        write_json({"position": outcome.position, "new": not known, **shown})
    else:
        again = "; it was in the book already" if known else ""
        out.print(f"{answer}, at position {outcome.position:,}{again}.")


def parse(topic: str, /, **attributes: Any) -> EventType:
    """What is asked for, as an event of that type; what is None is left out. Raises `BadField`."""
    given = {name: value for name, value in attributes.items() if value is not None}
    return catalogue.parse(topic, given, at_a_door=False)


def minor_units(text: str | None, currency: str | None) -> int | None:
    """An amount such as `1250.00` in the smallest unit of its currency. Raises `BadField`."""
    if text is None:
        return None
    if currency is None:
        raise BadField("currency", "one, since there is an amount", "none")
    read = money("amount", "amount", Money(), Cell(value=currency))
    amount: int = read({"amount": text})
    return amount


def _carried_out(bahi: Bahi, asked: Touchpoint, *, now: bool) -> Outcome:
    """The outcome. Who says "now" does not mean to be before anybody else who says so."""
    rule = RULES[type(asked.payload)]
    for _ in range(_ATTEMPTS if now else 0):
        try:
            return bahi.desk.carry_out(asked, rule)
        except BadField as refusal:
            if refusal.field != "occurred_at":
                raise
            asked = replace(asked, occurred_at=bahi.clock())
    return bahi.desk.carry_out(asked, rule)
