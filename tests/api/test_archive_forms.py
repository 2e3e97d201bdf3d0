"""An archive harms nobody who opens it, whatever people have written: pages, sheets and words."""

import base64
import hashlib
import re
import tomllib
import unicodedata
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.archive import markup
from api.archive.packing import Packing, Pages, Sheet
from api.archive.words import LANGUAGES, Words
from ledger.catalogue import About, Retention, types
from tests.api.archives import ALLOWED, Archive, Page, exported, wanted, zoe
from tests.commands.samples import NOW, opened, take, touchpoint

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</bdi></td></style><script src=//x></script>",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#x3c;",
    "\u202eevil\u202c \u2067x\u2069",
    "مرحبا بالعالم",
    "שלום <b>",
    "\x1b[31mred\x07 \x01\x02\x0b",
    "]]> -->",
    "$title ${style} {moment}",
    "line\nbreak\ttab",
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1",
    "＋1",
    "－1",
    "＠1",
]


def test_pages_show_what_people_wrote_and_obey_none_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        for n, text in enumerate(NASTY):
            said = {"author": "customer", "message": text}
            details = {"name": text, "job_title": text}
            items = (("chat.messaged", said), ("customer.updated", details))
            take(
                ledger,
                *(
                    touchpoint(f"{kind}{n}", kind, who={"user": "u1"}, at=NOW, data=data)
                    for kind, data in items
                ),
            )
        reason = NASTY[1]
        _, archive = exported(
            ledger, tmp_path, wanted(customer, reason=reason, staff=lambda _: NASTY[0])
        )
    pages = [name for name in archive.files if name.endswith(".html")]
    assert len(pages) == 5
    for name in pages:
        page = archive.page(name)
        assert page.elements <= ALLOWED
        assert {attribute for _, attribute, _ in page.attributes} <= {
            "lang", "dir", "charset", "http-equiv", "content", "name", "class", "href",
        }  # fmt: skip
        assert set(page.links) <= set(pages)
        assert page.policy.startswith("default-src 'none'; style-src 'sha256-")
        assert page.policy.endswith("'; base-uri 'none'; form-action 'none'")
        text = archive.files[name].decode()
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    shown = archive.page("events-1.html").texts
    assert {NASTY[0], NASTY[1], NASTY[3], NASTY[4], NASTY[6], NASTY[7], NASTY[10]} <= set(shown)
    assert r"\u202eevil\u202c \u2067x\u2069" in shown
    told = [line["personal"]["content"]["message"] for line in archive.lines("events")[9:-1:2]]
    assert told == [unicodedata.normalize("NFC", text) for text in NASTY]


def test_the_style_is_the_one_that_the_policy_names() -> None:
    text = markup.page("en", "x", [], markup.text("y")).decode()
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text
    assert "<" not in style[1]


@given(st.text())
def test_any_text_stays_text(value: str) -> None:
    page = Page(str(markup.element("p", markup.text(value))))
    assert page.elements == {"p", "bdi"}
    assert page.attributes == []


@pytest.mark.parametrize("value", FORMULAS)
def test_a_formula_is_a_text_in_every_sheet(tmp_path: Path, value: str) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        form = {"form": "contact", "answers": {"q": value}}
        said = {"author": "customer", "message": value}
        take(ledger, touchpoint("f1", "chat.messaged", who={"user": "u1"}, at=NOW, data=said))
        take(ledger, touchpoint("f2", "form.submitted", who={"user": "u1"}, at=NOW, data=form))
        _, archive = exported(ledger, tmp_path, wanted(customer, reason=value + "x"))
    cells = [cell for name in ("events", "openings") for row in archive.sheet(name) for cell in row]
    # What a tab or a line break parts from the first apostrophe, to some spreadsheets, has one of its own.
    text = f"'{value[0]}'{value[1:]}" if value[0] in "\t\r\n" else f"'{value}"
    assert text in cells
    assert value not in cells
    assert f"{text}x" in cells
    dangerous = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
    assert not [cell for cell in cells if dangerous.match(cell)]
    line = next(
        line
        for line in archive.lines("events")
        if line["type"] == "chat.messaged" and line["occurred_at"].startswith("2026-03-01")
    )
    assert line["personal"]["content"]["message"] == value


def test_numbers_stay_numbers_and_text_reads_as_it_was() -> None:
    file = BytesIO()
    sheet = Sheet(file, ["a"])
    for row in ([-5, None, True], ['say "hi", Zoë', "a\r\nb", {"x": [1]}]):
        sheet.add(row)
    sheet.close()
    assert file.getvalue().decode("utf-8-sig") == (
        'a\r\n-5,,true\r\n"say ""hi"", Zoë","a\r\nb","{""x"":[1]}"\r\n'
    )


def test_many_rows_are_many_pages_each_with_a_way_on(tmp_path: Path) -> None:
    file = BytesIO()
    with Packing(file, NOW, tmp_path) as packing:
        pages = Pages(packing, Words("en"), "events", "Events", ["n"])
        for n in range(1_200):
            pages.add([markup.text(str(n))])
        pages.close()
        packing.close()
    assert (pages.pages, pages.count) == (3, 1_200)
    archive = Archive({name: ZipFile(file).read(name) for name in ZipFile(file).namelist()})
    found = [archive.page(f"events-{n}.html") for n in (1, 2, 3)]
    assert [page.links for page in found] == [
        ["index.html", "events-2.html"],
        ["index.html", "events-1.html", "events-3.html"],
        ["index.html", "events-2.html"],
    ]
    numbers = [int(text) for page in found for text in page.texts if text.isdecimal()]
    assert numbers == list(range(1_200))


def test_long_rows_are_fewer_to_a_page(tmp_path: Path) -> None:
    with Packing(BytesIO(), NOW, tmp_path) as packing:
        pages = Pages(packing, Words("en"), "events", "Events", ["n"])
        for _ in range(40):
            pages.add([markup.text("x" * 60_000)])
        pages.close()
    assert pages.pages == 3


def table(name: str) -> dict[str, Any]:
    return tomllib.loads(files("api.archive").joinpath(name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["words.toml", "events.toml", "fields.toml"])
def test_every_phrase_is_said_in_every_language_with_the_same_pieces(name: str) -> None:
    for phrase, said in table(name).items():
        assert len(said) == len(LANGUAGES), phrase
        assert all(text.strip() == text and text for text in said), phrase
        assert len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in said}) == 1, phrase


def test_everything_that_happens_to_people_has_a_name_in_every_language() -> None:
    about_people = {model.TOPIC for model in types() if model.ABOUT is not About.NOBODY}
    assert table("events.toml").keys() == about_people
    known = {name for model in types() for name in model.model_fields} | {
        "claimed",
        "identifiers",
        "references",
    }
    assert table("fields.toml").keys() - known == {"amount"}  # of amount_minor, as money
    for retention in Retention:
        assert Words("en").kept_as(retention)
        assert f"for_{retention.value}" in table("words.toml")


@pytest.mark.parametrize(
    ("language", "day", "money", "number"),
    [
        ("en", "Mar 1, 2026 12:00:00", "¥1,234", "1,234,567"),
        ("de", "01.03.2026 12:00:00", "1.234\xa0¥", "1.234.567"),
        ("pt", "1 de mar. de 2026 12:00:00", "¥\xa01.234", "1.234.567"),
        ("hi", "1 मार्च 2026 12:00:00", "¥1,234", "12,34,567"),
    ],
)
def test_days_money_and_numbers_are_written_as_they_are_there(
    language: str, day: str, money: str, number: str
) -> None:
    words = Words.of(language)
    assert words.moment(NOW) == day
    assert words.money(1234, "JPY").replace("JP", "") == money
    assert words.number(1_234_567) == number
    assert words.money(5, "XXQ") == "5 XXQ"
