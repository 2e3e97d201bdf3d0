"""What the book says of one person, event by event, opened as far as it is theirs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from commands.privacy.corrections import Corrections
from ledger import catalogue
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention
from ledger.catalogue.consent import NoticePublished
from ledger.catalogue.privacy import CustomerRectified
from ledger.catalogue.profile import PreferenceSet
from ledger.errors import Erased, KeysUnavailable
from ledger.event import Recorded, moment_of
from ledger.on_record import OnRecord
from ledger.opening import Ledger
from ledger.sealing import Blob, Opening, Part, blobs

_AT_ONCE = 500
_Opened = Mapping[Part, dict[str, Any] | KeysUnavailable]


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a person.

    `personal` has what was sealed of them, by class; `erased` and `unavailable` the classes that cannot
    be read, and why. `withheld` counts parts that are sealed for somebody else, and details that tell of
    one; `corrected` details that were rectified since and are left out. `own`: it happened to them; else
    to somebody else, who is not named, and tells of them.
    """

    recorded: Recorded
    personal: Mapping[Retention, Mapping[str, Any]] = field(default_factory=dict)
    erased: tuple[Retention, ...] = ()
    unavailable: tuple[Retention, ...] = ()
    withheld: int = 0
    corrected: int = 0
    own: bool = True


class Account:
    """One person: every customer who is merged into them, up to a position of the book.

    Memory stays the same, however many events there are. Events come in the order in which the book
    took them.
    """

    def __init__(self, ledger: Ledger, members: Sequence[UUID], on_record: OnRecord) -> None:
        self.members = tuple(members)
        self.upto = ledger.book.head()
        self._ledger = ledger
        self._on_record = on_record

    def events(self) -> Iterator[Told]:
        """Every event about them."""
        with self._ledger.sealer.opening(self._on_record) as opening:
            corrections = Corrections(self._rectified(opening))
            found = self._read()
            while page := list(islice(found, _AT_ONCE)):
                opened = opening.open_all([recorded.event for recorded in page])
                for recorded, parts in zip(page, opened, strict=True):
                    yield _told(recorded, parts, corrections, self.members)

    def language(self) -> str | None:
        """The language that they chose last, by the moment at which they did."""
        told = self._read(PreferenceSet.TOPIC)
        chosen = (
            (moment_of(r), r.event.data["language"]) for r in told if "language" in r.event.data
        )
        return max(chosen, default=(None, None))[1]

    def notices(self) -> "Notices":
        """The texts that people were shown when they were asked."""
        match = [Match((NoticePublished.TOPIC,))]
        return Notices(list(self._ledger.book.read(matching=match, upto=self.upto)))

    def _read(self, *types: str) -> Iterator[Recorded]:
        matching = [Match(types, (f"{CUSTOMER_TAG}{member}",)) for member in self.members]
        return self._ledger.book.read(matching=matching, upto=self.upto)

    def _rectified(self, opening: Opening) -> Iterator[tuple[Recorded, Mapping[str, Any]]]:
        for recorded in self._read(CustomerRectified.TOPIC):
            for (_, retention), fields in opening.open(recorded.event).items():
                if retention is Retention.IDENTITY and not isinstance(fields, KeysUnavailable):
                    yield recorded, fields


class Notices:
    """What was published to be shown, to find the text that an answer cites."""

    def __init__(self, published: Sequence[Recorded]) -> None:
        self._published = sorted(published, key=moment_of)

    def shown(self, by: Recorded) -> Mapping[str, Any] | None:
        """The notice that this event cites, as it was published last by then.

        None where it cites none, or where there were several languages and it does not say which.
        """
        cited = by.event.data
        found: dict[str, Mapping[str, Any]] = {}
        for recorded in self._published:
            data = recorded.event.data
            same = all(data.get(name) == cited.get(name) for name in ("notice", "notice_version"))
            by_then = moment_of(recorded) <= moment_of(by)
            if same and by_then and cited.get("language") in {None, data["language"]}:
                found[data["language"]] = data
        return next(iter(found.values())) if len(found) == 1 else None


def _told(
    recorded: Recorded, parts: _Opened, corrections: Corrections, members: Sequence[UUID]
) -> Told:
    personal: dict[Retention, dict[str, Any]] = {}
    erased, unavailable, corrected = [], [], 0
    event, of_others = recorded.event, catalogue.find(recorded.event.type).OTHERS
    withheld = sum(isinstance(record, Blob) for record in blobs(event.personal)) - len(parts)
    for (subject, retention), fields in parts.items():
        others = frozenset[str]() if subject == event.another else of_others
        if isinstance(fields, Erased):
            erased.append(retention)
        elif isinstance(fields, KeysUnavailable):
            unavailable.append(retention)
        else:
            corrected += len(corrections.superseded(recorded, fields))
            standing = corrections.standing(recorded, fields)
            withheld += len(others & standing.keys())
            theirs = {name: value for name, value in standing.items() if name not in others}
            kept = personal.setdefault(retention, {})
            if named := [*kept.get("identifiers", ()), *theirs.get("identifiers", ())]:
                theirs["identifiers"] = named  # of an event about two who are one person: of both
            kept.update(theirs)
    return Told(
        recorded,
        {retention: fields for retention, fields in personal.items() if fields},
        tuple(erased),
        tuple(unavailable),
        withheld,
        corrected,
        event.customer in members or event.another not in members,
    )
