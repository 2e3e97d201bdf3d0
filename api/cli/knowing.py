"""Commands for what is known of others: `account` for companies, `schema` for events of their own."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from api.cli.app import AsOf, At, Json, KnownAt, MessageId, Purpose, app, opened
from api.cli.carrying_out import Said, carry_out, parse
from api.cli.showing import show
from ledger.errors import BadUsage
from ledger.restricted import SERVICE

account = typer.Typer(help="Companies, and who belongs to them.", no_args_is_help=True)
app.add_typer(account, name="account")
schema = typer.Typer(help="What may be read of events of your own.", no_args_is_help=True)
app.add_typer(schema, name="schema")

Account = Annotated[str, typer.Argument(help="The company's number, or its id.")]
Who = Annotated[str, typer.Argument(help="Their id, kind:value, or - to read it from stdin.")]


@account.command("identify")
def account_identify(
    number: Account,
    name: Annotated[
        str | None, typer.Option("--name", help="Its name; it stays readable for ever.")
    ] = None,
    sole_trader: Annotated[
        bool | None,
        typer.Option(
            "--sole-trader/--company", help="Whether it is one person, with no name then."
        ),
    ] = None,
    industry: Annotated[str | None, typer.Option("--industry", help="In one word.")] = None,
    employees: Annotated[int | None, typer.Option("--employees", help="How many.")] = None,
    market: Annotated[str | None, typer.Option("--market", help="ISO country, such as DE.")] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """What is known of a company, or what changed."""
    identified = parse(
        "account.identified",
        account_name=name,
        sole_trader=sole_trader,
        industry=industry,
        employees=employees,
    )
    with opened(current=False, begin=True) as bahi:
        carry_out(
            bahi,
            Said(at, message_id, json),
            identified,
            "The account is known",
            about={"account": number},
            new={"account"},
            tags={"market": market},
        )


@account.command("join")
def account_join(
    number: Account,
    who: Who,
    role: Annotated[str | None, typer.Option("--role", help="As what, in one word.")] = None,
    job_title: Annotated[
        str | None, typer.Option("--job-title", help="As their card has it; it is sealed.")
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person becomes part of a company; they may belong to several."""
    joined = parse("member.joined", role=role, job_title=job_title)
    said, about = Said(at, message_id, json), {"account": number}
    with opened(current=False) as bahi:
        carry_out(bahi, said, joined, "They have joined", about=about, customer=who)


@account.command("leave")
def account_leave(
    number: Account,
    who: Who,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in one word.")] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A person is part of a company no longer."""
    left = parse("member.left", reason=reason)
    said, about = Said(at, message_id, json), {"account": number}
    with opened(current=False) as bahi:
        carry_out(bahi, said, left, "They have left", about=about, customer=who)


@account.command("show")
def account_show(
    number: Account,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    purpose: Purpose = SERVICE,
    json: Json = False,
) -> None:
    """One company: what we know of it, who belongs to it, and what happened."""
    show("account", number, as_of, known_at, json=json, purpose=purpose)


@schema.command("register")
def schema_register(
    event_name: Annotated[str, typer.Argument(help="The name of a custom event.")],
    file: Annotated[
        Path,
        typer.Argument(help="JSON Schema of the properties that name nobody.", dir_okay=False),
    ],
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Say which properties of a custom event may be read for ever; all others are sealed."""
    try:
        safe_properties = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadUsage(f"{file}: expected JSON, came a text that is none: {error}") from None
    registered = parse("schema.registered", event_name=event_name, safe_properties=safe_properties)
    said = Said(at, message_id, json)
    with opened(current=False, begin=True) as bahi:
        carry_out(bahi, said, registered, f"The schema of {event_name} is registered")
