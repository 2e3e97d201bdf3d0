"""Messages as Segment's libraries send them, read into touchpoints.

Source: the Segment HTTP Tracking API and its Spec, common fields. `userId` names a `user` and `anonymousId` an
`anonymous`; an e-mail address or a telephone among the traits names the same person, if it is one; the
traits of a group are not theirs.

| call     | becomes             | of it                                                                      |
| -------- | ------------------- | -------------------------------------------------------------------------- |
| identify | customer.identified | the traits that there are fields for                                       |
| track    | custom.tracked      | event and properties, sealed; what a registered schema calls safe is not   |
| page     | page.viewed         | name, if it is one word; url, referrer, ip, user agent                     |
| screen   | page.viewed         | the same                                                                   |
| group    | member.joined       | `groupId`, the account                                                     |
| alias    | customer.updated    | that `previousId` is the same person                                       |

When it happened: `timestamp`; else `originalTimestamp`, moved by as much as the sender's clock was off where
`sentAt` and `receivedAt` tell. Who hears it from the sender knows better when it was received: see `heard_at`.

Of a sender whom nobody trusts, identify, group and alias are no more than claims: events of their name, with
what they say of anybody sealed and nothing made of it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue.fields import check_code
from ledger.errors import BadField, Refused, TooLarge, came
from ledger.identifiers import MAX_IDENTIFIER, Identifier, normalise
from streams.claims import distrusted
from streams.parts import Json, moment_of, object_of, text_of

Said = tuple[str, dict[str, Any]]
"""A type of the catalogue and its attributes."""


def touchpoint_of(
    message: Json,
    source: str,
    *,
    message_id: str,
    at: datetime | None = None,
    otherwise: datetime | None = None,
    actor: UUID | None = None,
    trusted: bool = True,
) -> Touchpoint:
    """The touchpoint of a call; `message_id` and `otherwise` hold where it does not say its id and when it
    happened, and `at` is when it did, whatever it says. Raises `Refused`.
    """
    call = message.get("type")
    if not isinstance(call, str) or call not in _CALLS:
        raise BadField("type", "one of " + ", ".join(_CALLS), came(call))
    topic, attributes = _CALLS[call](message)
    if not trusted and call in _CLAIMING:
        topic, attributes = "custom.tracked", {"tracked_name": call}
    at = at or _happened_at(message) or otherwise
    if at is None:
        raise BadField("timestamp", "a time such as 2026-01-31T12:00:00Z", "nothing")
    group = text_of(message, "groupId", "groupId") if call == "group" else None
    touchpoint = Touchpoint(
        catalogue.parse(topic, attributes),
        at,
        source,
        text_of(message, "messageId", "messageId") or message_id,
        tuple(_identifiers(message)),
        (Identifier("account", group),) if group else (),
        actor=actor,
    )
    if trusted:
        return touchpoint
    if text_of(message, "anonymousId", "anonymousId") is None:
        raise BadField("anonymousId", "text", "nothing")
    context = object_of(message, "context", "context")
    claims = {
        "traits": object_of(message, "traits", "traits"),
        "context.traits": object_of(context, "traits", "context.traits"),
    }
    return distrusted(touchpoint, claims)


def heard_at(message: Json, received_at: datetime) -> tuple[datetime, bool]:
    """When a call happened that came from its sender just now, and whether that is by our clock, or may be
    when the same comes again, sent at another time.

    A sender whose clock is off by more than a message may take is believed how long it waited, and not when
    that was. Raises `BadField`.
    """
    said = moment_of(message, "timestamp", "timestamp")
    said = said or moment_of(message, "originalTimestamp", "originalTimestamp")
    sent = moment_of(message, "sentAt", "sentAt")
    if said is None:
        return received_at, True
    if sent is None or abs(received_at - sent) <= _ON_ITS_WAY:
        return said, sent is not None
    try:
        return said + (received_at - sent), True
    except OverflowError:
        raise BadField("sentAt", "a time near timestamp", "another") from None


_ON_ITS_WAY = timedelta(minutes=1)


def is_call(message: object) -> bool:
    """Whether it is meant to be one of these."""
    call = message.get("type") if isinstance(message, Mapping) else None
    return isinstance(call, str) and call in _CALLS


def named_in(message: object) -> tuple[Identifier, ...]:
    """Whom a refused message names, as far as it can be read."""
    if not isinstance(message, Mapping):
        return ()
    found = []
    for kind, holder, name in _NAMES:
        value = _within(message, holder).get(name)
        if isinstance(value, str | int):
            found.append(Identifier(kind, str(value)))
    return tuple(found)


_NAMES = (
    ("user", (), "userId"),
    ("email", ("traits",), "email"),
    ("email", ("context", "traits"), "email"),
    ("phone", ("traits",), "phone"),
    ("phone", ("context", "traits"), "phone"),
    ("anonymous", (), "anonymousId"),
    ("anonymous", (), "previousId"),
)
"""Kinds of identifiers and where they stand, most trusted first."""
_TRAITS_OF_A_GROUP = ("traits",)


def _identifiers(message: Json) -> Iterator[Identifier]:
    of_a_group = message.get("type") == "group"
    for kind, holder, name in _NAMES:
        if of_a_group and holder == _TRAITS_OF_A_GROUP:
            continue  # its address is every member's: they would become one person
        within = message
        for part in holder:
            within = object_of(within, part, part)
        value = text_of(within, name, ".".join((*holder, name)))
        if value is None:
            continue
        if len(value) > MAX_IDENTIFIER:
            raise TooLarge(name, f"at most {MAX_IDENTIFIER:,} characters", came(value))
        if not holder or _names_somebody(Identifier(kind, value)):
            yield Identifier(kind, value)


def _within(message: Json, holder: tuple[str, ...]) -> Json:
    for part in holder:
        inner = message.get(part)
        message = inner if isinstance(inner, Mapping) else {}
    return message


def _names_somebody(given: Identifier) -> bool:
    """Whether a trait is an address or a number: people type anything there, and it is sealed all the same."""
    try:
        return normalise(given) is not None
    except Refused:
        return False


def _happened_at(message: Json) -> datetime | None:
    at = moment_of(message, "timestamp", "timestamp")
    if at is not None:
        return at
    said = moment_of(message, "originalTimestamp", "originalTimestamp")
    sent = moment_of(message, "sentAt", "sentAt")
    received = moment_of(message, "receivedAt", "receivedAt")
    if said is None or sent is None or received is None:
        return said or sent
    try:
        return received - (sent - said)
    except OverflowError:
        raise BadField("sentAt", "a time near originalTimestamp", "another") from None


def _identify(message: Json) -> Said:
    traits = object_of(message, "traits", "traits")
    company = traits.get("company")
    if isinstance(company, Mapping):
        traits = {**traits, "company": company.get("name")}
    address = traits.get("address")
    if isinstance(address, Mapping):
        traits = {**traits, "address": json.dumps(address, ensure_ascii=False, default=str)}
    return "customer.identified", {
        field: text_of(traits, trait, f"traits.{trait}") for trait, field in _TRAITS.items()
    }


_TRAITS = {
    "name": "name",
    "firstName": "given_name",
    "lastName": "family_name",
    "email": "email",
    "phone": "phone",
    "address": "address",
    "birthday": "birthday",
    "company": "company",
    "title": "job_title",
}


def _track(message: Json) -> Said:
    name = text_of(message, "event", "event")
    if name is None:
        raise BadField("event", "the name of what happened", "nothing")
    properties = object_of(message, "properties", "properties")
    return "custom.tracked", {
        "tracked_name": name,
        "tracked_properties": dict(properties) if properties else None,
    }


def _page(message: Json) -> Said:
    properties = object_of(message, "properties", "properties")
    context = object_of(message, "context", "context")
    page = object_of(context, "page", "context.page")
    name = text_of(message, "name", "name") or text_of(properties, "name", "properties.name")
    return "page.viewed", {
        "page": name if name and _is_code(name) else None,
        "url": text_of(properties, "url", "properties.url")
        or text_of(page, "url", "context.page.url"),
        "referrer": text_of(properties, "referrer", "properties.referrer")
        or text_of(page, "referrer", "context.page.referrer"),
        "ip": text_of(context, "ip", "context.ip"),
        "user_agent": text_of(context, "userAgent", "context.userAgent"),
    }


def _is_code(name: str) -> bool:
    """Whether it may stand in the clear: a title of several words may have anybody's name in it."""
    try:
        check_code("name", name)
    except BadField:
        return False
    return True


def _group(message: Json) -> Said:
    if text_of(message, "groupId", "groupId") is None:
        raise BadField("groupId", "text", "nothing")
    return "member.joined", {}


def _alias(message: Json) -> Said:
    if text_of(message, "previousId", "previousId") is None:
        raise BadField("previousId", "text", "nothing")
    return "customer.updated", {}


_CLAIMING = ("identify", "group", "alias")

_CALLS: Mapping[str, Callable[[Json], Said]] = {
    "identify": _identify,
    "track": _track,
    "page": _page,
    "screen": _page,
    "group": _group,
    "alias": _alias,
}
CALLS = tuple(_CALLS)
"""What there is of them."""
