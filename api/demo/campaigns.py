"""Campaigns: most of them work, one does not, and each costs money."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from api.demo.consents import PURPOSE, allows
from api.demo.world import CURRENCY, MARKETS, SEED, Pen, Person, people
from commands.touchpoint import Touchpoint


@dataclass(frozen=True)
class Campaign:
    """One mailing: to how many of those it could reach, and how many of a hundred do what."""

    code: str
    at: datetime
    share: float
    opens: float
    clicks: float
    buys: float
    leaves: float
    cost_cents: int
    """What a mail costs, in cents of a dollar."""


CAMPAIGNS = (
    Campaign("spring-25", datetime(2025, 5, 5, 8, tzinfo=UTC), 0.9, 0.38, 0.25, 0.6, 0.01, 20),
    Campaign("school-25", datetime(2025, 7, 28, 8, tzinfo=UTC), 0.9, 0.4, 0.3, 0.45, 0.01, 20),
    Campaign("diwali-25", datetime(2025, 10, 10, 6, tzinfo=UTC), 0.9, 0.55, 0.4, 0.5, 0.005, 20),
    Campaign("new-year-26", datetime(2026, 1, 8, 8, tzinfo=UTC), 0.9, 0.4, 0.3, 0.4, 0.01, 20),
    # Everybody got it three times, whatever they had answered; the link was broken, and many left.
    Campaign("flash-sale-26", datetime(2026, 3, 3, 4, tzinfo=UTC), 1.2, 0.14, 0.03, 0.0, 0.12, 400),
    Campaign("summer-26", datetime(2026, 5, 20, 8, tzinfo=UTC), 0.9, 0.41, 0.28, 0.4, 0.01, 20),
)
_RECKLESS = "flash-sale-26"
_UNITS = {"INR": 8_500, "EUR": 92, "JPY": 150, "BRL": 520, "USD": 100}
"""Minor units for one dollar, as the demo has it."""


def campaign_news() -> Iterator[Touchpoint]:
    """What is about no person: launches, costs, and rates to compare them by."""
    pen = Pen("marketing")
    for campaign in CAMPAIGNS:
        yield pen.write(
            "campaign.launched",
            campaign.at,
            campaign=campaign.code,
            channel="email",
            purpose=PURPOSE,
        )
        mails = Counter(person.market for person in recipients(campaign))
        for market in MARKETS:
            currency = CURRENCY[market]
            yield pen.write(
                "campaign.cost_recorded",
                campaign.at + timedelta(days=2),
                campaign=campaign.code,
                market=market,
                currency=currency,
                amount_minor=mails[market] * campaign.cost_cents * _UNITS[currency] // 100,
                cost_kind="mailing",
            )
    desk, chance = Pen("treasury"), Random(f"{SEED}:rates")
    for month in range(18):
        day = datetime(2025 + month // 12, month % 12 + 1, 1, 12, tzinfo=UTC)
        for currency in ("INR", "JPY", "BRL", "EUR"):
            digits = 100 if currency == "JPY" else 1
            millionths = 1_000_000 * 100 // _UNITS[currency] // digits
            yield desk.write(
                "rate.published",
                day,
                currency=currency,
                quote="USD",
                rate_millionths=int(millionths * chance.uniform(0.97, 1.03)),
                rate_date=day.date().isoformat(),
            )


def recipients(campaign: Campaign) -> list[Person]:
    """Who is to have it: those who allow it, and of the reckless one, everybody."""
    return [
        person
        for person in people()
        if person.joined < campaign.at
        and (campaign.code == _RECKLESS or allows(person, campaign.at))
        and person.random(campaign.code).random() < campaign.share * (0.6 + person.keen)
    ]


def mailings() -> Iterator[Touchpoint]:
    """Each mail from sending to whatever became of it."""
    pen = Pen("mailer")
    left: set[int] = set()
    for campaign in CAMPAIGNS:
        for person in recipients(campaign):
            if person.number in left and campaign.code != _RECKLESS:
                continue
            chance = person.random(f"{campaign.code}:mail")
            for repeat in range(3 if campaign.code == _RECKLESS else 1):
                at = campaign.at + timedelta(hours=9 * repeat, minutes=chance.randrange(90))
                yield from _one_mail(pen, campaign, person, at, chance, left)


def _one_mail(
    pen: Pen, campaign: Campaign, person: Person, at: datetime, chance: Random, left: set[int]
) -> Iterator[Touchpoint]:
    def mail(what: str, later: timedelta, **more: Any) -> Touchpoint:
        return pen.write(
            f"email.{what}",
            at + later,
            person.mail,
            market=person.market,
            campaign=campaign.code,
            **more,
        )

    yield mail(
        "sent", timedelta(), template=campaign.code, subject=f"{person.given}, {campaign.code}"
    )
    if chance.random() < 0.018:
        yield mail("bounced", timedelta(minutes=2), bounce=chance.choice(("hard", "soft", "soft")))
        return
    yield mail("delivered", timedelta(minutes=1))
    if chance.random() < campaign.opens * (0.5 + person.keen):
        read = timedelta(hours=chance.expovariate(0.2))
        yield mail("opened", read)
        if chance.random() < campaign.clicks:
            yield mail("clicked", read + timedelta(minutes=1), link="shop")
    if person.number not in left and chance.random() < campaign.leaves:
        left.add(person.number)
        gone = timedelta(hours=chance.uniform(1, 60))
        yield mail("complained" if chance.random() < 0.1 else "unsubscribed", gone)
