"""An erasure before it is ordered, and its certificates: what it would take, what forbids it, what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from api.certificates import Head
from api.confirming import digits_of
from api.wiring import Bahi
from commands.privacy.certificate import Certificate
from commands.privacy.checking import Check, check_certificate
from commands.privacy.erasing import erase_each
from commands.privacy.ordering import Against, Order, against
from commands.privacy.plan import Plan, plan
from ledger.errors import Erased


@dataclass(frozen=True, slots=True)
class Prospect:
    """One person's erasure, as it stands before anybody confirms it: `digits` are those of this very one."""

    customer: UUID
    order: Order
    plan: Plan
    rows: Mapping[str, int]
    """What views have of them."""
    refusal: Against | None
    digits: str


def digits_for(members: Sequence[UUID], order: Order) -> str:
    """Six digits of whom and what exactly is asked for: no other erasure has them but by chance."""
    return digits_of("\n".join([*map(str, sorted(members)), order.payload.model_dump_json()]))


def prospect(bahi: Bahi, customer: UUID, order: Order) -> Prospect:
    """What it would take, and what forbids it; nothing is begun. Raises `Erased`."""
    if customer in bahi.ledger.gone.now():
        raise Erased(f"customer {customer} is erased; `bahi privacy certificate` shows how")
    found = plan(bahi.ledger, customer, order.payload.classes)
    folds, kept = bahi.views.folds, bahi.history_for("legal").customer(customer)
    # What privacy events alone make is the proof of an erasure, and outlives it.
    rows = {name: t.num_rows for name, t in kept.items() if not folds[name].of_privacy}
    refusal = against(bahi.desk, [customer], order).get(customer)
    return Prospect(customer, order, found, rows, refusal, digits_for(found.members, order))


def erased(bahi: Bahi, asked: Prospect) -> Certificate:
    """The certificate, once it is done. Raises what speaks against it; whoever is another person by now is
    refused.
    """
    if asked.refusal is not None:
        raise asked.refusal
    people = {asked.customer: asked.plan.members}
    (answer,) = erase_each(bahi.office, [asked.customer], asked.order, people)
    if answer.refusal is not None:
        raise answer.refusal
    return Certificate.at(bahi.ledger, answer.positions)


def checked(
    bahi: Bahi, certificates: Sequence[Certificate]
) -> tuple[Head, list[tuple[Certificate, list[Check]]]]:
    """Each with what is found of it now, and the head of the tree over its events."""
    today = bahi.clock().date()
    head = bahi.ledger.book.checkpoint()
    return head, [(one, check_certificate(bahi.ledger, one, today)) for one in certificates]
