"""`bahi privacy rectify`, `superseded`, `redact`, `approve` and `retention`, as they are typed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projections import Views
from tests.api.doors import Ended, here

Run = Callable[..., Ended]
CARD = "4111111111111111"
ROWS = f"""id,when,user,email,name,campaign
1,2026-03-01T12:00:00Z,u1,zoe.ames@example.com,Zoe Aims,summer
2,2026-03-01T12:00:00Z,u1,,,{CARD}
3,2026-03-01T12:00:00Z,u2,,,summer
"""
MAPPING = """
source = "shop"
[event]
type = "customer.updated"
occurred_at = "when"
message_id = ["id"]
[identifiers]
user = "user"
email = "email"
[tags]
campaign = "campaign"
[fields]
name = "name"
email = "email"
"""
SEE = ("--reason", "they called")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `bahi` in a scratch folder, as `by` (mia); it has to end with `code` (0)."""
    for name in ("BAHI_HOME", "BAHI_LEDGER"):
        monkeypatch.delenv(name, raising=False)

    def run_(*command: str, code: int = 0, by: str = "mia") -> Ended:
        ended = here(capsys, monkeypatch, tmp_path, *command, by=by)
        assert ended.code == code, ended
        return ended

    (tmp_path / "shop.csv").write_text(ROWS)
    (tmp_path / "shop.toml").write_text(MAPPING)
    assert run_("import", "shop.csv", "--mapping", "shop.toml").code == 0
    return run_


def shown(run: Run, *command: str, by: str = "mia") -> Any:
    return json.loads(run(*command, "--json", by=by).out)


def profile(run: Run, who: str) -> Any:
    return shown(run, "customer", who, "--open", *SEE)["profile"]


MENDED = (
    "privacy", "rectify", "user:u1", "--set", "name=Zoë Ames", "--set", "email=zoe@example.com",
    "--not", "email:zoe.ames@example.com", "--set", "language=gu", "--id", "letter-3",
)  # fmt: skip


def test_what_is_wrong_is_replaced_wherever_it_is_read(run: Run) -> None:
    first, second = run(*MENDED).out.splitlines()
    assert first == "It is rectified, at position 4 and 6."
    assert second.startswith("What never named them names ")
    wrong = second.split()[-2]
    assert profile(run, "email:zoe@example.com") == {
        "name": "Zoë Ames",
        "email": "zoe@example.com",
        "identifiers": ["user:u1", "email:zoe@example.com"],
    }
    assert shown(run, "customer", "email:zoe.ames@example.com")["customer"] == wrong
    rows = shown(run, "customer", "user:u1")["views"]["customer_360"]
    assert rows[0]["language"] == "gu"
    again = run(*MENDED).out.splitlines()
    assert again == ["It is rectified, at position 4 and 6; it was in the book already.", second]


def test_who_may_sees_what_it_was_and_that_goes_on_record(run: Run) -> None:
    assert run("privacy", "superseded", "user:u1", *SEE).out == "Nothing was rectified.\n"
    run(*MENDED)
    found = shown(run, "privacy", "superseded", "user:u1", "--reason", "an audit")
    assert sorted((one["position"], one["name"], one["value"]) for one in found) == [
        (1, "email", "zoe.ames@example.com"),
        (1, "email", "zoe.ames@example.com"),
        (1, "name", "Zoe Aims"),
    ]
    told = run("sql", "SELECT purpose, count(*) AS n FROM events WHERE type = 'personal_data.opened' GROUP BY 1").out  # fmt: skip
    assert "audit" in told
    assert run("privacy", "superseded", "user:u1", "--reason", " ", code=2).out == ""


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (("--set", "shoe_size=42"), 2, "--set: expected FIELD=VALUE with FIELD one of address,"),
        (("--set", "name"), 2, "--set: expected FIELD=VALUE with FIELD one of address,"),
        (("--withdraw", "shoe_size"), 2, "--withdraw: expected 'name', "),
        (("--not", "zoe"), 2, "identifiers: expected kind:value, such as"),
        (("--set", "language=Gujarati"), 2, "--language: expected a language tag"),
        ((), 1, "customer.rectified: expected what is right, or what is wrong, came neither"),
        (("--is", "user:u2"), 1, "identifiers.user: expected one that names nobody else"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_as_it_was_typed(
    run: Run, options: tuple[str, ...], code: int, why: str
) -> None:
    ended = run("privacy", "rectify", "user:u1", *options, code=code)
    assert (ended.out, ended.err[: len(f"bahi: {why}")]) == ("", f"bahi: {why}")
    assert "zoe" not in ended.err


def test_two_of_us_remove_what_should_never_have_been_written(run: Run, tmp_path: Path) -> None:
    assert campaigns(run) == {CARD, "summer"}
    assert run("privacy", "redact", "2", "--ground", "card-number").out == (
        "The redaction is proposed, at position 4.\n"
        "Somebody else is to look at it: bahi privacy approve 4\n"
    )
    (asked,) = shown(run, "privacy", "redactions", by="tom")
    assert asked == {
        "proposal": 4, "position": 2, "type": "customer.updated", "occurred_at": "2026-03-01 12:00",
        "remove": "body and personal", "ground": "card-number", "proposed_by": "mia", "approved_at": None,
        "done": False,
    }  # fmt: skip
    assert "expected somebody else than" in run("privacy", "approve", "4", code=1).err
    digits = asked_for(run, 4)
    wrong = f"{(int(digits) + 1) % 10**6:06}"
    assert run("privacy", "approve", "4", "--yes", wrong, by="tom", code=4).err.endswith(
        f"Nothing was removed: expected {digits}, came something else.\n"
    )
    assert run("privacy", "approve", "2", "--yes", digits, by="tom", code=2).err == (
        "bahi: no proposal to redact at position 2\n"
    )
    assert run("privacy", "approve", "4", "--yes", digits, by="tom").out == (
        "Approved, at position 5.\n"
        "Of position 2 body and personal is removed; its leaf stands.\n"
        "Every view was folded anew.\n"
    )
    assert campaigns(run) == {"summer"}
    held = b"".join(
        f.read_bytes() for f in tmp_path.rglob("*") if f.name != "shop.csv" and f.is_file()
    )
    assert CARD.encode() not in held
    verified = shown(run, "verify")
    assert (verified["ok"], verified["redacted"], verified["to_redact"]) == (
        True, [{"position": 2, "removed": ["body", "personal"], "by": 5}], [],
    )  # fmt: skip
    assert "position 2: body and personal removed, as approved at 5\n" in run("verify").out
    assert [(one["approved_at"], one["done"]) for one in shown(run, "privacy", "redactions")] == [
        (5, True)
    ]
    again = shown(run, "privacy", "approve", "4")
    assert again == {"position": 5, "new": False, "removed": ["body", "personal"]}


def test_what_is_under_the_wrong_key_goes_alone(run: Run) -> None:
    run("privacy", "redact", "1", "--ground", "wrong-person", "--sealed-only")
    run("privacy", "redact", "2", "--ground", "wrong-person", "--sealed-only")
    digits = asked_for(run, 4)
    assert "Nothing was" in run("privacy", "approve", "5", "--yes", digits, by="tom", code=4).err
    assert run("privacy", "approve", "4", "--yes", digits, by="tom").out == (
        "Approved, at position 6.\nOf position 1 personal is removed; its leaf stands.\n"
    )
    assert "name" not in profile(run, "user:u1")
    assert run("privacy", "redact", "9", "--ground", "mistaken", code=2).err == (
        "bahi: no event at position 9\n"
    )
    assert run("privacy", "redact", "2", "--ground", "two words", code=2).out == ""


def asked_for(run: Run, proposal: int) -> str:
    """The digits that whoever approves is asked to type, having been shown what of."""
    told = run("privacy", "approve", str(proposal), "--yes", "", by="tom", code=4).err
    first = told.splitlines()[0]
    assert first.startswith(f"proposal {proposal} · position ")
    assert first.endswith(" · proposed_by mia")
    return told.partition("expected ")[2].partition(",")[0]


def test_broken_off_it_is_told_and_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the process is killed when the bytes are gone, and no view was folded anew."""

    class Died(BaseException):
        pass

    def die(*_: object) -> None:
        raise Died

    run("privacy", "redact", "2", "--ground", "card-number")
    digits = asked_for(run, 4)
    with monkeypatch.context() as patched:
        patched.setattr(Views, "rebuild_all", die)
        with pytest.raises(Died):
            run("privacy", "approve", "4", "--yes", digits, by="tom")
    assert campaigns(run) == {CARD, "summer"}
    ended = run("verify", code=1)
    assert "position 2: approved to be removed, and not all gone" in ended.err
    (one,) = shown(run, "privacy", "redactions")
    assert (one["approved_at"], one["done"]) == (5, True)
    assert campaigns(run) == {"summer"}
    assert shown(run, "verify")["to_redact"] == []


def campaigns(run: Run) -> set[str]:
    rows = json.loads(run("view", "campaign_customer", "--format", "json").out)
    return {row["campaign"] for row in rows}


def test_what_was_kept_long_enough_is_let_go(run: Run, tmp_path: Path) -> None:
    """The orders are of March 2026; whenever this runs, that is less than a hundred years ago."""
    assert run("privacy", "retention").out.splitlines()[0] == "Nobody's time is over."
    rule = 'name = "who"\nclass = "identity"\nperiod = "P90Y"\ndomains = ["touchpoint"]\n'
    home = tmp_path / ".bahi" / "retention.toml"
    home.write_text(f"[[rule]]\n{rule}")
    listed = shown(run, "privacy", "retention", "--dry-run", "--as-of", "2116-03-02")["due"]
    assert [(one["class"], one["rule"], one["over_on"], one["stays"]) for one in listed] == [
        ("identity", "who", "2116-03-02", None),
        ("identity", "who", "2116-03-02", None),
    ]
    assert run("privacy", "retention", "--as-of", "2116-03-02", code=2).out == ""
    home.write_text(f"[[rule]]\n{rule}".replace("P90Y", "P0D"))
    run("privacy", "hold", "user:u2", "claim", "--ground", "litigation")
    ended = run("privacy", "retention", "--yes", code=3)
    assert "stays: hold: expected none on this person, came claim (litigation)" in ended.out
    assert ended.out.splitlines()[-1] == "1 let go; `bahi privacy certificate` shows each."
    assert run("customer", "user:u1", code=2).out == ""
    assert shown(run, "customer", "user:u2")["timeline"]


def test_the_record_of_processing_is_for_people_and_programs(run: Run) -> None:
    told = run("privacy", "record-of-processing").out
    assert "Controller, Art. 30(1)(a)\n  name       named in no [controller]" in told
    assert "behaviour  P14M" in told
    record = shown(run, "privacy", "record-of-processing")
    assert [one["events"] for one in record["activities"] if one["domain"] == "touchpoint"] == [3]
