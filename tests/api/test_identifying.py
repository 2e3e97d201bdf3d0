"""`merge`, `split` and what every reading command makes of them."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.api.doors import MAPPING, Ended, clean, here, newborn, process

ROWS = """no,who,mail,when,total,currency,note
1,zanna1,,2026-01-02T03:04:05Z,12.50,EUR,
2,,zanna@example.com,2026-01-03T03:04:05Z,7.00,EUR,
3,zanna3,,2026-01-04T03:04:05Z,1.00,EUR,
4,,zanna4@example.com,2026-01-05T03:04:05Z,2.00,EUR,
5,zanna1,zanna4@example.com,2026-01-06T03:04:05Z,4.00,EUR,
"""
ID = r"[0-9a-f]{8}-[0-9a-f-]{27}"
ONE, MAIL, THREE = "user:zanna1", "email:zanna@example.com", "user:zanna3"


class Shop:
    """A shop of four people, two of whom its last order has shown to be one."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self._given = (capsys, patch, folder)

    def __call__(self, *command: str) -> Ended:
        return here(*self._given, *command)

    def judge(self, *command: str) -> Ended:
        return self(*command, "--reason", "zanna said so")

    def json(self, *command: str) -> Any:
        ended = self(*command, "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    def rows(self, query: str, *clocks: str) -> Any:
        return json.loads(self("sql", query, "--format", "json", *clocks).out)

    def ordered(self, who: str, *clocks: str) -> int:
        page = self.json("customer", who, *clocks)
        return sum(row["ordered"] for row in page["views"].get("customer_money", []))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.toml").write_text(MAPPING)
    (folder / "shop.csv").write_text(ROWS)
    assert newborn(folder, "import", "shop.csv", "-m", "shop.toml").code == 0
    return folder


@pytest.fixture
def shop(
    imported: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """A copy of its own."""
    for name in os.environ.keys() - clean().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    return Shop(shutil.copytree(imported, tmp_path / "shop"), capsys, monkeypatch)


def test_a_merge_a_split_and_both_said_again(shop: Shop) -> None:
    ended = shop.judge("merge", ONE, MAIL, "--id", "m")
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(rf"They are one person, read under {ID}, at position 7\.\n", ended.out)
    again = shop.judge("merge", ONE, MAIL, "--id", "m")
    assert again.out == ended.out.replace(".\n", "; it was in the book already.\n")
    assert shop.ordered(MAIL) == shop.ordered(ONE) == 2_550
    ended = shop.judge("split", MAIL, ONE)
    assert ended.out == "They are two people, at position 8.\n"
    assert (shop.ordered(MAIL), shop.ordered(ONE)) == (700, 1_850)


def test_for_programs(shop: Shop) -> None:
    merged = shop.json("merge", ONE, MAIL, "--reason", "x")
    one, other = merged.pop("read_under")
    assert merged == {"position": 7, "new": True, "one_person": True}
    assert one == other == shop.json("customer", MAIL)["customer"]
    parted = shop.json("split", ONE, MAIL, "--reason", "x")
    one, other = parted.pop("read_under")
    assert parted == {"position": 8, "new": True, "one_person": False}
    assert one != other


REFUSALS = [
    (("merge", ONE, THREE), 1, "--despite-identifiers merges them all the same\nbahi: identifiers: expected at most 1 of kind user for one person, came 2\n"),
    (("merge", ONE, ONE), 1, "bahi: customers: expected two, came one customer twice\n"),
    (("split", THREE, MAIL), 1, "bahi: customers: expected two who were merged, came one who was merged with nobody\n"),
    (("merge", ONE, "email:zanna4@example.com"), 1, "bahi: customers: expected two who were not merged yet, came two who were\n"),
    (("merge", ONE, "user:zanna9"), 2, "bahi: no customer with that user; what stands before the colon is the kind as the mapping names it, here user\n"),
    (("merge", ONE, MAIL, "--at", "2199-01-01"), 1, "bahi: occurred_at: expected at the latest …"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "code", "message"), REFUSALS, ids=[str(n) for n in range(6)])
def test_what_is_refused_names_no_identifier(
    shop: Shop, command: tuple[str, ...], code: int, message: str
) -> None:
    ended = shop.judge(*command)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(message.rstrip("…"))
    assert "zanna" not in ended.err
    assert shop.rows("SELECT count(*) AS n FROM events") == [{"n": 6}]


def test_a_reason_has_to_be_given(shop: Shop) -> None:
    assert shop("merge", ONE, MAIL).code == 2
    assert shop("merge", ONE, MAIL, "--reason", " ").err == (
        "bahi: --reason: expected why, came nothing\n"
    )


def test_whoever_judges_may_overrule_identifiers(shop: Shop) -> None:
    assert shop.judge("merge", ONE, THREE, "--despite-identifiers").code == 0
    assert shop.ordered(THREE) == shop.ordered(ONE) == 1_950


def test_one_link_taken_back_where_there_is_another_way(shop: Shop) -> None:
    shop.judge("merge", ONE, MAIL)
    shop.judge("merge", MAIL, "email:zanna4@example.com")
    ended = shop.judge("split", ONE, MAIL)
    assert re.fullmatch(
        rf"They are still one person, read under {ID}, by way of others they are merged with, "
        r"at position 9\.\n",
        ended.out,
    )
    refused = shop.judge("split", ONE, MAIL)
    assert refused.code == 1
    assert re.fullmatch(
        rf"bahi: customers: expected one that was merged with {ID}: {ID}, came {ID}\n", refused.err
    )


def test_the_page_of_any_member_is_that_of_the_person(shop: Shop) -> None:
    shop.judge("merge", MAIL, ONE, "--at", "2026-02-01T10:00:00Z")
    pages = [shop("customer", who).out for who in (ONE, MAIL, "email:zanna4@example.com")]
    assert pages == [pages[0]] * 3
    page = shop.json("customer", MAIL)
    assert page["customer"] == re.findall(ID, pages[0])[0]
    known_as = {each["since"]: each["customer"] for each in page["also_known_as"]}
    assert list(known_as) == ["2026-02-01T10:00:00Z", "2026-01-06T03:04:05Z"]
    judged, shown = known_as.values()
    piped = process(shop.folder, "customer", MAIL).out  # its lines are whole
    head, _, timeline = " ".join(piped.split()).partition(" timeline ")
    assert re.findall(rf"also known as ({ID}), since (\S+ \S+) UTC", head) == [
        (judged, "2026-02-01 10:00"),
        (shown, "2026-01-06 03:04"),
    ]
    told = r"(order\.placed)|customers\.merged one person with (\S+?)(, as one event named both)?(?: |$)"
    assert re.findall(told, timeline) == [
        *[("order.placed", "", "")] * 3,
        ("", shown, ", as one event named both"),
        ("order.placed", "", ""),
        ("", judged, ""),
    ]


def test_both_clocks_and_every_door_see_who_was_one_person(shop: Shop) -> None:
    shop.judge("merge", MAIL, ONE, "--at", "2026-02-01T10:00:00Z")
    before = ("--as-of", "2026-01-31")
    assert (shop.ordered(MAIL, *before), shop.ordered(MAIL)) == (700, 2_550)
    (line,) = shop.json("why", "customer_money.orders", MAIL, "EUR", *before)
    assert line["position"] == 2
    assert len(shop.json("why", "customer_money.orders", MAIL, "EUR")) == 4
    counted = "SELECT count(*) AS n FROM "
    for source, then, now in (
        ("customer_money", 3, 2), ("merged", 1, 2), ("joined", 2, 6), ("events", 6, 7),
    ):  # fmt: skip
        assert shop.rows(counted + source, *before) == [{"n": then}]
        assert shop.rows(counted + source) == [{"n": now}]
    (known,) = shop.rows("SELECT recorded_at FROM events WHERE position = 6")
    assert shop.ordered(MAIL, "--known-at", known["recorded_at"]) == 700


def test_what_is_opened_is_of_every_member(shop: Shop) -> None:
    shop.judge("merge", MAIL, ONE)
    page = shop.json("customer", MAIL, "--open", "--reason", "asked")
    assert sorted(page["profile"]["identifiers"]) == [
        "email:zanna4@example.com", "email:zanna@example.com", "user:zanna1",
    ]  # fmt: skip
    opened = "SELECT DISTINCT customer FROM events WHERE type = 'personal_data.opened'"
    assert len(shop.rows(opened)) == 3
