"""The processes of a round over topics: who writes the book and publishes it, who sends and who consumes.

Brokers and prefix stand in a file of the round's folder, so that each life of a process finds them.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from confluent_kafka import Producer

from api.wiring import Bahi
from ledger.errors import BahiError, StoreUnavailable
from ledger.settings import read_settings
from streams.kafka import consuming, publishing
from tests.soak.part import STOP, Part
from tests.soak.readers import command_line
from tests.soak.streams import consumed
from tests.streams.kafka.shop import Shop

_PEOPLE = 40


def point(folder: Path, bootstrap: str, prefix: str) -> None:
    """Tell the processes of a round where they find their topics."""
    told = {
        "BAHI_KAFKA": bootstrap,
        "BAHI_KAFKA_PREFIX": prefix,
        "BAHI_KAFKA_PARTITIONS": "3",
        "topic": f"{prefix}-given",
    }
    (folder / "kafka.json").write_text(json.dumps(told))


def _find(part: Part) -> dict[str, str]:
    told: dict[str, str] = json.loads((part.folder / "kafka.json").read_text())
    os.environ.update(told)
    return told


# ---- who writes


def shop(part: Part) -> None:
    """Take in what happens, and now and then merge, part, restrict and erase people; at the end
    restrict nobody any more.
    """
    with Bahi.open(read_settings()) as bahi:
        days = _Days(part, Shop(bahi, ""))
        while not part.told(STOP):
            days.go_on()
        days.end()


class _Days:
    """What happens in a shop, as chance has it."""

    def __init__(self, part: Part, shop: Shop) -> None:
        self._part = part
        self._shop = shop
        self._people: dict[str, UUID] = {}
        self._done = 0

    def go_on(self) -> None:
        chance, shop = self._part.chance, self._shop
        seldom: list[tuple[Callable[[], object], int]] = [
            (lambda: shop.consents(self._somebody(), channel=chance.choice(("email", "sms"))), 8),
            (lambda: shop.deal(f"d{chance.randrange(10**9)}", self._somebody()), 8),
            (lambda: shop.merge(self._somebody(), self._somebody()), 3),
            (lambda: shop.split(self._somebody(), self._somebody()), 6),
            (lambda: shop.restrict(self._somebody()), 4),
            (lambda: shop.unrestrict(self._somebody()), 8),
            (lambda: shop.erase(self._somebody()), 1),
        ]
        self._try(lambda: self._orders(f"life{self._part.life}-{chance.randrange(_PEOPLE)}"))
        for _ in range(chance.randint(0, 2)):
            (rarely,) = chance.choices(*zip(*seldom, strict=True))
            self._try(rarely)
        time.sleep(chance.uniform(0, 0.05))

    def end(self) -> None:
        """Whoever is restricted is so no more."""
        for one in sorted(self._shop.bahi.reading.restricted.now()):
            self._try(lambda one=one: self._shop.unrestrict(one))  # type: ignore[misc]

    def _orders(self, who: str) -> None:
        if self._people.get(who) in self._shop.bahi.reading.gone.now():
            who = f"{who}-{self._done}"  # whoever was erased does not come again
        self._people[who] = self._shop.orders(who, self._part.chance.randint(1, 120))

    def _somebody(self) -> UUID:
        gone = self._shop.bahi.reading.gone.now()
        living = [one for one in self._people.values() if one not in gone]
        if not living:  # chance has erased them all
            self._orders(f"life{self._part.life}-after-{self._done}")
            return self._somebody()
        return self._part.chance.choice(living)

    def _try(self, what: Callable[[], object]) -> None:
        try:
            what()
        except StoreUnavailable:
            raise
        except BahiError:  # what chance has chosen, and things do not allow
            return
        self._done += 1
        self._part.notes.write({"done": self._done})


# ---- who publishes


def publish(part: Part) -> None:
    """Be `bahi publish`, in transactions of any size, until another takes over."""
    _find(part)
    publishing._EVENTS = part.chance.choice((20, 200, 5_000))
    publishing._FEW_KEYS = part.chance.choice((5, 1_000))
    try:
        command_line("publish")
    except StoreUnavailable as error:
        if "has taken over" not in str(error):
            raise
        part.notes.write({"fenced": str(error)})


def publish_all(part: Part) -> None:
    """Be `bahi publish --once`."""
    _find(part)
    command_line("publish", "--once", "--json")


# ---- who sends


def send(part: Part) -> None:
    """Send numbered messages of forty people in every form, some of them twice and in other words, and
    one of ten is bad.
    """
    told = _find(part)
    producer = Producer(
        {
            "bootstrap.servers": told["BAHI_KAFKA"],
            "enable.idempotence": True,
            "delivery.timeout.ms": 300_000,
            "log_level": 2,
        }
    )
    n, named = 0, [0]
    while not part.told(STOP):
        for _ in range(part.chance.randint(1, 300)):
            n += 1
            if part.chance.random() < 0.1:
                messages = [_bad(part, n, part.chance.choice(named))]
            else:
                messages = [_good(part, n)]
                if _has_id(part, n):
                    named.append(n)
                    if part.chance.random() < 0.25:
                        # Seldom in other words: each such ends an append of the book's.
                        said = part.chance.choice(("",) * 50 + ("in other words",))
                        messages.append(_good(part, n, said))
            for message in messages:
                producer.produce(told["topic"], **message)
        producer.poll(0)
        time.sleep(part.chance.uniform(0, 0.3))
    assert producer.flush(120) == 0


_AT = "2026-03-01T12:00:00Z"
_JSON = ("content-type", b"application/json")
_CE = "application/cloudevents+json"


def _form(part: Part, n: int) -> str:
    """How number `n` is said: as CloudEvents, and of one seed in Segment's way, of another as rows."""
    if n % 4 < 2:
        return ("structured", "binary")[n % 4]
    return _others(part)


def _others(part: Part) -> str:
    return ("segment", "rows", "rows without ids")[part.seed % 3]


def _has_id(part: Part, n: int) -> bool:
    """Whether it brings an id, by which it is known when it is sent again, and not its place alone."""
    form = _form(part, n)
    return form != "rows without ids" and (form != "segment" or n % 3 > 0)


def _good(part: Part, n: int, said: str = "", of: int | None = None) -> dict[str, Any]:
    """Message `n`, in other words that are sealed; or what says `n` under the id of another number."""
    of = n if of is None else of
    who, form, note = f"u{of % _PEOPLE}", _form(part, of), f"{consumed.SECRET} {n} {said}"
    headers = [(consumed.NUMBER, str(n).encode()), (consumed.FORM, form.encode())]
    value: dict[str, Any]
    if form == "segment":
        value = {"type": "page", "userId": who, "name": f"p{n}", "timestamp": _AT}
        value["properties"] = {"url": f"https://shop/{note}"}
        if _has_id(part, of):
            value["messageId"] = f"m{of}"
    elif form.startswith("rows"):
        value = {"no": f"m{of}", "when": _AT, "who": who, "cents": n, "note": note}
    else:
        event = {"specversion": "1.0", "id": f"m{of}", "source": "/shop", "type": "order.placed"}
        order = {"currency": "EUR", "amount_minor": n, "note": note}
        value = {"identifiers": {"user": who}, "data": order}
        event["time"] = _AT
        if form == "structured":
            value = {**event, "data": value}
            headers.append(("content-type", _CE.encode()))
        else:
            headers += [(f"ce_{name}", text.encode()) for name, text in event.items()]
    if form != "structured":
        headers.append(_JSON)
    return {"key": who, "value": json.dumps(value), "headers": headers}


def _bad(part: Part, n: int, known: int) -> dict[str, Any]:
    """What cannot be taken; `known` is the number of one whose id may be used again, 0 of none."""
    how = part.chance.choice((*_SPOILT, *(["id used again"] * bool(known))))
    if how == "id used again":
        # On the same partition, so that the first is the first everywhere.
        message = _good(part, n + _BEYOND, of=known)
        headers = [one for one in message["headers"] if one[0] != consumed.NUMBER]
        return {**message, "headers": [(consumed.BAD, how.encode()), *headers]}
    good = _good(part, 4 * n)
    value, kind = _SPOILT[how](good["value"])
    headers = [(consumed.BAD, how.encode()), ("content-type", kind.encode())]
    return {"key": good["key"], "value": value, "headers": headers}


_BEYOND = 10**9
_SPOILT: Mapping[str, Callable[[str], tuple[str | bytes | None, str]]] = {
    "cut off": lambda text: (text[:-9], _CE),
    "null": lambda _: (None, _CE),
    "wrong content type": lambda text: (text, "text/plain"),
    "unknown type": lambda text: (text.replace("order.placed", "order.imagined"), _CE),
    "reserved type": lambda text: (text.replace("order.placed", "customer.erased"), _CE),
    "a century ahead": lambda text: (text.replace("2026-03", "2126-03"), _CE),
    "no UTF-8": lambda text: (text.encode().replace(b"order.", b"\xff\xfe"), _CE),
    "not a number": lambda text: (text.replace('"EUR"', "NaN"), _CE),
    "deep": lambda text: ("[" * 10_000 + text, _CE),
    "neither call nor row": lambda text: (text, "application/json"),
    "a list": lambda text: (f"[{text}]", "application/json"),
}


# ---- who consumes


def consume(part: Part) -> None:
    """Be `bahi consume`, in batches of any size, soon missed by the others."""
    told = _find(part)
    consuming.BATCH = part.chance.choice((3, 100, 1_000))  # type: ignore[attr-defined]
    consuming._SESSION_MS = part.chance.choice((1_500, 5_000))
    command_line("consume", told["topic"], *_as(part), "--group", told["topic"])


def consume_all(part: Part) -> None:
    """Be `bahi consume --once`, and list the refused."""
    told = _find(part)
    try:
        command_line("consume", told["topic"], *_as(part), "--group", told["topic"], "--once")
    except SystemExit as end:
        if end.code not in {0, 3}:
            raise


_ROWS = """
source = "web"
[event]
type = "order.placed"
occurred_at = "when"
%s
[identifiers]
user = "who"
[fields]
amount_minor = "cents"
currency = { value = "EUR" }
note = "note"
"""


def _as(part: Part) -> tuple[str, str]:
    """What tells the command how to read what is sent."""
    others = _others(part)
    if others == "segment":
        return "--source", "web"
    mapping = part.folder / f"{part.name}.toml"
    mapping.write_text(_ROWS % ('message_id = ["no"]' if others == "rows" else ""))
    return "--mapping", str(mapping)


def letters(part: Part) -> None:
    """Be `bahi dead list`."""
    command_line("dead", "list", "--json")


TASKS: Mapping[str, Callable[[Part], None]] = {
    task.__name__: task
    for task in (shop, publish, publish_all, send, consume, consume_all, letters)
}
