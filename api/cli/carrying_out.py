"""How a command that a rule guards is asked for on the command line, and answered."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from api import carrying_out
from api.carrying_out import Asked, said_at
from api.cli.app import SOURCE
from api.cli.looking import find_customer
from api.cli.naming import references
from api.render import out, write_json
from api.wiring import Bahi
from ledger import catalogue
from ledger.catalogue import EventType
from ledger.catalogue.fields import check_code, check_country
from ledger.errors import BadUsage, Refused
from ledger.money import is_currency
from replay.clocks import parse_moment
from streams.files.cells import money
from streams.files.mapping import Cell, Money

_TYPED = {
    "account_name": "--name",
    "amount_minor": "--amount",
    "author": "--by",
    "deal.amount_changed.amount_minor": "AMOUNT",
    "deal.amount_changed.currency": "CURRENCY",
    "deal.moved.stage": "STAGE",
    "deal.reopened.stage": "STAGE",
    "due_at": "--due",
    "event_name": "EVENT_NAME",
    "expected_close": "--close-by",
    "goal": "NAME",
    "hold": "HOLD",
    "not_theirs": "--not",
    "notice_version": "--version",
    "period_end": "--to",
    "period_start": "--from",
    "pipeline.defined.pipeline": "PIPELINE",
    "privacy.requested.jurisdiction": "--country",
    "privacy.requested.time_zone": "--zone",
    "purpose": "PURPOSE",
    "reason_given": "--reason",
    "resolve_within_minutes": "--resolve-within",
    "respond_within_minutes": "--respond-within",
    "safe_properties": "FILE",
    "stages": "--stage",
    "task_kind": "--kind",
    "text": "FILE",
    "valid_until": "--until",
    "verified_by": "--by",
    "withdrawn": "--withdraw",
}
"""Fields that are not typed as an option of their own name; one of a single type stands with it."""


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
        return said_at(bahi, SOURCE, self.message_id)


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
    person; `tags` are campaign and market. What is None is left out. Raises `Refused`, `NotFound`,
    and `BadUsage` for tags that cannot be.
    """
    clear_tags = {kind: text for kind, text in (tags or {}).items() if text is not None}
    _check_tags(clear_tags)
    named = {kind: text for kind, text in (about or {}).items() if text is not None}
    numbers, things = references(bahi, named, new)
    asked = Asked(
        payload,
        SOURCE,
        bahi.actor(),
        message_id=said.message_id,
        at=said.moment(bahi),
        references=numbers,
        things=things,
        customer=None if customer is None else find_customer(bahi, customer),
        tags=clear_tags,
    )
    done = carrying_out.carry_out(bahi, asked)
    if said.json:
        shown = {kind: done.thing(kind) for kind in named}
        write_json({"position": done.position, "new": done.new, **shown})
    else:
        again = "" if done.new else "; it was in the book already"
        out.print(f"{answer}, at position {done.position:,}{again}.")


def parse(topic: str, /, **attributes: Any) -> EventType:
    """What is asked for, as an event of that type; what is None is left out.

    Raises `BadUsage`, naming what is wrong as it is typed.
    """
    given = {name: value for name, value in attributes.items() if value is not None}
    try:
        return catalogue.parse(topic, given, at_a_door=False)
    except Refused as refusal:
        field = refusal.field.partition(".")[0]
        typed = _TYPED.get(f"{topic}.{field}") or _TYPED.get(field)
        raise _wrong(typed or "--" + field.replace("_", "-"), refusal) from None


def minor_units(
    text: str | None,
    currency: str | None,
    *,
    amount_as: str = "--amount",
    currency_as: str = "--currency",
) -> int | None:
    """An amount such as `1250.00` in the smallest unit of its currency.

    Raises `BadUsage`, naming amount or currency as they are typed.
    """
    if text is None:
        return None
    if currency is None:
        raise BadUsage(f"{currency_as}: expected one, since there is an amount, came none")
    if not is_currency(currency):
        raise BadUsage(f"{currency_as}: expected an ISO 4217 currency code such as EUR")
    read = money("amount", "amount", Money(), Cell(value=currency))
    try:
        amount: int = read({"amount": text})
    except Refused as refusal:
        raise _wrong(amount_as, refusal) from None
    return amount


def _wrong(typed: str, refusal: Refused) -> BadUsage:
    return BadUsage(f"{typed}: expected {refusal.expected}, came {refusal.came}")


def _check_tags(tags: Mapping[str, str]) -> None:
    checks = {"campaign": check_code, "market": check_country}
    for kind, text in tags.items():
        try:
            checks[kind](kind, text)
        except Refused as refusal:
            raise _wrong(f"--{kind}", refusal) from None
