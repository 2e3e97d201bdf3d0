"""`bahi privacy` as it is typed: from the day a request comes in to its answer, and what stands in the way."""

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.api.doors import Ended, here, newborn

Run = Callable[..., Ended]
ZOE = "email:zoe@example.com"
RECEIVE = ("receive", ZOE, "access", "--law", "gdpr", "--country", "DE", "--zone", "Europe/Berlin")
ACCESS = (*RECEIVE, "--at", "2026-03-05", "--id", "first")
UUID_ = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `bahi privacy` in a scratch folder; it has to end with `code` (0)."""
    for name in ("BAHI_HOME", "BAHI_LEDGER", "BAHI_OFFICE_COUNTRY", "BAHI_OFFICE_ZONE"):
        monkeypatch.delenv(name, raising=False)

    def run_(*command: str, code: int = 0, by: str = "mia") -> Ended:
        ended = here(capsys, monkeypatch, tmp_path, "privacy", *command, by=by)
        assert ended.code == code, ended
        return ended

    return run_


def said(run: Run, *command: str, code: int = 0, by: str = "mia") -> list[str]:
    """The lines that it answers with, or why it was refused."""
    ended = run(*command, code=code, by=by)
    assert (ended.out == "") == bool(code)
    return (ended.err.removeprefix("bahi: ") if code else ended.out).splitlines()


def shown(run: Run, *command: str) -> Any:
    return json.loads(run(*command, "--json").out)


def test_from_receipt_to_the_answer(run: Run) -> None:
    first, called, token, theirs, due = said(run, *ACCESS)
    assert first == "The request is received, at position 1."
    assert re.fullmatch(f"It is called {UUID_}\\.", called)
    assert re.fullmatch("Give them this token, which is shown once: [-_A-Za-z0-9]{22}", token)
    assert theirs.endswith("nobody else, can point at what was done with their request.")
    assert due == "It is due by the end of 2026-04-07."  # Easter Sunday, Easter Monday
    assert said(run, "challenge", "first", "--at", "2026-03-06") == [
        "They were asked who they are, at position 2.",
        "Its clock waits; without that it would be due by the end of 2026-04-07.",
    ]
    known = ("verify", "first", "--by", "letter", "--at", "2026-03-20", "--id", "known")
    assert said(run, *known) == [
        "They are known to be who they say, at position 3.",
        "It is due by the end of 2026-04-20.",
    ]
    assert said(run, "extend", "first", "--ground", "complexity", "--at", "2026-04-20") == [
        "It is extended, at position 4.",
        "It is due by the end of 2026-06-19.",
    ]
    # Said again, it is dated as it was, although the request is due on another day by now.
    assert said(run, *known) == [
        "They are known to be who they say, at position 3; it was in the book already.",
        "It is due by the end of 2026-06-19.",
    ]
    assert said(run, "confirm", "first", "--at", "2026-04-21")[0] == (
        "Its receipt is confirmed, at position 5."
    )
    request = called.split()[-1][:-1]
    assert said(run, "fulfil", request, "--at", "2026-06-19T21:59:59Z") == [
        "It is fulfilled, at position 6."
    ]
    assert said(run, "refuse", "first", "--ground", "excessive", code=1) == [
        "request: expected one that is received or challenged or verified, came one that was fulfilled on 2026-06-19 at position 6"
    ]
    events = shown(run, "show", "first")["events"]
    assert [(e["position"], e["occurred_at"], e["type"]) for e in events] == [
        (1, "2026-03-04T23:00:00Z", "privacy.requested"),
        (2, "2026-03-05T23:00:00Z", "privacy.challenged"),
        (3, "2026-03-19T23:00:00Z", "privacy.verified"),
        (4, "2026-04-19T22:00:00Z", "privacy.extended"),
        (5, "2026-04-20T22:00:00Z", "privacy.confirmed"),
        (6, "2026-06-19T21:59:59Z", "privacy.fulfilled"),
    ]
    assert events[2]["data"] == {
        "request": request,
        "verified_by": "letter",
        "due_on": "2026-04-20",
    }


def test_it_can_be_found_by_programs(run: Run) -> None:
    received = shown(run, *ACCESS)
    request, token = received.pop("request"), received.pop("token")
    assert len(token) == 22
    assert received == {
        "position": 1, "new": True, "state": "received", "due_on": "2026-04-07", "confirm_by": None,
    }  # fmt: skip
    again = shown(run, *ACCESS)
    assert (again["position"], again["new"], again["request"]) == (1, False, request)
    assert again["token"] is None
    (row,) = json.loads(run("list", "--as-of", "2026-04-08T00:00:00+02:00", "--json").out)
    del row["customer"]
    assert row == {
        "request": request, "duty": "answer", "due_on": "2026-04-07", "days_left": -1, "overdue": True,
        "right": "access", "law": "gdpr", "state": "received", "waits": False, "extended": False,
        "holds": None, "received_at": "2026-03-04T23:00:00Z",
    }  # fmt: skip
    assert shown(run, "list", "--as-of", "2026-03-01") == []
    run("refuse", "first", "--ground", "excessive", "--grounds", "a fifth letter this week")
    assert said(run, "list") == ["Nothing is due."]
    (row,) = shown(run, "list", "--all")
    assert (row["request"], row["state"], row["refusal_ground"]) == (
        request, "privacy.refused", "excessive",
    )  # fmt: skip


def test_california_confirms_first(run: Run) -> None:
    asked = ("receive", ZOE, "erasure", "--law", "ccpa", "--at", "2026-03-05", "--id", "la")
    assert said(run, *asked, "--zone", "America/Los_Angeles")[4:] == [
        "It is due by the end of 2026-04-19.",
        "Tell them by the end of 2026-03-19 that it has come.",
    ]
    rows = shown(run, "list", "--as-of", "2026-03-20T12:00:00Z")
    assert [(r["duty"], r["due_on"], r["days_left"], r["overdue"]) for r in rows] == [
        ("confirm", "2026-03-19", -1, True), ("answer", "2026-04-19", 30, False),
    ]  # fmt: skip
    assert said(run, "confirm", "la")[1:] == ["It is due by the end of 2026-04-19."]
    assert [row["duty"] for row in shown(run, "list")] == ["answer"]


def test_the_office_is_a_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAHI_OFFICE_COUNTRY", "DE")
    monkeypatch.setenv("BAHI_OFFICE_ZONE", "Asia/Kolkata")
    asked = ("receive", ZOE, "access", "--law", "gdpr", "--id", "x")
    # 18:30 UTC on the 4th is the 5th there.
    assert shown(run, *asked, "--at", "2026-03-04T18:30:00Z")["due_on"] == "2026-04-07"
    (event,) = shown(run, "show", "x")["events"]
    assert (event["data"]["jurisdiction"], event["data"]["time_zone"]) == ("DE", "Asia/Kolkata")


def test_a_hold_stops_an_erasure_by_name_until_it_is_released(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("receive", ZOE, "erasure", "--law", "gdpr", "--id", "away", "--at", "2026-03-05")
    run("verify", "away", "--at", "2026-03-06")
    placed = ("hold", ZOE, "claim-2026-14", "--ground", "litigation", "--at", "2026-03-07")
    assert said(run, *placed) == ["The hold stands, at position 3."]
    assert said(run, "fulfil", "away", code=1) == [
        "hold: expected none on this person, came claim-2026-14 (litigation), placed on 2026-03-07 at position 3"
    ]
    (row,) = shown(run, "list")
    assert row["holds"] == "claim-2026-14"
    assert "claim-2026-14" in run("show", "away").out
    assert said(run, "release", ZOE, "claim", code=1)[0].startswith(
        "hold: expected claim-2026-14, came claim of "
    )
    assert said(run, "release", ZOE, "claim-2026-14", "--ground", "settled") == [
        "The hold is released, at position 4."
    ]
    assert re.fullmatch(
        f"actor: expected somebody else than {UUID_}, who verified it, came the same",
        said(run, "fulfil", "away", code=1)[0],
    )
    refused = said(run, "fulfil", "away", code=1, by="leo")[0]
    assert refused.startswith("right: expected access, portability,")
    assert shown(run, "list")[0]["holds"] is None


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("verify", "second"), 2, f"no request {UUID_}"),
        (("verify", "00000000-0000-4000-8000-000000000000"), 2, f"no request {UUID_}"),
        (("show", "second"), 2, f"no request {UUID_}"),
        (("fulfil", "first"), 1,
         r"request: expected one that is verified, came one that was requested on 2026-03-04 at position 1"),
        (("refuse", "first", "--ground", "tax"), 1,
         r"ground: expected one of cannot-identify \(Art. 11\(2\), 12\(2\)\), .*, came 'tax'"),
        (("extend", "first", "--ground", "complexity"), 1,
         r"occurred_at: expected at the latest 2026-04-07, when it was due, came \d{4}-\d\d-\d\d"),
        (("extend", "first", "--ground", "a b"), 2, r"--ground: expected one word .*, came text of 3 characters"),
        ((*RECEIVE[:-1], "Berlin"), 2,
         r"--zone: expected a time zone such as Europe/Berlin, came text of 6 characters"),
        ((*RECEIVE[:-3], "XX"), 2, r"--country: expected an ISO 3166 country code such as DE, came .*"),
        (("receive", "0a0a0a0a-0000-4000-8000-000000000000", "access", "--law", "gdpr"), 2,
         r"no customer .*; the book has no event of theirs"),
        (("hold", "user:nobody", "x", "--ground", "audit"), 2, r"no customer with that user; .*"),
        (("show", "first", "--open"), 2, "--open: expected --reason, came none"),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_is_allowed(
    run: Run, command: tuple[str, ...], code: int, message: str
) -> None:
    run(*ACCESS)
    (line,) = said(run, *command, code=code)
    assert re.fullmatch(message, line), line


def test_whoever_asks_may_be_new_and_is_the_same_the_next_time(run: Run) -> None:
    first = shown(run, *ACCESS)
    second = shown(run, *RECEIVE, "--at", "2026-03-06")
    rows = shown(run, "list")
    assert {row["request"] for row in rows} == {first["request"], second["request"]}
    assert len({row["customer"] for row in rows}) == 1


def test_their_own_words_are_sealed_and_opening_them_goes_on_record(
    run: Run, tmp_path: Path
) -> None:
    run(*ACCESS, "--contact", "Zanna Street 1, Ulm", "--message", "all you have of Zanna")
    reason = "to answer Zanna"
    lines = said(run, "show", "first", "--open", "--reason", reason)
    assert {line.strip() for line in lines[1:4]} == {
        "email          zoe@example.com",
        "contact        Zanna Street 1, Ulm",
        "message        all you have of Zanna",
    }
    run("refuse", "first", "--ground", "excessive", "--grounds", "Zanna wrote daily")
    closed, closed_json = run("show", "first").out, run("show", "first", "--json").out
    told = shown(run, "show", "first", "--open", "--reason", "what they were told")
    # Where the answer went is destroyed with it.
    assert told["opened"] == {
        "identifiers": [["email", "zoe@example.com"]], "grounds": "Zanna wrote daily",
    }  # fmt: skip
    assert told["erased"] == 2
    events = newborn(tmp_path, "sql", "SELECT type, purpose FROM events", "--format", "json").out
    assert [(e["type"], e["purpose"]) for e in json.loads(events)][1:] == [
        ("personal_data.opened", "privacy"),
        ("privacy.refused", None),
        ("personal_data.opened", "privacy"),
    ]
    assert "anna" not in closed + closed_json + events
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 3
    assert not any(word in content for content in files for word in (b"anna", b"zoe@"))


def test_what_identifies_somebody_need_not_be_typed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{ZOE}\nUlm\n"))
    asked = ("receive", "-", "access", "--law", "gdpr", "--contact", "-", "--id", "x")
    assert said(run, *asked)[0] == "The request is received, at position 1."
    assert shown(run, "show", "x", "--open", "--reason", "to answer")["opened"] == {
        "identifiers": [["email", "zoe@example.com"]], "contact": "Ulm",
    }  # fmt: skip


def test_every_ground_stands_in_the_help(run: Run) -> None:
    text = " ".join(run("refuse", "--help").out.split()).replace("- ", "-")
    for ground in ("legal-claims (Art. 17(3)(e), 21(1))", "twice-a-year (Civ. Code § 1798.130(b))"):
        assert ground in text
    assert "complexity (Art. 12(3))" in " ".join(run("extend", "--help").out.split())
    assert "litigation: Art. 17(3)(e) GDPR" in " ".join(run("hold", "--help").out.split())
