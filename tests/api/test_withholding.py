"""Who is erased or restricted, as it is typed: what is told of them, to whom, and what is refused."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from api.wiring import Bahi
from commands.privacy.erasing import erase
from ledger.event import Event
from ledger.settings import Settings, read_settings
from ledger.sqlite.book import SqliteBook
from tests.api.doors import here, newborn, shop

Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with two customers, one of whom has a deal."""
    folder = shop(tmp_path_factory.mktemp("shop"))
    ended = newborn(folder, "import", "shop.csv", "--mapping", "shop.toml")
    assert ended.code == 3, ended.err
    stages = ("--stage", "new=10", "--stage", "won=100")
    for command in (
        ("deal", "pipeline", "office", *stages),
        ("deal", "open", "D1", "--pipeline", "office", "--stage", "new", "--customer", "user:u1"),
    ):
        ended = newborn(folder, *command)
        assert ended.code == 0, ended.err
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


@pytest.fixture
def zoe(run: Run) -> UUID:
    return UUID(json.loads(run("customer", "user:u1", "--json")[0])["customer"])


ORDERS = "SELECT count(*) AS n, count(customer) AS named FROM events WHERE type = 'order.placed'"


def orders(run: Run, *given: str) -> dict[str, int]:
    (row,) = json.loads(run("sql", ORDERS, "--format", "json", *given)[0])
    return dict(row)


def rows(run: Run, *command: str) -> list[dict[str, object]]:
    return list(json.loads(run(*command, "--format", "json")[0]))


def figures(page: str) -> list[str]:
    """What a page says of somebody's dealings with us."""
    return page[: page.index("deal")].splitlines()


def test_the_restricted_are_shown_for_few_purposes_until_it_is_lifted(run: Run, zoe: UUID) -> None:
    daily = rows(run, "view", "daily")
    page = run("customer", "user:u1")[0]
    assert run("privacy", "restrict", "user:u1", "--ground", "accuracy") == (
        "Their data is restricted, at position 5.\n", "",
    )  # fmt: skip

    out, err = run("customer", "user:u1", code=4)
    assert out == ""
    assert err == (
        f"bahi: customer {zoe}: their data is restricted, and is shown for the purposes "
        "consent, legal, protection, public-interest alone\n"
    )
    run("customer", str(zoe), "--open", "--reason", "they called", "--json", code=4)
    run("why", "customer_360.orders", "user:u1", code=4)
    run("consent", "history", "user:u1", "marketing/news", "email", code=4)
    assert (
        "their data is restricted"
        in run("consent", "may", "user:u1", "marketing/news", "email", code=4)[0]
    )
    assert str(zoe) not in run("view", "customer_360")[0]
    assert rows(run, "view", "deal")[0]["contact"] is None
    shown = json.loads(run("deal", "show", "D1", "--json")[0])
    assert [event["customer"] for event in shown["events"]] == [None]
    assert orders(run) == {"n": 2, "named": 1}
    assert [r for r in rows(run, "view", "daily") if r["type"] != "customer.restricted"] == daily
    assert run("consent", "may", "user:u2", "marketing/news", "email", code=4)[0] != ""

    for purpose in ("legal", "consent", "protection", "public-interest"):
        seen = json.loads(run("customer", "user:u1", "--json", "--purpose", purpose)[0])
        assert seen["views"]["customer_360"][0]["orders"] == 1
    legal = ("--purpose", "legal")
    assert str(zoe) in run("view", "customer_360", *legal)[0]
    assert rows(run, "view", "deal", *legal)[0]["contact"] == str(zoe)
    assert orders(run, *legal) == {"n": 2, "named": 2}
    shown = json.loads(run("deal", "show", "D1", "--json", *legal)[0])
    assert [event["customer"] for event in shown["events"]] == [str(zoe)]
    run("why", "customer_360.orders", "user:u1", *legal)
    run("consent", "history", "user:u1", "marketing/news", "email", *legal)
    opened = run("customer", "user:u1", "--open", "--reason", "a claim", *legal)[0]
    assert "zoe@example.com" in opened
    rows(run, "view", "erasure")

    _, err = run("privacy", "restrict", "user:u1", "--ground", "accuracy", code=1)
    assert "expected one who is not restricted, came one" in err
    run("privacy", "unrestrict", "user:u1", "--ground", "corrected")
    after = run("customer", "user:u1")[0]
    assert figures(after) == figures(page)
    assert orders(run) == {"n": 2, "named": 2}
    _, err = run("privacy", "unrestrict", "user:u1", "--ground", "again", code=1)
    assert "expected one who is restricted, came one unrestricted on" in err


def test_whoever_is_one_person_with_the_restricted_is_withheld_with_them(
    run: Run, zoe: UUID
) -> None:
    run("privacy", "restrict", "user:u2", "--ground", "claims")
    assert json.loads(run("customer", "user:u1", "--json")[0])["customer"] == str(zoe)
    run("merge", "user:u1", "user:u2", "--reason", "same", "--despite-identifiers")
    run("customer", "user:u1", code=4)
    assert orders(run) == {"n": 2, "named": 0}
    _, err = run("privacy", "unrestrict", "user:u1", "--ground", "settled", code=1)
    assert "expected" in err
    run("privacy", "unrestrict", "user:u2", "--ground", "settled")
    assert len(json.loads(run("customer", "user:u1", "--json")[0])["also_known_as"]) == 1


def test_a_restriction_names_the_request_that_asked_for_it(run: Run, zoe: UUID) -> None:
    asked = ("privacy", "receive", "user:u1", "restriction", "--law", "gdpr", "--id", "letter")
    run(*asked)
    run("privacy", "restrict", str(zoe), "--ground", "accuracy", "--request", "letter", "--json")
    (request,) = json.loads(run("privacy", "list", "--json")[0])
    assert request["customer"] == str(zoe), "who answers requests sees them all"
    query = "SELECT request, ground FROM events WHERE type = 'customer.restricted'"
    assert rows(run, "sql", query) == [{"request": request["request"], "ground": "accuracy"}]


ERASED_AT = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


def test_of_who_is_being_erased_only_that(run: Run, zoe: UUID, tmp_path: Path) -> None:
    data = {"legal_basis": "art17"}
    begun = Event(uuid4(), "customer.erasing", 1, "privacy", ERASED_AT, "bahi", data, zoe)
    with SqliteBook(tmp_path / ".bahi" / "book") as book:
        book.append([begun])
    assert run("customer", str(zoe), code=4) == (
        f"Customer {zoe}\n  being erased since 2026-02-03 04:05 UTC\n", "",
    )  # fmt: skip


def test_of_the_erased_only_that_and_when(run: Run, zoe: UUID) -> None:
    daily = rows(run, "view", "daily")
    with Bahi.open(read_settings(), lambda: ERASED_AT) as bahi:
        erase(bahi.office, [zoe], legal_basis="art17", actor=bahi.actor())
    for more in ((), ("--purpose", "legal"), ("--as-of", "2026-01-31")):
        assert run("customer", str(zoe), *more, code=4) == (
            f"Customer {zoe}\n  erased on 2026-02-03 04:05 UTC\n", "",
        )  # fmt: skip
    assert json.loads(run("customer", str(zoe), "--json", code=4)[0]) == {
        "customer": str(zoe),
        "erased": True,
        "erasing_at": "2026-02-03T04:05:00Z",
        "erased_at": "2026-02-03T04:05:00Z",
    }
    assert run("customer", str(uuid4()), code=2)[1].startswith("bahi: no customer ")
    for command in (
        ("why", "customer_360.orders", str(zoe)),
        ("consent", "may", str(zoe), "marketing/news", "email"),
        ("consent", "history", str(zoe), "marketing/news", "email"),
    ):
        out, err = run(*command, code=4)
        assert (out, f"customer {zoe} is erased" in err) == ("", True)
    for legal in ((), ("--purpose", "legal")):
        for day in ((), ("--as-of", "2026-01-31")):
            assert str(zoe) not in run("view", "customer_360", *legal, *day)[0]
            assert orders(run, *legal, *day)["named"] == 1
    assert rows(run, "view", "deal", "--purpose", "legal")[0]["contact"] is None
    private = ("customer.erasing", "customer.erased")
    assert [r for r in rows(run, "view", "daily") if r["type"] not in private] == daily
    (proof,) = rows(run, "view", "erasure")
    assert proof["customer"] == str(zoe)
    run("why", "erasure.erased_at", str(zoe))
    assert run("verify")[0] != ""


def test_where_one_class_is_erased_the_person_stays(run: Run, zoe: UUID, tmp_path: Path) -> None:
    at = datetime(2026, 2, 3, tzinfo=UTC)
    data = {"legal_basis": "retention", "classes": ["content"]}
    with SqliteBook(tmp_path / ".bahi" / "book") as book:
        book.append([Event(uuid4(), "customer.erasing", 1, "privacy", at, "bahi", data, zoe)])
    assert json.loads(run("customer", "user:u1", "--json")[0])["customer"] == str(zoe)
    assert orders(run) == {"n": 2, "named": 2}


def test_with_a_servers_own_sql_they_are_as_much_out_of_sight(
    tmp_path: Path, postgres_url: str
) -> None:
    mark = uuid4().hex
    at = f"{postgres_url}?schema=book_{mark}"
    settings = Settings(home=tmp_path, ledger=at, vault="", keyring=tmp_path / "keyring.json")
    one, two = uuid4(), uuid4()

    def say(bahi: Bahi, kind: str, who: UUID, domain: str = "privacy") -> None:
        data: dict[str, object] = {"legal_basis": "art17"} if kind == "customer.erasing" else {}
        bahi.ledger.book.append(
            [Event(uuid4(), kind, 1, domain, datetime.now(UTC), "test", data, who)]
        )

    def seen() -> set[UUID]:
        with psycopg.connect(postgres_url) as analyst:
            query = f"SELECT customer FROM book_{mark}_views.customer_360"
            return {customer for (customer,) in analyst.execute(query.encode())}

    with Bahi.open(settings) as bahi:
        for who in (one, two):
            say(bahi, "order.placed", who, "touchpoint")
        for kind, who, left in (
            ("customer.updated", one, {one, two}),
            ("customer.restricted", one, {two}),
            ("customer.unrestricted", one, {one, two}),
            ("customer.erasing", two, {one}),
        ):
            say(bahi, kind, who)
            assert bahi.catch_up() == []
            assert seen() == left, kind
