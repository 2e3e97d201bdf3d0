"""The purchases of CDNOW, read by us and by a few lines that know nothing of us."""

import gzip
import hashlib
from collections import Counter
from datetime import UTC, date
from itertools import islice
from pathlib import Path

from ledger.catalogue.commerce import OrderPlaced
from streams.files import BY_PLACE, draft_mapping, load_mapping, parse_mapping, read_file
from tests.streams.reading import touchpoints

DATA = Path(__file__).parents[1] / "data"
CDNOW = DATA / "CDNOW_master.txt.gz"

Purchase = tuple[str, date, int, int]
"""Customer, day, pieces, cents."""


def plainly() -> list[Purchase]:
    found = []
    for line in gzip.decompress(CDNOW.read_bytes()).decode("ascii").split("\r\n")[1:]:
        if line:
            who, day, pieces, dollars = line.split()
            units, cents = dollars.split(".")
            on = date(int(day[:4]), int(day[4:6]), int(day[6:]))
            found.append((who, on, int(pieces), int(units) * 100 + int(cents)))
    return found


def test_every_purchase_is_read_exactly() -> None:
    mapping = load_mapping(DATA / "cdnow.toml")
    warnings: list[str] = []
    rows = list(read_file(CDNOW, mapping, warn=warnings.append))
    read: list[Purchase] = []
    for touchpoint in touchpoints(rows):
        order = touchpoint.payload
        assert isinstance(order, OrderPlaced)
        assert order.quantity is not None
        assert (order.currency, touchpoint.occurred_at.tzinfo) == ("USD", UTC)
        (user,) = touchpoint.identifiers
        read.append((user.value, touchpoint.occurred_at.date(), order.quantity, order.amount_minor))
    assert read == plainly()
    assert len(read) == len(rows) == 69_659
    assert sum(cents for *_, cents in read) == 250_031_563
    assert len({who for who, *_ in read}) == 23_570
    assert sum(times - 1 for times in Counter(read).values()) == 255
    assert sum(cents == 0 for *_, cents in read) == 80
    assert warnings == [BY_PLACE]
    digest = hashlib.sha256(gzip.decompress(CDNOW.read_bytes())).hexdigest()
    numbers = range(1, len(rows) + 1)
    assert [t.message_id for t in touchpoints(rows)] == [f"{digest}:{n}" for n in numbers]


def test_the_drafted_mapping_reads_the_same_purchases() -> None:
    drafted = parse_mapping(draft_mapping(CDNOW))
    ours = load_mapping(DATA / "cdnow.toml")
    pairs = zip(read_file(CDNOW, drafted), read_file(CDNOW, ours), strict=True)
    for left, right in islice(pairs, 5_000):
        assert touchpoints([left])[0].payload == touchpoints([right])[0].payload
        assert touchpoints([left])[0].identifiers == touchpoints([right])[0].identifiers
