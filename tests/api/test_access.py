"""`bahi access` and `bahi webhook`: keys are shown once, and what they may is what was said."""

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from ledger.clock import system_clock
from ledger.keyring import Keyring
from ledger.stores import open_vault
from ledger.vault import ApiKey, Webhook
from tests.api.doors import Ended, here

ISSUE = ("access", "issue", "--name", "till 7", "--role", "agent", "--source", "pos")
CLIENT = ("access", "issue", "--name", "shop", "--role", "ingest", "--source", "web", "--client")


class Run:
    """Commands on a ledger in a folder, in this process, and what its vault says."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self._patch, self._given = patch, (capsys, patch, folder)
        self._home = folder / ".bahi"

    def __call__(self, *command: str, code: int = 0, stdin: str = "") -> Ended:
        self._patch.setattr(sys, "stdin", io.StringIO(stdin))
        ended = here(*self._given, *command)
        assert ended.code == code, ended.err
        return ended

    def refused(self, *command: str) -> str:
        return self(*command, code=2).err

    def admitted(self, key: str) -> ApiKey | None:
        keyring = Keyring.open(self._home / "keyring" / "keyring.json")
        with open_vault(self._home / "vault" / "vault.db", keyring) as vault:
            return vault.admit(key, system_clock())

    def webhook(self, source: str) -> Webhook | None:
        keyring = Keyring.open(self._home / "keyring" / "keyring.json")
        with open_vault(self._home / "vault" / "vault.db", keyring) as vault:
            return vault.webhook(source)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in os.environ:
        if name.startswith("BAHI_"):
            monkeypatch.delenv(name)
    return Run(tmp_path, capsys, monkeypatch)


def test_a_key_is_shown_once_and_may_what_was_said(run: Run) -> None:
    key = run(*ISSUE, "--expires", "2999-01-31").out.strip()
    found = run.admitted(key)
    assert found is not None
    assert (found.name, found.role, found.source, found.public) == ("till 7", "agent", "pos", False)
    listed = run("access", "list", "--json").out
    assert json.loads(listed) == [
        {
            "id": str(found.id), "name": "till 7", "role": "agent", "source": "pos", "kind": "server",
            "made_at": found.made_at.isoformat().replace("+00:00", "Z"),
            "expires_at": "2999-01-31", "expired": False, "origins": [],
        }
    ]  # fmt: skip
    table = run("access", "list").out
    assert "till 7" in table
    assert key[8:] not in listed + table


def test_a_client_key_is_for_ingest_and_for_the_pages_that_were_named(run: Run) -> None:
    pages = "--origin", "HTTPS://Shop.Example:443/", "--origin", "http://localhost:3000"
    told = json.loads(run(*CLIENT, *pages, "--json").out)
    found = run.admitted(told["key"])
    assert found is not None
    assert (str(found.id), found.public) == (told["id"], True)
    assert found.origins == ("https://shop.example", "http://localhost:3000")
    assert "no --origin, so browsers are refused" in run(*CLIENT).err


NONSENSE = [
    ((*ISSUE, "--client"), "--client: expected the role ingest"),
    ((*ISSUE, "--origin", "https://a.example"), "--origin: expected --client too"),
    ((*CLIENT, "--origin", "https://a.example/shop"), "--origin: expected scheme and host"),
    ((*CLIENT, "--origin", "*"), "--origin: expected scheme and host"),
    ((*CLIENT, "--origin", "https://a.example:99999"), "--origin: expected scheme and host"),
    ((*CLIENT, "--origin", "https://a.example\r\nx: y"), "--origin: expected scheme and host"),
    ((*ISSUE, "--expires", "2020-01-31"), "--expires: expected a time to come"),
    ((*ISSUE[:-1], "bahi:identity"), "--source: expected a name such as web"),
    ((*ISSUE[:-1], "two words"), "--source: expected a name such as web"),
    ((*ISSUE[:3], "a\nb", *ISSUE[4:]), "--name: expected up to 100 characters"),
    (("webhook", "add", "a/b", "--provider", "standard"), "SOURCE: expected a name"),
    (("webhook", "add", "mail", "--provider", "smoke"), "--provider: expected one of"),
    (("webhook", "add", "cash", "--provider", "stripe"), "--secret: expected the one that"),
]


def test_what_makes_no_sense_makes_no_key(run: Run) -> None:
    for command, why in NONSENSE:
        assert f"bahi: {why}" in run.refused(*command)
    run("begin")
    assert (run("access", "list").err, run("webhook", "list").err) == (
        "no keys; `bahi access issue` makes one\n",
        "no webhooks; `bahi webhook add` makes one\n",
    )


def test_a_key_is_rotated_and_revoked(run: Run) -> None:
    old = json.loads(run(*ISSUE, "--json").out)
    new = run("access", "rotate", old["id"])
    assert new.err.splitlines()[-1].startswith("the old one works until 2")
    again = json.loads(run("access", "rotate", old["id"], "--overlap-hours", "0", "--json").out)
    secrets = [old["key"], new.out.strip(), again["key"]]
    assert [run.admitted(key) is not None for key in secrets] == [False, False, True]
    run("access", "revoke", old["id"])
    assert run.admitted(again["key"]) is None
    assert f"no key {old['id']}" in run.refused("access", "revoke", old["id"])


def test_a_webhooks_secret_is_made_or_read_and_not_shown_again(run: Run) -> None:
    made = run("webhook", "add", "mail", "--provider", "standard").out.strip()
    assert re.fullmatch("whsec_[A-Za-z0-9+/]{43}=", made)
    assert run.webhook("mail") == Webhook("mail", "standard", made)
    given = run(
        "webhook", "add", "cash", "--provider", "stripe", "--secret", "-", stdin="whsec_1\n"
    )
    assert run.webhook("cash") == Webhook("cash", "stripe", "whsec_1")
    listed = run("webhook", "list")
    told = json.loads(run("webhook", "list", "--json").out)
    assert told == [
        {"source": "cash", "provider": "stripe", "path": "/v1/webhooks/cash"},
        {"source": "mail", "provider": "standard", "path": "/v1/webhooks/mail"},
    ]
    assert "whsec_1" not in given.out + given.err + listed.out + listed.err
    run("webhook", "remove", "cash")
    assert run.webhook("cash") is None
    assert "no webhook cash" in run.refused("webhook", "remove", "cash")
