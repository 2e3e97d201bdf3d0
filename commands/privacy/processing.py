"""The record of processing activities: drawn from the catalogue, the rules of retention and the book.

Source: Regulation (EU) 2016/679, Art. 30(1)(a)–(g). What a machine cannot know (whose book it is, who
their officer is, transfers abroad) stands in the file of the rules, and is missing where it is not there.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from commands.privacy.retention import Rules
from ledger import catalogue
from ledger.book import Book
from ledger.catalogue import About, Domain, Retention
from ledger.clock import from_us

PURPOSES: Mapping[Domain, str] = {
    Domain.TOUCHPOINT: "to serve customers, to sell to them, and to know what was dealt with them",
    Domain.SALES: "to keep track of what may be sold, to whom, and by when",
    Domain.SERVICE: "to answer what customers ask and complain of",
    Domain.CONSENT: "to send what was consented to and nothing else, and to be able to show it",
    Domain.PRIVACY: "to give people what the law gives them, and to be able to show it",
    Domain.AUDIT: "to show who looked at personal data, and who is one person",
    Domain.REFERENCE: "to read all of this: schemas, rates, custom events of the company's own",
}
"""Why events of each domain are kept."""

CLASSES: Mapping[Retention, str] = {
    Retention.IDENTITY: "who somebody is: names, addresses, numbers, and what names them elsewhere",
    Retention.BEHAVIOUR: "what somebody did and where: pages, browsers, network addresses",
    Retention.CONTENT: "what somebody said or was told, in words",
    Retention.LEGAL: "what shows that a thing was lawful",
}
"""What each class of personal data is."""

SECURITY = (
    "personal data is sealed before it is stored: AES-256-GCM, a random key for each person and class",
    "keys, the book and the keyring are kept apart, each with backups of its own",
    "erasing destroys the keys; every copy of the book is unreadable for that person at once",
    "opening personal data is put on record before it is shown, with who, what for and why",
    "the book is append-only by the database itself, and each event is a leaf of a hash tree",
)
"""A general description of the measures, Art. 30(1)(g)."""


def record_of_processing(book: Book, rules: Rules) -> dict[str, Any]:
    """The record as JSON values. Reads the whole book for what comes from where, and where it went."""
    controller = None if rules.controller is None else rules.controller.model_dump()
    transfers = None if controller is None else controller.pop("transfers") or None
    seen = _Seen(book)
    return {
        "controller": controller,
        "people": {
            "customers": "everybody who dealt with the company, under a random id",
            "staff": "who acted: a random id in the book, their name in the vault",
        },
        "activities": [_activity(domain, seen) for domain in Domain],
        "personal_data": {kept.value: CLASSES[kept] for kept in Retention},
        "sources": seen.sources(),
        "recipients": sorted(seen.recipients),
        "transfers": transfers,
        "retention": [_rule(rules, kept) for kept in Retention],
        "security": list(SECURITY),
    }


def _activity(domain: Domain, seen: "_Seen") -> dict[str, Any]:
    kinds = [kind for kind in catalogue.types() if kind.DOMAIN is domain]
    fields: dict[str, set[str]] = {}
    for kind in kinds:
        for name, retention in kind.RETENTIONS.items():
            fields.setdefault(retention.value, set()).add(name)
        if kind.ABOUT is not About.NOBODY:
            fields.setdefault(Retention.IDENTITY.value, set()).add("identifiers")
    if domain is Domain.TOUCHPOINT:  # what pages say of who looks at them
        fields.setdefault(Retention.CONTENT.value, set()).add("claimed")
    return {
        "domain": domain.value,
        "purpose": PURPOSES[domain],
        "types": [kind.TOPIC for kind in kinds],
        "events": seen.events.get(domain.value, 0),
        "sealed": {kept: sorted(names) for kept, names in sorted(fields.items())},
        "in_the_clear": sorted(
            {name for kind in kinds for name in kind.model_fields if name not in kind.RETENTIONS}
        ),
    }


def _rule(rules: Rules, retention: Retention) -> dict[str, Any]:
    own = [rule for rule in rules.rule if rule.retention is retention]
    return {
        "class": retention.value,
        "rules": [
            rule.model_dump(mode="json", exclude={"retention"}, exclude_defaults=True)
            for rule in own
        ],
    }


class _Seen:
    """What came from where, and who was given any of it."""

    def __init__(self, book: Book) -> None:
        self.events: dict[str, int] = {}
        self.recipients: set[str] = set()
        self._sources: dict[str, tuple[int, int, int]] = {}
        import pyarrow.compute as pc  # slow to load

        for batch in book.batches(0, ("source", "domain", "recipient", "occurred_at")):
            table = pa.Table.from_batches([batch])
            self._take(table.filter(pc.field("domain").is_valid()))

    def _take(self, table: pa.Table) -> None:
        for row in table["domain"].value_counts().to_pylist():
            self.events[row["values"]] = self.events.get(row["values"], 0) + row["counts"]
        self.recipients.update(table["recipient"].drop_null().unique().to_pylist())
        at = table["occurred_at"].cast(pa.int64())
        named = table.select(["source"]).append_column("at", at).group_by("source")
        told = named.aggregate([("at", "count"), ("at", "min"), ("at", "max")])
        for row in told.to_pylist():
            count, first, last = self._sources.get(row["source"], (0, row["at_min"], row["at_max"]))
            self._sources[row["source"]] = (
                count + row["at_count"],
                min(first, row["at_min"]),
                max(last, row["at_max"]),
            )

    def sources(self) -> list[dict[str, Any]]:
        """Each source with how much came from it, and from when to when."""
        return [
            {
                "source": source,
                "events": count,
                "first": str(from_us(first).date()),
                "last": str(from_us(last).date()),
            }
            for source, (count, first, last) in sorted(self._sources.items())
        ]
