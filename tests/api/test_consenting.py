"""`bahi consent` as it is typed: what is said goes on record, and the answer comes with its evidence."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.doors import here, newborn, shop

Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's files and its book, with two orders in it."""
    folder = shop(tmp_path_factory.mktemp("shop"))
    (folder / "text.txt").write_text("May we write to you?\n")
    (folder / "blob").write_bytes(b"\xff")
    ended = newborn(folder, "import", "shop.csv", "--mapping", "shop.toml")
    assert ended.code == 3, ended.err
    return folder


@pytest.fixture
def run(
    begun: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a command of `bahi` on a copy of it, with the exit code that it has to end with."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    for name in [name for name in os.environ if name.startswith("BAHI_")]:
        monkeypatch.delenv(name)

    def command(*given: str, code: int = 0) -> tuple[str, str]:
        ended = here(capsys, monkeypatch, tmp_path, *given)
        assert ended.code == code, (ended.out, ended.err)
        return ended.out, ended.err

    return command


NEWS = ("user:u1", "marketing/news", "email")
SHOWN = ("--notice", "news", "--version", "1")


def lines(out: str) -> list[str]:
    return [line.rstrip() for line in out.splitlines()]


def test_from_the_notice_to_the_answer(run: Run) -> None:
    notice = ("notice", "text.txt", "--notice", "news", "--version", "1", "--language", "en")
    assert run("consent", *notice, "--at", "2026-01-01") == (
        "The notice is published, at position 3.\n", "",
    )  # fmt: skip
    asked = ("consent", "request", *NEWS, *SHOWN, "--at", "2026-01-02T09:00:00Z")
    assert run(*asked)[0] == "The request is on record, at position 4.\n"
    yes = ("consent", "give", *NEWS, *SHOWN, "--at", "2026-01-02T09:05:00Z", "--id", "yes")
    given = (*yes, "--until", "2026-06-30", "--proof", "zanna@example.com")
    assert run(*given)[0] == "The consent is on record, at position 5.\n"
    again = json.loads(run(*given, "--json")[0])
    assert (again["position"], again["new"]) == (5, False)
    out, err = run("consent", "may", *NEWS, "--as-of", "2026-01-02T09:06:00Z")
    first, asked_at, decided, lapses, saw, text, when = lines(out)
    assert (first, err) == ("Yes: they consented.", "")
    assert asked_at == "  asked        marketing/news by email, on 2026-01-02 09:06 UTC"
    assert decided.startswith(
        "  decided by   consent.given at position 5, on 2026-01-02 09:05 UTC, id "
    )
    assert lapses == "  lapses       2026-06-30 23:59 UTC"
    assert (saw, text) == (
        "  they saw     news, version 1, en", "               May we write to you?",
    )  # fmt: skip
    assert when == "  may be sent  now: it is 09:06 in UTC; their time zone is not known"


def test_a_no_ends_with_4_and_names_what_decides(run: Run) -> None:
    assert lines(run("consent", "may", *NEWS, code=4)[0])[0] == (
        "No: they never said anything about it."
    )
    run("consent", "give", *NEWS, "--at", "2026-01-02", "--until", "2026-01-09")
    run("consent", "object", "user:u1", "marketing", "--at", "2026-01-03")
    out, _ = run("consent", "may", *NEWS, "--as-of", "2026-01-04", "--json", code=4)
    answer = json.loads(out)
    assert answer.pop("decided_by").items() >= {
        "position": 4, "type": "objection.raised", "occurred_at": "2026-01-03T00:00:00Z",
    }.items()  # fmt: skip
    del answer["customer"]
    assert answer == {
        "allowed": False, "state": "objected", "purpose": "marketing/news", "channel": "email",
        "lapses_at": None, "notice": None, "time_zone": None, "next_at": None,
    }  # fmt: skip
    run("consent", "lift", "user:u1", "marketing", "--at", "2026-01-05")
    run("consent", "unsubscribe", "user:u1", "--note", "enough", "--at", "2026-01-06")
    run("consent", "withdraw", *NEWS, "--at", "2026-01-07")
    run("consent", "refuse", *NEWS, "--at", "2026-01-08")
    out, _ = run("consent", "history", *NEWS)
    assert [line.split()[-1] for line in lines(out)[1:-1]] == [
        "given", "objected", "given", "unsubscribed", "unsubscribed", "unsubscribed",
    ]  # fmt: skip
    assert lines(out)[-1] == "6 events bear on marketing/news by email."
    steps = json.loads(run("consent", "history", *NEWS, "--as-of", "2026-01-06", "--json")[0])
    assert [(step["position"], step["then"], step["decided_by"]) for step in steps] == [
        (3, "given", 3), (4, "objected", 4), (5, "given", 3), (6, "unsubscribed", 6),
    ]  # fmt: skip
    permission = run("view", "permission", "--format", "json", "--as-of", "2026-01-05")[0]
    assert [(row["state"], row["position"]) for row in json.loads(permission)] == [
        ("unknown", None), ("given", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("withdraw", *NEWS), 1,
         "consent: expected one that is given: else refuse it, came one that nobody ever gave"),
        (("give", "user:u1", "Marketing", "email"), 2,
         "PURPOSE: expected one word of small letters, digits and _.:/+- such as marketing/newsletter"),
        (("lift", "user:u1", "news"), 1, "objection: expected one to news that stands, came none"),
        (("give", *NEWS, *SHOWN), 1, "notice: expected one published by then, came 'news'"),
        (("give", *NEWS, "--until", "2020-01-01"), 1, "valid_until: expected a time after "),
        (("may", "user:u9", *NEWS[1:]), 2, "no customer with that user"),
        (("notice", "blob", "--notice", "n", "--version", "1", "--language", "en"), 2,
         "blob: expected text in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_is_allowed(
    run: Run, command: tuple[str, ...], code: int, message: str
) -> None:
    out, err = run("consent", *command, code=code)
    assert out == ""
    assert err.startswith(f"bahi: {message}")


def test_hours_are_those_of_the_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("consent", "give", *NEWS, "--at", "2026-01-02")
    asked = ("consent", "may", *NEWS, "--as-of", "2026-01-04T12:00:00Z", "--json")
    monkeypatch.setenv("BAHI_SENDING_HOURS", "6-9")
    assert json.loads(run(*asked)[0])["next_at"] == "2026-01-05T06:00:00Z"


def test_a_yes_that_lapses_before_their_day_begins_says_so(run: Run) -> None:
    run("consent", "give", *NEWS, "--at", "2026-01-02", "--until", "2026-01-05T08:00:00Z")
    asked = ("consent", "may", *NEWS, "--as-of", "2026-01-04T21:00:00Z")
    told = " ".join(run(*asked)[0].split())
    assert told.endswith(
        "lapses 2026-01-05 08:00 UTC may be sent no more: it lapses before the next allowed hour of "
        "their day in UTC; their time zone is not known"
    )
    answer = json.loads(run(*asked, "--json")[0])
    assert (answer["allowed"], answer["next_at"]) == (True, None)
    run("consent", "give", *NEWS, "--at", "2026-01-03", "--until", "2026-01-05T08:00:01Z")
    assert json.loads(run(*asked, "--json")[0])["next_at"] == "2026-01-05T08:00:00Z"


def test_which_text_it_was_is_not_guessed(run: Run) -> None:
    for language in ("en", "de"):
        named = ("--notice", "news", "--version", "1", "--language", language)
        run("consent", "notice", "text.txt", *named, "--at", "2026-01-01")
    run("consent", "give", *NEWS, *SHOWN, "--at", "2026-01-02")
    out, _ = run("consent", "may", *NEWS, "--as-of", "2026-01-03")
    assert "  they saw     news, version 1" in lines(out)
    assert "which text that was is not on record" in out


def test_why_of_a_yes_names_it_and_a_key_that_is_none_is_not_quoted(run: Run) -> None:
    run("consent", "give", *NEWS, "--at", "2026-01-02")
    (row,) = json.loads(run("view", "consent", "--format", "json")[0])
    out, _ = run("why", "consent.given", row["member"], row["member"], *NEWS[1:], "--json")
    assert [event["position"] for event in json.loads(out)] == [3]
    assert run("why", "consent.given", row["member"], *NEWS, code=2) == (
        "", "bahi: key: expected values of the types of its columns\n",
    )  # fmt: skip
