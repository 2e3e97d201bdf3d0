"""Commands of requests about people's data: `privacy`, from the day one comes in to its answer."""

import secrets
import sys
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import typer

from api.carrying_out import done
from api.cli.app import SOURCE, AsOf, Json, KnownAt, MessageId, app, catch_up, clocks, opened
from api.cli.carrying_out import Said, carry_out, parse
from api.cli.looking import find_customer
from api.cli.requests import VIEWS, grounds_told, print_request, request_json
from api.cli.showing import within
from api.render import Format, json_rows, out, write_json, write_rows
from api.wiring import Bahi
from commands.privacy import (
    EXTENSIONS,
    HOLDS,
    OPEN,
    REFUSALS,
    Request,
    events_of,
    find_request,
    open_request,
    proceed,
    request_id,
    start_of,
)
from commands.privacy.certificate import digest_of
from commands.privacy.laws import WITHDRAWN
from commands.rules import RULES
from commands.touchpoint import Fate, Touchpoint
from ledger.catalogue import EventType
from ledger.catalogue.privacy import Law, PrivacyRequested, Right
from ledger.errors import BadUsage, NotFound
from ledger.identifiers import parse_identifier

privacy = typer.Typer(help="What people ask about their data, and by when it is answered.")
app.add_typer(privacy, name="privacy", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="Their id, kind:value, or - to read it from stdin.")]
Asked = Annotated[
    str,
    typer.Argument(
        help="The request: its id, or the name that you gave it by --id.", metavar="REQUEST"
    ),
]
Hold = Annotated[str, typer.Argument(help="What you call the hold, such as claim-2026-14.")]
At = Annotated[
    str | None,
    typer.Option("--at", help="When it happened, if not now: a time with a zone, or a day."),
]
Purpose = Annotated[str, typer.Option("--purpose", help="What for, in one word.")]
_TOKEN_BYTES = 16
_OFFICE = "legal"
"""The purpose of whoever answers requests: also those of people whose data is restricted."""


@privacy.command("receive")
def privacy_receive(
    who: Who,
    right: Annotated[Right, typer.Argument(help="What they ask for.", metavar="RIGHT")],
    law: Annotated[Law, typer.Option("--law", help="The law they have it from.")],
    country: Annotated[
        str | None,
        typer.Option("--country", help="ISO country of your office: its holidays count."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="Time zone of your office: its days count.")
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option("--contact", help="Where the answer goes; sealed. - reads it from stdin."),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("--message", help="What they wrote; sealed. - reads it from stdin."),
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A request has come in: answers by which day it is due.

    RIGHT is access, portability, erasure, rectification, restriction or objection. Country and zone are
    those of BAHI_OFFICE_COUNTRY and BAHI_OFFICE_ZONE unless you say otherwise. Whoever asks is
    answered: also somebody of whom the book has never heard.
    """
    person, token = line_of(who), secrets.token_urlsafe(_TOKEN_BYTES)
    with opened(current=False, begin=True) as bahi:
        office = bahi.settings
        asked = parse(
            "privacy.requested",
            request=UUID(int=0),
            right=right,
            law=law,
            due_on=date.max,
            jurisdiction=country or office.office_country,
            time_zone=zone or office.office_zone,
            contact=None if contact is None else line_of(contact),
            message=None if message is None else line_of(message),
            token_digest=digest_of(token),
        )
        assert isinstance(asked, PrivacyRequested)
        said = said_at(at, message_id, asked.time_zone or "UTC", json=json)
        _proceed(bahi, said, asked, "The request is received", token, **_person(bahi, person))


@privacy.command("confirm")
def privacy_confirm(
    request: Asked, at: At = None, message_id: MessageId = None, json: Json = False
) -> None:
    """They were told that their request has come, and how it goes on."""
    _step("privacy.confirmed", request, "Its receipt is confirmed", at, message_id, json=json)


@privacy.command("challenge")
def privacy_challenge(
    request: Asked, at: At = None, message_id: MessageId = None, json: Json = False
) -> None:
    """You doubt who they are and asked them to show it. Under the GDPR the clock waits."""
    _step("privacy.challenged", request, "They were asked who they are", at, message_id, json=json)


@privacy.command("verify")
def privacy_verify(
    request: Asked,
    by: Annotated[
        str | None, typer.Option("--by", help="How they showed it, in one word such as signed-in.")
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """They are who they say they are. Whoever verifies an erasure does not carry it out."""
    fields = {"verified_by": by}
    answer = "They are known to be who they say"
    _step("privacy.verified", request, answer, at, message_id, json=json, **fields)


@privacy.command("extend", epilog=grounds_told(EXTENSIONS))
def privacy_extend(
    request: Asked,
    ground: Annotated[str, typer.Option("--ground", help="Why: complexity or number.")],
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """They were told that it takes longer, and why. Once, and before it is due."""
    fields = {"due_on": date.max, "ground": ground}
    _step("privacy.extended", request, "It is extended", at, message_id, json=json, **fields)


@privacy.command(
    "refuse", epilog=f"{grounds_told(REFUSALS)} · any: {WITHDRAWN}, when they took it back"
)
def privacy_refuse(
    request: Asked,
    ground: Annotated[str, typer.Option("--ground", help="Why, by a code of those below.")],
    grounds: Annotated[
        str | None, typer.Option("--grounds", help="The reasons they were given; they are sealed.")
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """They were told that it is refused, on a ground that its law has for it. Or they took it back."""
    fields = {"ground": ground, "grounds": grounds}
    _step("privacy.refused", request, "It is refused", at, message_id, json=json, **fields)


@privacy.command("fulfil")
def privacy_fulfil(
    request: Asked, at: At = None, message_id: MessageId = None, json: Json = False
) -> None:
    """What they asked for was done, and they were told. An erasure is fulfilled by erasing them."""
    _step("privacy.fulfilled", request, "It is fulfilled", at, message_id, json=json)


@privacy.command("hold", epilog=" · ".join(f"{code}: {why}" for code, why in HOLDS.items()))
def privacy_hold(
    who: Who,
    hold: Hold,
    ground: Annotated[str, typer.Option("--ground", help="Why, by a code of those below.")],
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Something forbids erasing this person for now; no erasure passes it."""
    _hold("hold.placed", who, hold, ground, "The hold stands", at, message_id, json=json)


@privacy.command("release")
def privacy_release(
    who: Who,
    hold: Hold,
    ground: Annotated[
        str | None, typer.Option("--ground", help="Why it may end, in one word.")
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A hold ends."""
    _hold("hold.released", who, hold, ground, "The hold is released", at, message_id, json=json)


@privacy.command("list")
def privacy_list(
    all_: Annotated[
        bool, typer.Option("--all", help="Every request, also those that are answered.")
    ] = False,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    json: Json = False,
) -> None:
    """What is due, the most pressing first, with the days that are left."""
    with opened() as bahi:
        name = "privacy_request" if all_ else "privacy_due"
        rows = bahi.history_for(_OFFICE).view(name, clocks(bahi, as_of, known_at))
    if json:
        write_json(json_rows(rows))
    elif rows.num_rows:
        write_rows(rows, Format.TABLE)
    else:
        out.print("Nobody has asked for anything." if all_ else "Nothing is due.")


@privacy.command("show")
def privacy_show(
    request: Asked,
    open_: Annotated[
        bool, typer.Option("--open", help="Open what is sealed; needs --reason and goes on record.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why you have to see it.")] = "",
    purpose: Purpose = "privacy",
    as_of: AsOf = None,
    known_at: KnownAt = None,
    json: Json = False,
) -> None:
    """One request: how it stands, what is due, what holds it up, what was done."""
    if open_ and not reason.strip():
        raise BadUsage("--open: expected --reason, came none")
    with opened() as bahi:
        named, at = named_request(bahi, request), clocks(bahi, as_of, known_at)
        told = None
        if open_:
            told = open_request(
                bahi.ledger,
                named,
                actor=bahi.actor(),
                purpose=purpose,
                reason=reason,
                clock=bahi.clock,
            )
            catch_up(bahi)
        history = bahi.history_for(_OFFICE)
        views = {name: history.view(name, at, f"request = '{named}'") for name in VIEWS}
        events = within(events_of(bahi.ledger, named), at)
    if json:
        write_json(request_json(named, told, views, events))
    else:
        print_request(named, told, views, events)


def _step(
    topic: str,
    request: str,
    answer: str,
    at: str | None,
    message_id: str | None,
    *,
    json: bool,
    **fields: Any,
) -> None:
    """Take a request one step further."""
    with opened(current=False) as bahi:
        named = named_request(bahi, request)
        payload = parse(topic, request=named, **fields)
        zone = find_request(bahi.ledger, named).zone
        _proceed(bahi, said_at(at, message_id, zone, json=json), payload, answer)


def _proceed(
    bahi: Bahi,
    said: Said,
    payload: EventType,
    answer: str,
    token: str | None = None,
    **whose: Any,
) -> None:
    """Carry it out, and say by when the request is due since; of a new one, the token, this once."""
    at, rule = said.moment(bahi), RULES[type(payload)]
    asked = Touchpoint(
        payload=payload,
        occurred_at=at or bahi.clock(),
        source=SOURCE,
        message_id=said.message_id or str(bahi.ids()),
        actor=bahi.actor(),
        **whose,
    )
    outcome = done(bahi, asked, lambda asked: proceed(bahi.desk, asked, rule), now=at is None)
    named: UUID = payload.clear()["request"]
    if isinstance(payload, PrivacyRequested):
        named = request_id(bahi.ledger, SOURCE, asked.message_id)
    found, known = find_request(bahi.ledger, UUID(str(named))), outcome.fate is Fate.DUPLICATE
    confirm_by = found.asked.confirm_by if found.confirmed is None else None
    if said.json:
        stands = {"request": str(found.id), "state": found.state.value, "due_on": str(found.due_on)}
        to_confirm = {"confirm_by": None if confirm_by is None else str(confirm_by)}
        given = {} if token is None else {"token": None if known else token}
        write_json(
            {"position": outcome.position, "new": not known, **stands, **to_confirm, **given}
        )
        return
    again = "; it was in the book already" if known else ""
    out.print(f"{answer}, at position {outcome.position:,}{again}.")
    if isinstance(payload, PrivacyRequested):
        out.print(f"It is called {found.id}.")
        if not known:
            out.print(
                f"Give them this token, which is shown once: {token}\n"
                "With it they, and nobody else, can point at what was done with their request."
            )
    if found.state in OPEN:
        out.print(_due(found))
        if confirm_by is not None:
            out.print(f"Tell them by the end of {confirm_by} that it has come.")


def _due(request: Request) -> str:
    if request.waits:
        return f"Its clock waits; without that it would be due by the end of {request.due_on}."
    return f"It is due by the end of {request.due_on}."


def _hold(
    topic: str,
    who: str,
    hold: str,
    ground: str | None,
    answer: str,
    at: str | None,
    message_id: str | None,
    *,
    json: bool,
) -> None:
    placed = parse(topic, hold=hold, ground=ground)
    with opened(current=False) as bahi:
        said = said_at(at, message_id, bahi.settings.office_zone, json=json)
        carry_out(bahi, said, placed, answer, customer=who)


def said_at(at: str | None, message_id: str | None, zone: str, *, json: bool) -> Said:
    """When it happened; a day begins where the request is answered."""
    try:
        day = None if at is None else date.fromisoformat(at)
    except ValueError:
        day = None
    moment = at if day is None else start_of(day, zone).isoformat()
    return Said(moment, message_id, json)


def line_of(text: str) -> str:
    """What was typed; for - a line of stdin, so that it is not in the shell's history."""
    return sys.stdin.readline().strip() if text == "-" else text


def _person(bahi: Bahi, who: str) -> dict[str, Any]:
    """Whoever is known under this name, as a touchpoint names them; else the name itself."""
    try:
        return {"customer": find_customer(bahi, who)}
    except NotFound:
        if ":" not in who:
            raise
        return {"identifiers": (parse_identifier(who),)}


def named_request(bahi: Bahi, text: str) -> UUID:
    """The id of a request, by itself or by the name that it was given."""
    try:
        return UUID(text)
    except ValueError:
        return request_id(bahi.ledger, SOURCE, text)
