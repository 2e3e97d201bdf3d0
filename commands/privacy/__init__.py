"""Requests about people's data: what may happen to one, by when, and what forbids it."""

from commands.privacy.days import start_of
from commands.privacy.doing import (
    Correspondence,
    events_of,
    find_request,
    open_request,
    proceed,
    request_id,
)
from commands.privacy.holds import PlaceHold, ReleaseHold
from commands.privacy.laws import EXTENSIONS, HOLDS, REFUSALS, Ground
from commands.privacy.request import OPEN, Request, State
from commands.privacy.rules import (
    Challenge,
    Confirm,
    Erase,
    Extend,
    Fulfil,
    Receive,
    Rectify,
    Refuse,
    Verify,
)

__all__ = [
    "EXTENSIONS",
    "HOLDS",
    "OPEN",
    "REFUSALS",
    "Challenge",
    "Confirm",
    "Correspondence",
    "Erase",
    "Extend",
    "Fulfil",
    "Ground",
    "PlaceHold",
    "Receive",
    "Rectify",
    "Refuse",
    "ReleaseHold",
    "Request",
    "State",
    "Verify",
    "events_of",
    "find_request",
    "open_request",
    "proceed",
    "request_id",
    "start_of",
]
