"""`deal`, `ticket`, `task`, `account`, `goal` and `schema`, as they are typed and answered."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli.carrying_out import Said, carry_out, parse
from api.wiring import Bahi
from ledger.catalogue import EventType
from ledger.errors import BadField
from ledger.settings import Settings
from tests.api.doors import Ended, clean, here, shop

Run = Callable[..., Ended]
ZOE = "email:zoe@example.com"
LAID_DOWN = [
    "deal",
    "pipeline",
    "inbound",
    "--stage",
    "lead=10",
    "--stage",
    "offer=40",
    "--currency",
    "EUR",
]
OPEN = ["deal", "open", "D-1", "--pipeline", "inbound"]
REPO = Path(__file__).parents[2]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in a scratch folder; it has to end with `code` (0)."""
    for name in ("BAHI_HOME", "BAHI_LEDGER", "BAHI_VAULT", "BAHI_KEYRING", "BAHI_REGION"):
        monkeypatch.delenv(name, raising=False)

    def run_(*command: str, code: int = 0) -> Ended:
        ended = here(capsys, monkeypatch, tmp_path, *command)
        assert ended.code == code, ended
        return ended

    return run_


def said(run: Run, line: str, code: int = 0) -> str:
    """What a command answers, or why it was refused."""
    ended = run(*line.split(), code=code)
    assert (ended.out == "") == bool(code)
    return (ended.err if code else ended.out).strip()


def shown(run: Run, *command: str) -> Any:
    return json.loads(run(*command, "--json").out)


def test_a_deal_from_its_pipeline_to_its_end(run: Run) -> None:
    assert run(*LAID_DOWN).out == "Pipeline inbound is defined, at position 1.\n"
    assert run(*OPEN).out == "The deal is open in stage lead, at position 2.\n"
    assert said(run, "deal move D-1 offr", 1) == (
        "bahi: stage: expected one of lead, offer, came 'offr'"
    )
    assert said(run, "deal move D-1 offer --close-by 2030-05-01") == (
        "The deal is in stage offer, at position 3."
    )
    assert said(run, "deal price D-1 1250.50 EUR") == (
        "The deal is worth 1250.50 EUR, at position 4."
    )
    assert said(run, "deal lose D-1 --reason price --competitor other") == (
        "The deal is lost, at position 5."
    )
    assert said(run, "deal reopen D-1 lead --reason call") == (
        "The deal is open again, in stage lead, at position 6."
    )
    assert said(run, "deal win D-1") == "The deal is won, at position 7."
    assert re.fullmatch(
        r"bahi: deal: expected one that is open, "
        r"came one that was won on \d{4}-\d\d-\d\d at position 7",
        said(run, "deal win D-1", 1),
    )
    events = shown(run, "deal", "show", "D-1")["events"]
    assert [(event["position"], event["type"], event["data"]) for event in events] == [
        (2, "deal.opened", {"pipeline": "inbound", "stage": "lead", "currency": "EUR"}),
        (3, "deal.moved", {"stage": "offer", "expected_close": "2030-05-01"}),
        (4, "deal.amount_changed", {"currency": "EUR", "amount_minor": 125_050}),
        (5, "deal.lost", {"reason": "price", "competitor": "other"}),
        (6, "deal.reopened", {"stage": "lead", "reason": "call"}),
        (7, "deal.won", {}),
    ]


def test_a_deal_is_shown_by_number_and_by_id_today_and_as_of_a_day(run: Run) -> None:
    run(*LAID_DOWN, "--at", "2026-01-01")
    opened = shown(run, *OPEN, "--at", "2026-01-01")
    run("deal", "win", "D-1", "--at", "2026-02-01T10:00:00+05:30")
    by_number, by_id = (shown(run, "deal", "show", name) for name in ("D-1", opened["deal"]))
    assert by_number == by_id
    assert by_number["deal"] == opened["deal"]
    moments = [event["occurred_at"] for event in by_number["events"]]
    assert moments == ["2026-01-01T00:00:00Z", "2026-02-01T04:30:00Z"]
    assert len(shown(run, "deal", "show", "D-1", "--as-of", "2026-01-31")["events"]) == 1
    assert "deal.won" in run("deal", "show", "D-1").out
    assert said(run, "deal show D-2", 2) == "bahi: no deal of that number"


def test_a_deal_is_shown_with_its_row_of_every_view_of_deals(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folds = tmp_path / "own" / "folds"
    folds.mkdir(parents=True)
    (folds / "steps.sql").write_text(
        "-- steps: one row a deal and type; how often.\n"
        "SELECT deal, type, count(*) AS steps FROM events GROUP BY deal, type;\n"
    )
    monkeypatch.setenv("BAHI_VIEWS", str(tmp_path / "own"))
    run(*LAID_DOWN, "--at", "2026-01-01")
    for number in ("D-1", "D-2"):
        run("deal", "open", number, "--pipeline", "inbound", "--at", "2026-01-01")
    run("deal", "win", "D-1", "--at", "2026-02-01")
    views = shown(run, "deal", "show", "D-1")["views"]
    assert [(row["type"], row["steps"]) for row in views["steps"]] == [
        ("deal.opened", 1), ("deal.won", 1),
    ]  # fmt: skip
    views = shown(run, "deal", "show", "D-1", "--as-of", "2026-01-31")["views"]
    assert [row["type"] for row in views["steps"]] == ["deal.opened"]
    assert "steps" in run("deal", "show", "D-1").out


def test_said_again_under_its_name_it_is_the_same_event(run: Run) -> None:
    run(*LAID_DOWN)
    first = run(*OPEN, "--id", "a script").out
    run("deal", "lose", "D-1")
    assert run(*OPEN, "--id", "a script").out == (
        first.removesuffix(".\n") + "; it was in the book already.\n"
    )
    assert shown(run, *OPEN, "--id", "a script") | {"deal": ""} == {
        "position": 2,
        "new": False,
        "deal": "",
    }
    again = run("deal", "open", "D-2", "--pipeline", "inbound", "--id", "a script", code=1)
    assert "expected the event already recorded at position 2" in again.err
    assert len(shown(run, "deal", "show", "D-1")["events"]) == 2


def test_an_amount_has_a_currency_and_its_decimals(run: Run) -> None:
    run("deal", "pipeline", "inbound", "--stage", "lead=10")
    for amount, currency, why in [
        ("5", None, "--currency: expected one, since there is an amount, came none"),
        ("12,50", "EUR", "--amount: expected an amount of money such as 12.50, not negative, came text"),
        ("5.001", "EUR", "--amount: expected money with at most 2 decimals, came text of 5 characters"),
        ("5.5", "JPY", "--amount: expected money with at most 0 decimals, came text of 3 characters"),
        ("5", "XYZ", "--currency: expected an ISO 4217 currency code such as EUR"),
    ]:  # fmt: skip
        given = ["--amount", amount, *(["--currency", currency] if currency else [])]
        assert run(*OPEN, *given, code=2).err.startswith(f"bahi: {why}")
    assert shown(run, *OPEN, "--amount", "5", "--currency", "JPY")["position"] == 2


def test_a_deal_is_in_the_currency_of_its_pipeline(run: Run) -> None:
    run(*LAID_DOWN)
    assert said(run, "deal open D-1 --pipeline inbound --amount 1250.50 --currency USD", 1) == (
        "bahi: currency: expected EUR, as pipeline inbound has it, came 'USD'"
    )
    run(*OPEN, "--amount", "1250.50")
    (event,) = shown(run, "deal", "show", "D-1")["events"]
    assert event["data"]["currency"] == "EUR"
    page = run("deal", "show", "D-1").out
    assert page.count("1,250.50") == 2
    assert "125050" not in page.replace(",", "")


def test_said_again_it_is_as_it_was_though_its_pipeline_is_seen_otherwise_now(run: Run) -> None:
    run(*LAID_DOWN, "--at", "2026-01-01")
    first = [*OPEN, "--id", "a script", "--at", "2026-02-01"]
    assert shown(run, *first)["new"] is True
    stages = ["--stage", "call=5", "--stage", "lead=10"]
    run("deal", "pipeline", "inbound", *stages, "--at", "2026-01-15")
    assert shown(run, *first)["new"] is False
    assert shown(run, *OPEN, "--id", "a script")["new"] is False
    run("deal", "open", "D-2", "--pipeline", "inbound", "--at", "2026-02-01")
    (event,) = shown(run, "deal", "show", "D-2")["events"]
    assert event["data"] == {"pipeline": "inbound", "stage": "call"}


NEVER = [
    ("deal open D-1 --pipeline inbound --close-by yesterday", "bahi: --close-by: expected a day"),
    ("deal open D-1 --pipeline inbound --market Europe", "bahi: --market: expected an ISO 3166"),
    ("deal open D-1 --pipeline inbound --campaign a@b", "bahi: --campaign: expected a name of"),
    ("deal pipeline p --stage lead=110", "bahi: --stage: expected at most 100, came 110"),
    ("deal pipeline p --stage lead", "bahi: --stage: expected NAME=PERCENT"),
    ("deal pipeline a@b --stage lead=5", "bahi: PIPELINE: expected one word of letters, digits"),
    ("deal move D-1 a@b", "bahi: STAGE: expected one word of letters, digits and _.:/+- such as"),
    ("deal price D-1 12,50 EUR", "bahi: AMOUNT: expected an amount of money such as 12.50"),
    ("deal price D-1 12.50 EURO", "bahi: CURRENCY: expected an ISO 4217 currency code"),
    ("deal lose D-1 --reason a@b", "bahi: --reason: expected one word of letters, digits"),
    ("goal set g --metric sales --target 1 --from 2030-01-01 --to 2030-02-01", "Usage: bahi goal"),
    ("goal set g --metric leads --target 1 --from 2030-02-01 --to 2030-01-01", "bahi: --to: "),
    ("ticket open T-1 --priority soon", "Usage: bahi ticket open"),
    ("ticket open T-1 --channel fax", "Usage: bahi ticket open"),
    ("ticket open T-1 --respond-within -5", "bahi: --respond-within: expected at least 0, came -5"),
    ("ticket reply T-1 --by robot", "Usage: bahi ticket reply"),
    ("task schedule K-1 --kind a@b --due 2030-01-01", "bahi: --kind: expected one word"),
    ("account identify A-1 --employees -1", "bahi: --employees: expected at least 0, came -1"),
]


def test_what_cannot_be_is_wrong_usage_and_named_as_it_is_typed(run: Run) -> None:
    run(*LAID_DOWN)
    run(*OPEN)
    for line, why in NEVER:
        assert said(run, line, 2).startswith(why), line
    assert shown(run, "ticket", "open", "T-1")["position"] == 3


def test_help_says_what_is_promised(run: Run) -> None:
    told = " ".join(run("ticket", "open", "--help").out.split())
    assert "urgent 1 h and 8 h, high 4 h and 24 h, normal 8 h and 72 h" in told


def test_what_is_personal_is_sealed_for_whoever_the_deal_is_with(run: Run, tmp_path: Path) -> None:
    shop(tmp_path)
    run("import", "shop.csv", "--mapping", "shop.toml", code=3)
    run(*LAID_DOWN)
    run("account", "identify", "A-1", "--name", "Weberei", "--company", "--market", "DE")
    run(*OPEN, "--customer", ZOE, "--account", "A-1", "--subject", "zanna one")
    run("deal", "win", "D-1", "--note", "zanna two")
    page = shown(run, "customer", ZOE)
    assert [e["type"] for e in page["timeline"]] == ["order.placed", "deal.opened", "deal.won"]
    book = b"".join(file.read_bytes() for file in (tmp_path / ".bahi" / "book").iterdir())
    assert b"zanna" not in book
    assert b"D-1" not in book
    missing = run("deal", "open", "D-2", "--pipeline", "inbound", "--account", "A-2", code=2)
    assert missing.err == "bahi: no account of that number\n"


def test_a_ticket_from_the_question_to_the_answer(run: Run) -> None:
    assert said(run, "ticket open T-1 --priority high --topic invoice --channel email") == (
        "The ticket is open, at position 1."
    )
    said(run, "ticket reply T-1 --by agent")
    said(run, "ticket assign T-1 --team billing --assignee bob")
    said(run, "ticket escalate T-1 --priority urgent --reason angry")
    said(run, "ticket resolve T-1 --resolution refunded")
    said(run, "ticket reopen T-1")
    assert said(run, "ticket close T-1 --reason done") == "The ticket is closed, at position 7."
    assert "expected one that is resolved, came one that was closed on" in (
        said(run, "ticket reopen T-1", 1)
    )
    assert said(run, "ticket reply T-2 --by agent", 2) == "bahi: no ticket of that number"
    events = shown(run, "ticket", "show", "T-1")["events"]
    assert [event["type"].removeprefix("ticket.") for event in events] == [
        "opened", "replied", "assigned", "escalated", "resolved", "reopened", "closed",
    ]  # fmt: skip
    assert events[0]["data"] == {
        "priority": "high",
        "channel": "email",
        "topic": "invoice",
        "respond_within_minutes": 240,
        "resolve_within_minutes": 1440,
    }
    assert (events[2]["data"]["team"], "bob" in str(events)) == ("billing", False)


def test_tasks_goals_schemas_and_companies(run: Run, tmp_path: Path) -> None:
    shop(tmp_path)
    run("import", "shop.csv", "--mapping", "shop.toml", code=3)
    assert said(run, "task schedule K-1 --kind call --due 2030-01-01 --assignee bob") == (
        "The task is due 2030-01-01 23:59 UTC, at position 3."
    )
    said(run, f"task schedule K-1 --kind call --due 2030-02-01T09:00:00Z --customer {ZOE}")
    said(run, "task complete K-1 --outcome reached --note later")
    assert "expected one that is scheduled" in said(run, "task complete K-1", 1)
    quarter = "--from 2030-01-01 --to 2030-03-31"
    assert said(run, f"goal set q1 --metric orders --target 10 {quarter}") == (
        "Goal q1 is set, at position 6."
    )
    said(run, f"goal set q1/DE --metric revenue --target 9.50 --currency EUR --market DE {quarter}")
    assert "--target: expected a whole number" in (
        said(run, f"goal set q1 --metric orders --target 9.50 {quarter}", 2)
    )
    (tmp_path / "walked.json").write_text('{"type": "object", "properties": {}}')
    assert said(run, "schema register walked walked.json") == (
        "The schema of walked is registered, at position 8."
    )
    (tmp_path / "walked.json").write_text("{")
    assert "walked.json: expected JSON" in said(run, "schema register walked walked.json", 2)
    assert said(run, "schema register walked nowhere.json", 1) == (
        "bahi: nowhere.json: No such file or directory"
    )
    said(run, "account identify A-1 --name Weberei --company --employees 9")
    assert said(run, f"account join A-1 {ZOE} --role buyer") == "They have joined, at position 10."
    assert "came one who joined on" in said(run, "account join A-1 user:u1", 1)
    assert said(run, "account leave A-1 user:u1") == "They have left, at position 11."
    assert said(run, "account join A-1 user:u9", 2).startswith("bahi: no customer with that user")
    events = shown(run, "account", "show", "A-1")["events"]
    assert [event["type"] for event in events] == [
        "account.identified", "member.joined", "member.left",
    ]  # fmt: skip


def test_of_two_clerks_at_two_screens_one_closes_the_deal(run: Run, tmp_path: Path) -> None:
    run(*LAID_DOWN)
    for number in ("D-1", "D-2"):
        run("deal", "open", number, "--pipeline", "inbound")
    for position, number in enumerate(("D-1", "D-2"), 4):
        clerks = {what: _start(tmp_path, "deal", what, number) for what in ("win", "lose")}
        told = {what: clerk.communicate() for what, clerk in clerks.items()}
        ended = {clerk.returncode: what for what, clerk in clerks.items()}
        assert sorted(ended) == [0, 1], told
        done = {"win": "won", "lose": "lost"}[ended[0]]
        assert told[ended[0]] == (f"The deal is {done}, at position {position}.\n", "")
        assert re.fullmatch(
            "bahi: deal: expected one that is open, "
            rf"came one that was {done} on \d{{4}}-\d\d-\d\d at position {position}\n",
            told[ended[1]][1],
        )


def test_now_is_after_whatever_was_said_to_be_now_a_moment_ago(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    minutes = iter(range(1_000))

    def clock() -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=next(minutes))

    settings = Settings(home=tmp_path, ledger="", vault="", keyring=None)
    with Bahi.open(settings, clock) as bahi:

        def ask(payload: EventType, at: str | None = None) -> None:
            said = Said(at, None, json=False)
            carry_out(bahi, said, payload, "Done", about={"ticket": "T"}, new={"ticket"})

        ask(parse("ticket.opened"))
        ahead = clock() + timedelta(minutes=6)
        ask(parse("ticket.replied", author="agent"), at=ahead.isoformat())
        ask(parse("ticket.replied", author="customer"))
        before = clock() - timedelta(minutes=30)
        with pytest.raises(BadField):
            ask(parse("ticket.replied", author="bot"), at=before.isoformat())
        *_, then, now = [event.event.occurred_at for event in bahi.ledger.book.read()]
        assert then == ahead <= now < clock()
    assert capsys.readouterr().out.splitlines()[-1] == "Done, at position 3."


def _start(folder: Path, *command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.api", *command],
        cwd=folder,
        env={**clean(), "PYTHONPATH": str(REPO)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
