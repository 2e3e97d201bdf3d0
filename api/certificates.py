"""Certificates of erasures and what leads up to one, for people and for programs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from api.render import out
from commands.privacy.certificate import Certificate
from commands.privacy.checking import Check
from commands.privacy.ordering import Against
from commands.privacy.plan import Plan
from ledger.catalogue.privacy import CustomerErasing

Head = tuple[int, bytes]
"""Size and root of the book's tree."""

_UNTIL_THEN = (
    ": until then older copies of the vault, the log of its server and rows there that are deleted and not "
    "overwritten yet hold the keys, each wrapped by the key of its epoch, which is destroyed with that"
)


def plan_json(
    plan: Plan, rows: Mapping[str, int], refusal: Against | None, digits: str
) -> dict[str, Any]:
    """What would go, for programs; `digits` confirm this very erasure, if nothing stands against it."""
    return {
        "customers": [str(member) for member in plan.members],
        "events": dict(plan.events),
        "sealed_parts": plan.sealed,
        "keys": {kept.value: count for kept, count in plan.keys.items()},
        "identifiers": dict(plan.identifiers),
        "dead_letters": plan.letters,
        "rows_in_views": dict(rows),
        "holds": list(plan.holds),
        "requests": list(plan.requests),
        "against": None if refusal is None else str(refusal),
        "digits": digits if refusal is None else None,
    }


def print_plan(
    plan: Plan, rows: Mapping[str, int], refusal: Against | None, asked: CustomerErasing
) -> None:
    """The same for people."""
    what = (
        "this person" if asked.classes is None else " and ".join(asked.classes) + " of this person"
    )
    out.print(Text(f"Erasing {what}", style="bold"))
    keys = {kept.value: count for kept, count in plan.keys.items()}
    told = [
        ("customers", ", ".join(map(str, plan.members))),
        ("keys", _counted(keys)),
        ("identifiers", _counted(plan.identifiers)),
        ("dead letters", f"{plan.letters:,}"),
        ("unreadable", f"{plan.sealed:,} sealed parts of events, which stay as they are"),
        ("events", _counted(plan.events)),
    ]
    if asked.classes is None:
        told.append(("rows in views", _counted(rows)))
    told += [("open request", request) for request in plan.requests]
    told += [("hold", hold) for hold in plan.holds]
    told += [] if refusal is None else [("against it", str(refusal))]
    out.print(_grid(told))


def certificate_json(
    certificate: Certificate, head: Head, checks: Sequence[Check]
) -> dict[str, Any]:
    """A certificate with the tree head over its events, and what was found when it was checked."""
    size, root = head
    return {
        **certificate.as_json(),
        "tree_head": {"size": size, "root": root.hex()},
        "checks": [{"what": one.name, "ok": one.ok, "found": one.found} for one in checks],
    }


def print_certificate(certificate: Certificate, head: Head, checks: Sequence[Check]) -> None:
    """The same for people: it says of whom to nobody but whoever has the token."""
    size, root = head
    classes = certificate.classes
    what = "everything" if classes is None else ", ".join(one.value for one in classes)
    out.print(Text("Certificate of erasure", style="bold"))
    told = [
        ("ledger", str(certificate.ledger_id)),
        ("erased", f"{what}, at {certificate.erased[-1].event.occurred_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("legal basis", certificate.legal_basis),
        ("request", str(certificate.request or "none")),
        ("token's digest", certificate.token_digest or "none was given"),
        ("keys destroyed", f"{certificate.keys_tried:,}; each was tried then, and none opened"),
        ("identifiers", f"{certificate.identifiers:,} destroyed"),
        ("dead letters", f"{certificate.letters:,} destroyed"),
        (
            "watermarks",
            f"book of {certificate.book_size:,} events, vault written {certificate.vault_generation:,} times",
        ),
        ("copies", f"dead from {certificate.backups_dead_from}{_UNTIL_THEN}"),
        ("tree head", f"{size:,} leaves, root {root.hex()}"),
    ]
    out.print(_grid(told))
    out.print(Text("\nevents", style="bold cyan"))
    for proof in certificate.proofs:
        when = f"{proof.occurred_at:%Y-%m-%d %H:%M:%S}"
        out.print(f"  {proof.position:>9,}  {when}  {proof.type:<20}  {proof.id}", soft_wrap=True)
        out.print(f"             leaf {proof.leaf.hex()}", soft_wrap=True)
    out.print(Text("\nkeys, by their commitments", style="bold cyan"))
    for commitment in certificate.commitments:
        out.print(f"  {commitment}", soft_wrap=True)
    out.print(Text("\nchecked just now", style="bold cyan"))
    for check in checks:
        mark = "yes" if check.ok else "NO"
        out.print(f"  {mark:<4} {check.name}: {check.found}", soft_wrap=True)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _grid(told: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")
    for name, value in told:
        grid.add_row(f"  {name}", value)
    return grid
