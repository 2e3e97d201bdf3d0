"""Retention: how long what is sealed is kept, whose time is over, and letting go of it.

Rules are data: a class of personal data, a period, and which last event of a person it runs from. When
it is over, the person's keys of that class are destroyed, as an erasure that names the rule as its
basis. A class has one key for all of a person's events, so a period runs for a person and not for each
event: whoever stays active keeps the class (docs/privacy.md, "What retention does not reach").
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from importlib.resources import files
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self
from uuid import UUID

import pyarrow as pa
from eventsourcing.dcb.domain import Selector
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from commands.deciding import Proposed, of_customers
from commands.privacy.days import DAY, day_of, months_after
from commands.privacy.erasing import Answer, Office, erase_each
from commands.privacy.ordering import Against, Order, against
from commands.privacy.rules import RETENTION, Erase
from ledger import catalogue
from ledger.book import Book, Match
from ledger.catalogue import Domain, Retention, find
from ledger.catalogue.fields import Code, Country
from ledger.catalogue.privacy import CustomerErased, CustomerErasing
from ledger.clock import from_us, to_us
from ledger.errors import DefinitionRefused, NotAllowed, UnknownType
from ledger.event import Event, Recorded
from ledger.opening import Ledger

if TYPE_CHECKING:  # slow to load
    import pyarrow.compute as pc

_COLUMNS = ("customer", "type", "domain", "market", "occurred_at")
_PERIOD = re.compile(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_AT_ONCE = 1_000

OURS = (CustomerErasing.TOPIC, CustomerErased.TOPIC)
"""Types that no domain speaks for: letting go of one class is no reason to keep another for longer."""


def _period(text: str) -> str:
    if not _PERIOD.fullmatch(text):
        raise ValueError("a period such as P3Y, P14M or P90D")
    return text


def _known(topic: str) -> str:
    try:
        return find(topic).TOPIC
    except UnknownType as refusal:
        raise ValueError(refusal.expected) from None


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Rule(_Frozen):
    """One rule: how long a class is kept, and what the period runs from.

    That is the last event of the person of these `types` or `domains`; with `year_end`, the end of its
    calendar year. `markets` (ISO countries) are those whose people it is for; none: for all. A domain does
    not speak for `OURS`.
    """

    name: Code
    retention: Annotated[Retention, Field(alias="class")]
    period: Annotated[str, AfterValidator(_period)]
    types: tuple[Annotated[str, AfterValidator(_known)], ...] = ()
    domains: tuple[Domain, ...] = ()
    markets: tuple[Country, ...] = ()
    year_end: bool = False
    why: str = ""

    @model_validator(mode="after")
    def _runs_from_something(self) -> Self:
        if not (self.types or self.domains):
            raise ValueError("types or domains: what its period runs from")
        return self

    @cached_property
    def _parts(self) -> tuple[int, int]:
        found = _PERIOD.fullmatch(self.period)
        assert found is not None
        years, months, weeks, days = (int(part or 0) for part in found.groups())
        return 12 * years + months, 7 * weeks + days

    @cached_property
    def triggers(self) -> frozenset[str]:
        """Every type of event that its period runs from."""
        every = {one.TOPIC for one in catalogue.types() if one.DOMAIN in self.domains}
        return frozenset(self.types) | (every - {*OURS})

    def over_on(self, last: date) -> date:
        """The first day on which a period that runs from this day is over.

        The day of the event does not count, as in Regulation (EEC, Euratom) No 1182/71, Art. 3.
        """
        months, days = self._parts
        begins = date(last.year, 12, 31) if self.year_end else last
        return months_after(begins, months) + (days + 1) * DAY


class Controller(_Frozen):
    """Who answers for the book, for the record of processing."""

    name: str
    contact: str = ""
    officer: str = ""
    transfers: str = ""


class Rules(_Frozen):
    """The rules of one file, each under a name of its own."""

    rule: tuple[Rule, ...]
    controller: Controller | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [rule.name for rule in self.rule]
        if len(set(names)) < len(names):
            raise ValueError("a name of its own for each rule")
        return self

    def of(self, retention: Retention, market: str | None) -> list[Rule]:
        """Those for somebody of a market, all of which have to be over: those that name it, and those that
        name none, but for what runs from nothing else than one that names it does.
        """
        own = [rule for rule in self.rule if rule.retention is retention]
        named = [rule for rule in own if market in rule.markets]
        return named + [
            rule
            for rule in own
            if not (rule.markets or any(rule.triggers <= one.triggers for one in named))
        ]

    def last_over(
        self,
        retention: Retention,
        market: str | None,
        last_of: Callable[[Rule], datetime | None],
        zone: str,
    ) -> "Over | None":
        """When the time of a class is over for somebody, by the last of the rules; None: by no rule."""
        lasts = [(rule, last_of(rule)) for rule in self.of(retention, market)]
        found = [
            Over(rule.over_on(day_of(last, zone)), rule, last)
            for rule, last in lasts
            if last is not None
        ]
        return max(found, key=lambda one: (one.on, one.rule.name), default=None)


class Over(NamedTuple):
    """The day on which a period is over, and what it ran from."""

    on: date
    rule: Rule
    last: datetime


def read_rules(path: Path | None) -> Rules:
    """The rules of a file; without one, those that are shipped. Raises `DefinitionRefused`."""
    shipped = files("commands.privacy").joinpath("retention.toml")
    name = "retention.toml" if path is None else path.name
    try:
        text = (shipped if path is None else path).read_text(encoding="utf-8")
        return Rules.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DefinitionRefused(name, "the file", f"it cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DefinitionRefused(name, where, first["msg"]) from None


@dataclass(frozen=True, slots=True)
class Due:
    """A class of one person whose time is over, since a day, by a rule; `against` says why it stays."""

    customer: UUID
    retention: Retention
    rule: Rule
    last: datetime
    over_on: date
    against: Against | None = None


class _LetGo(Erase):
    """By all that happened to the person until now, their time is over. Made for a rule by `of`."""

    rule: ClassVar[Rule]
    rules: ClassVar[Rules]
    today: ClassVar[date]
    zone: ClassVar[str]

    @classmethod
    def of(cls, rule: Rule, rules: Rules, today: date, zone: str) -> "type[_LetGo]":
        """The rule that judges on this day."""
        said = {"rule": rule, "rules": rules, "today": today, "zone": zone}
        return type(cls.__name__, (cls,), said)

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self._last: dict[str, datetime] = {}
        self._market: tuple[datetime, str] | None = None

    def consistency_boundary(self) -> list[Selector]:
        # Whatever is said of them may show another market, and so bring other rules.
        return of_customers(self.proposed.members)

    def saw(self, recorded: Recorded) -> None:
        event = recorded.event
        if event.domain == Domain.PRIVACY:  # of the rest what follows is all that has to be kept
            super().saw(recorded)
        at = event.occurred_at
        self._last[event.type] = max(at, self._last.get(event.type, at))
        market = dict(tag.split(":", 1) for tag in event.tags).get("market")
        if market is not None and event.customer in self.proposed.members:
            self._market = max((at, market), self._market or (at, market))

    def decide(self) -> None:
        super().decide()
        market = None if self._market is None else self._market[1]
        over = self.rules.last_over(self.rule.retention, market, self._last_of, self.zone)
        if over is None or over.on > self.today:
            came = "one that no rule ends" if over is None else f"one that is until {over.on}"
            raise NotAllowed("period", "one that is over", came)

    def _last_of(self, rule: Rule) -> datetime | None:
        return max((at for kind, at in self._last.items() if kind in rule.triggers), default=None)


def due(office: Office, rules: Rules, at: datetime, actor: UUID, zone: str = "UTC") -> list[Due]:
    """Whose time is over on the day of a moment in a zone, by person, with what forbids it.

    Reads the whole book, and of the vault only for whom there are keys of which class. Who is erased is
    not in it; whoever is held or restricted, or has a request open, stays, and it says so.
    """
    ledger, today = office.desk.ledger, day_of(at, zone)
    found = list(_over(ledger, rules, today, zone))
    refused: dict[tuple[UUID, str], Against] = {}
    for rule, people in _by_rule(found):
        for customer, why in against(office.desk, people, _order(rule, actor)).items():
            refused[customer, rule.name] = why
    return [
        Due(
            one.customer,
            one.retention,
            one.rule,
            one.last,
            one.over_on,
            refused.get((one.customer, one.rule.name)),
        )
        for one in found
    ]


def let_go(
    office: Office, rules: Rules, found: Iterable[Due], actor: UUID, zone: str = "UTC"
) -> Iterator[tuple[Rule, Answer]]:
    """Destroy the keys of what is due and not forbidden; an answer for each person and rule.

    `found` is a list to begin with: each person is judged again, by what has happened to them until
    the very moment at which it begins.
    """
    today = day_of(office.desk.clock(), zone)
    for rule, people in _by_rule([one for one in found if one.against is None]):
        order = replace(_order(rule, actor), rule=_LetGo.of(rule, rules, today, zone))
        for answer in erase_each(office, people, order):
            yield rule, answer


def basis(rule: Rule) -> str:
    """What an erasure by this rule names as its ground."""
    return f"{RETENTION}{rule.name}"


def _order(rule: Rule, actor: UUID) -> Order:
    return Order.of(actor, basis(rule), None, [rule.retention])


def _by_rule(found: Iterable[Due]) -> Iterator[tuple[Rule, list[UUID]]]:
    ordered = sorted(found, key=lambda one: one.rule.name)
    for _, some in groupby(ordered, lambda one: one.rule.name):
        listed = list(some)
        yield listed[0].rule, [one.customer for one in listed]


def _over(ledger: Ledger, rules: Rules, today: date, zone: str) -> Iterator[Due]:
    seen = _Seen(rules.rule)
    seen.read(ledger.book)
    persons, gone = ledger.living.now(), ledger.gone.now()
    people = {persons.members(customer) for customer in seen.customers}
    living = iter(sorted(members for members in people if gone.isdisjoint(members)))
    while some := list(islice(living, _AT_ONCE)):
        held = ledger.vault.classes_held(member for members in some for member in members)
        for members in some:
            for retention in sorted({one for m in members for one in held.get(m, ())}):
                if (one := seen.over(rules, members, retention, today, zone)) is not None:
                    yield one


class _Seen:
    """The last event of each customer that a rule speaks of, and the market they were last seen in."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._last: dict[str, dict[bytes, int]] = {rule.name: {} for rule in rules}
        self._rules = rules
        self._market: dict[bytes, tuple[int, str]] = {}
        self._customers: set[bytes] = set()

    @property
    def customers(self) -> Iterator[UUID]:
        """Everybody whom the book knows."""
        return (UUID(bytes=one) for one in self._customers)

    def read(self, book: Book) -> None:
        """Everything in the book, batch by batch."""
        import pyarrow.compute as pc  # slow to load

        for batch in book.batches(0, _COLUMNS):
            table = pa.Table.from_batches([batch])
            table = table.set_column(0, "customer", table["customer"].cast(pa.binary(16)))
            table = table.filter(pc.field("customer").is_valid())
            self._customers.update(table["customer"].unique().to_pylist())
            for rule in self._rules:
                wanted = _among("type", sorted(rule.triggers))
                self._take(self._last[rule.name], table.filter(wanted))
            self._take_markets(table.filter(pc.field("market").is_valid()))
        told = (one.TOPIC for one in catalogue.types() if one.OTHERS)
        for recorded in book.read(matching=[Match(tuple(told))]):
            self._take_another(recorded.event)

    def _take_another(self, event: Event) -> None:
        """Somebody else of whom an event tells: the period of what is sealed for them runs from it, too."""
        if event.another is not None:
            one, at = event.another.bytes, to_us(event.occurred_at)
            self._customers.add(one)
            for rule in self._rules:
                if event.type in rule.triggers:
                    last = self._last[rule.name]
                    last[one] = max(at, last.get(one, at))

    def _take(self, last: dict[bytes, int], table: pa.Table) -> None:
        for customer, at in _latest(table, ["customer"]):
            last[customer] = max(at, last.get(customer, at))

    def _take_markets(self, table: pa.Table) -> None:
        for customer, market, at in _latest(table, ["customer", "market"]):
            self._market[customer] = max((at, market), self._market.get(customer, (at, market)))

    def over(
        self, rules: Rules, members: Sequence[UUID], retention: Retention, today: date, zone: str
    ) -> Due | None:
        """The rule by which the time of this class is over, the last of them to be so."""
        named = [member.bytes for member in members]
        markets = [self._market[member] for member in named if member in self._market]
        market = max(markets)[1] if markets else None

        def last_of(rule: Rule) -> datetime | None:
            last = self._last[rule.name]
            found = [last[member] for member in named if member in last]
            return from_us(max(found)) if found else None

        over = rules.last_over(retention, market, last_of, zone)
        if over is None or over.on > today:
            return None
        return Due(members[0], retention, over.rule, over.last, over.on)


def _among(column: str, values: Sequence[str]) -> "pc.Expression":
    import pyarrow.compute as pc

    return pc.field(column).isin(pa.array(values, pa.string()))


def _latest(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Each key with the latest time, in µs."""
    at = table["occurred_at"].cast(pa.int64())
    rows = table.select(list(keys)).append_column("at", at).group_by(list(keys))
    found = rows.aggregate([("at", "max")])
    return zip(*(found[name].to_pylist() for name in (*keys, "at_max")), strict=True)
