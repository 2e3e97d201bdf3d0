"""What senders say whom nobody trusts, as everybody can who reads a key off a page.

They tell of what happens in a browser, under the random id that the page gave it, and that is all that is gone
by. Whatever else they say of who it is, is kept sealed with the event: nobody is found by it, or merged.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from commands.touchpoint import Touchpoint
from ledger.catalogue.fields import ContentObject
from ledger.errors import BadField, came, came_safely
from ledger.identifiers import Identifier

ANONYMOUS = "anonymous"
"""The kind of identifiers that pages make up."""

BROWSER = ("page.viewed", "form.submitted", "feature.used", "cart.abandoned", "custom.tracked")
"""What may come from one."""

_OBJECT = TypeAdapter[dict[str, Any]](ContentObject)


def distrusted(touchpoint: Touchpoint, more: Mapping[str, Any]) -> Touchpoint:
    """The same with everything that it claims put aside, and `more` of that; its id is one that nobody who
    is trusted gives, so that no sender's is taken away. Raises `BadField`.
    """
    topic = touchpoint.payload.TOPIC
    if topic not in BROWSER:
        expected = "one that a client key may send: " + ", ".join(BROWSER)
        raise BadField("type", expected, came_safely(topic))
    given = touchpoint.identifiers
    page = next((one for one in given if one.kind == ANONYMOUS), None)
    if page is None:
        raise BadField(f"identifiers.{ANONYMOUS}", "the random id that the page made up", "none")
    claims: dict[str, Any] = {
        "identifiers": _pairs(one for one in given if one is not page),
        "references": _pairs(touchpoint.references),
        **more,
    }
    return replace(
        touchpoint,
        message_id=f"client:{touchpoint.message_id}",
        identifiers=(page,),
        references=(),
        claimed=_sealable({name: claim for name, claim in claims.items() if claim}),
    )


def _pairs(identifiers: Any) -> list[list[str]]:
    found: list[Identifier] = [*identifiers]
    return [[one.kind, one.value] for one in found]


def _sealable(claims: dict[str, Any]) -> dict[str, Any]:
    """Claims as JSON that can be kept and read for ever."""
    try:
        found = _OBJECT.validate_python(claims)
    except ValidationError:
        raise BadField("claimed", "JSON with numbers of ordinary size", came(claims)) from None
    if rb"\u0000" in orjson.dumps(found):
        raise BadField("claimed", "text without U+0000", came(claims))
    return found
