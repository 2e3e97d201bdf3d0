"""Telling the story through the real commands: in the order in which it reached us, late and twice too."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random

from api.demo import campaigns, consents, sales, service, shop
from api.demo.world import SEED, Pen, twins
from commands.deciding import Desk
from commands.identity import merge, split
from commands.record import record
from commands.rules import RULES
from commands.touchpoint import Fate, Outcome, Touchpoint

_Delivery = tuple[datetime, int, Touchpoint]
"""When it reached us, and the place in the story, which tells apart what came at once."""

_LATE_PERCENT, _TWICE_PERCENT = 0.8, 0.4
"""Messages that reached us days after they happened, and such as were sent twice."""

_MISTAKEN = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
_MENDED = datetime(2026, 5, 11, 16, tzinfo=UTC)


@dataclass(slots=True)
class Told:
    """What became of everything that was told."""

    appended: int = 0
    duplicates: int = 0

    def count(self, outcome: Outcome) -> None:
        if outcome.refusal is not None:
            raise outcome.refusal  # the story is in order, or it is no story
        self.appended += outcome.fate is Fate.APPENDED
        self.duplicates += outcome.fate is Fate.DUPLICATE


def tell(desk: Desk, progress: Callable[[int, int], object] = lambda *_: None) -> Told:
    """Tell the whole story to a book, week by week; what it knows already is found to be known."""
    told = Told()
    for touchpoint in (*sales.pipelines(), *sales.schemas(), *consents.notices()):
        told.count(desk.carry_out(touchpoint, RULES[type(touchpoint.payload)]))
    free, ruled = deque(_delivered()), deque(_ruled())
    total = len(free) + len(ruled)
    while free or ruled:
        week = min(waiting[0][0] for waiting in (free, ruled) if waiting) + timedelta(days=7)
        recorded = record(
            desk.ledger,
            _drained(free, week),
            clock=desk.clock,
            future_tolerance=desk.future_tolerance,
            region=desk.region,
            limits=desk.limits,
        )
        for outcome in recorded:
            told.count(outcome)
        for touchpoint in _drained(ruled, week):
            told.count(desk.carry_out(touchpoint, RULES[type(touchpoint.payload)]))
        progress(total - len(free) - len(ruled), total)
    mistaken, mended = _one_or_two(desk)
    told.count(merge(desk, mistaken, despite_identifiers=True))
    told.count(split(desk, mended))
    return told


def _drained(waiting: deque[_Delivery], until: datetime) -> Iterator[Touchpoint]:
    """What was delivered before then; given away, so that memory is given back on the way."""
    while waiting and waiting[0][0] < until:
        yield waiting.popleft()[2]


def _ruled() -> list[_Delivery]:
    """Deals, each step of which is asked of a rule, by when it happened."""
    return sorted((t.occurred_at, number, t) for number, t in enumerate(sales.deals()))


def _delivered() -> list[_Delivery]:
    return sorted(_deliveries(), key=lambda delivery: delivery[:2])


def _deliveries() -> Iterator[_Delivery]:
    """Everything that no rule guards, by when it reached us; some late, some a second time."""
    chance = Random(f"{SEED}:deliveries")
    told: Iterable[Touchpoint] = chain(
        campaigns.campaign_news(),
        campaigns.mailings(),
        shop.arrivals(),
        consents.answers(),
        shop.visits(),
        shop.purchases(),
        shop.subscriptions(),
        service.talks(),
        service.tickets(),
        service.last_hours(),
        sales.companies(),
        sales.leads(),
        sales.chores(),
    )
    for number, touchpoint in enumerate(told):
        at = touchpoint.occurred_at
        if chance.random() * 100 < _LATE_PERCENT:
            at += timedelta(days=chance.uniform(1, 40))
        yield at, number, touchpoint
        if chance.random() * 100 < _TWICE_PERCENT:
            yield at + timedelta(minutes=chance.uniform(0, 3_000)), number, touchpoint


def _one_or_two(desk: Desk) -> tuple[Touchpoint, Touchpoint]:
    """Two people of one name were taken for one, and a week later found to be two."""
    pen = Pen("bahi")
    one, other = (desk.ledger.vault.look_up(twin.user) for twin in twins())
    mistaken = pen.write(
        "customers.merged", _MISTAKEN, customer=one, other=str(other), reason_given="same name"
    )
    mended = pen.write(
        "customers.split", _MENDED, customer=one, other=str(other), reason_given="two birthdays"
    )
    return mistaken, mended
