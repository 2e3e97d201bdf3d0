"""What people may say, when: given what was said, when they say this, then it is taken or refused.

A line is `day who word …`: on that day of March somebody said the word, of news by e-mail unless
`purpose=` or `channel=` say otherwise.
"""

from typing import Any
from uuid import UUID

import pytest

from ledger.people import persons_of
from tests.commands.judging import Said, day, judged, recorded

PEOPLE = {name: UUID(int=n, version=4) for n, name in enumerate("ABC", 1)}
A, B, _ = PEOPLE.values()
CONSENTS = {"requested", "given", "refused", "withdrawn"}
TOPICS = {
    **{word: f"consent.{word}" for word in CONSENTS},
    **{word: f"objection.{word}" for word in ("raised", "lifted")},
    **{word: f"email.{word}" for word in ("unsubscribed", "complained")},
    **{word: f"customer.{word}" for word in ("restricted", "unrestricted")},
    **{word: f"customers.{word}" for word in ("merged", "split")},
    "published": "notice.published",
}


def said(line: str) -> Said:
    """What a line says, as rules are told of it."""
    number, who, word, *more = line.split()
    given: dict[str, Any] = dict(pair.split("=") for pair in more if "=" in pair)
    if word in CONSENTS:
        given = {"purpose": "news", "channel": "email"} | given
    if word in {"raised", "lifted"}:
        given = {"purpose": "news"} | given
    if word in {"restricted", "unrestricted"}:
        given["ground"] = "contested"
    if word in {"merged", "split"}:
        given["other"] = str(PEOPLE[more[0]])
    if word == "published":
        given = {"notice_version": "1", "language": "en", "notice": "n", "text": "May we?"} | given
    if "until" in given:
        given["valid_until"] = day(int(given.pop("until")))
    return int(number), TOPICS[word], given | {"customer": PEOPLE.get(who), "tags": {}}


def outcome(given: list[str], when: str) -> str:
    """What becomes of a command: `taken`, or the refusal's class and message."""
    history = [said(line) for line in given]
    links = [
        recorded(position, one)
        for position, one in enumerate(history, 1)
        if one[1].startswith("customers.")
    ]
    persons = persons_of(links, lambda customer: (customer.int, customer))
    return judged(history, said(when), persons) or "taken"


WITHDRAW = "NotAllowed consent: expected one that is given: else refuse it, came one that "
NOT_GIVEN = "NotAllowed consent: expected one that is not given"
CASES: list[tuple[list[str], str, str]] = [
    # A text is published once for each version and language.
    ([], "2 - published", "taken"),
    (["1 - published"], "2 - published notice_version=2", "taken"),
    (["1 - published"], "2 - published language=de", "taken"),
    (["1 - published"], "2 - published",
     ("NotAllowed notice_version: expected a version that is not published yet,"
     " came 1, published on 2026-03-01 at position 1")),
    (["3 - published"], "2 - published notice_version=0",
     ("BadField occurred_at: expected not before what it follows, at 2026-03-03 00:00:00 UTC,"
     " came 2026-03-02 00:00:00 UTC")),
    (["3 - published"], "2 - published language=de", "taken"),
    # Asking: not whoever allows it already.
    ([], "2 A requested", "taken"),
    (["1 A requested"], "2 A requested", "taken"),
    (["1 A given"], "2 A requested", f"{NOT_GIVEN}, came one that was given on 2026-03-01 at position 1"),
    (["1 A given"], "2 A requested channel=sms", "taken"),
    (["1 A given"], "2 A requested purpose=offers", "taken"),
    (["1 A given until=3"], "2 A requested",
     f"{NOT_GIVEN}, came one that was given on 2026-03-01 at position 1"),
    (["1 A given until=3"], "3 A requested", "taken"),
    (["1 A given", "2 A unsubscribed"], "3 A requested", "taken"),
    (["1 A given", "2 A raised"], "3 A requested", "taken"),
    (["1 B given"], "2 A requested", "taken"),
    (["1 B given", "1 A merged B"], "2 A requested",
     f"{NOT_GIVEN}, came one that was given on 2026-03-01 at position 1"),
    (["1 B given", "1 A merged B", "2 B split A"], "3 A requested", "taken"),
    # A yes can be said however things stand.
    ([], "2 A given", "taken"),
    (["1 A given"], "2 A given", "taken"),
    (["1 A raised", "1 A unsubscribed", "1 A withdrawn", "1 A restricted"], "2 A given", "taken"),
    (["2 A refused"], "1 A given",
     ("BadField occurred_at: expected not before what it follows, at 2026-03-02 00:00:00 UTC,"
     " came 2026-03-01 00:00:00 UTC")),
    (["2 A refused channel=sms", "2 A raised purpose=offers", "2 A merged B"], "1 A given", "taken"),
    (["2 A raised purpose=marketing"], "1 A given purpose=marketing/news",
     ("BadField occurred_at: expected not before what it follows, at 2026-03-02 00:00:00 UTC,"
     " came 2026-03-01 00:00:00 UTC")),
    ([], "2 A given until=3", "taken"),
    ([], "2 A given until=2",
     "BadField valid_until: expected a time after 2026-03-02 00:00:00 UTC, came 2026-03-02 00:00:00 UTC"),
    # What they were shown had been published.
    (["1 - published"], "1 A given notice=n notice_version=1", "taken"),
    (["1 - published"], "2 A given notice=n notice_version=1 language=en", "taken"),
    ([], "2 A given notice=n notice_version=1",
     "NotAllowed notice: expected one published by then, came 'n'"),
    (["3 - published"], "2 A given notice=n notice_version=1",
     "NotAllowed notice: expected one published by then, came 'n'"),
    (["1 - published"], "2 A given notice=other notice_version=1",
     "NotAllowed notice: expected one of n, published by then, came 'other'"),
    (["1 - published", "1 - published notice_version=2"], "2 A given notice=n notice_version=3",
     "NotAllowed notice_version: expected one of 1, 2, published by then, came '3'"),
    (["1 - published"], "2 A given notice=n",
     "NotAllowed notice_version: expected one of 1, published by then, came none"),
    (["1 - published", "1 - published language=de"], "2 A given notice=n notice_version=1 language=fr",
     "NotAllowed language: expected one of de, en, in which it was published, came 'fr'"),
    ([], "2 A given notice_version=1",
     "BadField notice: expected one, since there is a version of it, came none"),
    ([], "2 A requested notice=n notice_version=1",
     "NotAllowed notice: expected one published by then, came 'n'"),
    ([], "2 A refused notice=n notice_version=1",
     "NotAllowed notice: expected one published by then, came 'n'"),
    # A no can always be said: where there is a yes it is withdrawn, else it is refused.
    ([], "2 A refused", "taken"),
    (["1 A requested"], "2 A refused", "taken"),
    (["1 A refused"], "2 A refused", "taken"),
    (["1 A given until=2"], "2 A refused", "taken"),
    (["1 A given"], "2 A refused",
     f"{NOT_GIVEN}: withdraw it, came one that was given on 2026-03-01 at position 1"),
    (["1 A given", "2 A raised", "2 A restricted", "2 A unsubscribed"], "3 A refused",
     f"{NOT_GIVEN}: withdraw it, came one that was given on 2026-03-01 at position 1"),
    (["1 A given"], "2 A withdrawn", "taken"),
    (["1 A given", "2 A raised", "2 A restricted", "2 A unsubscribed"], "3 A withdrawn", "taken"),
    ([], "2 A withdrawn", f"{WITHDRAW}nobody ever gave"),
    (["1 A raised", "1 A restricted", "1 A unsubscribed"], "2 A withdrawn", f"{WITHDRAW}nobody ever gave"),
    (["1 A requested"], "2 A withdrawn", f"{WITHDRAW}was requested on 2026-03-01 at position 1"),
    (["1 A refused"], "2 A withdrawn", f"{WITHDRAW}was refused on 2026-03-01 at position 1"),
    (["1 A given", "2 A withdrawn"], "3 A withdrawn",
     f"{WITHDRAW}was withdrawn on 2026-03-02 at position 2"),
    (["1 A given until=3"], "4 A withdrawn",
     f"{WITHDRAW}expired on 2026-03-03, given on 2026-03-01 at position 1"),
    (["1 A given channel=sms"], "2 A withdrawn", f"{WITHDRAW}nobody ever gave"),
    (["1 B given"], "2 A withdrawn", f"{WITHDRAW}nobody ever gave"),
    (["1 B given", "2 A merged B"], "3 A withdrawn", "taken"),
    (["1 B given", "2 A merged B", "3 A split B"], "4 A withdrawn", f"{WITHDRAW}nobody ever gave"),
    # The yes of any member can be taken back, also where it lies beneath another's no.
    (["1 A refused", "2 B given", "3 A merged B"], "4 A withdrawn", "taken"),
    (["1 A refused", "2 B given", "3 A merged B"], "4 B withdrawn", "taken"),
    (["1 A given", "2 A merged B", "3 B withdrawn"], "4 A withdrawn", "taken"),
    (["1 A given", "2 A merged B", "3 B given until=4"], "4 A withdrawn", "taken"),
    (["1 A refused", "2 B given until=4", "3 A merged B"], "4 B withdrawn",
     f"{WITHDRAW}was refused on 2026-03-01 at position 1"),
    (["1 A given", "2 A merged B", "3 A withdrawn"], "4 B withdrawn",
     f"{WITHDRAW}was withdrawn on 2026-03-03 at position 3"),
    (["1 A refused", "2 A merged B", "3 B given"], "4 A withdrawn", "taken"),
    # Objecting: at any time; taken back by the one who did, of what they did.
    ([], "2 A raised", "taken"),
    (["1 A raised"], "2 A raised", "taken"),
    (["3 A raised"], "2 A raised",
     ("BadField occurred_at: expected not before what it follows, at 2026-03-03 00:00:00 UTC,"
     " came 2026-03-02 00:00:00 UTC")),
    (["3 B raised", "3 A raised purpose=offers", "3 A merged B"], "2 A raised", "taken"),
    (["1 A raised"], "2 A lifted", "taken"),
    (["1 A raised", "2 A given"], "3 A lifted", "taken"),
    ([], "2 A lifted", "NotAllowed objection: expected one to news that stands, came none"),
    (["1 A raised", "2 A lifted"], "3 A lifted",
     ("NotAllowed objection: expected one to news that stands,"
     " came one that was lifted on 2026-03-02 at position 2")),
    (["1 A raised purpose=marketing"], "2 A lifted purpose=marketing/news",
     (f"NotAllowed objection: expected the one that stands: of {A} to marketing,"
     f" came one of {A} to marketing/news")),
    (["1 B raised", "2 A merged B"], "3 A lifted",
     f"NotAllowed objection: expected the one that stands: of {B} to news, came one of {A} to news"),
    (["1 B raised", "2 A merged B"], "3 B lifted", "taken"),
    (["1 B raised"], "2 A lifted", "NotAllowed objection: expected one to news that stands, came none"),
    # Unsubscribing: at any time.
    ([], "2 A unsubscribed", "taken"),
    (["3 A unsubscribed", "3 A given"], "2 A unsubscribed", "taken"),
    # Restricting, one customer at a time.
    ([], "2 A restricted", "taken"),
    (["1 A restricted"], "2 A restricted",
     ("NotAllowed customer: expected one who is not restricted,"
     " came one restricted on 2026-03-01 at position 1")),
    (["1 A restricted", "2 A unrestricted"], "3 A restricted", "taken"),
    (["1 B restricted", "1 A merged B"], "2 A restricted", "taken"),
    (["3 B restricted", "3 A merged B"], "2 A restricted", "taken"),
    (["1 A restricted"], "2 A unrestricted", "taken"),
    ([], "2 A unrestricted", "NotAllowed customer: expected one who is restricted, came one who never was"),
    (["1 A restricted", "2 A unrestricted"], "3 A unrestricted",
     ("NotAllowed customer: expected one who is restricted,"
     " came one unrestricted on 2026-03-02 at position 2")),
    (["1 B restricted", "1 A merged B"], "2 A unrestricted",
     f"NotAllowed customer: expected {B}, came one who never was"),
    (["3 A restricted"], "2 A unrestricted",
     ("BadField occurred_at: expected not before what it follows, at 2026-03-03 00:00:00 UTC,"
     " came 2026-03-02 00:00:00 UTC")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), CASES, ids=[f"{'; '.join(g)} -> {w}" for g, w, _ in CASES]
)
def test_what_people_may_say(given: list[str], when: str, then: str) -> None:
    assert outcome(given, when) == then
