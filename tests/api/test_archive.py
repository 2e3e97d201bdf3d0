"""An archive of one person: everything that is theirs, nothing that is somebody else's, and all of it said."""

import hashlib
import stat
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.archive.portable import OURS, THEIRS
from commands.privacy.retention import read_rules
from ledger.catalogue import About, Retention, types
from ledger.errors import BadUsage, Erased
from ledger.event import Event
from ledger.opening import Ledger
from tests.api.archives import Archive, exported, sealed, two_in_one, wanted, zoe
from tests.commands.samples import (
    CLERK,
    DAY,
    NOW,
    customer_of,
    opened,
    recorded,
    stores_of,
    take,
    touchpoint,
)
from tests.ledger.openings import unsealed
from tests.ledger.vault_samples import sql


def staff(actor: UUID) -> str | None:
    return "Mia" if actor == CLERK else None


def test_everything_that_is_kept_of_a_person(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        take(
            ledger, touchpoint("x", who={"user": "u2"}, data={"currency": "EUR", "amount_minor": 1})
        )
        written, archive = exported(ledger, folder, wanted(customer, staff=staff))
        assert (written.events, written.pages, written.missing) == (10, 5, {})
        assert archive.json() == {
            "customer": str(customer),
            "customers": [str(customer)],
            "made_at": "2026-03-01T12:00:00.000000Z",
            "book_upto": 15,
            "request": None,
            "details": {"name": "Zoë Öz", "address": "New Street"},
            "identifiers": [
                {
                    "kind": kind,
                    "value": value,
                    "first": "2026-02-22T12:00:00.000000Z",
                    "last": "2026-02-27T12:00:00.000000Z",
                    "events": 9,
                }
                for kind, value in (("email", "zoe@example.com"), ("user", "u1"))
            ],
            "sources": {"bahi": 1, "shop": 9},
            "missing": {},
            "events": 10,
        }
        own = [r for r in recorded(ledger)[:-1] if r.event.customer == customer]
        lines = archive.lines("events")
        assert [line["id"] for line in lines] == [str(r.event.id) for r in own]
        order = lines[4]
        names = [["user", "u1"], ["email", "zoe@example.com"]]
        assert order == {
            "position": 9,
            "id": str(own[4].event.id),
            "recorded_at": "2026-03-01T12:00:00.000000Z",
            "occurred_at": "2026-02-26T12:00:00.000000Z",
            "type": "order.placed",
            "version": 1,
            "source": "shop",
            "customer": str(customer),
            "tags": [],
            "data": {"currency": "EUR", "amount_minor": 1250},
            "personal": {"content": {"note": "hello"}, "identity": {"identifiers": names}},
            "actor": str(CLERK),
        }
        assert [line["type"] for line in lines][-2:] == ["score.recorded", "personal_data.opened"]


def test_what_they_allowed_stands_with_the_text_that_they_were_shown(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        _, archive = exported(ledger, tmp_path, wanted(zoe(ledger)))
    (line,) = archive.lines("consents")
    assert (line["type"], line["title"]) == ("consent.given", "Post")
    assert (line["text"], line["proof"]) == ("Dürfen wir schreiben?", "double opt-in, 10:03")
    header, row = archive.sheet("consents")
    assert dict(zip(header, row, strict=True))["text"] == "Dürfen wir schreiben?"
    assert "Dürfen wir schreiben?" in "".join(archive.page("consents-1.html").texts)
    assert "Danach" not in archive


def test_who_looked_and_where_it_went(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        first, _ = exported(ledger, tmp_path, wanted(customer))
        _, archive = exported(ledger, tmp_path, wanted(customer, reason="again", staff=staff))
    looked = [(line["name"], line["purpose"], line["reason"]) for line in archive.lines("openings")]
    assert looked == [("Mia", "legal", "she asked by letter"), ("Mia", "legal", "again")]
    (went,) = archive.lines("recipients")
    assert (went["recipient"], went["purpose"], went["reason"], went["archive_digest"]) == (
        "person", "access", "she asked by letter", first.digest,
    )  # fmt: skip
    assert "Mia" in archive.page("openings-1.html").texts
    with opened(tmp_path) as ledger:
        _, nameless = exported(ledger, tmp_path, wanted(customer, reason="third"))
    assert "Mia" not in nameless
    assert f"jemand aus dem Haus, {CLERK}" in nameless.page("openings-1.html").texts


def test_the_pages_speak_their_language(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        _, german = exported(ledger, tmp_path, wanted(customer))
        _, hindi = exported(ledger, tmp_path, wanted(customer, language="hi-IN"))
        _, other = exported(ledger, tmp_path, wanted(customer, language="tlh"))
    page = german.page("events-1.html")
    assert page.language == "de"
    assert {"Kauf", "26.02.2026 12:00:00", "12,50\xa0€", "Notiz", "Anschrift"} <= set(page.texts)
    assert "Alles, was wir über Sie speichern" in german.page("index.html").texts
    assert "हम आपके बारे में जो कुछ रखते हैं" in hindi.page("index.html").texts
    assert "€12.50" in other.page("events-1.html").texts


def test_all_members_of_a_merged_person_are_in_one_archive(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one = zoe(ledger)
        take(
            ledger, touchpoint("2", "customer.updated", who={"user": "u2"}, data={"phone": "+49 1"})
        )
        other = customer_of(ledger, "user", "u2")
        assert other is not None
        written, archive = exported(ledger, tmp_path, wanted(one, other))
        assert archive.json()["customers"] == [str(one), str(other)]
        assert archive.json()["details"]["phone"] == "+49 1"
        assert written.events == 9 + 1 + 2
        audit = [r.event for r in recorded(ledger) if r.event.domain == "audit"]
        assert [(e.type.partition(".")[2], e.customer) for e in audit] == [
            ("opened", one), ("opened", other), ("exported", one), ("exported", other),
        ]  # fmt: skip


def test_what_is_sealed_for_somebody_else_is_withheld(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer, other = zoe(ledger), uuid4()
        two_in_one(ledger, customer, other)
        written, archive = exported(ledger, tmp_path, wanted(customer))
        _, whole = exported(ledger, tmp_path, wanted(customer, other, reason="both"))
    assert written.missing == {"withheld": 1}
    line = next(line for line in archive.lines("events") if line["type"] == "meeting.held")
    assert (line["withheld"], line["personal"]) == (
        1, {"content": {"note": "what was said to her"}},
    )  # fmt: skip
    assert "zanna" not in archive
    assert "gehört jemand anderem" in archive.page("events-1.html").texts
    assert any("(1 withheld)" in row for row in archive.sheet("events"))
    assert "zanna alone" in whole


def test_what_was_rectified_is_left_out_and_counted(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        at, data = NOW - DAY, {"withdrawn": ["address"]}
        kind = "customer.rectified"
        bare = Event(uuid4(), kind, 2, "privacy", at, "bahi", data, customer)
        said = {"name": "Zoe Ames", "not_theirs": ["email:zoe@example.com"]}
        sealed(ledger, bare, {(customer, Retention.IDENTITY): said})
        _, archive = exported(ledger, tmp_path, wanted(customer))
    profile = archive.json()
    assert profile["details"] == {"name": "Zoe Ames"}
    assert [named["kind"] for named in profile["identifiers"]] == ["user"]
    assert profile["missing"] == {
        "corrected": 12
    }  # a name, two addresses, and the e-mail of each event
    for wrong in ("Zoë Öz", "Old Street", "New Street", "zoe@example.com"):
        assert wrong not in archive


def test_the_newest_detail_is_the_one_that_happened_last_not_the_one_told_last(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        late = {"address": "Oldest Street", "phone": "+49 1"}
        at, who = NOW - 30 * DAY, {"user": "u1"}
        take(ledger, touchpoint("late", "customer.updated", who=who, at=at, data=late))
        _, archive = exported(ledger, tmp_path, wanted(customer))
    details = {"name": "Zoë Öz", "address": "New Street", "phone": "+49 1"}
    assert archive.json()["details"] == details


def test_what_cannot_be_opened_is_said_everywhere(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        gone = "DELETE FROM subject_key WHERE retention = 'identity'"
        sql(stores_of(tmp_path)[1], gone)
        written, archive = exported(ledger, tmp_path, wanted(customer))
    assert written.missing == {"unavailable": 9}
    assert archive.json()["missing"] == {"unavailable": 9}
    assert all(line.get("unavailable") == ["identity"] for line in archive.lines("events")[:-1])
    texts = archive.page("events-1.html").texts
    assert texts.count("jetzt nicht zu öffnen: der Schlüssel fehlt") == 9
    assert sum("(unavailable)" in row for row in archive.sheet("events")) == 9
    assert any(text.startswith("9 versiegelte Teile") for text in archive.page("index.html").texts)


def test_nobody_who_is_erased_has_an_archive_and_nothing_is_left(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        before = ledger.book.head()
        sql(stores_of(folder)[1], "INSERT INTO erasing VALUES (?)", customer.bytes)
        with pytest.raises(Erased):
            exported(ledger, folder, wanted(customer))
        assert ledger.book.head() == before
        assert list(folder.glob("*.zip")) == []


def test_the_file_is_on_record_and_readable_by_us_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        written, _ = exported(ledger, tmp_path, wanted(zoe(ledger), request=UUID(int=7)))
        event = recorded(ledger)[-1].event
        digest = hashlib.sha256(written.path.read_bytes()).hexdigest()
        assert event.type == "personal_data.exported"
        assert event.data == {
            "purpose": "access",
            "recipient": "person",
            "request": str(UUID(int=7)),
            "archive_digest": digest,
        }
        assert unsealed(ledger, event)[event.customer or CLERK, Retention.CONTENT] == {
            "reason_given": "she asked by letter"
        }
        assert stat.S_IMODE(written.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": " "}, "^expected a reason for opening personal data, came none$"),
        ({"recipient": "two words"}, "^recipient: expected one word"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_opened(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        before = ledger.book.head()
        with pytest.raises(BadUsage, match=message):
            exported(ledger, tmp_path, wanted(customer, **change))
        assert ledger.book.head() == before


def test_how_long_it_is_kept_is_said_by_the_rules_of_their_market(tmp_path: Path) -> None:
    file = tmp_path / "retention.toml"
    rule = '[[rule]]\nname = "{}"\nclass = "content"\nperiod = "{}"\ndomains = ["touchpoint"]\n{}\n'
    file.write_text(
        rule.format("all", "P3Y", "year_end = true")
        + rule.format("french", "P1Y6M", 'markets = ["FR"]')
        + rule.format("french-too", "P90D", 'markets = ["FR"]')
    )
    rules = read_rules(file)
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        _, without = exported(ledger, tmp_path, wanted(customer))
        _, by_rule = exported(ledger, tmp_path, wanted(customer, rules=rules))
        order = {"currency": "EUR", "amount_minor": 1}
        for n, market in enumerate(("FR", "IT")):
            at, tags = NOW - n * DAY, {"market": market}
            take(ledger, touchpoint(market, who={"user": "u1"}, at=at, tags=tags, data=order))
        _, french = exported(ledger, tmp_path, wanted(customer, rules=rules, language="en"))
    no_period = "bis zur Löschung; eine Frist ist nicht festgelegt"
    assert without.page("index.html").texts.count(no_period) == 4
    texts = by_rule.page("index.html").texts
    assert texts.count(no_period) == 3
    assert "3 Jahre nach Ende des Jahres, in dem Sie zuletzt so mit uns zu tun hatten" in texts
    assert {
        "1 year, 6 months after you last dealt with us so",
        "90 days after you last dealt with us so",
    } <= set(french.page("index.html").texts)


# What they may take with them


def portable(ledger: Ledger, folder: Path, customer: UUID) -> Archive:
    _, archive = exported(ledger, folder, wanted(customer, portability=True, staff=staff))
    return archive


def test_a_portability_archive_has_what_they_gave_or_did_and_nobody_of_ours(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        incoming = {
            "direction": "inbound",
            "note": "sounded cross",
            "outcome": "refused",
            "duration_s": 9,
        }
        who = {"user": "u1"}
        take(ledger, touchpoint("c", "call.logged", who=who, at=NOW - DAY, data=incoming))
        archive = portable(ledger, tmp_path, customer)
        event = recorded(ledger)[-1].event
    assert sorted(archive.files) == [
        "README.txt", "data/events.csv", "data/events.ndjson", "data/profile.json",
    ]  # fmt: skip
    lines = archive.lines("events")
    assert [line["type"] for line in lines] == [
        "customer.identified", "preference.set", "consent.given", "customer.updated", "order.placed",
        "chat.messaged", "call.logged",
    ]  # fmt: skip
    assert lines[5]["personal"]["content"] == {"message": "where is it?"}
    assert lines[6]["data"] == {"direction": "inbound", "duration_s": 9}
    for ours in ("Mia", str(CLERK), "churn", "on its way", "sounded cross", "actor"):
        assert ours not in archive
    assert archive.json()["details"] == {"name": "Zoë Öz", "address": "New Street"}
    assert archive.files["README.txt"].decode().startswith("Ihre Daten zum Mitnehmen\n")
    assert event.data["purpose"] == "portability"


def test_of_every_type_about_a_person_it_is_decided_whose_it_is() -> None:
    about_people = {model.TOPIC for model in types() if model.ABOUT is not About.NOBODY}
    assert THEIRS.keys() | OURS == about_people
    assert not THEIRS.keys() & OURS
    fields = {model.TOPIC: set(model.model_fields) for model in types()}
    assert all(set(ours) <= fields[topic] for topic, ours in THEIRS.items())


def test_other_peoples_events_are_in_neither(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        note = {"currency": "EUR", "amount_minor": 1, "note": "zanna's"}
        take(ledger, touchpoint("x", who={"user": "u2"}, data=note))
        assert isinstance(recorded(ledger)[-1].event, Event)
        for kind in (False, True):
            asked = wanted(customer, portability=kind, reason=str(kind))
            _, archive = exported(ledger, tmp_path, asked)
            assert "zanna" not in archive
            assert "u2" not in archive
