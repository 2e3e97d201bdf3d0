"""The page for who runs a server, done line by line: roles, grants, backup, restore."""

import gzip
import re
from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import Postgres, find_programs
from tests.system.cli import CDNOW, CDNOW_MAPPING, ROOT, Scratch, first_purchases
from tests.system.pages import FENCE, OPERATIONS, on_path

PURCHASES = 10_000


@pytest.mark.timeout(300)
def test_every_line_of_the_page_runs_in_order_and_roles_may_what_it_says(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    data = tmp_path / "tests" / "data"
    data.mkdir(parents=True)
    (data / CDNOW_MAPPING.name).symlink_to(CDNOW_MAPPING)
    first = first_purchases(
        tmp_path, PURCHASES
    ).read_bytes()  # all of them are in `test_same_on_postgres`
    (data / CDNOW.name).write_bytes(gzip.compress(first))
    script = "\n".join(FENCE.findall(OPERATIONS.read_text(encoding="utf-8")))
    with Postgres({"fsync": "off", "full_page_writes": "off"}) as server:
        host, port = re.findall(r"@(.+):(\d+)/", server.url)[0]
        where = f"export PGHOST={host} PGPORT={port} PGUSER=bahi; PATH={find_programs()}:$PATH; "
        done = scratch.run_command(["bash", "-euxc", where + on_path(script)])
        assert done.code == 0, f"{done.out}\n{done.err}"
        assert f"{PURCHASES:,} appended" in done.out + done.err
        assert f"{PURCHASES:,} events, gapless and as they were written" in done.out
        assert "refused, and so it should be" in done.out
        recovered = PURCHASES + 3
        assert f"{recovered:,} events, gapless and as they were written" in done.out

        as_whom = server.url.replace("bahi@", "{}@").replace("/postgres", "/shop")
        with psycopg.connect(as_whom.format("bahi_app"), autocommit=True) as app:
            for forbidden in (
                "UPDATE book.event SET type = 'x'",
                "DELETE FROM book.event",
                "TRUNCATE book.event_tag",
                "ALTER TABLE book.event DISABLE TRIGGER ALL",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(forbidden.encode())
        with psycopg.connect(as_whom.format("bahi_analyst"), autocommit=True) as analyst:
            for forbidden in (
                "SELECT personal FROM book.event",
                "SELECT count(*) FROM book.readable",  # which names those who are erased
                "DELETE FROM book_views.customer_360",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    analyst.execute(forbidden.encode())
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(as_whom.format("nobody_of_ours"))
