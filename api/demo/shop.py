"""Who people are, what they look at, buy, subscribe to, and use."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from api.demo.campaigns import CAMPAIGNS
from api.demo.world import LAST_MOMENT, Pen, Person, people, words
from commands.touchpoint import Touchpoint
from ledger.identifiers import Identifier

_PAGES = ("home", "notebooks", "planners", "pens", "offices", "stories", "checkout", "help")
_FEATURES = ("page-scan", "habit-tracker", "shared-list", "calendar-sync")
_MONTH = timedelta(days=30)


def arrivals() -> Iterator[Touchpoint]:
    """The first visit, and for most the moment when they say who they are."""
    site, shop = Pen("site"), Pen("shop")
    for person in people():
        chance = person.random("arrival")
        first = person.joined - timedelta(days=chance.expovariate(0.3))
        for visit in range(1 + int(chance.expovariate(0.9))):
            yield site.write(
                "page.viewed",
                first + timedelta(minutes=3 * visit),
                person.browser,
                market=person.market,
                page=chance.choice(_PAGES),
                ip="198.51.100.7",
            )
        if chance.random() < 0.08:
            yield site.write(
                "ad.clicked",
                first,
                person.browser,
                market=person.market,
                network="search",
                ad="paper-that-lasts",
            )
        yield shop.write(
            "customer.identified",
            person.joined,
            person.user,
            person.mail,
            person.browser,
            market=person.market,
            name=_full_name(person),
            email=person.email,
            phone=person.phone if chance.random() < 0.7 else None,
        )
        yield shop.write(
            "preference.set",
            person.joined,
            person.user,
            market=person.market,
            language=person.language,
            time_zone=person.zone,
            preferred_currency=person.currency,
        )


def _full_name(person: Person) -> str:
    names = (
        (person.family, person.given) if person.market == "JP" else (person.given, person.family)
    )
    return " ".join(names)


def visits() -> Iterator[Touchpoint]:
    """Pages, forms, the planner's app; some on a second device that turns out to be theirs."""
    site, app = Pen("web"), Pen("app")
    for person in people():
        chance = person.random("visits")
        second = Identifier("anonymous", f"p-{person.number:05d}")
        if person.keen > 0.3 and chance.random() < 0.25:
            at = _between(person, chance)
            # Seen alone at first: a customer of its own until it logs in.
            yield site.write("page.viewed", at, second, market=person.market, page="home")
            yield site.write(
                "page.viewed",
                at + timedelta(days=chance.uniform(0.1, 20)),
                person.user,
                second,
                market=person.market,
                page="home",
            )
        for _ in range(int(person.keen * 17)):
            at, named = _between(person, chance), (person.user, person.browser)
            roll = chance.random()
            if roll < 0.62:
                yield site.write(
                    "page.viewed", at, *named, market=person.market, page=chance.choice(_PAGES)
                )
            elif roll < 0.67:
                yield site.write(
                    "form.submitted",
                    at,
                    *named,
                    market=person.market,
                    form=chance.choice(("sample-request", "question", "waitlist")),
                    answers={"text": f"{person.given}: A5?"},
                )
            elif roll < 0.72:
                yield site.write(
                    "cart.abandoned", at, *named, market=person.market, **_basket(person, chance)
                )
            else:
                yield app.write(
                    "feature.used",
                    at,
                    person.user,
                    market=person.market,
                    feature=chance.choice(_FEATURES),
                    quantity=chance.randrange(1, 6),
                )
        if person.keen > 0.75:
            yield app.write(
                "custom.tracked",
                _between(person, chance),
                person.user,
                market=person.market,
                tracked_name="planner_exported",
                tracked_properties={
                    "format": "pdf",
                    "pages": chance.randrange(1, 90),
                    "title": f"{person.given} 2026",
                },
            )


def purchases() -> Iterator[Touchpoint]:
    """Orders, a few of them given back, and the points that they earn."""
    shop = Pen("orders")
    number = 10_000
    for person in people():
        chance = person.random("orders")
        quiet = timedelta(days=chance.choice((0, 0, 0, 40, 120, 200)))
        for _ in range(int(person.keen**1.4 * 9 + chance.random())):
            number += 1
            at = _between(person, chance, quiet)
            order = (Identifier("order", f"B-{number}"),)
            basket = _basket(person, chance)
            campaign = _reason(at, chance)
            named = (person.user, person.mail)
            yield shop.write(
                "order.placed",
                at,
                *named,
                market=person.market,
                about=order,
                campaign=campaign,
                **basket,
            )
            if chance.random() < 0.6:
                yield shop.write(
                    "loyalty.earned",
                    at + timedelta(hours=1),
                    person.user,
                    market=person.market,
                    program="banyan-rings",
                    points=10 + basket["quantity"] * 5,
                )
            if chance.random() < 0.045:
                part = basket["amount_minor"] // chance.choice((1, 1, 2))
                yield shop.write(
                    "order.refunded",
                    at + timedelta(days=chance.uniform(3, 20)),
                    *named,
                    market=person.market,
                    about=order,
                    currency=person.currency,
                    amount_minor=part,
                    reason="damaged",
                )
            elif chance.random() < 0.012:
                yield shop.write(
                    "order.cancelled",
                    at + timedelta(hours=5),
                    *named,
                    market=person.market,
                    about=order,
                    reason="changed-mind",
                )
        if person.keen > 0.6 and chance.random() < 0.3:
            yield shop.write(
                "loyalty.redeemed",
                _between(person, chance, _MONTH),
                person.user,
                market=person.market,
                program="banyan-rings",
                points=50,
            )
        if person.keen > 0.5 and chance.random() < 0.2:
            yield shop.write(
                "referral.made",
                _between(person, chance),
                person.user,
                market=person.market,
                program="friends",
                referred="friend@mail.example.com",
            )


def subscriptions() -> Iterator[Touchpoint]:
    """The paper box: begun, renewed month by month, and by some ended."""
    shop = Pen("boxes")
    price = next(p for p in words()["products"] if p["product"] == "paper/handmade")
    for person in people():
        chance = person.random("box")
        if chance.random() > person.keen * 0.5:
            continue
        at = _between(person, chance)
        terms = {
            "plan": "paper-box",
            "currency": person.currency,
            "amount_minor": price[person.market],
        }
        yield shop.write(
            "subscription.started",
            at,
            person.user,
            market=person.market,
            billing_interval="month",
            **terms,
        )
        while (at := at + _MONTH) < LAST_MOMENT:
            if chance.random() < 0.07:
                yield shop.write(
                    "subscription.cancelled",
                    at,
                    person.user,
                    market=person.market,
                    plan="paper-box",
                    reason=chance.choice(("price", "too-much", "moving")),
                )
                break
            yield shop.write("subscription.renewed", at, person.user, market=person.market, **terms)


def _between(person: Person, chance: Random, quiet: timedelta = timedelta()) -> datetime:
    """Some moment from when they joined until `quiet` before the end, or half of their time."""
    known_for = LAST_MOMENT - person.joined
    day = person.joined + max(known_for - quiet, known_for / 2) * chance.random()
    return day.replace(hour=chance.randrange(5, 22), minute=chance.randrange(60))


def _basket(person: Person, chance: Random) -> dict[str, Any]:
    """Lines, their sum, and how many things they are."""
    lines = []
    for ware in chance.sample(words()["products"], chance.choice((1, 1, 1, 2, 2, 3))):
        quantity = chance.choice((1, 1, 1, 2, 3))
        lines.append(
            {
                "product": ware["product"],
                "quantity": quantity,
                "amount_minor": ware[person.market] * quantity,
            }
        )
    return {
        "currency": person.currency,
        "lines": lines,
        "quantity": sum(line["quantity"] for line in lines),
        "amount_minor": sum(line["amount_minor"] for line in lines),
    }


def _reason(at: datetime, chance: Random) -> str | None:
    """The mailing that an order answers: the likelier, the sooner after it."""
    for campaign in CAMPAIGNS:
        if timedelta() < at - campaign.at < timedelta(days=14) and chance.random() < campaign.buys:
            return campaign.code
    return None
