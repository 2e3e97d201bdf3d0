"""Commands that remove bytes which should never have been written: two of us, and on record."""

import sqlite3
from collections.abc import Callable
from typing import Annotated, Any

import pyarrow as pa
import typer

from api.carrying_out import done
from api.cli.answering import privacy
from api.cli.app import SOURCE, Json, MessageId, opened, progress_bar
from api.cli.carrying_out import Said
from api.cli.confirming import demand_confirmed
from api.confirming import digits_of
from api.render import out, rich_table, say, write_json
from api.wiring import Bahi
from commands.privacy.redaction import (
    ALL,
    Standing,
    approve,
    finish,
    proposal,
    proposal_at,
    proposals,
    propose,
)
from commands.touchpoint import Fate, Touchpoint
from ledger.errors import BadUsage, BahiError

Position = Annotated[int, typer.Argument(help="The event, by its position in the book.", min=1)]


@privacy.command("redact")
def privacy_redact(
    position: Position,
    ground: Annotated[str, typer.Option("--ground", help="Why, in one word such as wrong-person.")],
    sealed_only: Annotated[
        bool,
        typer.Option("--sealed-only", help="Remove what is sealed, and keep the clear envelope."),
    ] = False,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Propose to remove the bytes of an event, for somebody else to approve.

    For what should never have been in the clear, or is under the wrong person's key. Place, time, id,
    type and leaf stay. Of what consents, deals, tickets and the like are decided by, only what is
    sealed can go: --sealed-only.
    """
    with opened(current=False) as bahi:
        try:
            payload = proposal(
                bahi.ledger.book, position, ground, ("personal",) if sealed_only else ALL
            )
        except ValueError:
            raise BadUsage("--ground: expected one word such as wrong-person") from None
        asked = Touchpoint(
            payload=payload,
            occurred_at=Said(None, message_id, json).moment(bahi) or bahi.clock(),
            source=SOURCE,
            message_id=message_id or str(bahi.ids()),
            actor=bahi.actor(),
        )
        outcome = done(bahi, asked, lambda asked: propose(bahi.desk, asked), now=message_id is None)
    known = outcome.fate is Fate.DUPLICATE
    if json:
        write_json({"position": outcome.position, "new": not known})
        return
    again = "; it was in the book already" if known else ""
    out.print(f"The redaction is proposed, at position {outcome.position:,}{again}.")
    out.print(f"Somebody else is to look at it: bahi privacy approve {outcome.position}")


@privacy.command("approve")
def privacy_approve(
    position: Annotated[
        int, typer.Argument(help="The proposal, by its own position in the book.", min=1)
    ],
    yes: Annotated[
        str | None,
        typer.Option("--yes", help="The six digits that this shows, instead of typing them."),
    ] = None,
    json: Json = False,
) -> None:
    """Approve a redaction that somebody else proposed, and carry it out.

    Shows what is proposed and asks first. What it says is removed from the book for good, and every
    view is folded anew, since any may have read it. Said again, it goes on where it was broken off.
    """
    with opened(current=False) as bahi:
        book = bahi.ledger.book
        proposal_at(book, position)
        asked = next(one for one in proposals(book) if one.proposed.position == position)
        actor = bahi.actor()
        if asked.approved_at is None and asked.proposed.event.actor != actor:
            digits = digits_of(f"{asked.proposed.event.id}\n{asked.said.model_dump_json()}")
            shown = _shown(bahi, asked).items()
            say(" · ".join(f"{name} {value}" for name, value in shown if value))
            asking = f"This cannot be undone. Type {digits} to remove:"
            demand_confirmed(digits, yes, asking, "Nothing was removed")
        approved = approve(
            bahi.desk,
            position,
            actor=actor,
            source=SOURCE,
            refold=_refold(bahi),
            recopy=bahi.columns.follow_redactions,
        )
    removed, outcome = " and ".join(approved.removed), approved.outcome
    known = outcome.fate is Fate.DUPLICATE
    if json:
        write_json(
            {"position": outcome.position, "new": not known, "removed": list(approved.removed)}
        )
        return
    again = "; it was in the book already" if known else ""
    out.print(f"Approved, at position {outcome.position:,}{again}.")
    out.print(
        f"Of position {asked.said.redacted_position:,} {removed} is removed; its leaf stands."
    )
    if "body" in approved.removed and not asked.done:
        out.print("Every view was folded anew.")


@privacy.command("redactions")
def privacy_redactions(json: Json = False) -> None:
    """What somebody proposed to remove, and whether it was approved and done.

    What was approved and broken off is done now.
    """
    with opened(current=False) as bahi:
        try:
            finish(bahi.ledger.book, _refold(bahi), bahi.columns.follow_redactions)
        except (BahiError, OSError, sqlite3.Error) as error:
            say(f"warning: what was approved to be removed is not all gone: {error}")
        shown = [_shown(bahi, one) for one in proposals(bahi.ledger.book)]
    if json:
        write_json(shown)
    elif shown:
        out.print(rich_table(pa.Table.from_pylist(shown)))
    else:
        out.print("Nothing was proposed.")


def _refold(bahi: Bahi) -> Callable[[], None]:
    def refold() -> None:
        with progress_bar("folding anew") as told:
            bahi.views.rebuild_all(bahi.columns, told)

    return refold


def _shown(bahi: Bahi, one: Standing) -> dict[str, Any]:
    actor = one.proposed.event.actor
    return {
        "proposal": one.proposed.position,
        "position": one.said.redacted_position,
        "type": one.of.event.type,
        "occurred_at": f"{one.of.event.occurred_at:%Y-%m-%d %H:%M}",
        "remove": " and ".join(one.said.removed),
        "ground": one.said.ground,
        "proposed_by": None if actor is None else bahi.staff_name(actor) or str(actor),
        "approved_at": one.approved_at,
        "done": one.done,
    }
