"""What an archive says of a person on its first page: gathered event by event, and small."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from api.archive import markup
from api.archive.account import Told
from api.archive.markup import Html
from api.archive.packing import Pages
from api.archive.words import Words
from commands.privacy.corrections import SAYING
from commands.privacy.retention import Rule, Rules
from ledger.catalogue import Retention
from ledger.event import Moment, format_moment, moment_of

_NO_DETAILS = frozenset({"identifiers", "references", "not_theirs"})


@dataclass(slots=True)
class Named:
    """An identifier, and the events that named them by it."""

    first: datetime
    last: datetime
    events: int = 0


@dataclass(slots=True)
class Summary:
    """Who somebody is, where what we know came from, and what cannot be shown."""

    details: dict[str, tuple[Moment, Any]] = field(default_factory=dict)
    identifiers: dict[tuple[str, str], Named] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    market: tuple[Moment, str] | None = None
    """Where they were seen last, by its moment."""
    events: int = 0

    def take(self, told: Told) -> None:
        """One more event."""
        event = told.recorded.event
        self.events += 1
        self.sources[event.source] += 1
        self.missing["erased"] += len(told.erased)
        self.missing["unavailable"] += len(told.unavailable)
        self.missing["withheld"] += told.withheld
        self.missing["corrected"] += told.corrected
        for tag in event.tags if told.own else ():
            kind, _, market = tag.partition(":")
            if kind == "market":
                seen = (moment_of(told.recorded), market)
                self.market = max(seen, self.market or seen)
        identity = told.personal.get(Retention.IDENTITY, {})
        for kind, value in identity.get("identifiers", ()):
            at = event.occurred_at
            named = self.identifiers.setdefault((kind, value), Named(at, at))
            named.first, named.last = min(named.first, at), max(named.last, at)
            named.events += 1
        if event.type in SAYING:
            moment = moment_of(told.recorded)
            for name, value in identity.items():
                if name not in _NO_DETAILS and self.details.get(name, (moment,))[0] <= moment:
                    self.details[name] = (moment, value)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "details": {name: value for name, (_, value) in sorted(self.details.items())},
            "identifiers": [
                {
                    "kind": kind,
                    "value": value,
                    "first": format_moment(named.first),
                    "last": format_moment(named.last),
                    "events": named.events,
                }
                for (kind, value), named in sorted(self.identifiers.items())
            ],
            "sources": dict(sorted(self.sources.items())),
            "missing": {what: count for what, count in sorted(self.missing.items()) if count},
            "events": self.events,
        }


@dataclass(frozen=True, slots=True)
class Heading:
    """What an archive is, and for what: the beginning of its first page."""

    customers: Sequence[UUID]
    made_at: datetime
    upto: int
    request: UUID | None

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "customer": str(self.customers[0]),
            "customers": [str(customer) for customer in self.customers],
            "made_at": format_moment(self.made_at),
            "book_upto": self.upto,
            "request": None if self.request is None else str(self.request),
        }


def first_page(
    heading: Heading,
    summary: Summary,
    sections: Sequence[Pages],
    words: Words,
    rules: Rules | None,
) -> bytes:
    """`index.html` of an access archive."""
    title = words.say("title_access")
    blocks = [
        ("", _introduction(heading, words)),
        ("profile", markup.pairs(_details(summary, words))),
        ("identifiers", _identifiers(summary, words)),
        ("contents", _contents(sections, words)),
        ("sources", _sources(summary, words)),
        ("retention", _retention(summary, words, rules)),
    ]
    if any(summary.missing.values()):
        blocks.append(("missing", _missing(summary, words)))
    body = [
        part
        for name, block in blocks
        for part in ([markup.element("h2", markup.text(words.say(name)))] if name else [])
        + [block or markup.text(words.say("nothing"))]
    ]
    return markup.page(words.language, title, [], markup.together(*body))


def introduction(heading: Heading, words: Words, *names: str) -> list[str]:
    """What an archive is, in sentences."""
    moment, position = words.moment(heading.made_at), words.number(heading.upto)
    said = [words.say(name) for name in names]
    said.append(words.say("made_at", moment=moment, position=position))
    if heading.request is not None:
        said.append(words.say("answers", request=str(heading.request)))
    return said


def _introduction(heading: Heading, words: Words) -> Html:
    said = introduction(heading, words, "intro_access")
    said += [words.say(name) for name in ("order", "withheld_note", "machine_note", "rights")]
    return markup.together(*(markup.element("p", markup.text(line)) for line in said))


def _details(summary: Summary, words: Words) -> Iterator[tuple[str, Html]]:
    for name, (_, value) in sorted(summary.details.items()):
        yield words.field(name), markup.text(str(value))


def _identifiers(summary: Summary, words: Words) -> Html:
    rows = [
        [markup.text(kind), markup.text(value), markup.text(words.number(named.events))]
        for (kind, value), named in sorted(summary.identifiers.items())
    ]
    header = [words.say(name) for name in ("kind", "value", "events_count")]
    note = markup.element("p", markup.text(words.say("identifiers_note")), css="dim")
    return markup.together(markup.table(header, rows), note) if rows else Html("")


def _contents(sections: Sequence[Pages], words: Words) -> Html:
    rows = [
        [markup.link(section.page(1), section.title), markup.text(words.number(section.count))]
        for section in sections
    ]
    return markup.table([words.say("what"), words.say("events_count")], rows)


def _sources(summary: Summary, words: Words) -> Html:
    rows = [
        [markup.text(source), markup.text(words.number(count))]
        for source, count in sorted(summary.sources.items())
    ]
    return markup.table([words.say("source"), words.say("events_count")], rows)


def _retention(summary: Summary, words: Words, rules: Rules | None) -> Html:
    market = None if summary.market is None else summary.market[1]
    rows = []
    for retention in Retention:
        chosen = [] if rules is None else rules.of(retention, market)
        how_long = [_how_long(rule, words) for rule in chosen] or [words.say("no_period")]
        row = [words.kept_as(retention), words.say(f"for_{retention.value}")]
        last = (markup.element("div", markup.text(line)) for line in how_long)
        rows.append([*(markup.text(cell) for cell in row), markup.together(*last)])
    return markup.table([words.say(name) for name in ("kept_as", "kept_for", "kept_until")], rows)


def _how_long(rule: Rule, words: Words) -> str:
    said = "kept_year_end" if rule.year_end else "kept_after"
    return words.say(said, period=words.period(rule.period))


def _missing(summary: Summary, words: Words) -> Html:
    said = [
        words.say(f"missing_{what}", count=words.number(count))
        for what, count in sorted(summary.missing.items())
        if count
    ]
    return markup.together(*(markup.element("p", markup.text(line)) for line in said))
