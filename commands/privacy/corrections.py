"""What was rectified of a person: which details and names of their older events no longer hold."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger.catalogue.account import MemberJoined
from ledger.catalogue.privacy import CustomerRectified
from ledger.catalogue.profile import CustomerIdentified, CustomerUpdated
from ledger.errors import Refused
from ledger.event import Moment, Recorded, moment_of
from ledger.identifiers import Identifier, normalise

DETAILS = frozenset(CustomerIdentified.model_fields)
"""Fields that say who somebody is."""

SAYING = frozenset({CustomerIdentified.TOPIC, CustomerUpdated.TOPIC, CustomerRectified.TOPIC})
"""Types of event that say it."""

_SUPERSEDED = SAYING | {MemberJoined.TOPIC}
"""Types of event in which a detail can be superseded: also where one stands beside something else."""


class Corrections:
    """The rectifications of one person, whoever of their members they were recorded for.

    A detail that was rectified supersedes what was said of it before, by moment: also what is told
    late of a day before. What is said afterwards holds again, in whatever spelling; so does an address
    that was said not to be theirs. As an identifier it is none in whatever event it stands, until a
    rectification says that it is theirs.
    """

    def __init__(self, rectified: Iterable[tuple[Recorded, Mapping[str, Any]]] = ()) -> None:
        """`rectified` are the events of that type, each with what was opened of it."""
        self._since: dict[str, Moment] = {}
        self._verdicts: dict[tuple[str, str], tuple[Moment, bool]] = {}
        self._countries: set[str] = set()
        for recorded, fields in rectified:
            self._take(recorded, fields)

    def standing(self, recorded: Recorded, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Of the opened fields of any event, those that hold."""
        holding = {
            name: value
            for name, value in fields.items()
            if name != "not_theirs" and not self._is_superseded(recorded, name, value)
        }
        if "identifiers" in holding:
            named = [one for one in holding["identifiers"] if not self._is_wrong(*one)]
            holding["identifiers"] = named
        return holding

    def superseded(self, recorded: Recorded, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The others, for those who look into what was rectified."""
        wrong = {
            name: value
            for name, value in fields.items()
            if name != "not_theirs" and self._is_superseded(recorded, name, value)
        }
        if named := [one for one in fields.get("identifiers", ()) if self._is_wrong(*one)]:
            wrong["identifiers"] = named
        return wrong

    def _take(self, recorded: Recorded, fields: Mapping[str, Any]) -> None:
        moment = moment_of(recorded)
        said = DETAILS.intersection(fields) | set(recorded.event.data.get("withdrawn") or ())
        for name in said:
            self._since[name] = max(moment, self._since.get(name, moment))
        wrong = [tuple(text.split(":", 1)) for text in fields.get("not_theirs", ())]
        right = [tuple(one) for one in fields.get("identifiers", ())]
        for names, holds in ((wrong, False), (right, True)):
            for kind, value in names:
                verdict = (moment, holds)
                self._countries.update(_countries(kind, value))
                self._verdicts[kind, value] = max(
                    verdict, self._verdicts.get((kind, value), verdict)
                )

    def _is_superseded(self, recorded: Recorded, name: str, value: object) -> bool:
        if name not in DETAILS or recorded.event.type not in _SUPERSEDED:
            return False
        moment = moment_of(recorded)
        since = self._since.get(name)
        if since is not None and moment < since:
            return True
        found = (
            self._verdicts.get((name, text)) for text in self._spellings(recorded, name, value)
        )
        return any(verdict[0] > moment and not verdict[1] for verdict in found if verdict)

    def _spellings(self, recorded: Recorded, name: str, value: object) -> Iterator[str]:
        """A detail as a verdict would name it. A number without its country is of the event's market, or
        of that of a number which was judged.
        """
        yield str(value).lower()
        market = dict(tag.split(":", 1) for tag in recorded.event.tags).get("market")
        for region in [None, *sorted(self._countries)] if market is None else [market]:
            try:
                spelled = normalise(Identifier(name, str(value)), region)
            except Refused:
                continue
            if spelled is not None:
                yield spelled.value

    def _is_wrong(self, kind: str, value: str) -> bool:
        return not self._verdicts.get((kind, value), (None, True))[1]


def _countries(kind: str, value: str) -> Iterator[str]:
    """Where a phone number is from, if that can be told."""
    if kind != "phone":
        return
    import phonenumbers  # slow to load

    try:
        country = phonenumbers.region_code_for_number(phonenumbers.parse(value))
    except phonenumbers.NumberParseException:
        return
    if country is not None:
        yield country
