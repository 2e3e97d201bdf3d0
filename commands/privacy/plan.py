"""What an erasure would take, before anybody orders it: counted, and nothing of it opened."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from commands.privacy.doing import find_request
from commands.privacy.holds import HOLDING, Holds
from commands.privacy.request import OPEN
from commands.things import said
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention
from ledger.catalogue.privacy import PrivacyRequested
from ledger.event import moment_of
from ledger.opening import Ledger
from ledger.sealing import Blob, blobs


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go with one person.

    `events` counts those about them by type: all of them stay, and `sealed` parts of them become
    unreadable. Keys by class and identifiers by kind are destroyed, and so are `letters`, refused items
    that name them. `requests` are those of theirs that wait for an answer; `holds` say what forbids it,
    where anything does.
    """

    members: tuple[UUID, ...]
    events: Mapping[str, int]
    sealed: int
    keys: Mapping[Retention, int]
    identifiers: Mapping[str, int]
    letters: int
    holds: tuple[str, ...] = field(default=())
    requests: tuple[str, ...] = field(default=())


def plan(ledger: Ledger, customer: UUID, classes: Collection[Retention] | None = None) -> Plan:
    """What erasing the person of this customer would take; with `classes`, of these alone.

    Reads every event of theirs.
    """
    members = ledger.living.now().members(customer)
    chosen = frozenset(Retention) if classes is None else frozenset(classes)
    events: Counter[str] = Counter()
    sealed = 0
    for recorded in ledger.book.read(matching=_tagged(members)):
        events[recorded.event.type] += 1
        sealed += sum(
            isinstance(record, Blob) and record.subject in members and record.retention in chosen
            for record in blobs(recorded.event.personal)
        )
    found = ledger.vault.belongings(members)
    named = Retention.IDENTITY in chosen
    return Plan(
        members=members,
        events=dict(sorted(events.items())),
        sealed=sealed,
        keys={kept: count for kept, count in sorted(found.keys.items()) if kept in chosen},
        identifiers=dict(sorted(found.identifiers.items())) if named else {},
        letters=found.letters if named else 0,
        holds=_holds(ledger, members),
        requests=_requests(ledger, members),
    )


def _holds(ledger: Ledger, members: tuple[UUID, ...]) -> tuple[str, ...]:
    holds = Holds()
    types = tuple(kind.TOPIC for kind in HOLDING)
    for recorded in sorted(ledger.book.read(matching=_tagged(members, *types)), key=moment_of):
        holds.take(recorded)
    return tuple(
        f"{name} ({recorded.event.data['ground']}), {said(recorded)}"
        for (_, name), recorded in sorted(holds.standing.items(), key=lambda one: one[0][1])
    )


def _requests(ledger: Ledger, members: tuple[UUID, ...]) -> tuple[str, ...]:
    made = ledger.book.read(matching=_tagged(members, PrivacyRequested.TOPIC))
    found = [find_request(ledger, recorded.event.id) for recorded in made]
    return tuple(
        f"{one.id} for {one.asked.right}, {said(one.since)}" for one in found if one.state in OPEN
    )


def _tagged(members: tuple[UUID, ...], *types: str) -> list[Match]:
    return [Match(types, (f"{CUSTOMER_TAG}{member}",)) for member in members]
