"""A person with a past, for tests of archives, and what an archive of theirs says."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

from api.archive import Wanted, Written, export
from api.staging import Staging
from ledger.catalogue import Retention
from ledger.event import Event
from ledger.opening import Ledger
from ledger.sealing import Part
from tests.commands.samples import CLERK, DAY, NOW, clock, customer_of, take, touchpoint

NOTICE = {"notice": "newsletter", "notice_version": "2"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "nav", "a", "h1", "h2", "p", "table", "thead", "tbody",
    "tr", "th", "td", "dl", "dt", "dd", "div", "span", "bdi",
}  # fmt: skip
"""Elements that a page may be made of."""


def published(language: str, text: str, at: datetime) -> Event:
    """A notice, as it was published."""
    data = {**NOTICE, "language": language, "title": "Post", "text": text}
    return Event(uuid4(), "notice.published", 1, "consent", at, "bahi", data)


def zoe(ledger: Ledger) -> UUID:
    """Zoë, who signed up, chose German, said yes to the newsletter, bought, chatted and was judged."""
    ledger.book.append(
        [
            published("de", "Dürfen wir?", NOW - 9 * DAY),
            published("de", "Dürfen wir schreiben?", NOW - 8 * DAY),
            published("de", "Danach", NOW - 2 * DAY),
            published("en", "May we?", NOW - 8 * DAY),
        ]
    )
    who = [("user", "u1"), ("email", "zoe@example.com")]
    said = {"purpose": "marketing/newsletter", "channel": "email", **NOTICE, "language": "de"}
    call = {"direction": "outbound", "note": "she was in a hurry"}
    score = {"score_model": "churn", "score_version": "1", "score_value": 7}
    happened: Sequence[tuple[str, dict[str, Any], int]] = (
        ("customer.identified", {"name": "Zoë Öz", "address": "Old Street"}, 7),
        ("preference.set", {"language": "de"}, 6),
        ("consent.given", {**said, "proof": "double opt-in, 10:03"}, 5),
        ("customer.updated", {"address": "New Street"}, 4),
        ("order.placed", {"currency": "EUR", "amount_minor": 1250, "note": "hello"}, 3),
        ("chat.messaged", {"author": "customer", "message": "where is it?"}, 3),
        ("chat.messaged", {"author": "agent", "message": "on its way"}, 3),
        ("call.logged", call, 3),
        ("score.recorded", score, 2),
    )
    take(
        ledger,
        *(
            touchpoint(f"z{n}", kind, who=who, at=NOW - days * DAY, data=data, actor=CLERK)
            for n, (kind, data, days) in enumerate(happened)
        ),
    )
    customer = customer_of(ledger, "user", "u1")
    assert customer is not None
    return customer


def wanted(*members: UUID, **more: Any) -> Wanted:
    """An archive that was asked for by letter."""
    asked = Wanted(members, CLERK, "legal", "she asked by letter")
    return replace(asked, **more)


def exported(ledger: Ledger, folder: Path, asked: Wanted) -> tuple[Written, "Archive"]:
    """The archive, written into a folder."""
    target = folder / f"{uuid4()}.zip"
    staging = Staging(folder / "home" / "staging")
    written = export(ledger, asked, target, staging, clock=clock)
    assert list(staging.folder.iterdir()) == []
    return written, Archive.read(target)


def sealed(ledger: Ledger, bare: Event, parts: Mapping[Part, Mapping[str, Any]]) -> Event:
    """The event with these parts sealed in it, in the book."""
    sealing = ledger.sealer.batch(parts)
    event = replace(bare, personal=sealing.seal(bare, parts))
    ledger.book.append([event])
    sealing.appended([event.id])
    return event


def two_in_one(ledger: Ledger, customer: UUID, other: UUID) -> Event:
    """An event of a customer in which something is sealed for somebody else as well."""
    at = NOW - timedelta(hours=5)
    bare = Event(uuid4(), "meeting.held", 1, "touchpoint", at, "crm", {"topic": "both"}, customer)
    parts = {
        (customer, Retention.CONTENT): {"note": "what was said to her"},
        (other, Retention.CONTENT): {"note": "zanna alone"},
    }
    return sealed(ledger, bare, parts)


@dataclass(frozen=True)
class Archive:
    """The files of an archive, by name."""

    files: Mapping[str, bytes]

    @classmethod
    def read(cls, path: Path) -> "Archive":
        with ZipFile(path) as packed:
            assert packed.testzip() is None
            return cls({name: packed.read(name) for name in packed.namelist()})

    def __contains__(self, text: str) -> bool:
        return any(text.encode() in content for content in self.files.values())

    def json(self) -> Any:
        return json.loads(self.files["data/profile.json"])

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[f"data/{name}.ndjson"].splitlines()]

    def sheet(self, name: str) -> list[list[str]]:
        text = self.files[f"data/{name}.csv"].decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline="")))

    def page(self, name: str) -> "Page":
        return Page(self.files[name].decode())


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.policy = ""
        self.language: str | None = None
        self._in: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.elements.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "html":
            self.language = named.get("lang")
        if named.get("http-equiv") == "Content-Security-Policy":
            self.policy = named["content"] or ""
        if tag != "meta":
            self._in.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._in.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self._in[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def links(self) -> list[str | None]:
        return [value for tag, name, value in self.attributes if name == "href"]
