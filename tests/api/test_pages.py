"""A customer's page and a thing's: what people read, and what is left out of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.figures import told
from api.pages import Page, print_customer
from commands.touchpoint import Touchpoint
from ledger import catalogue
from replay.history import Clocks
from tests.api.doors import Ended, here, shop
from tests.system.restoring import DAY, NOW, Shop, item, known, mail, take

ZOE = "email:zoe@example.com"


def test_an_event_is_told_in_a_line_of_whole_values() -> None:
    lines = [{"product": "ink/indigo", "quantity": 4, "unit_amount_minor": 1200}]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"amount_minor": 499_800, "currency": "EUR"}, "amount 4,998.00, currency EUR"),
        ({"amount_minor": 4_998, "currency": "JPY"}, "amount 4,998, currency JPY"),
        ({"amount_minor": 4_998}, "amount_minor 4,998"),
        ({"metric": "leads", "target": 500}, "metric leads, target 500"),
        ({"currency": "EUR", "target": 500}, "currency EUR, target 5.00"),
        ({"lines": lines}, "1 line"),
        ({"lines": lines * 3}, "3 lines"),
        ({"properties": {"a": 1}}, 'properties {"a":1}'),
        ({"properties": {str(n): n for n in range(20)}}, "20 properties"),
        ({"text": "x" * 60}, f"text {'x' * 60}"),
        ({"text": "x" * 61}, f"text {'x' * 60}…"),
    ]
    for data, line in cases:
        assert told(data) == line


def test_a_customers_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(line: str, code: int = 0) -> Ended:
        ended = here(capsys, monkeypatch, tmp_path, *line.split())
        assert ended.code == code, ended
        return ended

    monkeypatch.delenv("BAHI_HOME", raising=False)
    shop(tmp_path)
    run("import shop.csv --mapping shop.toml", 3)
    (tmp_path / "people.toml").write_text(
        'source = "crm"\n[event]\ntype = "customer.identified"\noccurred_at = "when"\n'
        'message_id = ["no"]\n[identifiers]\nemail = "mail"\n[fields]\nemail = "mail"\n'
    )
    (tmp_path / "people.csv").write_text("no,mail,when\n1,Zoe@example.com,2026-01-02T03:04:05Z\n")
    run("import people.csv --mapping people.toml")
    run("account identify A-1 --name Weberei --company")
    account = json.loads(run(f"account join A-1 {ZOE} --json").out)["account"]
    run(f"consent refuse {ZOE} marketing/news email")
    page = run(f"customer {ZOE} --open --reason asked").out
    assert page.casefold().count("zoe@example.com") == 1
    assert f"{account} Weberei" in page
    assert "amount 12.50, currency EUR" in page
    assert "customer_dialogue" not in page
    permission = page.partition("\npermission\n")[2].partition("\n\n")[0]
    assert "marketing/news" in permission
    assert "refused" in permission
    assert "\nconsent\n" not in page
    views = json.loads(run(f"customer {ZOE} --json").out)["views"]
    assert {"consent", "customer_dialogue"} <= views.keys()
    assert f"{account} Weberei" in run(f"customer {ZOE} --as-of 2100-01-01").out


def test_what_somebody_else_told_of_them_is_on_their_page_and_in_no_figure_of_theirs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ours = Shop(tmp_path)
    said = {"program": "friends", "referred": "zoe@example.com"}
    referral = catalogue.parse("referral.made", said)
    with ours.open() as bahi:
        take(bahi, Touchpoint(referral, NOW - DAY, "shop", "r", (mail("anna"),)))
        take(bahi, item("order.placed", "zoe", NOW))
        bahi.catch_up()
        history, zoe = bahi.history, known(bahi, "zoe")
        for at in (Clocks(), Clocks(as_of=NOW), Clocks(known_upto=2)):
            (row,) = history.customer(zoe, at)["customer_360"].to_pylist()
            assert (row["customer"], row["touchpoints"], row["referrals"]) == (zoe, 1, 0)
        for who in (zoe, known(bahi, "anna")):
            print_customer(Page.of(history.persons(), who, {}, history.timeline(who)))
    of_zoe, of_anna = capsys.readouterr().out.split("Customer ")[1:]
    assert "by somebody else, who told of them: program friends" in of_zoe
    assert "somebody else" not in of_anna
