"""Erasing, on both stores: what goes, what stays, who is refused, and what the certificate says."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest

from commands.privacy import open_request
from commands.privacy.certificate import certificate_at, certificate_by, certificates_of, digest_of
from commands.privacy.doing import close_request
from commands.privacy.erasing import erase_each
from commands.privacy.ordering import Order, against
from commands.privacy.plan import Plan, plan
from ledger.catalogue import Retention
from ledger.errors import BadField, Erased, NotAllowed, NotFound
from ledger.opening import Ledger
from ledger.vault import Belongings, DeadLetter
from tests.commands.erasures import (
    BASIS,
    LEO,
    MIA,
    Kept,
    ask,
    erased,
    hold,
    lives,
    merged,
    office,
    requested,
    user,
)
from tests.commands.samples import (
    NOW,
    clock,
    customer_of,
    opened,
    recorded,
    take,
    told,
    touchpoint,
)
from tests.ledger.openings import on_record, unsealed

IDENTITY, BEHAVIOUR, CONTENT, LEGAL = (
    Retention.IDENTITY,
    Retention.BEHAVIOUR,
    Retention.CONTENT,
    Retention.LEGAL,
)
NOTHING = Belongings({}, {}, 0)


def letter(*names: str) -> DeadLetter:
    identifiers = tuple(user(name) for name in names)
    content = " ".join(names).encode()
    return DeadLetter(uuid4(), NOW, "file:x", "why", "field", {"row": 1}, content, identifiers)


def types_after(ledger: Ledger, position: int) -> list[tuple[str, UUID | None]]:
    return [(r.event.type, r.event.customer) for r in recorded(ledger) if r.position > position]


def test_a_person_is_unreadable_and_the_book_is_as_it_was(folder: Path) -> None:
    with opened(folder) as ledger:
        anna, ben = lives(ledger, "anna", "ben")
        ledger.vault.keep([letter("anna"), letter("anna", "ben"), letter("ben")])
        before = recorded(ledger)
        made = Kept()
        (certificate,) = erased(ledger, anna, forgetting=[made])
        assert recorded(ledger)[: len(before)] == before
        assert types_after(ledger, len(before)) == [
            ("customer.erasing", anna),
            ("customer.erased", anna),
        ]
        seen = on_record(ledger.book, anna, ben)
        with ledger.sealer.opening(seen) as opening:
            for one in before:
                for (subject, _), fields in opening.open(one.event).items():
                    assert isinstance(fields, Erased) == (subject == anna)
        assert ledger.vault.belongings([anna]) == NOTHING
        assert ledger.vault.belongings([ben]).letters == 1
        assert ledger.vault.look_up(user("anna")) is None
        assert ledger.keyring.tombstones == {anna}
        assert ledger.keyring.high_water.vault_generation == certificate.vault_generation
        assert made.forgotten == [anna]
        assert ledger.vault.announced() == []
        assert (certificate.keys_tried, certificate.identifiers, certificate.letters) == (3, 2, 2)


def test_every_customer_of_a_merged_person_goes_in_one_append(folder: Path) -> None:
    with opened(folder) as ledger:
        anna, hanna, ben = lives(ledger, "anna", "hanna", "ben")
        merged(ledger, anna, hanna)
        ledger.vault.keep([letter("anna", "hanna"), letter("hanna", "ben")])
        head = ledger.book.head()
        made = Kept()
        (certificate,) = erased(ledger, hanna, forgetting=[made])
        assert types_after(ledger, head) == [
            *[("customer.erasing", one) for one in (anna, hanna)],
            *[("customer.erased", one) for one in (anna, hanna)],
        ]
        assert certificate.members == (anna, hanna)
        assert (certificate.keys_tried, certificate.letters) == (6, 2)
        assert made.forgotten == sorted([anna, hanna])
        assert ledger.vault.holding([anna, hanna, ben]) == {ben}
        assert certificates_of(ledger, anna) == certificates_of(ledger, hanna) == [certificate]


def test_one_class_goes_and_the_law_keeps_the_rest(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        ledger.vault.keep([letter("anna")])
        made = Kept()
        (certificate,) = erased(ledger, anna, classes=[CONTENT, BEHAVIOUR], forgetting=[made])
        assert certificate.classes == (BEHAVIOUR, CONTENT)
        assert certificate.keys_tried == 2
        assert made.forgotten == []
        assert ledger.keyring.tombstones == frozenset()
        assert ledger.gone.now() == frozenset()
        assert (certificate.letters, ledger.vault.belongings([anna]).letters) == (0, 1)
        ordered, wrote, looked = (r.event for r in recorded(ledger)[:3])
        assert unsealed(ledger, ordered)[anna, IDENTITY]["identifiers"][0] == ["user", "anna"]
        for event in (wrote, looked):
            with pytest.raises(Erased):
                unsealed(ledger, event)
        # They go on, under keys of their own, which another erasure takes in turn.
        (outcome,) = take(ledger, touchpoint("again", "message.received", who={"user": "anna"},
                                             data={"channel": "email", "message": "me again"}))  # fmt: skip
        assert outcome.position is not None
        latest = recorded(ledger)[outcome.position - 1].event
        assert unsealed(ledger, latest)[anna, CONTENT] == {"message": "me again"}
        (second,) = erased(ledger, anna, classes=[CONTENT])
        assert second.keys_tried == 1
        assert set(second.commitments).isdisjoint(certificate.commitments)
        assert [one.classes for one in certificates_of(ledger, anna)] == [
            (BEHAVIOUR, CONTENT),
            (CONTENT,),
        ]
        with pytest.raises(Erased):
            unsealed(ledger, latest)


def test_a_hold_on_any_of_them_stops_it_by_its_name_and_nobody_elses(folder: Path) -> None:
    with opened(folder) as ledger:
        anna, hanna, ben = lives(ledger, "anna", "hanna", "ben")
        merged(ledger, anna, hanna)
        position = hold(ledger, hanna, "claim-7")
        why = (
            "hold: expected none on this person, came claim-7 (litigation), "
            f"placed on 2026-02-28 at position {position}"
        )
        order = Order.of(LEO, BASIS)
        desk = office(ledger).desk
        refusals = against(desk, [anna, ben], order)
        assert {who: str(refusal) for who, refusal in refusals.items()} == {anna: why}
        answers = list(erase_each(office(ledger), [anna, ben, hanna], order))
        assert [str(one.refusal) for one in answers] == [why, "None", why]
        assert ledger.gone.now() == {ben}
        assert ledger.vault.announced() == []
        with pytest.raises(NotAllowed, match="claim-7"):
            erased(ledger, anna)
        assert ledger.vault.holding([anna, hanna, ben]) == {anna, hanna}


def test_who_is_unknown_or_gone_or_asked_for_twice(folder: Path) -> None:
    with opened(folder) as ledger:
        anna, ben = lives(ledger, "anna", "ben")
        stranger = uuid4()
        with pytest.raises(NotFound, match=str(stranger)):
            erased(ledger, stranger)
        (vault_only,) = (
            named.customer
            for named in ledger.vault.resolve(
                [[user("carl")]], ledger.people.now(), office(ledger).desk.limits
            )
            if named is not None and not isinstance(named, Exception)
        )
        first, second, carls = erased(ledger, anna, anna, ben, vault_only)
        assert [one.members for one in (first, second, carls)] == [(anna,), (ben,), (vault_only,)]
        with pytest.raises(NotAllowed, match=r"^customer: expected one who is not erased"):
            erased(ledger, anna)
        with pytest.raises(BadField, match=r"^classes: expected one at least"):
            erased(ledger, ben, classes=[])
        assert len([r for r in recorded(ledger) if r.event.type == "customer.erased"]) == 3


def test_on_request_two_of_us_erase_and_the_token_is_theirs_alone(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        token = "K3mVq-0riginal"
        request = requested(ledger, "letter", anna, token_digest=digest_of(token), contact="Ulm")
        order = Order.of(MIA, BASIS, request)
        (refused,) = erase_each(office(ledger), [anna], order)
        assert str(refused.refusal).startswith(f"actor: expected somebody else than {MIA}")
        (certificate,) = erased(ledger, anna, request=request)
        assert certificate.two_people is True
        assert certificate.token_digest == digest_of(token)
        assert [proof.type for proof in certificate.proofs] == [
            "privacy.requested",
            "privacy.verified",
            "customer.erasing",
            "customer.erased",
        ]
        assert certificates_of(ledger, request) == [certificate]
        assert certificate_by(ledger, f"{token}\n") == certificate
        for proof in certificate.proofs:
            assert certificate_at(ledger, proof.position) == certificate
        with pytest.raises(NotFound):
            certificate_by(ledger, "another")
        for position in (0, 1, 10_000, 10**20):
            with pytest.raises(NotFound):
                certificate_at(ledger, position)


def correspondence(ledger: Ledger, request: UUID) -> tuple[dict[str, object], int]:
    found = open_request(
        ledger, request, actor=LEO, purpose="privacy", reason="to answer", clock=clock
    )
    return found.fields, found.erased


def test_where_the_answer_goes_outlives_the_person_until_it_was_sent(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        request = requested(ledger, "letter", anna, contact="Anna, Ulm", message="Let me go")
        other = requested(ledger, "older", anna, contact="Anna, Jena")
        with pytest.raises(
            NotAllowed, match=r"^request: expected one that is fulfilled or refused"
        ):
            close_request(ledger, request)
        erased(ledger, anna, request=request)
        assert correspondence(ledger, request) == (
            {"contact": "Anna, Ulm", "message": "Let me go"},
            0,
        )
        assert correspondence(ledger, other) == ({"contact": "Anna, Jena"}, 0)
        assert close_request(ledger, request) is True
        assert correspondence(ledger, request) == ({}, 2)
        assert close_request(ledger, request) is False


@pytest.mark.parametrize("answer", ["privacy.fulfilled", "privacy.refused"])
def test_whoever_was_told_their_answer_has_nothing_left_to_be_found(
    folder: Path, answer: str
) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        request = requested(ledger, "letter", anna, right="access", contact="Anna, Ulm")
        assert correspondence(ledger, request) == ({"contact": "Anna, Ulm"}, 0)
        ask(
            ledger, answer, "letter", anna, **{"ground": "excessive"} if "refused" in answer else {}
        )
        assert correspondence(ledger, request) == ({}, 1)
        assert ledger.vault.belongings([anna]).keys == {IDENTITY: 1, BEHAVIOUR: 1, CONTENT: 1}


def test_the_same_request_said_again_keeps_its_first_token(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        first = ask(ledger, "privacy.requested", "letter", anna, token_digest=digest_of("one"))
        head = ledger.book.head()
        assert (
            ask(ledger, "privacy.requested", "letter", anna, token_digest=digest_of("two")) == first
        )
        assert ledger.book.head() == head


def test_a_plan_counts_and_opens_nothing(folder: Path) -> None:
    with opened(folder) as ledger:
        anna, hanna, _ = lives(ledger, "anna", "hanna", "ben")
        merged(ledger, anna, hanna)
        ledger.vault.keep([letter("anna"), letter("ben")])
        position = hold(ledger, anna)
        head, generation = ledger.book.head(), ledger.vault.generation()
        events = {
            "customers.merged": 1, "hold.placed": 1, "message.received": 2, "order.placed": 2, "page.viewed": 2,
        }  # fmt: skip
        holds = (f"claim-1 (litigation), placed on 2026-02-28 at position {position}",)
        assert plan(ledger, hanna) == Plan(
            members=(anna, hanna),
            events=events,
            sealed=10,
            keys={BEHAVIOUR: 2, CONTENT: 2, IDENTITY: 2},
            identifiers={"email": 2, "user": 2},
            letters=1,
            holds=holds,
        )
        assert plan(ledger, anna, [CONTENT]) == Plan(
            (anna, hanna), events, 2, {CONTENT: 2}, {}, 0, holds
        )
        assert (ledger.book.head(), ledger.vault.generation()) == (head, generation)


def test_a_certificate_tells_nobody_whose_it_is(folder: Path) -> None:
    with opened(folder) as ledger:
        anna, hanna = lives(ledger, "anna", "hanna")
        merged(ledger, anna, hanna)
        request = requested(ledger, "letter", anna, contact="Anna, Ulm")
        (certificate,) = erased(ledger, anna, request=request)
        shown = certificate.as_json()
        written = orjson.dumps(shown)
        for secret in (str(anna), anna.hex, str(hanna), "anna", "Ulm", str(LEO), str(MIA)):
            assert secret.encode() not in written
        leaves = {r.position: r.leaf.hex() for r in recorded(ledger)}
        assert [(one["position"], one["leaf"]) for one in shown["events"]] == [
            (position, leaves[position]) for position in (8, 9, 10, 11, 12, 13)
        ]
        assert shown["watermarks"]["book_size"] == 11
        assert len(shown["destroyed"]["key_commitments"]) == 6
        assert shown["classes"] == "all"


def test_the_erased_are_refused_and_whoever_comes_anew_is_somebody_else(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        erased(ledger, anna)
        refused = (
            "NamesErased identifiers: expected a person who is not being erased, came one who is"
        )
        late = touchpoint("late", who={}, data={"currency": "EUR", "amount_minor": 1})
        assert told(take(ledger, replace(late, customer=anna))) == [("refused", refused)]
        take(ledger, touchpoint("new", who={"user": "anna"}))
        assert customer_of(ledger, "user", "anna") != anna
        with pytest.raises(BadField):
            hold(ledger, anna)
        with pytest.raises(BadField):
            ask(ledger, "privacy.requested", "letter", anna)
