"""Commands of consent: `consent` for what people say, and for asking what may be sent."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import AsOf, At, Json, KnownAt, MessageId, app, clocks, opened
from api.cli.app import Purpose as LookingFor
from api.cli.carrying_out import Said, carry_out, parse
from api.cli.looking import demand_seen, find_customer
from api.consents import answer_json, print_answer, print_history, step_json
from api.outcomes import Exit
from api.render import write_json
from commands.consent import history, may_send
from ledger.catalogue.fields import Channel
from ledger.errors import BadUsage
from ledger.restricted import SERVICE
from replay.clocks import parse_moment

consent = typer.Typer(help="What people allow and forbid, and what may be sent.")
app.add_typer(consent, name="consent", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="Their id, kind:value, or - to read it from stdin.")]
Purpose = Annotated[str, typer.Argument(help="What for, such as marketing/newsletter.")]
Over = Annotated[Channel, typer.Argument(help="How they are reached.", metavar="CHANNEL")]
Notice = Annotated[str | None, typer.Option("--notice", help="The notice they were shown.")]
Version = Annotated[str | None, typer.Option("--version", help="Which version of it.")]
Language = Annotated[str | None, typer.Option("--language", help="In which language, such as de.")]
Method = Annotated[
    str | None,
    typer.Option("--method", help="form, double_opt_in, spoken, paper, import or link."),
]
Jurisdiction = Annotated[
    str | None, typer.Option("--jurisdiction", help="ISO country whose law applies.")
]
Proof = Annotated[str | None, typer.Option("--proof", help="What shows it; it is sealed.")]
Grounds = Annotated[str | None, typer.Option("--grounds", help="Their words; they are sealed.")]


@consent.command("notice")
def consent_notice(
    file: Annotated[
        Path, typer.Argument(help="A file with its text.", exists=True, dir_okay=False)
    ],
    notice: Annotated[str, typer.Option("--notice", help="Its name, such as newsletter.")],
    version: Annotated[str, typer.Option("--version", help="Which version this is.")],
    language: Annotated[str, typer.Option("--language", help="Its language, such as de or pt-BR.")],
    title: Annotated[str | None, typer.Option("--title", help="Its headline.")] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Publish the text that people are shown when asked. A changed text is a new version."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise BadUsage(f"{file}: expected text in UTF-8") from None
    published = parse(
        "notice.published",
        notice=notice,
        notice_version=version,
        language=language,
        title=title,
        text=text,
    )
    with opened(current=False, begin=True) as bahi:
        carry_out(bahi, Said(at, message_id, json), published, "The notice is published")


@consent.command("request")
def consent_request(
    who: Who,
    purpose: Purpose,
    channel: Over,
    notice: Notice = None,
    version: Version = None,
    language: Language = None,
    method: Method = None,
    jurisdiction: Jurisdiction = None,
    proof: Proof = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person was asked: the first half of a double opt-in."""
    shown = _shown(notice, version, language, method, jurisdiction, proof)
    requested = parse("consent.requested", purpose=purpose, channel=channel, **shown)
    with opened(current=False) as bahi:
        said = Said(at, message_id, json)
        carry_out(bahi, said, requested, "The request is on record", customer=who)


@consent.command("give")
def consent_give(
    who: Who,
    purpose: Purpose,
    channel: Over,
    until: Annotated[
        str | None, typer.Option("--until", help="When it lapses: a time with a zone, or a date.")
    ] = None,
    notice: Notice = None,
    version: Version = None,
    language: Language = None,
    method: Method = None,
    jurisdiction: Jurisdiction = None,
    proof: Proof = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person said yes."""
    shown = _shown(notice, version, language, method, jurisdiction, proof)
    valid_until = None if until is None else parse_moment(until, "--until")
    given = parse(
        "consent.given", purpose=purpose, channel=channel, valid_until=valid_until, **shown
    )
    with opened(current=False) as bahi:
        said = Said(at, message_id, json)
        carry_out(bahi, said, given, "The consent is on record", customer=who)


@consent.command("refuse")
def consent_refuse(
    who: Who,
    purpose: Purpose,
    channel: Over,
    notice: Notice = None,
    version: Version = None,
    language: Language = None,
    method: Method = None,
    jurisdiction: Jurisdiction = None,
    proof: Proof = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person said no, who had not said yes."""
    shown = _shown(notice, version, language, method, jurisdiction, proof)
    refused = parse("consent.refused", purpose=purpose, channel=channel, **shown)
    with opened(current=False) as bahi:
        said = Said(at, message_id, json)
        carry_out(bahi, said, refused, "The refusal is on record", customer=who)


@consent.command("withdraw")
def consent_withdraw(
    who: Who,
    purpose: Purpose,
    channel: Over,
    method: Method = None,
    jurisdiction: Jurisdiction = None,
    proof: Proof = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person took their yes back."""
    shown = _shown(None, None, None, method, jurisdiction, proof)
    withdrawn = parse("consent.withdrawn", purpose=purpose, channel=channel, **shown)
    with opened(current=False) as bahi:
        said = Said(at, message_id, json)
        carry_out(bahi, said, withdrawn, "The consent is withdrawn", customer=who)


@consent.command("object")
def consent_object(
    who: Who,
    purpose: Purpose,
    grounds: Grounds = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person objected to a purpose, on every channel: `marketing` is all `marketing/…`."""
    raised = parse("objection.raised", purpose=purpose, grounds=grounds)
    with opened(current=False) as bahi:
        said = Said(at, message_id, json)
        carry_out(bahi, said, raised, "The objection is on record", customer=who)


@consent.command("lift")
def consent_lift(
    who: Who,
    purpose: Purpose,
    grounds: Grounds = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person took an objection back: what stood before it stands again."""
    lifted = parse("objection.lifted", purpose=purpose, grounds=grounds)
    with opened(current=False) as bahi:
        said = Said(at, message_id, json)
        carry_out(bahi, said, lifted, "The objection is lifted", customer=who)


@consent.command("unsubscribe")
def consent_unsubscribe(
    who: Who,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in one word.")] = None,
    note: Annotated[
        str | None, typer.Option("--note", help="In their own words; it is sealed.")
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person wants no more e-mail, for whatever purpose."""
    unsubscribed = parse("email.unsubscribed", reason=reason, note=note)
    with opened(current=False) as bahi:
        said = Said(at, message_id, json)
        carry_out(bahi, said, unsubscribed, "No more e-mail", customer=who)


@consent.command("may")
def consent_may(
    who: Who,
    purpose: Purpose,
    channel: Over,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    json: Json = False,
) -> None:
    """May we send this? The answer with its evidence; ends with 0 for yes and 4 for no.

    A yes comes with the next allowed hour of their day; BAHI_SENDING_HOURS=8-20 says which they are.
    """
    with opened(current=False) as bahi:
        customer = find_customer(bahi, who)
        at, now = clocks(bahi, as_of, known_at), bahi.clock()
        answer = may_send(
            bahi.ledger,
            customer,
            purpose,
            channel,
            now=now,
            as_of=at.as_of,
            known_upto=at.known_upto,
            hours=bahi.settings.sending_hours,
        )
    if json:
        write_json({"customer": str(customer), **answer_json(answer)})
    else:
        print_answer(answer, at.as_of or now)
    if not answer.allowed:
        sys.exit(Exit.ANSWER_IS_NO)


@consent.command("history")
def consent_history(
    who: Who,
    purpose: Purpose,
    channel: Over,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    looking_for: LookingFor = SERVICE,
    json: Json = False,
) -> None:
    """What a person said of all purposes, and what was allowed after each for this."""
    with opened(current=False) as bahi:
        customer = find_customer(bahi, who)
        demand_seen(bahi, customer, looking_for)
        at = clocks(bahi, as_of, known_at)
        steps = history(
            bahi.ledger,
            customer,
            purpose,
            channel,
            as_of=at.as_of,
            known_upto=at.known_upto,
        )
    if json:
        write_json([step_json(step) for step in steps])
    else:
        print_history(steps, purpose, channel)


def _shown(
    notice: str | None,
    version: str | None,
    language: str | None,
    method: str | None,
    jurisdiction: str | None,
    proof: str | None,
) -> dict[str, str | None]:
    return {
        "notice": notice,
        "notice_version": version,
        "language": language,
        "method": method,
        "jurisdiction": jurisdiction,
        "proof": proof,
    }
