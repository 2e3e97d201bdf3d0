"""Rows imported: the report, the letters of those refused, and trying them again."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commands.dead_letters import RefusedItem, keep_refused
from ledger.clock import random_ids
from ledger.errors import BadField, BadUsage, NotFound
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from ledger.vault import DEAD_LETTERS_KEPT
from streams.files import Mapping, parse_mapping, read_file
from streams.imports import Intake, Report, import_rows, replay_letters, try_rows
from tests.commands.samples import DAY, NOW, clock, opened, recorded

MAPPING = """
source = "shop"
[event]
type = "order.placed"
occurred_at = "when"
message_id = ["no"]
[identifiers]
user = "who"
email = "mail"
phone = "tel"
[tags]
market = "land"
[fields]
amount_minor = { column = "total", money = {} }
currency = "currency"
"""
HEADER = "no,who,mail,tel,land,when,total,currency"
GOOD = "1,u1,Zoe@example.com,,,2026-02-01T10:00:00Z,12.50,EUR"
NO_DATE = "2,u1,zoe@example.com,0171 1234567,DE,soon,12.50,EUR"
NO_MAIL = "3,u2,no-address,,,2026-02-01T10:00:00Z,12.50,EUR"
NOBODY = "4,,,,,2026-02-01T10:00:00Z,12.50,EUR"
IN_TWO = "5,u1\x00,zoe@example.com,,,2026-02-01T10:00:00Z,12.50,EUR"
TOO_SHORT = "6,u1"
INTAKE = Intake(clock, random_ids, DAY, region=None)


def mapping() -> Mapping:
    return parse_mapping(MAPPING, "shop.toml")


def written(folder: Path, *lines: str) -> Path:
    path = folder / "shop.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def imported(ledger: Ledger, path: Path, **more: Any) -> Report:
    return import_rows(ledger, read_file(path, mapping(), **more), "shop", INTAKE, **more)


def named_letters(ledger: Ledger, folder: Path, kind: str, value: str) -> list[object]:
    """Rows of the letters that an erasure would find by this identifier."""
    digest = ledger.keyring.identifier_digest(Identifier(kind, value))
    with closing(sqlite3.connect(folder / "vault" / "vault.db")) as vault:
        query = "SELECT hex(letter) FROM dead_letter_identifier WHERE digest = ?"
        found = {row[0] for row in vault.execute(query, (digest,))}
    return sorted(
        letter.coordinates["row"]
        for letter in ledger.vault.letters()
        if letter.id.hex.upper() in found
    )


def test_the_report_counts_every_row_once(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, NO_DATE, GOOD, NO_MAIL, NOBODY, TOO_SHORT)
    with opened(tmp_path) as ledger:
        why = [
            (2, 3, "occurred_at: expected a time in ISO 8601, came text of 4 characters"),
            (4, 5, "identifiers.email: expected an e-mail address, came text of 10 characters"),
            (5, 6, "identifiers: expected at least one that names a person, came none"),
            (6, 7, "row: expected 8 cells, came 2"),
        ]
        assert imported(ledger, path) == Report(6, 1, 1, 4, why)
        assert imported(ledger, path) == Report(6, 0, 2, 4, why)
        assert try_rows(read_file(path, mapping()), INTAKE) == Report(6, 0, 0, 4, why)
        letters = sorted(ledger.vault.letters(), key=lambda letter: letter.coordinates["row"])
        assert [(x.coordinates["row"], x.coordinates["line"], x.reason) for x in letters] == why
        assert {letter.door for letter in letters} == {"file:shop"}
        assert [letter.field for letter in letters] == [
            "occurred_at", "identifiers.email", "identifiers", "row",
        ]  # fmt: skip


def test_only_the_first_refusals_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, *(f"{n},,,,,2026-02-01T10:00:00Z,1.00,EUR" for n in range(25)))
    with opened(tmp_path) as ledger:
        report = imported(ledger, path)
        assert (report.refused, [row for row, *_ in report.refusals]) == (25, [*range(1, 11)])
        assert len(list(ledger.vault.letters())) == 25


def test_a_letter_is_found_by_whoever_its_row_names_why_ever_it_was_refused(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, GOOD, NO_DATE, NO_MAIL, NOBODY, IN_TWO)
    with opened(tmp_path) as ledger:
        imported(ledger, path)
        assert named_letters(ledger, tmp_path, "user", "u1") == [2]
        assert named_letters(ledger, tmp_path, "user", "u2") == [3]
        assert named_letters(ledger, tmp_path, "email", "zoe@example.com") == [2, 5]
        assert named_letters(ledger, tmp_path, "phone", "+491711234567") == [2]


def test_and_by_whoever_it_tells_of(tmp_path: Path) -> None:
    given = MAPPING.replace("order.placed", "referral.made").partition("[fields]")[0]
    referrals = parse_mapping(f'{given}[fields]\nreferred = "total"\n', "shop.toml")
    late = "1,u1,,,,2027-02-01T10:00:00Z,Ben <ben@example.com>,"
    no_date = "2,u1,,,,soon,ben@example.com,"
    path = written(tmp_path, late, no_date)
    with opened(tmp_path) as ledger:
        report = import_rows(ledger, read_file(path, referrals), "shop", INTAKE)
        assert report.refused == 2
        assert named_letters(ledger, tmp_path, "email", "ben@example.com") == [1, 2]


def test_what_a_letter_shows_without_being_opened_names_nobody(tmp_path: Path) -> None:
    path = written(tmp_path, NO_DATE, NO_MAIL, IN_TWO)
    with opened(tmp_path) as ledger:
        imported(ledger, path)
        shown = repr(list(ledger.vault.letters())).lower()
        assert not [text for text in ("zoe", "u1", "1234567", "no-address") if text in shown]


def tried(
    ledger: Ledger, rows: Iterable[int], new: str = MAPPING, **corrections: str
) -> list[str | None]:
    letters = {letter.coordinates["row"]: letter.id for letter in ledger.vault.letters()}
    answers = replay_letters(
        ledger,
        [letters[row] for row in rows],
        parse_mapping(new, "shop.toml"),
        INTAKE,
        corrections=corrections,
    )
    return [str(a.refusal) if a.refusal else a.fate.value for _, a in answers]


def test_a_letter_goes_when_its_row_is_taken_and_stays_when_it_is_not(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, NO_DATE, NO_MAIL)
    without_mail = MAPPING.replace('email = "mail"\n', "")
    with opened(tmp_path) as ledger:
        imported(ledger, path)
        refused = "occurred_at: expected a time in ISO 8601, came text of 4 characters"
        assert tried(ledger, [2, 3], without_mail) == [refused, "appended"]
        assert tried(ledger, [2], when="2026-02-02T10:00:00Z") == ["appended"]
        assert list(ledger.vault.letters()) == []
        assert len({found.event.customer for found in recorded(ledger)}) == 2
        assert imported(ledger, path).duplicates == 2


def test_rows_known_by_place_keep_their_id_when_they_are_tried_again(tmp_path: Path) -> None:
    by_place = MAPPING.replace('message_id = ["no"]\n', "")
    path = written(tmp_path, GOOD, NO_DATE)
    with opened(tmp_path) as ledger:
        rows = list(read_file(path, parse_mapping(by_place)))
        import_rows(ledger, rows, "shop", INTAKE)
        assert tried(ledger, [2], by_place, when="2026-02-02T10:00:00Z") == ["appended"]
        mended = [row for row in rows if row.row == 1]
        assert import_rows(ledger, mended, "shop", INTAKE).duplicates == 1


def test_id_columns_travel_with_the_letter(tmp_path: Path) -> None:
    by_place = MAPPING.replace('message_id = ["no"]\n', "")
    path = written(tmp_path, NO_DATE)
    with opened(tmp_path) as ledger:
        rows = read_file(path, parse_mapping(by_place), id_columns=("no",))
        import_rows(ledger, rows, "shop", INTAKE, id_columns=("no",))
        assert tried(ledger, [1], by_place, when="2026-02-02T10:00:00Z") == ["appended"]
        mended = written(tmp_path, NO_DATE.replace("soon", "2026-02-02T10:00:00Z"))
        assert imported(ledger, mended).duplicates == 1


@pytest.mark.parametrize("wrong", ["stranger", "foreign"])
def test_a_wrong_letter_stops_all_before_any_is_tried(tmp_path: Path, wrong: str) -> None:
    path = written(tmp_path, NO_MAIL)
    with opened(tmp_path) as ledger:
        imported(ledger, path)
        (own,) = (letter.id for letter in ledger.vault.letters())
        item = RefusedItem(BadField("a", "b", "c"), {"row": 7}, b"{}")
        keep_refused(ledger, "file:till", [item], clock=clock, ids=random_ids)
        foreign = next(x.id for x in ledger.vault.letters() if x.door == "file:till")
        other = foreign if wrong == "foreign" else random_ids()
        without_mail = parse_mapping(MAPPING.replace('email = "mail"\n', ""), "shop.toml")
        with pytest.raises(BadUsage if wrong == "foreign" else NotFound):
            list(replay_letters(ledger, [own, other], without_mail, INTAKE))
        assert ledger.book.head() == 0
        assert len(list(ledger.vault.letters())) == 2


def test_the_same_item_at_the_same_door_is_one_letter_and_old_ones_go(tmp_path: Path) -> None:
    item = RefusedItem(BadField("a", "b", "c"), {"row": 7}, b"zoe")
    with opened(tmp_path) as ledger:
        for door in ("file:shop", "file:shop", "file:till"):
            assert keep_refused(ledger, door, [item], clock=clock, ids=random_ids) == 1
        assert len(list(ledger.vault.letters())) == 2
        later = NOW + DEAD_LETTERS_KEPT
        assert keep_refused(ledger, "x", [], clock=lambda: later - DAY, ids=random_ids) == 0
        assert len(list(ledger.vault.letters())) == 2
        later += timedelta(microseconds=1)
        assert keep_refused(ledger, "x", [], clock=lambda: later, ids=random_ids) == 0
        assert list(ledger.vault.letters()) == []
