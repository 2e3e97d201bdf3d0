"""One customer, as every door finds and shows them: who is meant, what is kept, what may be sent, and the end."""

from collections.abc import Mapping
from uuid import UUID

import pyarrow as pa

from api.pages import Page
from api.wiring import Bahi
from commands.profile import Profile
from ledger.catalogue import REFERENCE_KINDS
from ledger.errors import BadField, came_safely
from ledger.identifiers import Identifier, normalise
from ledger.restricted import SERVICE
from replay.history import Clocks, Past


def named(bahi: Bahi, given: Identifier) -> UUID | None:
    """The customer that an identifier names, be their data restricted or not.

    Raises `Refused` for what is no identifier, or names a thing: that has an id too, which is nobody's.
    """
    if given.kind in REFERENCE_KINDS:
        raise BadField("identifiers", "what names a person", came_safely(given.kind))
    identifier = normalise(given, bahi.settings.region)
    return None if identifier is None else bahi.ledger.vault.look_up(identifier)


def page_of(
    bahi: Bahi,
    customer: UUID,
    at: Clocks,
    profile: Profile | None,
    *,
    for_people: bool = True,
    purpose: str = SERVICE,
) -> Page:
    """One person's page; for people with what may be sent, and with the names of their companies."""
    history = bahi.history_for(purpose)
    persons = history.person(customer, at)
    folds, timeline = history.customer(customer, at), history.timeline(customer, at)
    accounts: dict[str, str] = {}
    if for_people:
        rows = permission(bahi, history, customer, folds, at)
        folds |= {} if rows is None else {"permission": rows}
        accounts = _accounts(bahi, folds, at)
    return Page.of(persons, customer, folds, timeline, profile, accounts)


def permission(
    bahi: Bahi, history: Past, customer: UUID, folds: Mapping[str, pa.Table], at: Clocks
) -> pa.Table | None:
    """What may be sent to this person; None where nothing is known of it, and where the fold has stopped,
    since what it has may be old.
    """
    if "consent" not in folds or any(bahi.views.failures(["consent"])):
        return None
    rows = history.ask("permission", customer, {"consent": folds["consent"]}, at)
    return rows.drop_columns(["position"])


def _accounts(bahi: Bahi, folds: Mapping[str, pa.Table], at: Clocks) -> dict[str, str]:
    """The names of the companies in these rows, by id, as far as the view of them knows any."""
    columns = [rows["account"] for rows in folds.values() if "account" in rows.column_names]
    ids = {str(value) for column in columns for value in column.to_pylist() if value is not None}
    if not ids or any(bahi.views.failures(["account"])):
        return {}
    rows = bahi.history.things("account", sorted(ids), at).to_pylist()
    return {row["account"]: row["account_name"] for row in rows if row["account_name"]}


def erasure_of(bahi: Bahi, customer: UUID) -> pa.Table:
    """What the view of erasures has of them: one row, or none."""
    return bahi.views.things("erasure", [customer.bytes])
