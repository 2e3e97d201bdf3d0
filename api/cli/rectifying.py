"""Commands that set right what is wrong about a person: `privacy rectify`, `privacy superseded`."""

from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from api.carrying_out import done
from api.cli.answering import At, Who, line_of, named_request, privacy, said_at
from api.cli.app import SOURCE, Json, MessageId, opened
from api.cli.carrying_out import parse
from api.cli.looking import find_customer
from api.render import out, readable, write_json
from commands.privacy.corrections import DETAILS
from commands.privacy.rectifying import Rectified, prefer, rectify, spelled
from commands.profile import open_profile
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.catalogue.profile import PreferenceSet
from ledger.errors import BadUsage, Refused
from ledger.identifiers import Identifier, parse_identifier

PREFERENCES = frozenset(PreferenceSet.model_fields)
AUDIT = "audit"
"""The purpose under which what was wrong is opened."""


@privacy.command(
    "rectify",
    epilog=f"FIELD is one of {', '.join(sorted(DETAILS))}; or {', '.join(sorted(PREFERENCES))}.",
)
def privacy_rectify(
    who: Who,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="What is right; VALUE - is read from stdin."
        ),
    ] = None,
    withdraw: Annotated[
        list[str] | None,
        typer.Option("--withdraw", metavar="FIELD", help="Wrong, with nothing in its place."),
    ] = None,
    is_: Annotated[
        list[str] | None,
        typer.Option("--is", metavar="KIND:VALUE", help="What names them rightly, too."),
    ] = None,
    not_: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="KIND:VALUE", help="What never named them."),
    ] = None,
    belongs_to: Annotated[
        str | None,
        typer.Option("--belongs-to", help="Whom that names instead; else a customer of its own."),
    ] = None,
    request: Annotated[
        str | None, typer.Option("--request", help="The request that asks for it, once verified.")
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """What is wrong about a person is replaced wherever anybody reads it.

    The old values stay sealed where they stand and are shown by `bahi privacy superseded` alone. An
    e-mail address or phone number that is set also names the person from then on.
    """
    given = dict(_pair(text) for text in set_ or ())
    right = [_identifier(line_of(text)) for text in is_ or ()]
    right += [Identifier(kind, given[kind]) for kind in ("email", "phone") if kind in given]
    wrong = [_identifier(line_of(text)) for text in not_ or ()]
    with opened(current=False) as bahi:
        details = {name: value for name, value in given.items() if name in DETAILS}
        payload = parse(
            "customer.rectified",
            **details,
            withdrawn=withdraw or None,
            not_theirs=spelled(wrong, bahi.settings.region),
            request=None if request is None else named_request(bahi, request),
        )
        said = said_at(at, message_id, bahi.settings.office_zone, json=json)
        moment = said.moment(bahi)
        asked = Touchpoint(
            payload=payload,
            occurred_at=moment or bahi.clock(),
            source=SOURCE,
            message_id=said.message_id or str(bahi.ids()),
            identifiers=tuple(right),
            customer=find_customer(bahi, who),
            actor=bahi.actor(),
        )
        other = None if belongs_to is None else find_customer(bahi, belongs_to)
        preferences = {name: value for name, value in given.items() if name in PREFERENCES}
        told: list[Rectified] = []

        def doing(asked: Touchpoint) -> Outcome:
            told.append(rectify(bahi.desk, asked, belongs_to=other))
            return told[-1].outcome

        outcomes = []
        if details or withdraw or right or wrong or not preferences:
            outcomes.append(done(bahi, asked, doing, now=moment is None))
            asked = replace(asked, message_id=f"{asked.message_id} preferences")
        if preferences:
            chosen = parse("preference.set", **preferences)
            choose = partial(prefer, bahi.desk, preferred=chosen)
            outcomes.append(done(bahi, asked, choose, now=moment is None))
    new = any(outcome.fate is Fate.APPENDED for outcome in outcomes)
    others = [str(customer) for one in told[-1:] for customer in one.others]
    if json:
        positions = [outcome.position for outcome in outcomes]
        write_json({"positions": positions, "new": new, "others": others})
        return
    again = "" if new else "; it was in the book already"
    where = " and ".join(f"{outcome.position:,}" for outcome in outcomes)
    out.print(f"It is rectified, at position {where}{again}.")
    for customer in others:
        out.print(f"What never named them names {customer} now.", soft_wrap=True)


@privacy.command("superseded")
def privacy_superseded(
    who: Who,
    reason: Annotated[str, typer.Option("--reason", help="Why you have to see it.")],
    json: Json = False,
) -> None:
    """What had been said of a person and was rectified: an audit, on record."""
    person = line_of(who)
    with opened(current=False) as bahi:
        members = bahi.ledger.people.now().members(find_customer(bahi, person))
        profile = open_profile(
            bahi.ledger,
            members,
            actor=bahi.actor(),
            purpose=AUDIT,
            reason=reason,
            clock=bahi.clock,
            superseded=True,
        )
    if json:
        write_json([one._asdict() for one in profile.superseded])
        return
    if not profile.superseded:
        out.print("Nothing was rectified.")
    for one in profile.superseded:
        out.print(
            f"  {one.name:<14} {readable(one.value)}  (position {one.position:,})", soft_wrap=True
        )


def _pair(text: str) -> tuple[str, str]:
    """FIELD=VALUE. Raises `BadUsage`, and quotes no value."""
    name, equals, value = text.partition("=")
    if not equals or name not in DETAILS | PREFERENCES:
        listed = ", ".join(sorted(DETAILS | PREFERENCES))
        raise BadUsage(f"--set: expected FIELD=VALUE with FIELD one of {listed}")
    return name, line_of(value)


def _identifier(text: str) -> Identifier:
    try:
        return parse_identifier(text)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None
