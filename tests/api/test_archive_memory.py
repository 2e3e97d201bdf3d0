"""The archive of a person with a long past takes no more memory than that of one with a short one.

What a whole process takes, at a hundred thousand events and at a million, is measured by `make bench`.
"""

import tracemalloc
from pathlib import Path

from api.archive import export
from api.staging import Staging
from ledger.opening import Ledger
from tests.api.archives import wanted
from tests.bench.made import touchpoints
from tests.commands.samples import clock, opened, recorded, take

FEW, MANY = 3_000, 6_000
KIB = 1_500
"""By how much the peak may grow: half of what so many more events take if they are kept."""


def peak_of(ledger: Ledger, folder: Path, count: int) -> float:
    """KiB at the most, on top of what there was before, while a person of so many events is told."""
    take(ledger, *touchpoints(count, customers=1))
    customer = recorded(ledger)[0].event.customer
    assert customer is not None
    target, staging = folder / f"{count}.zip", Staging(folder / "staging")
    tracemalloc.start()
    try:
        written = export(ledger, wanted(customer), target, staging, clock=clock)
        peak = tracemalloc.get_traced_memory()[1] / 1024
    finally:
        tracemalloc.stop()
    assert written.events >= count
    return peak


def test_memory_stays_where_it_was_however_much_there_is_to_tell(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        _, few, many = (peak_of(ledger, tmp_path, count) for count in (100, FEW, MANY))
    assert many - few < KIB, (few, many)
