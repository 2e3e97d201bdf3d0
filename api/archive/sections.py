"""The parts of an archive: each the same rows for people, for programs and for spreadsheets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from api.archive import markup
from api.archive.account import Notices, Told
from api.archive.markup import Html
from api.archive.packing import Lines, Packing, Pages, Sheet
from api.archive.portable import without_ours
from api.archive.words import Words
from ledger.catalogue import Retention
from ledger.catalogue.audit import PersonalDataExported, PersonalDataOpened
from ledger.event import format_moment

StaffName = Callable[[UUID], str | None]
"""Who stands behind an actor's id, where that may be said."""

DATA = "data/"
"""Where programs find what is theirs."""


class Section:
    """Rows of one kind. `name` is that of its files, `title` the phrase of its heading."""

    def __init__(
        self,
        packing: Packing,
        words: Words,
        name: str,
        header: Sequence[str],
        columns: Sequence[str],
    ) -> None:
        self.words = words
        self.pages = Pages(packing, words, name, words.say(name), [words.say(h) for h in header])
        self._columns = columns
        self._lines = Lines(packing.grow(f"{DATA}{name}.ndjson"))
        self._sheet = Sheet(packing.grow(f"{DATA}{name}.csv"), columns)

    def add(self, row: Mapping[str, Any], cells: Sequence[Html]) -> None:
        """One row, for each of the three."""
        self._lines.add(row)
        self._sheet.add([row.get(name) for name in self._columns])
        self.pages.add(cells)

    def close(self) -> None:
        """All of it is with the archive."""
        self._sheet.close()
        self.pages.close()


class Events:
    """Everything that happened; in a portability archive what they gave or did, and no pages."""

    def __init__(self, packing: Packing, words: Words, *, portable: bool) -> None:
        self._words = words
        self._portable = portable
        self._lines = Lines(packing.grow(f"{DATA}events.ndjson"))
        columns = ("position", "occurred_at", "type", "source", "kept_as", "field", "value")
        self._sheet = Sheet(packing.grow(f"{DATA}events.csv"), columns)
        self.pages = (
            None
            if portable
            else Pages(packing, words, "events", words.say("events"), self._header())
        )

    def _header(self) -> list[str]:
        return [self._words.say(name) for name in ("when", "what", "details")]

    def add(self, told: Told) -> None:
        """One event."""
        line = event_line(told, portable=self._portable)
        self._lines.add(line)
        event = told.recorded.event
        begins = (told.recorded.position, line["occurred_at"], event.type, event.source)
        fields = [("clear", name, value) for name, value in line["data"].items()]
        for retention, named in line["personal"].items():
            fields += [(retention, name, value) for name, value in named.items()]
        for state in ("erased", "unavailable"):
            fields += [(retention, "", f"({state})") for retention in line.get(state, ())]
        if told.withheld:
            fields.append(("", "", f"({told.withheld} withheld)"))
        for kept_as, name, value in fields or [("", "", None)]:
            self._sheet.add([*begins, kept_as, name, value])
        if self.pages is not None:
            self.pages.add(self._cells(told))

    def _cells(self, told: Told) -> list[Html]:
        words, event = self._words, told.recorded.event
        late = words.say("recorded", moment=words.moment(told.recorded.recorded_at))
        return [
            markup.together(
                markup.text(words.moment(event.occurred_at)),
                markup.element("div", markup.text(late), css="dim"),
            ),
            markup.together(
                markup.text(words.event(event.type)),
                markup.element("div", markup.text(f"{event.type} · {event.source}"), css="dim"),
            ),
            details(told, words),
        ]

    def close(self) -> None:
        """All of it is with the archive."""
        self._sheet.close()
        if self.pages is not None:
            self.pages.close()


def event_line(told: Told, *, portable: bool) -> dict[str, Any]:
    """One event for programs; of a portable one only what is theirs, and nobody of ours in it."""
    recorded, event = told.recorded, told.recorded.event
    data: Mapping[str, Any] = event.data
    personal: Mapping[str, Any] = {r.value: fields for r, fields in told.personal.items()}
    if portable:
        data = without_ours(event.type, data)
        personal = {kept: without_ours(event.type, fields) for kept, fields in personal.items()}
        personal = {kept: fields for kept, fields in personal.items() if fields}
    line: dict[str, Any] = {
        "position": recorded.position,
        "id": str(event.id),
        "recorded_at": format_moment(recorded.recorded_at),
        "occurred_at": format_moment(event.occurred_at),
        "type": event.type,
        "version": event.version,
        "source": event.source,
        "customer": None if event.customer is None or not told.own else str(event.customer),
        "tags": list(event.tags) if told.own else [],
        "data": dict(data),
        "personal": personal,
    }
    if event.actor is not None and not portable:
        line["actor"] = str(event.actor)
    for state, classes in (("erased", told.erased), ("unavailable", told.unavailable)):
        if classes:
            line[state] = [retention.value for retention in classes]
    if told.withheld:
        line["withheld"] = told.withheld
    return line


def details(told: Told, words: Words) -> Html:
    """The fields of an event for people, and what of it cannot be shown."""
    data = told.recorded.event.data
    named = list(_shown(data, words, data.get("currency")))
    for fields in told.personal.values():
        named += _shown(fields, words, None)
    for state, classes in (("erased", told.erased), ("unavailable", told.unavailable)):
        for retention in classes:
            named.append((words.kept_as(retention), missing(words.say(state))))
    named += [("", missing(words.say("withheld")))] * min(told.withheld, 1)
    return markup.pairs(named)


def missing(what: str) -> Html:
    """Something that is not shown, and why."""
    return markup.element("span", markup.text(what), css="missing")


def _shown(fields: Mapping[str, Any], words: Words, currency: object) -> Iterator[tuple[str, Html]]:
    for name, value in fields.items():
        if name.endswith("_minor") and isinstance(value, int) and isinstance(currency, str):
            shown = words.money(value, currency)
            yield words.field(name.removesuffix("_minor")), markup.text(shown)
        elif name in {"identifiers", "references"}:
            yield words.field(name), markup.text("\n".join(f"{kind}: {one}" for kind, one in value))
        else:
            yield words.field(name), markup.text(_text(value, words))


def _text(value: Any, words: Words) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return words.number(value)
    return orjson.dumps(value).decode()


class Consents(Section):
    """What they allowed and forbade, with the text that they were shown."""

    def __init__(self, packing: Packing, words: Words, notices: Notices) -> None:
        said = ("position", "occurred_at", "type", "purpose", "channel", "valid_until", "method")
        shown = ("notice", "notice_version", "language", "title", "text", "proof")
        header = ("when", "what", "text_shown", "details")
        super().__init__(packing, words, "consents", header, said + shown)
        self._notices = notices

    def take(self, told: Told) -> None:
        """One event of the domain consent, or an unsubscribe or complaint."""
        event, words = told.recorded.event, self.words
        notice = self._notices.shown(told.recorded) if "notice" in event.data else None
        proof = told.personal.get(Retention.LEGAL, {})
        row = {
            "position": told.recorded.position,
            "occurred_at": format_moment(event.occurred_at),
            "type": event.type,
            **event.data,
            **{name: text for name, text in (notice or {}).items() if name in {"title", "text"}},
            **proof,
        }
        asked = [event.data.get("purpose"), event.data.get("channel")]
        what = [words.event(event.type), " · ".join(part for part in asked if part)]
        text = [notice[name] for name in ("title", "text") if notice and notice.get(name)]
        cells = [
            markup.text(words.moment(event.occurred_at)),
            markup.together(*(markup.element("div", markup.text(line)) for line in what)),
            markup.element("div", markup.text("\n\n".join(text)), css="shown"),
            details(told, words),
        ]
        self.add(row, cells)


class Openings(Section):
    """Who opened their data, what for and why."""

    def __init__(self, packing: Packing, words: Words, staff: StaffName) -> None:
        columns = ("position", "occurred_at", "actor", "name", "purpose", "reason", "opened")
        super().__init__(packing, words, "openings", ("when", "who", "purpose", "why"), columns)
        self._staff = Staff(staff)

    def take(self, told: Told) -> None:
        """One `personal_data.opened`."""
        event, words = told.recorded.event, self.words
        row = looked(told, self._staff)
        if event.correlation is not None:
            row["opened"] = str(event.correlation)
        cells = [
            markup.text(words.moment(event.occurred_at)),
            markup.text(who(row, words)),
            markup.text(row["purpose"]),
            why(told, row, words),
        ]
        self.add(row, cells)


class Recipients(Section):
    """Files with their data that left."""

    def __init__(self, packing: Packing, words: Words, staff: StaffName) -> None:
        columns = ("position", "occurred_at", "recipient", "purpose", "reason", "actor", "name")
        header = ("when", "recipient", "purpose", "why", "who")
        super().__init__(packing, words, "recipients", header, (*columns, "archive_digest"))
        self._staff = Staff(staff)

    def take(self, told: Told) -> None:
        """One `personal_data.exported`."""
        event, words = told.recorded.event, self.words
        row = looked(told, self._staff)
        row |= {name: event.data.get(name) for name in ("recipient", "archive_digest")}
        cells = [
            markup.text(words.moment(event.occurred_at)),
            markup.text(row["recipient"]),
            markup.text(row["purpose"]),
            why(told, row, words),
            markup.text(who(row, words)),
        ]
        self.add(row, cells)


class Staff:
    """Names of staff, each asked for once."""

    def __init__(self, name: StaffName) -> None:
        self._name = name
        self._known: dict[UUID, str | None] = {}

    def name(self, actor: UUID) -> str | None:
        """As they are called where they work; None where nobody knows, or it is not to be said."""
        if actor not in self._known:
            self._known[actor] = self._name(actor)
        return self._known[actor]


def looked(told: Told, staff: Staff) -> dict[str, Any]:
    """What an event of somebody's looking says, for programs."""
    event = told.recorded.event
    row: dict[str, Any] = {
        "position": told.recorded.position,
        "occurred_at": format_moment(event.occurred_at),
        "actor": None if event.actor is None else str(event.actor),
        "purpose": event.data["purpose"],
        "reason": told.personal.get(Retention.CONTENT, {}).get("reason_given"),
    }
    if event.actor is not None and (name := staff.name(event.actor)) is not None:
        row["name"] = name
    return row


def who(row: Mapping[str, Any], words: Words) -> str:
    """Whoever it was, by name where it may be said."""
    return str(row.get("name") or words.say("staff", id=row["actor"] or "?"))


def why(told: Told, row: Mapping[str, Any], words: Words) -> Html:
    """The reason that was given, or why it cannot be shown."""
    if row["reason"] is not None:
        return markup.text(row["reason"])
    for state, classes in (("erased", told.erased), ("unavailable", told.unavailable)):
        if classes:
            return missing(words.say(state))
    return Html("")


IS_CONSENT = frozenset({"email.unsubscribed", "email.complained"})
"""Events outside the domain of consent that take one back."""

OPENED, EXPORTED = PersonalDataOpened.TOPIC, PersonalDataExported.TOPIC
