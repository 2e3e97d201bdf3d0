"""Two spellings of one name are equal, and what names nobody is told from what is wrong."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadField, Refused, TooLarge
from ledger.identifiers import NOBODY, Identifier, normalise, parse_identifier

SPELLINGS = [
    ("email", "Anna.Maier@Example.COM", None, "anna.maier@example.com"),
    ("email", "  anna+news@example.com ", None, "anna+news@example.com"),
    ("email", "STRASSE@example.com", None, "strasse@example.com"),
    ("email", "Straße@example.com", None, "straße@example.com"),
    ("email", "Jose\u0301@example.com", None, "jos\u00e9@example.com"),
    ("email", "priya@XN--BCHER-KVA.example", None, "priya@bücher.example"),
    ("email", "अनिल@example.com", None, "अनिल@example.com"),
    ("email", "made.up@example.test", None, "made.up@example.test"),
    ("phone", "+49 (0)171 1234567", None, "+491711234567"),
    ("phone", "0171/1234567", "DE", "+491711234567"),
    ("phone", "0049 171 1234567", "DE", "+491711234567"),
    ("phone", "९८७६५ ४३२१०", "IN", "+919876543210"),
    ("phone", "+1 415 555 0132 ext. 7", None, "+14155550132;ext=7"),
    ("user", "  Anna ", None, "Anna"),
    ("user", "Zoe\u0308", None, "Zo\u00eb"),
    ("salesforce", "0035g00000XyZ", None, "0035g00000XyZ"),
]


@pytest.mark.parametrize(("kind", "given", "region", "expected"), SPELLINGS)
def test_an_identifier_has_one_spelling(
    kind: str, given: str, region: str | None, expected: str
) -> None:
    assert normalise(Identifier(kind, given), region) == Identifier(kind, expected)


@pytest.mark.parametrize("kind", ["email", "phone", "user", "anonymous"])
@pytest.mark.parametrize(
    "value",
    [*sorted(NOBODY), "NULL", " Undefined ", "N/A", "0", "0000", "000-000", "\u2003", "-", "00000000-0000-0000-0000-000000000000"],
)  # fmt: skip
def test_what_programs_write_for_nobody_identifies_nobody(kind: str, value: str) -> None:
    assert normalise(Identifier(kind, value)) is None


REFUSALS = [
    ("email", "anna at home", "identifiers.email: expected an e-mail address, came text of 12 characters"),
    ("email", "undefined@undefined", "identifiers.email: expected an e-mail address, came text of 19 characters"),
    ("email", "Anna <anna@example.com>", "identifiers.email: expected an e-mail address, came text of 23 characters"),
    ("phone", "0171 1234567", "identifiers.phone: expected a phone number with its country, as in +49 …, came text of 12 characters"),
    ("phone", "+49 12", "identifiers.phone: expected a phone number of a length that its country has, came text of 6 characters"),
    ("user", "an\x00na", "identifiers.user: expected text without U+0000, came text of 5 characters"),
    ("user", "an\ud800na", "identifiers.user: expected text in Unicode, not half of a surrogate pair, came text of 5 characters"),
    ("E-Mail", "anna@example.com", "identifiers: expected a kind of small letters, digits and _, came text of 6 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "message"), REFUSALS)
def test_what_cannot_be_read_is_refused_without_being_quoted(
    kind: str, value: str, message: str
) -> None:
    with pytest.raises(BadField) as refused:
        normalise(Identifier(kind, value))
    assert str(refused.value) == message


def test_a_value_past_the_limit_is_refused_before_anything_reads_it() -> None:
    with pytest.raises(TooLarge, match=r"^identifiers\.email: expected at most 1,024 characters, "):
        normalise(Identifier("email", "a" * 40_000_000))


def test_an_identifier_is_written_as_kind_and_value() -> None:
    assert parse_identifier("email:a@b:c") == Identifier("email", "a@b:c")
    assert parse_identifier("user:") == Identifier("user", "")
    for text in ["anna@example.com", ":x", "E-Mail:x", "user name:x", ""]:
        with pytest.raises(BadField, match=r"^identifiers: expected kind:value") as refused:
            parse_identifier(text)
        assert text == "" or text not in str(refused.value)


def test_a_printed_identifier_shows_its_kind_alone() -> None:
    assert repr(Identifier("email", "anna@example.com")) == "Identifier(kind='email')"


LOCAL = st.text("aAzZß9._+-İΣςéE\u0301अ", min_size=1, max_size=12)
EMAILS = st.builds(
    "{}@{}.{}".format, LOCAL, st.text("aBü9-", min_size=1, max_size=8), st.just("com")
)
PHONES = st.text("+0123456789 ()-/x;e९", min_size=4, max_size=20)
ANY = st.one_of(
    st.builds(Identifier, st.just("email"), EMAILS),
    st.builds(Identifier, st.just("phone"), PHONES),
    st.builds(Identifier, st.sampled_from(["email", "phone", "user"]), st.text(max_size=30)),
)


@given(ANY, st.sampled_from([None, "DE", "IN", "IT", "BR", "US", "JP"]))
def test_normalising_again_changes_nothing(identifier: Identifier, region: str | None) -> None:
    try:
        once = normalise(identifier, region)
    except Refused:
        return
    if once is not None:
        assert normalise(once, region) == once
        assert normalise(once) == once
        assert unicodedata.is_normalized("NFC", once.value)
        assert once.kind == identifier.kind
