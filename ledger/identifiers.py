"""What names a person or a thing elsewhere, written so that two spellings of one name are equal.

An identifier is a kind and a value: `email:anna@example.com`, `phone:+4917112345678`,
`salesforce:0035g00000XyZ`. The kind is ours and safe to show; the value is personal and is never
quoted, logged or kept in the clear.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Never

from ledger.errors import BadField, Refused, TooLarge, came

MAX_IDENTIFIER = 1_024
"""Longest value, in characters."""

NOBODY = frozenset({
    "", "-1", "#n/a", "(none)", "anon", "anonymous", "guest", "n/a", "nan", "nil", "none", "not set",
    "null", "undefined", "unknown", "unspecified",
})  # fmt: skip
"""Values, in small letters, that programs write where they know nobody; each would join thousands.

Beside them: whatever is made of nothing but zeros, blanks and punctuation, such as `000-000`.
"""

KIND = re.compile(r"[a-z][a-z0-9_]*")
"""What a kind of identifiers may be called."""

_SAYS_NOTHING = "0-+./_ "


@dataclass(frozen=True, slots=True)
class Identifier:
    """One name of a person or thing. Its repr shows the kind alone."""

    kind: str
    value: str = field(repr=False)


def parse_identifier(text: str) -> Identifier:
    """`kind:value` as an identifier, not yet normalised. Raises `BadField` without a proper kind."""
    kind, colon, value = text.partition(":")
    if not (colon and KIND.fullmatch(kind)):
        raise BadField("identifiers", "kind:value, such as email:… or user:…", came(text))
    return Identifier(kind, value)


def named_in(text: str, region: str | None = None) -> Identifier | None:
    """The normalised identifier that somebody's details are; None for words that are none.

    An e-mail address, also with a name before it as in `Anna <…>`; a phone number that begins with its
    country, +; or `kind:value`.
    """
    text = text.strip()
    kind, colon, value = text.partition(":")
    if text.startswith("+"):
        given = Identifier("phone", text)
    elif colon and KIND.fullmatch(kind) and value and not re.search(r"\s|^//", value):
        given = Identifier(kind, value)
    else:
        address = re.fullmatch("[^<>]*<([^<>]*)>", text)
        given = Identifier("email", address[1] if address else text)
    try:
        return normalise(given, region)
    except Refused:
        return None


def normalise(identifier: Identifier, region: str | None = None) -> Identifier | None:
    """The one spelling of an identifier, or None if it identifies nobody. Idempotent.

    `region` (ISO country) reads a phone number that is written without its country.
    Raises `BadField` or `TooLarge`, on `identifiers.<kind>`, and never quotes the value.
    """
    kind, value = identifier.kind, identifier.value
    if not KIND.fullmatch(kind):
        raise BadField("identifiers", "a kind of small letters, digits and _", came(kind))
    if len(value) > MAX_IDENTIFIER:
        raise TooLarge(f"identifiers.{kind}", f"at most {MAX_IDENTIFIER:,} characters", came(value))
    if "\x00" in value:
        _refuse(identifier, "text without U+0000")
    value = unicodedata.normalize("NFC", value).strip()
    if value.lower() in NOBODY or not value.strip(_SAYS_NOTHING):
        return None
    if any("\ud800" <= character <= "\udfff" for character in value):
        _refuse(identifier, "text in Unicode, not half of a surrogate pair")
    if kind == "email":
        value = _email(identifier, value)
    elif kind == "phone":
        value = _phone(identifier, value, region)
    return Identifier(kind, value)


def _email(identifier: Identifier, value: str) -> str:
    """The address in small letters, its domain in Unicode.

    A server may tell `Anna@` from `anna@`; none of note does, and people write both. So case is
    dropped, by lower() and not casefold(): the latter also makes ß into ss, and those two are
    different letters in different people's names. Dots and `+tags` mean something at most
    providers and stay. `.test` is let through: it is reserved for trying things out.
    """
    from email_validator import EmailNotValidError, validate_email  # slow to load

    try:
        checked = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        _refuse(identifier, "an e-mail address")
    return unicodedata.normalize("NFC", f"{checked.local_part.lower()}@{checked.domain}")


def _phone(identifier: Identifier, value: str, region: str | None) -> str:
    """E.164, with `;ext=` behind it where there is one: colleagues behind one number are not one.

    A number has to be possible, not known to be in use: plans open ranges faster than a library
    learns of them.
    """
    import phonenumbers  # slow to load
    from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException:
        _refuse(identifier, "a phone number with its country, as in +49 …")
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        _refuse(identifier, "a phone number of a length that its country has")
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{written};ext={number.extension}" if number.extension else written


def _refuse(identifier: Identifier, expected: str) -> Never:
    """Without the library's own words: they quote the value."""
    raise BadField(f"identifiers.{identifier.kind}", expected, came(identifier.value)) from None
