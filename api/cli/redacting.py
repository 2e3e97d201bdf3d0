"""Commands that remove bytes which should never have been written: two of us, and on record."""

from typing import Annotated, Any

import pyarrow as pa
import typer

from api.cli.answering import privacy
from api.cli.app import SOURCE, Json, MessageId, opened, progress_bar
from api.cli.carrying_out import Said, done
from api.render import out, rich_table, write_json
from api.wiring import Bahi
from commands.privacy.redaction import ALL, Standing, approve, proposal, proposals, propose
from commands.touchpoint import Fate, Touchpoint
from ledger.errors import BadUsage

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
    """Propose to remove the bytes of an event; nothing is removed until somebody else approves.

    For what should never have been in the clear, or is under the wrong person's key. Place, time, id,
    type and leaf stay.
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
    out.print(f"Somebody else is to look at it: bahi privacy approve {position}")


@privacy.command("approve")
def privacy_approve(position: Position, json: Json = False) -> None:
    """Approve the redaction that somebody else proposed of an event, and carry it out.

    What it says is removed from the book for good, and every view is folded anew, since any may have
    read it. Said again, it goes on where it was broken off.
    """
    with opened(current=False) as bahi:
        approved = approve(bahi.desk, position, actor=bahi.actor(), source=SOURCE)
        if "body" in approved.removed:
            with progress_bar("folding anew") as told:
                bahi.views.rebuild_all(bahi.ledger.book, told)
    removed, outcome = " and ".join(approved.removed), approved.outcome
    known = outcome.fate is Fate.DUPLICATE
    if json:
        write_json(
            {"position": outcome.position, "new": not known, "removed": list(approved.removed)}
        )
        return
    again = "; it was in the book already" if known else ""
    out.print(f"Approved, at position {outcome.position:,}{again}.")
    out.print(f"Of position {position:,} {removed} is removed; its leaf stands.")
    if "body" in approved.removed:
        out.print("Every view was folded anew.")


@privacy.command("redactions")
def privacy_redactions(json: Json = False) -> None:
    """What somebody proposed to remove, and whether somebody else approved."""
    with opened(current=False) as bahi:
        shown = [_shown(bahi, one) for one in proposals(bahi.ledger.book)]
    if json:
        write_json(shown)
    elif shown:
        out.print(rich_table(pa.Table.from_pylist(shown)))
    else:
        out.print("Nothing was proposed.")


def _shown(bahi: Bahi, one: Standing) -> dict[str, Any]:
    actor = one.proposed.event.actor
    return {
        "position": one.said.redacted_position,
        "type": one.of.event.type,
        "occurred_at": f"{one.of.event.occurred_at:%Y-%m-%d %H:%M}",
        "remove": " and ".join(one.said.removed),
        "ground": one.said.ground,
        "proposed_by": None if actor is None else bahi.staff_name(actor) or str(actor),
        "approved_at": one.approved_at,
    }
