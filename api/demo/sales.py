"""Companies and who works there, leads, two pipelines with their deals, and what is to be done."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from api.demo.world import (
    CURRENCY,
    FIRST_DAY,
    LAST_MOMENT,
    MARKETS,
    SEED,
    Account,
    Pen,
    Person,
    accounts,
    people,
)
from commands.touchpoint import Touchpoint
from ledger.identifiers import Identifier

PIPELINES: dict[str, tuple[tuple[str, int], ...]] = {
    "office": (("lead", 10), ("need", 25), ("offer", 50), ("contract", 80)),
    "reseller": (("contact", 15), ("sample", 35), ("terms", 65), ("signed", 90)),
}
"""Stages in order, and how many of a hundred deals in each are won in the end."""

_SOBER_DAY = datetime(2026, 4, 1, tzinfo=UTC)
"""When the office pipeline was found to promise a fifth too much."""

_DEAL_SIZE = {"INR": 9_000_000, "EUR": 240_000, "JPY": 380_000, "BRL": 1_200_000, "USD": 260_000}


def pipelines() -> Iterator[Touchpoint]:
    """The two ways of selling, as they were laid down at first; one of them was judged anew later."""
    board = Pen("pipelines")
    for name, stages in PIPELINES.items():
        listed = [{"stage": stage, "win_percent": percent} for stage, percent in stages]
        yield board.write("pipeline.defined", FIRST_DAY, pipeline=name, stages=listed)
    sober = [
        {"stage": stage, "win_percent": percent * 4 // 5} for stage, percent in PIPELINES["office"]
    ]
    yield board.write("pipeline.defined", _SOBER_DAY, pipeline="office", stages=sober)


def schemas() -> Iterator[Touchpoint]:
    """What may be read of an event of our own: the format and the number of pages, never the title."""
    safe = {
        "type": "object",
        "properties": {"format": {"enum": ["pdf", "png"]}, "pages": {"type": "integer"}},
    }
    yield Pen("schemas").write(
        "schema.registered", FIRST_DAY, event_name="planner_exported", safe_properties=safe
    )


def companies() -> Iterator[Touchpoint]:
    """The companies, and the people who join and leave them."""
    crm = Pen("crm")
    for account in accounts():
        chance = Random(f"{SEED}:account:{account.number}")
        known = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=400 * chance.random())
        yield crm.write(
            "account.identified",
            known,
            market=account.market,
            about=(account.reference,),
            account_name=account.name,
            sole_trader=False,
            industry=account.industry,
            employees=account.employees,
        )
    for person in people():
        chance = person.random("member")
        if person.account is None:
            continue
        at = person.joined + timedelta(days=20 * chance.random())
        yield crm.write(
            "member.joined",
            at,
            person.mail,
            market=person.market,
            about=(person.account.reference,),
            role=chance.choice(("buyer", "office", "owner")),
        )
        if (
            chance.random() < 0.12
            and (left := at + timedelta(days=200 * chance.random())) < LAST_MOMENT
        ):
            yield crm.write(
                "member.left",
                left,
                person.mail,
                market=person.market,
                about=(person.account.reference,),
                reason="changed-job",
            )
            new = chance.choice([a for a in accounts() if a.market == person.market])
            yield crm.write(
                "member.joined",
                left + timedelta(days=9),
                person.mail,
                market=person.market,
                about=(new.reference,),
                role="buyer",
            )


def leads() -> Iterator[Touchpoint]:
    """Who showed interest, what became of it, and what a model made of them."""
    crm, model = Pen("leads"), Pen("scoring")
    for person in people():
        chance = person.random("lead")
        if person.account is not None or chance.random() < 0.2:
            at = person.joined + timedelta(days=15 * chance.random())
            yield crm.write(
                "lead.captured",
                at,
                person.mail,
                market=person.market,
                lead_source=chance.choice(("fair", "web", "referral", "list")),
            )
            fit = sold_to(person) or chance.random() < 0.15 + 0.4 * person.keen
            yield crm.write(
                "lead.qualified" if fit else "lead.disqualified",
                at + timedelta(days=6 * chance.random()),
                person.mail,
                market=person.market,
                reason="fits" if fit else "too-small",
            )
        at = person.joined + timedelta(days=60)
        while at < LAST_MOMENT:
            value = int(1000 * min(1, max(0, chance.gauss(person.keen, 0.15))))
            yield model.write(
                "score.recorded",
                at,
                person.user,
                market=person.market,
                score_model="will-buy",
                score_version="3",
                score_value=value,
            )
            at += timedelta(days=180)


def chores() -> Iterator[Touchpoint]:
    """Tasks, most of them done, and the goals that were set."""
    crm, board = Pen("tasks"), Pen("board")
    for person in people():
        chance = person.random("task")
        if chance.random() > 0.12 + 0.3 * person.keen:
            continue
        task = (Identifier("task", f"task-{person.number}"),)
        at = person.joined + (LAST_MOMENT - person.joined) * chance.random()
        due = at + timedelta(days=chance.uniform(2, 12))
        yield crm.write(
            "task.scheduled",
            at,
            person.mail,
            market=person.market,
            about=task,
            task_kind=chance.choice(("call", "offer", "visit")),
            due_at=due.isoformat(),
        )
        done = at + timedelta(days=chance.uniform(0.5, 14))
        if chance.random() < 0.9 and done < LAST_MOMENT:
            yield crm.write(
                "task.completed",
                done,
                person.mail,
                market=person.market,
                about=task,
                outcome="reached",
            )
    for quarter in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)):
        last = (quarter + timedelta(days=92)).replace(day=1) - timedelta(days=1)
        name = f"{quarter.year}-q{quarter.month // 3 + 1}"
        period: dict[str, Any] = {
            "period_start": quarter.date().isoformat(),
            "period_end": last.date().isoformat(),
        }
        yield board.write(
            "goal.set", quarter, goal=f"{name}/orders", metric="orders", target=1_200, **period
        )
        yield board.write(
            "goal.set", quarter, goal=f"{name}/deals", metric="deals_won", target=45, **period
        )
        for market in MARKETS:
            currency = CURRENCY[market]
            yield board.write(
                "goal.set",
                quarter,
                goal=f"{name}/revenue/{market}",
                market=market,
                metric="revenue",
                currency=currency,
                target=_DEAL_SIZE[currency] * 5,
                **period,
            )


def deals() -> Iterator[Touchpoint]:
    """Deals through both pipelines, with somebody of the company; a good part of them still open."""
    crm = Pen("bahi")
    number = 100
    for account in accounts():
        chance = Random(f"{SEED}:deals:{account.number}")
        for contact in (person for person in people() if person.account is account):
            if sold_to(contact):
                number += 1
                yield from _deal(crm, account, contact, f"D-{number}", chance)


def sold_to(person: Person) -> bool:
    """Whether somebody in sales tries to sell to this person: no deal follows a lead that was no good."""
    return person.account is not None and person.random("sold to").random() < 0.85


def _deal(
    crm: Pen, account: Account, contact: Person, number: str, chance: Random
) -> Iterator[Touchpoint]:
    pipeline = chance.choice(tuple(PIPELINES))
    stages = [stage for stage, _ in PIPELINES[pipeline]]
    about = (Identifier("deal", number), account.reference)
    at = contact.joined + (LAST_MOMENT - contact.joined) * chance.random() * 0.95
    amount = int(_DEAL_SIZE[contact.currency] * chance.lognormvariate(0, 0.6)) // 100 * 100

    def step(what: str, **more: Any) -> Touchpoint:
        nonlocal at
        written = crm.write(
            f"deal.{what}", at, contact.mail, market=contact.market, about=about, **more
        )
        at += timedelta(days=1 + chance.expovariate(1 / 16))
        return written

    def close_by(days: int) -> str:
        return date.fromordinal(at.date().toordinal() + days).isoformat()

    yield step(
        "opened",
        pipeline=pipeline,
        stage=stages[0],
        currency=contact.currency,
        amount_minor=amount,
        expected_close=close_by(75),
        subject=account.name,
    )
    for stage in stages[1:]:
        if at > LAST_MOMENT:
            return
        if chance.random() < 0.2:
            yield step(
                "lost",
                reason=chance.choice(("price", "silence", "other")),
                **({"competitor": "pulp-and-co"} if chance.random() < 0.4 else {}),
            )
            return
        yield step("moved", stage=stage)
        if chance.random() < 0.25 and at < LAST_MOMENT:
            yield step(
                "amount_changed",
                currency=contact.currency,
                amount_minor=int(amount * chance.uniform(0.7, 1.5)) // 100 * 100,
            )
    if at < LAST_MOMENT and chance.random() < 0.85:
        yield step("won", reason="quality")
        if at < LAST_MOMENT and chance.random() < 0.06:
            yield step("reopened", stage=stages[-1], reason="terms")
