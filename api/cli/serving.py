"""Commands of those who serve: `ticket` and `task`."""

from typing import Annotated
from uuid import UUID

import typer

from api.cli.app import AsOf, At, Json, KnownAt, MessageId, Purpose, app, opened
from api.cli.carrying_out import Said, carry_out, parse
from api.cli.showing import show
from api.wiring import Bahi
from commands.tickets import PROMISED_MINUTES, promised
from ledger.catalogue.fields import Author, Channel
from ledger.catalogue.service import Priority, TicketOpened
from ledger.restricted import SERVICE
from replay.clocks import parse_moment

ticket = typer.Typer(help="Tickets, from the question to the answer.", no_args_is_help=True)
app.add_typer(ticket, name="ticket")
task = typer.Typer(help="What is to be done, and by when.", no_args_is_help=True)
app.add_typer(task, name="task")

Ticket = Annotated[str, typer.Argument(help="The ticket's number, or its id.")]
NewTicket = Annotated[str, typer.Argument(help="The number that you give it.")]
Task = Annotated[str, typer.Argument(help="The task's number, or its id.")]
Who = Annotated[
    str | None, typer.Option("--customer", help="Who: an id, kind:value, or - for stdin.")
]
Account = Annotated[str | None, typer.Option("--account", help="A company: its number or id.")]
Urgency = Annotated[Priority | None, typer.Option("--priority", help="How urgent it is.")]
Team = Annotated[str | None, typer.Option("--team", help="A team, in one word.")]
Colleague = Annotated[
    str | None, typer.Option("--assignee", help="A colleague, by the name they log in with.")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, in one word.")]
Note = Annotated[str | None, typer.Option("--note", help="In your own words; it is sealed.")]
Subject = Annotated[str | None, typer.Option("--subject", help="What about; it is sealed.")]
Message = Annotated[str | None, typer.Option("--message", help="What was said; it is sealed.")]


def _promises() -> str:
    times = (
        f"{priority} {respond // 60:,} h and {resolve // 60:,} h"
        for priority, (respond, resolve) in PROMISED_MINUTES.items()
    )
    return "To the first response and to the resolution: " + ", ".join(times) + "."


@ticket.command("open", epilog=_promises())
def ticket_open(
    number: NewTicket,
    priority: Urgency = "normal",
    channel: Annotated[
        Channel | None, typer.Option("--channel", help="How they turned to us.")
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="What about, in one word.")] = None,
    respond_within: Annotated[
        int | None,
        typer.Option("--respond-within", help="Minutes to the first response, if promised."),
    ] = None,
    resolve_within: Annotated[
        int | None, typer.Option("--resolve-within", help="Minutes to the resolution, if promised.")
    ] = None,
    customer: Who = None,
    account: Account = None,
    market: Annotated[str | None, typer.Option("--market", help="ISO country, such as DE.")] = None,
    subject: Subject = None,
    message: Message = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Open a ticket; what is not promised otherwise is promised by its priority."""
    to_open = parse(
        "ticket.opened",
        priority=priority,
        channel=channel,
        topic=topic,
        respond_within_minutes=respond_within,
        resolve_within_minutes=resolve_within,
        subject=subject,
        message=message,
    )
    assert isinstance(to_open, TicketOpened)
    with opened(current=False, begin=True) as bahi:
        carry_out(
            bahi,
            Said(at, message_id, json),
            promised(to_open),
            "The ticket is open",
            about={"ticket": number, "account": account},
            new={"ticket"},
            customer=customer,
            tags={"market": market},
        )


@ticket.command("reply")
def ticket_reply(
    number: Ticket,
    author: Annotated[Author, typer.Option("--by", help="Whose words they are.")],
    message: Message = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Something was said, by either side."""
    replied = parse("ticket.replied", author=author, message=message)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, replied, "The reply is taken down", about={"ticket": number})


@ticket.command("assign")
def ticket_assign(
    number: Ticket,
    team: Team = None,
    assignee: Colleague = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Make an open ticket the work of a team, or of one of its members."""
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        assigned = parse("ticket.assigned", team=team, assignee=_colleague(bahi, assignee))
        carry_out(bahi, said, assigned, "The ticket is assigned", about={"ticket": number})


@ticket.command("escalate")
def ticket_escalate(
    number: Ticket,
    priority: Urgency = None,
    team: Team = None,
    reason: Reason = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Pass an open ticket on to those who can do more, or make it more urgent."""
    escalated = parse("ticket.escalated", priority=priority, team=team, reason=reason)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, escalated, "The ticket is escalated", about={"ticket": number})


@ticket.command("resolve")
def ticket_resolve(
    number: Ticket,
    resolution: Annotated[
        str | None, typer.Option("--resolution", help="How, in one word.")
    ] = None,
    note: Note = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """What was asked for is done."""
    resolved = parse("ticket.resolved", resolution=resolution, note=note)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, resolved, "The ticket is resolved", about={"ticket": number})


@ticket.command("reopen")
def ticket_reopen(
    number: Ticket,
    reason: Reason = None,
    note: Note = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """It was not done after all."""
    reopened = parse("ticket.reopened", reason=reason, note=note)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, reopened, "The ticket is open again", about={"ticket": number})


@ticket.command("close")
def ticket_close(
    number: Ticket,
    reason: Reason = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Close a ticket, resolved or not: nothing more will happen on it."""
    closed = parse("ticket.closed", reason=reason)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, closed, "The ticket is closed", about={"ticket": number})


@ticket.command("show")
def ticket_show(
    number: Ticket,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    purpose: Purpose = SERVICE,
    json: Json = False,
) -> None:
    """One ticket: how it stands, and what was done."""
    show("ticket", number, as_of, known_at, json=json, purpose=purpose)


@task.command("schedule")
def task_schedule(
    number: Task,
    kind: Annotated[str, typer.Option("--kind", help="What is to be done, in one word.")],
    due: Annotated[str, typer.Option("--due", help="By when: a time with a zone, or a date.")],
    assignee: Colleague = None,
    customer: Who = None,
    account: Account = None,
    deal: Annotated[str | None, typer.Option("--deal", help="A deal: its number or id.")] = None,
    subject: Subject = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Something is to be done by a moment; said again before it is done, by another."""
    due_at = parse_moment(due, "--due")
    with opened(current=False, begin=True) as bahi:
        scheduled = parse(
            "task.scheduled",
            task_kind=kind,
            due_at=due_at,
            assignee=_colleague(bahi, assignee),
            subject=subject,
        )
        carry_out(
            bahi,
            Said(at, message_id, json),
            scheduled,
            f"The task is due {due_at:%Y-%m-%d %H:%M} UTC",
            about={"task": number, "account": account, "deal": deal},
            new={"task"},
            customer=customer,
        )


@task.command("complete")
def task_complete(
    number: Task,
    outcome: Annotated[str | None, typer.Option("--outcome", help="How, in one word.")] = None,
    note: Note = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """It is done, in time or late."""
    completed = parse("task.completed", outcome=outcome, note=note)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, completed, "The task is completed", about={"task": number})


def _colleague(bahi: Bahi, name: str | None) -> UUID | None:
    return None if name is None else bahi.staff(name)
