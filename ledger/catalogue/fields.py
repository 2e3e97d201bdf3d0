"""The field types that event models are made of. What is not here and not marked is refused by a test.

Clear text comes in three kinds that cannot carry prose: codes, names from a published list, and the
few fields named in `SAFE_TEXT`, whose text the company itself writes for everyone to read.
"""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationInfo

from ledger.catalogue.model import PATTERNS, STORED, Personal, Retention
from ledger.errors import BadField, came
from ledger.money import is_currency

SAFE_TEXT = frozenset(
    {
        ("notice.published", "text"),
        ("notice.published", "title"),
        ("schema.registered", "safe_properties"),
        ("account.identified", "account_name"),
        ("custom.tracked", "properties"),
    }
)
"""(type, field) whose text is written by the company for everyone, and names nobody.

The name of a company names no person: a sole trader's would, and `account.identified` refuses it.
`properties` holds what a registered schema calls safe, and nothing else.
"""

_CODE = re.compile(r"[A-Za-z0-9](/?[A-Za-z0-9_.:+-])*")  # no blanks, no @, and no // of an address
_LONGEST_CODE = 64
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{4})?(-([A-Z]{2}|[0-9]{3}))?")


@cache
def _countries() -> frozenset[str]:
    import pycountry  # slow to load

    return frozenset(country.alpha_2 for country in pycountry.countries)


def _currency(code: str, info: ValidationInfo) -> str:
    if info.context is not STORED and not is_currency(code):
        raise ValueError("an ISO 4217 currency code such as EUR")
    return code


def _country(code: str, info: ValidationInfo) -> str:
    if info.context is not STORED and code not in _countries():
        raise ValueError("an ISO 3166 country code such as DE")
    return code


def _language(tag: str, info: ValidationInfo) -> str:
    if info.context is not STORED and not _LANGUAGE.fullmatch(tag):
        raise ValueError("a language tag such as de or pt-BR")
    return tag


@cache
def _zones() -> frozenset[str]:
    # Walks the whole database of zones, 10 ms. Names without a / mean what a machine makes of them.
    return frozenset(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def _zone(name: str, info: ValidationInfo) -> str:
    if info.context is not STORED and name not in _zones():
        raise ValueError("a time zone such as Europe/Berlin")
    return name


def check_code(field: str, text: str) -> None:
    """Raises `BadField` unless `text` is a machine's name: see `Code`."""
    if len(text) > _LONGEST_CODE or not _CODE.fullmatch(text):
        raise BadField(field, "a name of 1 to 64 letters, digits and _.:/+-", came(text))


def check_country(field: str, code: str) -> None:
    """Raises `BadField` unless `code` is an ISO 3166 country code."""
    if code not in _countries():
        raise BadField(field, "an ISO 3166 country code such as DE", came(code))


def _no_number(given: Any) -> Any:
    """Not a count of seconds, nor of milliseconds: which of the two it is, nobody can tell."""
    if isinstance(given, bool | int | float):
        raise ValueError("a time such as 2026-01-31T12:00:00Z, or a day")  # noqa: TRY004 — for pydantic
    return given


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time from year 1 to 9999 in UTC") from None


def _json_object(given: Any) -> Any:
    """An object as JSON can hold it; what is no object is for pydantic to refuse."""
    return _json(given) if isinstance(given, dict) else given


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("JSON with text in Unicode") from None
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**64:  # what our writer of JSON holds
        return value
    if isinstance(value, float | Decimal) and math.isfinite(number := float(value)):
        return number  # RFC 8259 §6: no reader holds more of a fraction
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {_json(name): _json(inner) for name, inner in value.items()}
    raise ValueError("JSON with names of text and numbers of ordinary size")


_CODE_WHOLE = f"^{_CODE.pattern}$"
PATTERNS[_CODE_WHOLE] = "one word of letters, digits and _.:/+- such as price/too-high"

Code = Annotated[str, Field(pattern=_CODE_WHOLE, max_length=_LONGEST_CODE)]
"""A machine's name for something: a stage, a plan, a product. No blanks, no `@`, no `//`.

It stays readable for ever. That a code names nobody is for whoever writes the mapping to see to: a
number of eight digits may be an article's, or a telephone's.
"""

_PURPOSE_WHOLE = _CODE_WHOLE.replace("A-Z", "")
PATTERNS[_PURPOSE_WHOLE] = (
    "one word of small letters, digits and _.:/+- such as marketing/newsletter"
)

Purpose = Annotated[str, Field(pattern=_PURPOSE_WHOLE, max_length=_LONGEST_CODE)]
"""What for, such as `marketing/newsletter`: a `Code` in small letters, so that one purpose is one name."""

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256 in hex."""

Currency = Annotated[str, AfterValidator(_currency)]
"""ISO 4217."""

Country = Annotated[str, AfterValidator(_country)]
"""ISO 3166-1 alpha-2."""

Language = Annotated[str, AfterValidator(_language)]
"""BCP 47, as far as language, script and region."""

TimeZone = Annotated[str, AfterValidator(_zone)]
"""A name of the IANA time zone database."""

Channel = Literal["email", "sms", "phone", "post", "push", "web", "messenger"]
"""How somebody is reached."""

MinorUnits = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]
"""Money in the smallest unit of its currency: cents, yen, paise."""

Count = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]
"""How many; never a fraction."""

Author = Literal["customer", "agent", "bot"]
"""Whose words they are, in a conversation."""

Day = Annotated[date, BeforeValidator(_no_number)]
"""A day of the calendar."""

Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_utc)]
"""A moment, given with any zone and kept in UTC."""

PlainText = Annotated[str, Field(max_length=65_536)]
"""Prose in the clear; only for the fields in `SAFE_TEXT`."""

_Text = Annotated[str, Field(max_length=65_536)]

IdentityText = Annotated[_Text, Personal(Retention.IDENTITY)]
"""Says who somebody is: name, address, birthday, e-mail, phone."""

OthersText = Annotated[_Text, Personal(Retention.IDENTITY, another=True)]
"""Says who somebody else is than the person whom the event is about. It is sealed under that person's own
key if it is an identifier of theirs, see `ledger.identifiers.named_in`, else under the customer's."""

BehaviourText = Annotated[_Text, Personal(Retention.BEHAVIOUR)]
"""Says what somebody did and where: IP address, browser, URL."""

ContentText = Annotated[_Text, Personal(Retention.CONTENT)]
"""What somebody said or was told: subjects, messages, reasons in their own words."""

LegalText = Annotated[_Text, Personal(Retention.LEGAL)]
"""What has to be kept to show that a thing was lawful."""

JsonObject = Annotated[dict[str, Any], BeforeValidator(_json_object)]
"""Fields that somebody else made up; in the clear only where `SAFE_TEXT` says so."""

_Object = Annotated[JsonObject, Field(max_length=1000)]

BehaviourObject = Annotated[_Object, Personal(Retention.BEHAVIOUR)]
"""What somebody did, in fields that nobody foresaw."""

ContentObject = Annotated[_Object, Personal(Retention.CONTENT)]
"""What somebody filled in, field by field."""
