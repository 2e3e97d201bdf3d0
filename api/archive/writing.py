"""An archive of one person, for themselves: written in one pass over their events, in flat memory."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import orjson

from api.archive.account import Account, Told
from api.archive.packing import Packing
from api.archive.portable import is_theirs
from api.archive.sections import (
    DATA,
    EXPORTED,
    IS_CONSENT,
    OPENED,
    Consents,
    Events,
    Openings,
    Recipients,
    StaffName,
)
from api.archive.summary import Heading, Summary, first_page, introduction
from api.archive.words import Words
from api.staging import Staging, deliver, demand_free
from commands.on_record import opened, put_export_on_record, put_on_record
from commands.privacy.retention import Rules
from ledger import catalogue
from ledger.catalogue.audit import PersonalDataExported
from ledger.clock import Clock
from ledger.errors import BadUsage, Refused
from ledger.opening import Ledger


@dataclass(frozen=True, slots=True)
class Wanted:
    """What archive is wanted, by whom, what for, and for whom.

    `members` are all the customers who are the person, the oldest first. `recipient` is a code, such as
    `person`. `language` is a tag; None for the one that they chose. `rules` say how long data is kept.
    """

    members: Sequence[UUID]
    actor: UUID
    purpose: str
    reason: str
    recipient: str = "person"
    request: UUID | None = None
    portability: bool = False
    language: str | None = None
    staff: StaffName = lambda _: None
    rules: Rules | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of it: the file, its SHA-256 in hex, and what is in it."""

    path: Path
    digest: str
    events: int
    pages: int
    missing: Mapping[str, int]


def export(
    ledger: Ledger, wanted: Wanted, target: Path, staging: Staging, *, clock: Clock
) -> Written:
    """Write the archive to `target`, readable by us alone, whole or not at all.

    `personal_data.opened` is on record before anything is opened, and `personal_data.exported`, with
    the file's digest, before it leaves. Raises `BadUsage` for a name that is taken, a reason or code
    that is none, and `Erased` for a person who is erased, or whose erasure begins meanwhile.
    """
    demand_free(target)
    exported = _exported(wanted)
    opening = opened(wanted.purpose, wanted.reason)
    on_record = put_on_record(ledger, wanted.members, wanted.actor, opening, clock=clock)
    account = Account(ledger, wanted.members, on_record)
    with staging.file(wanted.members[0]) as (made, file):
        writing = _Writing(account, wanted, clock(), file, staging.folder)
        summary, pages = writing.written()
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        leaving = exported.model_copy(update={"archive_digest": digest})
        put_export_on_record(ledger, wanted.members, wanted.actor, leaving, clock=clock)
        deliver(made, target)
    missing = {what: count for what, count in summary.missing.items() if count}
    return Written(target, digest, summary.events, pages, missing)


class _Writing:
    """One archive on its way."""

    def __init__(
        self, account: Account, wanted: Wanted, at: datetime, file: BinaryIO, folder: Path
    ) -> None:
        self._account = account
        self._wanted = wanted
        self._words = Words.of(wanted.language or account.language())
        self._packing = Packing(file, at, folder)
        self._heading = Heading(wanted.members, at, account.upto, wanted.request)

    def written(self) -> tuple[Summary, int]:
        """What was written, and on how many pages."""
        with self._packing:
            written = self._portable() if self._wanted.portability else self._whole()
            self._packing.close()
        return written

    def _whole(self) -> tuple[Summary, int]:
        summary, words, packing = Summary(), self._words, self._packing
        events = Events(packing, words, portable=False)
        consents = Consents(packing, words, self._account.notices())
        openings = Openings(packing, words, self._wanted.staff)
        recipients = Recipients(packing, words, self._wanted.staff)
        for told in self._account.events():
            summary.take(told)
            events.add(told)
            for section in _of(told, consents, openings, recipients):
                section.take(told)
        assert events.pages is not None
        sections = [events.pages]
        events.close()
        for section in (consents, openings, recipients):
            section.close()
            sections.append(section.pages)
        index = first_page(self._heading, summary, sections, words, self._wanted.rules)
        packing.put("index.html", index)
        self._put_profile(summary)
        return summary, 1 + sum(pages.pages for pages in sections)

    def _portable(self) -> tuple[Summary, int]:
        summary, words, packing = Summary(), self._words, self._packing
        events = Events(packing, words, portable=True)
        for told in self._account.events():
            if is_theirs(told):
                summary.take(told)
                events.add(told)
        events.close()
        said = [words.say("title_portability"), ""]
        said += introduction(self._heading, words, "intro_portability")
        packing.put("README.txt", "\n".join([*said, ""]).encode())
        self._put_profile(summary)
        return summary, 0

    def _put_profile(self, summary: Summary) -> None:
        profile = {**self._heading.as_json(), **summary.as_json()}
        indented = orjson.dumps(profile, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        self._packing.put(f"{DATA}profile.json", indented)


def _of(
    told: Told, consents: Consents, openings: Openings, recipients: Recipients
) -> list[Consents | Openings | Recipients]:
    """The sections that an event stands in, besides that of all events."""
    event = told.recorded.event
    if event.domain == catalogue.Domain.CONSENT or event.type in IS_CONSENT:
        return [consents]
    return [openings] if event.type == OPENED else [recipients] if event.type == EXPORTED else []


def _exported(wanted: Wanted) -> PersonalDataExported:
    """What is to be on record of it. Raises `BadUsage` for codes that are none."""
    given = {
        "purpose": "portability" if wanted.portability else "access",
        "recipient": wanted.recipient,
        "reason_given": wanted.reason,
        "request": wanted.request,
    }
    try:
        parsed = catalogue.parse(PersonalDataExported.TOPIC, given, at_a_door=False)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None
    assert isinstance(parsed, PersonalDataExported)
    return parsed
