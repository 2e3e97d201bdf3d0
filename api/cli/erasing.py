"""Commands that erase and show that it was done: `erase`, `privacy certificate`, `privacy close`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from api.certificates import certificate_json, plan_json, print_certificate, print_plan
from api.cli.answering import Asked, line_of, named_request, privacy
from api.cli.app import Json, app, opened, progress_bar
from api.cli.confirming import demand_confirmed
from api.cli.looking import WHO, find_customer
from api.erasures import checked, digits_for, erased, prospect
from api.outcomes import Exit
from api.render import out, say, write_json
from api.wiring import Bahi
from commands.privacy.certificate import (
    Certificate,
    certificate_at,
    certificate_by,
    certificates_of,
)
from commands.privacy.checking import check_certificate
from commands.privacy.doing import close_request
from commands.privacy.erasing import Answer, erase_each
from commands.privacy.ordering import Order, against
from ledger.catalogue import Retention
from ledger.errors import BadUsage, NotFound, Refused

Basis = Annotated[
    str,
    typer.Option(
        "--basis", help="On what ground, in one word such as gdpr-17-1-b; it stands for good."
    ),
]
Classes = Annotated[
    list[Retention] | None,
    typer.Option("--class", help="Only what is kept for this reason; again for another one."),
]
Yes = Annotated[
    str | None,
    typer.Option(
        "--yes", help="The digits that --dry-run shows, instead of typing them.", metavar="DIGITS"
    ),
]


@app.command()
def erase(
    basis: Basis,
    who: Annotated[str | None, typer.Argument(help=WHO)] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="A file with somebody on each line, named in the same ways; - is stdin."
        ),
    ] = None,
    class_: Classes = None,
    request: Annotated[
        str | None, typer.Option("--request", help="The request that asks for it: its id or name.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would go, and what forbids it; erase nothing."),
    ] = False,
    yes: Yes = None,
    json: Json = False,
) -> None:
    """Destroy a person's keys for good, in every store; certified.

    Nothing that was sealed for them opens again, in any copy.

    Shows first what would go and asks for six digits, which are those of this very erasure. A hold stops
    it; on request, somebody else erases than verified who asked. --class is identity, behaviour, content
    or legal.
    """
    if (who is None) == (file is None):
        raise BadUsage("expected somebody, or --file, came both or neither")
    with opened(current=file is None) as bahi:
        named = None if request is None else named_request(bahi, request)
        order = Order.of(bahi.actor(), basis, named, class_)
        if file is None:
            assert who is not None
            _erase_one(bahi, find_customer(bahi, who), order, yes, dry_run=dry_run, json=json)
        else:
            _erase_many(bahi, file, order, yes, dry_run=dry_run, json=json)


def _erase_one(
    bahi: Bahi, customer: UUID, order: Order, yes: str | None, *, dry_run: bool, json: bool
) -> None:
    asked = prospect(bahi, customer, order)
    if json and dry_run:
        write_json(plan_json(asked.plan, asked.rows, asked.refusal, asked.digits))
    elif not json:
        print_plan(asked.plan, asked.rows, asked.refusal, order.payload)
    if dry_run:
        if not json and asked.refusal is None:
            out.print(f"Nothing was erased. --yes {asked.digits} erases them.")
        return
    if asked.refusal is not None:
        raise asked.refusal
    _demand_confirmed(asked.digits, yes)
    sound = _show(bahi, [erased(bahi, asked)], json=json)
    if order.payload.request is not None and not json:
        request = order.payload.request
        out.print(f"Tell them; then `bahi privacy close {request}` destroys where that went.")
    if not sound:
        sys.exit(Exit.FAILED)


def _erase_many(
    bahi: Bahi, file: Path, order: Order, yes: str | None, *, dry_run: bool, json: bool
) -> None:
    found, refused = _people(bahi, file)
    for customer, refusal in against(bahi.desk, found, order).items():
        refused[str(customer)] = str(refusal)
    willing = [customer for customer in found if str(customer) not in refused]
    persons = bahi.ledger.living.now()
    people = {customer: persons.members(customer) for customer in willing}
    members = sorted({member for known_as in people.values() for member in known_as})
    digits = digits_for(members, order)
    kept = bahi.ledger.vault.belongings(members)
    said = (
        f"{len(willing):,} to be erased, known as {len(members):,} customers, with "
        f"{sum(kept.keys.values()):,} keys, {sum(kept.identifiers.values()):,} identifiers and "
        f"{kept.letters:,} dead letters; {len(refused):,} are refused"
    )
    say(said)
    for name, why in refused.items():
        say(f"  {name}: {why}")
    answers: list[Answer] = []
    if dry_run:
        say(f"Nothing was erased. --yes {digits} erases them.")
    elif willing:
        _demand_confirmed(digits, yes)
        with progress_bar("erasing") as told:
            for answer in erase_each(bahi.office, willing, order, people):
                answers.append(answer)
                told(len(answers), len(willing))
        late = {str(a.customer): str(a.refusal) for a in answers if a.refusal is not None}
        for name, why in late.items():
            say(f"  {name}: {why}")
        refused |= late
    done = [a for a in answers if a.refusal is None]
    if json:
        places = {str(a.customer): list(a.positions) for a in done}
        write_json({"erased": places, "refused": refused, "digits": digits if dry_run else None})
    elif not dry_run:
        out.print(f"{len(done):,} erased; `bahi privacy certificate` shows each.")
    if unsound := _contradicted(bahi, done):
        say(f"{len(unsound):,} erasures are contradicted by what is left, see the certificate at:")
        say("  " + ", ".join(f"{position:,}" for position in unsound))
        sys.exit(Exit.FAILED)
    if refused:
        sys.exit(Exit.SOME_REFUSED)


def _contradicted(bahi: Bahi, done: Sequence[Answer]) -> list[int]:
    """Where the certificates stand that do not agree with what is found now."""
    today = bahi.clock().date()
    found = [Certificate.at(bahi.ledger, at) for at in dict.fromkeys(a.positions for a in done)]
    return [
        one.erased[-1].position
        for one in found
        if not all(check.ok for check in check_certificate(bahi.ledger, one, today))
    ]


def _people(bahi: Bahi, file: Path) -> tuple[list[UUID], dict[str, str]]:
    """The customers whom the lines of a file name, and the lines that name nobody, by their number."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"--file: expected a text to read, came: {error}") from None
    found: list[UUID] = []
    refused = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(find_customer(bahi, line.strip()))
        except (BadUsage, NotFound, Refused) as error:
            refused[f"line {number}"] = str(error)
    return list(dict.fromkeys(found)), refused


def _demand_confirmed(digits: str, yes: str | None) -> None:
    asking = f"This cannot be undone. Type {digits} to erase:"
    demand_confirmed(digits, yes, asking, "Nothing was erased")


@privacy.command("certificate")
def privacy_certificate(
    named: Annotated[
        str | None,
        typer.Argument(
            help="A request, a customer, or the position of an event of it.", metavar="NAMED"
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", help="The token that the person was given; - reads it from stdin."),
    ] = None,
    json: Json = False,
) -> None:
    """Show that an erasure was done, not saying whose, and check it again."""
    if (named is None) == (token is None):
        raise BadUsage(
            "expected a request, a customer or a position, or --token, came both or neither"
        )
    with opened(current=False) as bahi:
        if token is not None:
            found = [certificate_by(bahi.ledger, line_of(token))]
        else:
            assert named is not None
            found = _found(bahi, named)
        sound = _show(bahi, found, json=json)
    if not sound:
        sys.exit(Exit.FAILED)


def _found(bahi: Bahi, named: str) -> list[Certificate]:
    if named.isdecimal():
        return [certificate_at(bahi.ledger, int(named))]
    return certificates_of(bahi.ledger, named_request(bahi, named))


def _show(bahi: Bahi, certificates: Sequence[Certificate], *, json: bool) -> bool:
    """Print them with what is found now; whether all of it agrees."""
    head, found = checked(bahi, certificates)
    if json:
        shown = [certificate_json(one, head, checks) for one, checks in found]
        write_json(shown[0] if len(shown) == 1 else shown)
    else:
        for one, checks in found:
            print_certificate(one, head, checks)
    return all(check.ok for _, checks in found for check in checks)


@privacy.command("close")
def privacy_close(request: Asked, json: Json = False) -> None:
    """They were sent their answer: destroy where it went and what they wrote.

    Both are sealed under a key of the request's own. What is refused or fulfilled was told to them, so
    that is destroyed with it; after an erasure it is kept until you close the request.
    """
    with opened(current=False) as bahi:
        named = named_request(bahi, request)
        closed = close_request(bahi.ledger, named)
    if json:
        write_json({"request": str(named), "new": closed})
    else:
        again = "" if closed else "; it was before"
        out.print(f"Where the answer went is destroyed{again}.")
