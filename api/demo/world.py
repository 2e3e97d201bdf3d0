"""Who is in the demo: people, companies, and the pen that writes what happens to them.

Everything follows from one seed: the same names, moments and message ids on every machine, so that
a second run finds that it was all told before.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any
from uuid import UUID

from commands.touchpoint import Touchpoint
from ledger.catalogue import parse
from ledger.identifiers import Identifier

SEED = "banyan"
FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
"""The demo's present: nothing in it is later."""

CURRENCY = {"IN": "INR", "DE": "EUR", "JP": "JPY", "BR": "BRL", "US": "USD"}
MARKETS = tuple(CURRENCY)
STAR = "user:m1264"
"""Whose page the demo shows: somebody in the thick of it."""
READER = "user:m0178"
"""Who is asked about: what they said, and what they were shown."""

_PHONES = {
    # Numbers that nobody has: kept free for films and books (DE, US), or of no area there is.
    "DE": "+49 30 23125 {0:03d}",
    "US": "+1 {1} 555 01{0:02d}",
    "IN": "+91 1000 {0:06d}",
    "JP": "+81 10 0000 {0:04d}",
    "BR": "+55 10 90000 {0:04d}",
}


@dataclass(frozen=True)
class Person:
    """One of the people; `keen` (0 to 1) is how much they have to do with the company."""

    number: int
    market: str
    given: str
    family: str
    login: str
    email: str
    phone: str
    language: str
    zone: str
    joined: datetime
    keen: float
    account: "Account | None"

    @property
    def currency(self) -> str:
        return CURRENCY[self.market]

    @property
    def user(self) -> Identifier:
        return Identifier("user", self.login)

    @property
    def mail(self) -> Identifier:
        return Identifier("email", self.email)

    @property
    def browser(self) -> Identifier:
        return Identifier("anonymous", f"b-{self.number:05d}")

    def random(self, what: str) -> Random:
        """Chance of their own for one part of the story, whatever happens to the others."""
        return Random(f"{SEED}:{what}:{self.number}")


@dataclass(frozen=True)
class Account:
    """One of the companies."""

    number: int
    market: str
    name: str
    industry: str
    employees: int

    @property
    def reference(self) -> Identifier:
        return Identifier("account", f"A-{self.number:04d}")


@dataclass
class Pen:
    """Writes touchpoints of one source, numbering its messages."""

    source: str
    _messages: int = field(default=0)

    def write(
        self,
        topic: str,
        at: datetime,
        /,
        *named: Identifier,
        market: str | None = None,
        campaign: str | None = None,
        about: tuple[Identifier, ...] = (),
        customer: UUID | None = None,
        **attributes: Any,
    ) -> Touchpoint:
        """The next message of this source; `at` is moved into the demo's time."""
        self._messages += 1
        tags = {"market": market, "campaign": campaign}
        return Touchpoint(
            payload=parse(topic, attributes, at_a_door=False),
            occurred_at=min(max(at, FIRST_DAY), LAST_MOMENT),
            source=self.source,
            message_id=f"{topic}:{self._messages}",
            identifiers=named,
            references=about,
            tags={kind: value for kind, value in tags.items() if value is not None},
            customer=customer,
        )


@cache
def words() -> Mapping[str, Any]:
    """The names and wares, as they stand in the file."""
    return tomllib.loads(files("api.demo").joinpath("names.toml").read_text(encoding="utf-8"))


@cache
def accounts() -> tuple[Account, ...]:
    """A hundred and fifty companies: a name of the market, with a branch's number where it is used up."""
    chance = Random(f"{SEED}:accounts")
    found = []
    for number in range(150):
        market = MARKETS[number % len(MARKETS)]
        names = words()["companies"][market]
        branch, which = divmod(number // len(MARKETS), len(names))
        found.append(
            Account(
                number=number,
                market=market,
                name=names[which] + (f" {branch + 1}" if branch else ""),
                industry=chance.choice(
                    ("retail", "education", "health", "law", "design", "public")
                ),
                employees=int(chance.lognormvariate(4, 1.2)) + 2,
            )
        )
    return tuple(found)


@cache
def people() -> tuple[Person, ...]:
    """Two thousand people, most of whom join as the company grows."""
    found: list[Person] = []
    for group in words()["people"]:
        for _ in range(group["share"]):
            found.append(_person(len(found), group))
    return tuple(found)


@cache
def twins() -> tuple[Person, Person]:
    """The first two who are called the same, and live in one country."""
    seen: dict[tuple[str, str, str], Person] = {}
    for person in people():
        named = (person.market, person.given, person.family)
        if named in seen and person.keen > 0.4:
            return seen[named], person
        seen.setdefault(named, person)
    raise AssertionError("expected two of one name among so many")


def _person(number: int, group: Mapping[str, Any]) -> Person:
    chance = Random(f"{SEED}:person:{number}")
    market = group["market"]
    given, given_typed = chance.choice(group["given"]).split("/")
    family, family_typed = chance.choice(group["family"]).split("/")
    days = (LAST_MOMENT - FIRST_DAY).days
    # The root makes later days likelier: each month brings more people than the one before.
    joined = FIRST_DAY + timedelta(days=days * chance.random() ** 0.7 * 0.95)
    home = [account for account in accounts() if account.market == market]
    return Person(
        number=number,
        market=market,
        given=given,
        family=family,
        login=f"m{number:04d}",
        email=f"{given_typed}.{family_typed}{number}@mail.example.com",
        phone=_PHONES[market].format(
            number % 100 if market == "US" else number % 1000, 200 + number // 100
        ),
        language=chance.choice(group["languages"]),
        zone=chance.choice(group["zones"]),
        joined=joined + timedelta(seconds=chance.randrange(86_400)),
        keen=min(0.98, chance.betavariate(1.2, 2.4)),
        account=chance.choice(home) if chance.random() < 0.2 else None,
    )
