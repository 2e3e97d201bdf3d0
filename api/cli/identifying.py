"""Commands about who is who: `merge` and `split`."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import typer

from api.carrying_out import done
from api.cli.app import SOURCE, At, Json, MessageId, app, opened
from api.cli.carrying_out import Said, parse
from api.cli.looking import WHO, find_customer
from api.render import out, say, write_json
from api.wiring import Bahi
from commands.identity import merge as merge_customers
from commands.identity import split as split_customers
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.errors import BadUsage, IdentityConflict

One = Annotated[str, typer.Argument(help=WHO)]
Other = Annotated[str, typer.Argument(help="The other one, named in the same ways.")]
Reason = Annotated[str, typer.Option("--reason", help="Why you judge so; it is sealed.")]


@app.command()
def merge(
    one: One,
    other: Other,
    reason: Reason,
    despite_identifiers: Annotated[
        bool,
        typer.Option(
            "--despite-identifiers", help="Also where each has what only one person can have."
        ),
    ] = False,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Two customers turned out to be one person; `split` takes it back."""

    def carried_out(bahi: Bahi, asked: Touchpoint) -> Outcome:
        try:
            return merge_customers(bahi.desk, asked, despite_identifiers=despite_identifiers)
        except IdentityConflict as refusal:
            if refusal.field == "identifiers":
                say("--despite-identifiers merges them all the same")
            raise

    _judge("customers.merged", (one, other), reason, Said(at, message_id, json), carried_out)


@app.command()
def split(
    one: One,
    other: Other,
    reason: Reason,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """A merge was wrong: it has never been, and no rule makes it again."""

    def carried_out(bahi: Bahi, asked: Touchpoint) -> Outcome:
        return split_customers(bahi.desk, asked)

    _judge("customers.split", (one, other), reason, Said(at, message_id, json), carried_out)


def _judge(
    topic: str,
    two: tuple[str, str],
    reason: str,
    said: Said,
    carried_out: Callable[[Bahi, Touchpoint], Outcome],
) -> None:
    if not reason.strip():
        raise BadUsage("--reason: expected why, came nothing")
    with opened(current=False) as bahi:
        one, other = (find_customer(bahi, who) for who in two)
        payload = parse(topic, other=other, reason_given=reason)
        assert isinstance(payload, CustomersMerged | CustomersSplit)
        at = said.moment(bahi)
        asked = Touchpoint(
            payload=payload,
            occurred_at=at or bahi.clock(),
            source=SOURCE,
            message_id=said.message_id or str(bahi.ids()),
            customer=one,
            actor=bahi.actor(),
        )
        outcome = done(bahi, asked, lambda asked: carried_out(bahi, asked), now=at is None)
        _answer(bahi, outcome, one, other, json=said.json)


def _answer(bahi: Bahi, outcome: Outcome, one: UUID, other: UUID, *, json: bool) -> None:
    """Who they are now, whoever else had a part in it."""
    persons = bahi.ledger.people.now()
    members = persons.members(one)
    known = outcome.fate is Fate.DUPLICATE
    if json:
        read_under = [str(persons.canonical(customer)) for customer in (one, other)]
        who = {"one_person": other in members, "read_under": read_under}
        write_json({"position": outcome.position, "new": not known, **who})
        return
    if other not in members:
        told = "They are two people"
    elif other in persons.links_of(one):
        told = f"They are one person, read under {members[0]}"
    else:
        told = f"They are still one person, read under {members[0]}, by way of others they are merged with"
    again = "; it was in the book already" if known else ""
    out.print(f"{told}, at position {outcome.position:,}{again}.", soft_wrap=True)
