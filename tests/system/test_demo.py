"""The demo as a newcomer meets it: told once, found again, and every line that it offers to try."""

import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator
from fcntl import ioctl
from typing import Any

import pytest
from rich.cells import cell_len

from tests.system.cli import BAHI, Done, Scratch
from tests.system.pages import on_path
from tests.system.told import copied, first_run

_LIMIT_MB = 500
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    return copied(tmp_path_factory, "demo")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return first_run(tmp_path_factory)


@pytest.fixture(scope="module")
def second(scratch: Scratch, first: Done) -> str:
    """What the second run writes to a terminal of a hundred columns, without its colours."""
    assert first.code == 0, first.err
    return _ESCAPES.sub("", on_a_screen(scratch, 100)).replace("\r", "")


def shown(text: str) -> Iterator[str]:
    """Yield the lines that are read, not typed: a command stands whole, however long."""
    for line in text.splitlines():
        if "BAHI_HOME=" not in line:
            yield line


def events(text: str) -> int:
    found = re.search(r"([0-9,]+) events (were written|are in the book already)", text)
    assert found, text
    return int(found[1].replace(",", ""))


def test_the_first_run_tells_the_story_within_its_memory(first: Done) -> None:
    assert first.code == 0, first.err
    assert 55_000 < events(first.out) < 70_000
    assert int(first.err.split()[-1]) < _LIMIT_MB
    for part in (
        "customer_360",
        "What the open deals are likely to bring, as of 2026-06-30",
        "as of 2026-03-31",
        "May we send",
        "they saw",
        "Why does customer_360.orders say",
        "Try next",
    ):
        assert part in first.out
    assert "It was opened for this page, which is on record at position" in first.out
    assert "山本 花子" in first.out


def test_what_goes_through_a_pipe_is_plain(first: Done) -> None:
    assert "\x1b" not in first.out


def test_a_second_run_adds_nothing_and_says_so(scratch: Scratch, first: Done, second: str) -> None:
    assert f"Nothing was new: all {events(second):,} events are in the book already" in second
    assert "山本 花子" not in second
    counted = scratch.run("sql", "SELECT count(*) AS events FROM events", "--format", "json").json
    # What the first run wrote: the story, merges that followed from it, and one look at a person.
    merges = scratch.run(
        "sql", "SELECT count(*) AS merges FROM events WHERE source = 'bahi:identity'",
        "--format", "json",
    ).json  # fmt: skip
    assert counted[0]["events"] == events(first.out) + merges[0]["merges"] + 1
    before = scratch.run("keys", "show", "--json").json["book_size"]
    assert before == counted[0]["events"]


def test_a_screen_of_a_hundred_columns_shows_every_line_whole(second: str) -> None:
    assert "Nothing was new" in second
    assert [line for line in shown(second) if cell_len(line) > 100] == []
    assert "…" not in second.replace("… and", "")  # nothing is cut off


def test_every_line_to_try_works(scratch: Scratch, second: str) -> None:
    lines = [line.strip() for line in second.splitlines() if "BAHI_HOME=" in line]
    assert len(lines) >= 5
    for number, line in enumerate(lines):
        # The first as it stands there; how the others begin is the same.
        given = on_path(line.replace(f" {BAHI} ", " bahi ")) if number else line
        done = scratch.run_command(["sh", "-c", given])
        assert done.code == 0, f"{line}\n{done.err}"
        assert len(done.out.strip().splitlines()) > 1, line


def test_the_story_has_what_it_promises(scratch: Scratch, second: str) -> None:
    assert second
    query = """
    SELECT count(DISTINCT market)                                                    AS markets,
           count(DISTINCT pipeline)                                                  AS pipelines,
           count(DISTINCT CASE WHEN type = 'account.identified' THEN account END)    AS companies,
           count(DISTINCT CASE WHEN type = 'customer.identified' THEN customer END)  AS people,
           count(DISTINCT CASE WHEN type LIKE 'customers.%' AND source <> 'bahi:identity' THEN type END)
                                                                                     AS judged,
           count(*) FILTER (WHERE event_name = 'planner_exported' AND properties IS NOT NULL) AS own,
           count(DISTINCT domain)                                                    AS domains
    FROM events
    """
    (found,) = scratch.run("sql", query, "--format", "json").json
    assert (found["markets"], found["pipelines"], found["companies"]) == (5, 2, 150)
    assert found["people"] == 2_000
    assert found["judged"] == 2
    assert found["own"] > 50
    assert found["domains"] == 6  # all but privacy, which nobody has asked for yet
    assert story(scratch, _LATE)["late"] > 300
    assert story(scratch, _WITHOUT_CONSENT)["campaigns"] == "flash-sale-26"
    campaigns = scratch.run(
        "view", "campaign_result", "--as-of", "2026-06-30", "--format", "json", "--where", "cost_minor > 0"
    ).json  # fmt: skip
    lost = {row["campaign"] for row in campaigns if row["revenue_minor"] <= row["cost_minor"]}
    assert lost == {"flash-sale-26"}
    reasons = scratch.run("sql", "SELECT DISTINCT reason FROM attention", "--as-of", "2026-06-30", "--format", "json").json  # fmt: skip
    assert len(reasons) >= 6


_LATE = """
SELECT count(*) AS late
FROM (SELECT occurred_at < max(occurred_at) OVER (ORDER BY position) - INTERVAL 8 DAYS AS late FROM events)
WHERE late
"""
"""Told in weeks: what happened more than one before something that came earlier was late."""

_WITHOUT_CONSENT = """
WITH said AS (
    SELECT customer, occurred_at, type IN ('consent.given', 'objection.lifted') AS yes
    FROM events WHERE domain = 'consent' AND type <> 'consent.requested'
),
mailed AS (
    SELECT mail.campaign, arg_max(said.yes, said.occurred_at) AS yes
    FROM events AS mail
    LEFT JOIN said ON said.customer = mail.customer AND said.occurred_at <= mail.occurred_at
    WHERE mail.type = 'email.sent'
    GROUP BY mail.campaign, mail.position
)
SELECT string_agg(DISTINCT campaign) AS campaigns FROM mailed WHERE yes IS NOT TRUE
"""


def story(scratch: Scratch, query: str) -> Any:
    (row,) = scratch.run("sql", query, "--format", "json").json
    return row


def on_a_screen(scratch: Scratch, columns: int) -> str:
    """Return what the demo writes to a terminal of that width."""
    screen, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**scratch.environment(), "TERM": "xterm-256color"}
    del environment["COLUMNS"]
    with subprocess.Popen(
        [BAHI, "demo", "--home", scratch.home],
        cwd=scratch.folder,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    ) as running:
        os.close(terminal)
        written = b""
        while chunk := _read(screen):
            written += chunk
    os.close(screen)
    assert running.returncode == 0
    return written.decode()


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65_536)
    except OSError:  # Linux's way to say that the other side has gone
        return b""
