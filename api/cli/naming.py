"""How things are named on the command line: what cannot be a name is wrong usage."""

from collections.abc import Collection, Mapping
from uuid import UUID

from api import naming
from api.naming import Named
from api.wiring import Bahi
from ledger.errors import BadUsage, Refused


def references(bahi: Bahi, about: Mapping[str, str], new: Collection[str] = ()) -> Named:
    """See `api.naming.references`."""
    try:
        return naming.references(bahi, about, new)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None


def thing_id(bahi: Bahi, kind: str, text: str) -> UUID:
    """See `api.naming.thing_id`."""
    try:
        return naming.thing_id(bahi, kind, text)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None
