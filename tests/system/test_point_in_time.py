"""A server that is put back to where it was: book and vault are from before the erasure, the keyring is not."""

import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ledger.errors import StoreRolledBack
from tests.servers.postgres import Postgres
from tests.system.restoring import DAY, NOW, Shop, erase_them, events, item, known, readable, take


def copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners, as whoever keeps base backups does."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


@pytest.mark.timeout(120)
def test_a_server_put_back_to_an_earlier_moment_brings_nobody_back(tmp_path: Path) -> None:
    with Postgres({"fsync": "off"}) as server:
        data = server.folder / "data"
        shop = Shop(tmp_path, urlsplit(server.url).geturl())
        with shop.open() as bahi:
            names = ("anna", "ben")
            take(bahi, *(item("order.placed", name, NOW - DAY) for name in names))
            anna, ben = (known(bahi, name) for name in names)
        server.stop()
        copy(data, tmp_path / "base")
        server.start()
        with shop.open() as bahi:
            erase_them(bahi, anna)
        server.stop()
        copy(tmp_path / "base", data)
        server.start()
        with pytest.raises(StoreRolledBack, match="`bahi recover`"):
            shop.open()
        standing = shop.recover()
        assert (standing.untold, standing.returned) == (frozenset({anna}), frozenset({anna}))
        with shop.open() as bahi:
            assert readable(bahi, anna) == set()
            assert readable(bahi, ben) != set()
            bahi.catch_up()
            assert bahi.history.view("customer_360").column("customer").to_pylist() == [ben]
            assert [r.event.type for r in events(bahi)][2:] == [
                "ledger.recovered",
                "customer.erasing",
                "customer.erased",
            ]
