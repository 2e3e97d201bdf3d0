"""Any steps of any requests by anybody, late ones and repeated ones too: a model agrees with each answer.

The machine draws; the model, of another make, says what must be answered, and how each request then
stands, by which day it is due, and what holds it up.
"""

from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from commands.deciding import Desk
from commands.identity import merge, split
from commands.privacy import find_request, proceed, request_id
from commands.touchpoint import Fate, Touchpoint
from ledger import catalogue
from ledger.catalogue.privacy import CustomerErased
from ledger.errors import NotFound, Refused
from ledger.event import Event
from ledger.opening import Ledger
from tests.commands.judging import GUARDED
from tests.commands.model_requests import Asked, RequestsModel
from tests.commands.samples import DAY, NOW, clock, customer_of, opened, take, touchpoint

START = datetime.fromisoformat("2025-02-01T12:00:00Z")
ACTORS = {"mia": UUID(int=8), "leo": UUID(int=9), None: None}
WORLDS = count()

seeds = st.integers(0, 2**32)
LAWS = [("gdpr", "access"), ("gdpr", "erasure"), ("gdpr", "erasure"), ("gdpr", "erasure"),
        ("ccpa", "access"), ("ccpa", "objection"), ("lgpd", "access")]  # fmt: skip
OFFICES = [("DE", "Europe/Berlin"), ("DE", "Pacific/Kiritimati"), (None, "America/Los_Angeles")]
STEPS = ["privacy.confirmed", "privacy.challenged", "privacy.challenged", "privacy.verified", "privacy.verified",
         "privacy.extended", "privacy.extended", "privacy.refused", "privacy.fulfilled", "customer.erasing"]  # fmt: skip
GROUNDS = {
    "privacy.extended": ["complexity", "number", "holidays"],
    "privacy.refused": ["excessive", "rights-of-others", "legal-claims", "cannot-identify", "busy"],
}
HOURS = [0, 1, 7, 24, 24 * 3, 24 * 11, 24 * 29, 24 * 31]
"""How far time goes on."""


class Requests(RuleBasedStateMachine):
    """Two customers, who are one person at times, and those who answer them."""

    ledger: Ledger

    @initialize()
    def begin(self) -> None:
        self.world = next(WORLDS)
        self.model = RequestsModel()
        self.now = START
        self.desk = Desk(self.ledger, clock, uuid4, DAY)
        self.who = {}
        for name in ("zoe", "ann"):
            take(self.ledger, touchpoint(name, who={"user": f"{name}/{self.world}"},
                                         source=self.source, at=START))  # fmt: skip
            customer = customer_of(self.ledger, "user", f"{name}/{self.world}")
            assert customer is not None
            self.who[name] = customer
        self.before = self.ledger.book.head()
        self.links: list[int] = []
        """Positions of merges and splits, of which the model knows nothing."""

    @property
    def source(self) -> str:
        return f"world-{self.world}"

    @property
    def received(self) -> list[Asked]:
        return [event for event in self.model.events if event.verb == "privacy.requested"]

    def at(self, ahead: int, back: int) -> datetime:
        self.now = min(self.now + timedelta(hours=ahead), NOW)
        return max(self.now - timedelta(hours=back), START)

    def payload(self, asked: Asked) -> dict[str, Any]:
        given = dict(asked.said)
        if asked.verb == "privacy.requested":
            given["jurisdiction"], given["time_zone"] = given.pop("country"), given.pop("zone")
            given |= {"request": UUID(int=0), "due_on": "2000-01-01"}
        if asked.verb == "privacy.extended":
            given["due_on"] = "2000-01-01"
        if asked.verb == "customer.erasing":
            given["legal_basis"] = "art17"
        if asked.request is not None and asked.verb != "privacy.requested":
            given["request"] = request_id(self.ledger, self.source, asked.request)
        return {name: value for name, value in given.items() if value is not None}

    def touchpoint(self, asked: Asked) -> Touchpoint:
        return Touchpoint(
            catalogue.parse(asked.verb, self.payload(asked), at_a_door=False),
            asked.at,
            self.source,
            asked.message_id,
            customer=self.who[asked.who],
            actor=ACTORS[asked.actor],
        )

    def answered(self, asked: Asked) -> tuple[str, int | str]:
        item = self.touchpoint(asked)
        rule_ = GUARDED[type(item.payload)]
        try:
            if asked.verb.startswith("hold.") or asked.request is None:
                outcome = self.desk.carry_out(item, rule_)
            else:
                outcome = proceed(self.desk, item, rule_)
        except Refused as refusal:
            return ("refused", refusal.field)
        except NotFound as nothing:
            return ("refused", nothing.kind)
        assert outcome.position is not None
        return (outcome.fate.value, self.numbered(outcome.position))

    def numbered(self, position: int) -> int:
        return position - self.before - sum(link < position for link in self.links)

    def demand(self, asked: Asked) -> None:
        expected = self.model.carry_out(asked)
        assert self.answered(asked) == expected, asked

    @precondition(lambda self: len(self.received) < 5)
    @rule(who=st.sampled_from(["zoe", "zoe", "ann"]), seed=seeds)
    def receive(self, who: str, seed: int) -> None:
        chance = Random(seed)
        law, office = chance.choice(LAWS), chance.choice(OFFICES)
        name = f"request {len(self.model.events)}"
        said = (("law", law[0]), ("right", law[1]), ("country", office[0]), ("zone", office[1]))
        at = self.at(chance.choice(HOURS), 0)
        self.demand(Asked(name, "privacy.requested", at, who, None, name, said))

    @precondition(lambda self: self.received)
    @rule(seed=seeds)
    def steps(self, seed: int) -> None:
        """Up to nine in a row. What the model would refuse is passed over mostly, or hardly
        anything else would ever happen.
        """
        chance = Random(seed)
        for _ in range(chance.randint(1, 9)):
            ahead = chance.choice([*[0] * 9, *HOURS])
            back = chance.choice([0] * 9 + [5, 24 * 9])
            at = self.at(ahead, back)
            for _ in range(9):
                asked = self.one(chance, at)
                if self.model.against(asked) is None or chance.random() < 0.15:
                    break
            self.demand(asked)

    def one(self, chance: Random, at: datetime) -> Asked:
        """One step of a request, or of a hold, or of an erasure that nobody asked for."""
        name, actor = f"step {uuid4()}", chance.choice(["mia", "leo", None])
        kind, who = chance.random(), chance.choice(["zoe", "zoe", "ann"])
        if kind < 0.1:
            verb = chance.choice(["hold.placed", "hold.released"])
            held, why = (
                chance.choice(["claim", "audit"]),
                chance.choice(["litigation"] * 5 + ["busy"]),
            )
            return Asked(name, verb, at, who, "mia", None, (("hold", held), ("ground", why)))
        if kind < 0.11:
            return Asked(name, "customer.erasing", at, who, "leo")
        verb, one = chance.choice(STEPS), chance.choice(self.received[-2:])
        said = (("ground", chance.choice(GROUNDS[verb])),) if verb in GROUNDS else ()
        return Asked(name, verb, at, one.who, actor, one.message_id, said)

    @precondition(lambda self: self.model.is_being_erased("zoe"))
    @rule()
    def erased(self) -> None:
        """The sequence of an erasure ends, of which no rule is asked."""
        begun = [e for e in self.model.events if e.verb == "customer.erasing"][-1]
        asked = Asked(
            f"erased {uuid4()}", "customer.erased", self.at(0, 0), begun.who, "leo", begun.request
        )
        self.model.events.append(asked)
        named = begun.request and request_id(self.ledger, self.source, begun.request)
        payload = CustomerErased(
            legal_basis="art17", commitments=(), book_size=1, vault_generation=1,
            backups_dead_from=asked.at.date(), request=named or None,
        )  # fmt: skip
        self.ledger.book.append(
            [Event(uuid4(), payload.TOPIC, 1, payload.DOMAIN, asked.at, "bahi", payload.clear(),
                   customer=self.who[begun.who], actor=ACTORS["leo"])]
        )  # fmt: skip

    @precondition(lambda self: not self.model.gone)
    @rule()
    def merge_or_split(self) -> None:
        topic = "customers.split" if self.model.linked else "customers.merged"
        payload = catalogue.parse(topic, {"other": self.who["ann"]}, at_a_door=False)
        name, at = f"link {uuid4()}", self.at(1, 0)
        asked = Touchpoint(payload, at, self.source, name, customer=self.who["zoe"])
        if self.model.linked:
            outcome = split(self.desk, asked)
        else:
            outcome = merge(self.desk, asked, despite_identifiers=True)
        assert outcome.fate is Fate.APPENDED
        assert outcome.position is not None
        self.links.append(outcome.position)
        self.model.linked = not self.model.linked

    @precondition(lambda self: self.received)
    @rule(seed=seeds)
    def say_again(self, seed: int) -> None:
        dated = [e for e in self.model.events if e.verb == "privacy.verified"]
        said = [e for e in self.model.events if e.verb != "customer.erased"]
        self.demand(Random(seed).choice([*dated, *said]))

    @invariant()
    def every_request_stands_as_the_model_has_it(self) -> None:
        for event in self.received:
            found = find_request(
                self.ledger, request_id(self.ledger, self.source, event.message_id)
            )
            stands = self.model.stands(event.message_id)
            assert stands is not None
            assert (found.state.value, found.due_on) == (stands.state, stands.due), event
            assert found.asked.confirm_by == stands.confirm


def explore(folder: Path, examples: int) -> None:
    with opened(folder) as ledger:
        machine = type("Machine", (Requests,), {"ledger": ledger})
        asked = settings(max_examples=examples, stateful_step_count=30)
        run_state_machine_as_test(machine, settings=asked)


def test_requests_go_as_the_model_says(tmp_path: Path) -> None:
    explore(tmp_path, 35)


@pytest.mark.soak
def test_requests_go_as_the_model_says_for_long(tmp_path: Path) -> None:
    explore(tmp_path, 500)
