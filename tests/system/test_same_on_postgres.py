"""What was told to an embedded store, told to one on a server: every view reads the same, cell by cell.

The purchases of CDNOW here; the demo in `test_erased_everywhere`, on a server that it has to itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from api.wiring import Bahi
from ledger.settings import Settings
from replay.history import Clocks
from tests.system.cli import CDNOW, CDNOW_MAPPING, Scratch
from tests.system.sameness import demand_same
from tests.system.told import purchases

TODAY = datetime(2026, 7, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Served(Scratch):
    """A folder where runs find the address of their ledger."""

    book_url: str
    vault_url: str

    def environment(self) -> dict[str, str]:
        """Return what a run sees."""
        served = {"BAHI_LEDGER": self.book_url, "BAHI_VAULT": self.vault_url}
        return super().environment() | served


@pytest.mark.timeout(300)
def test_every_view_of_the_purchases_reads_the_same_on_either_store(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> None:
    book, vault = (f"{postgres_url}?schema={name}_{uuid4().hex}" for name in ("book", "vault"))
    served = Served(tmp_path, book, vault)
    served.run("import", CDNOW, "--mapping", CDNOW_MAPPING)
    home = purchases(tmp_path_factory, "embedded").home
    with (
        Bahi.open(Settings(home=served.home, ledger=book, vault=vault), lambda: TODAY) as one,
        Bahi.open(Settings(home=home, ledger="", vault="", keyring=None), lambda: TODAY) as other,
    ):
        assert demand_same(one, other) > 20_000
        head = Clocks(known_upto=one.ledger.book.head())
        for name in one.views.folds:
            assert one.history.view(name, head).equals(one.history.view(name)), name
