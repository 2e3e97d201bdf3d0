"""Commands of restriction: `privacy restrict` and `privacy unrestrict`."""

from typing import Annotated

import typer

from api.cli.answering import At, Who, named_request, privacy, said_at
from api.cli.app import Json, MessageId, opened
from api.cli.carrying_out import carry_out, parse

Request = Annotated[
    str | None, typer.Option("--request", help="The request that asked for it, if one did.")
]


@privacy.command("restrict")
def privacy_restrict(
    who: Who,
    ground: Annotated[
        str,
        typer.Option(
            "--ground",
            help="Why: accuracy, unlawful, claims or objection (GDPR Art. 18(1)), or a word of yours.",
        ),
    ],
    request: Request = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Keep this person's data and use it no longer: nobody sees it.

    They are out of every view, page and answer. Whoever looks with --purpose legal, consent, protection
    or public-interest still sees them. Counts of other things, such as orders a day, stay as they are.
    """
    _say(
        "customer.restricted",
        who,
        ground,
        request,
        "Their data is restricted",
        at,
        message_id,
        json=json,
    )


@privacy.command("unrestrict")
def privacy_unrestrict(
    who: Who,
    ground: Annotated[str, typer.Option("--ground", help="Why it may end, in one word.")],
    request: Request = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Use it again, with nothing lost; the person was told before (GDPR Art. 18(3))."""
    _say(
        "customer.unrestricted", who, ground, request, "Their data is restricted no longer", at, message_id,
        json=json,
    )  # fmt: skip


def _say(
    topic: str,
    who: str,
    ground: str,
    request: str | None,
    answer: str,
    at: str | None,
    message_id: str | None,
    *,
    json: bool,
) -> None:
    with opened(current=False) as bahi:
        named = None if request is None else named_request(bahi, request)
        word = parse(topic, ground=ground, request=named)
        said = said_at(at, message_id, bahi.settings.office_zone, json=json)
        carry_out(bahi, said, word, answer, customer=who)
