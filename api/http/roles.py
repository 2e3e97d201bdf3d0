"""Who may call what: one table, a line for each route, written by hand.

A route that is not in it is not served: the application refuses to start.
"""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a key is for."""

    INGEST = "ingest"
    """Hands touchpoints in, and sees what of its own was refused."""
    SERVICE = "service"
    """A system of ours: hands in, commands, reads; opens nothing personal."""
    ANALYST = "analyst"
    """Reads figures and histories; knows nobody's name."""
    MARKETING = "marketing"
    """Reads figures and what may be sent to whom."""
    AGENT = "agent"
    """Talks to customers: sells, serves, and may see who they are."""
    AUDITOR = "auditor"
    """Reads everything that is in the clear, and changes nothing."""
    PRIVACY_OFFICER = "privacy_officer"
    """Answers people who ask about their data, and may see who they are."""
    ADMIN = "admin"
    """Runs it: sees how it stands, and what was refused; opens nothing personal."""


_I, _S, _N, _M = Role.INGEST, Role.SERVICE, Role.ANALYST, Role.MARKETING
_A, _U, _P, _D = Role.AGENT, Role.AUDITOR, Role.PRIVACY_OFFICER, Role.ADMIN

ANYBODY: frozenset[Role] = frozenset()
"""No key is asked for: it says nothing about anybody, or shows by itself who sends it."""

_TAKING_IN = frozenset({_I, _S, _A, _D})
_READING = frozenset({_S, _N, _M, _A, _U, _P, _D})
_KNOWING = frozenset({_S, _M, _A, _P})
_DEALING = frozenset({_S, _A, _D})
_CONSENTING = frozenset({_S, _A, _P})
_ANSWERING = frozenset({_P})
_REFUSED = frozenset({_I, _S, _P, _D})
_OPENING = frozenset({_A, _P})

Route = tuple[str, str]
"""A method, and a path as it is declared."""

MAY: Mapping[Route, frozenset[Role]] = {
    # touchpoints in
    ("POST", "/v1/events"): _TAKING_IN,
    ("POST", "/v1/identify"): _TAKING_IN,
    ("POST", "/v1/track"): _TAKING_IN,
    ("POST", "/v1/page"): _TAKING_IN,
    ("POST", "/v1/screen"): _TAKING_IN,
    ("POST", "/v1/group"): _TAKING_IN,
    ("POST", "/v1/alias"): _TAKING_IN,
    ("POST", "/v1/batch"): _TAKING_IN,
    ("POST", "/v1/webhooks/{source}"): ANYBODY,  # it is signed
    ("GET", "/v1/dead-letters"): _REFUSED,
    ("POST", "/v1/dead-letters/{letter}/replay"): _REFUSED,
    ("POST", "/v1/dead-letters/{letter}/open"): _ANSWERING,
    # answers
    ("GET", "/v1/events"): frozenset({_S, _U, _D}),
    ("POST", "/v1/customers/search"): _KNOWING,
    ("GET", "/v1/customers/{customer}"): _READING,
    ("GET", "/v1/customers/{customer}/timeline"): _READING,
    ("POST", "/v1/customers/{customer}/open"): _OPENING,
    ("GET", "/v1/views"): _READING,
    ("GET", "/v1/views/{name}"): _READING,
    # how it stands
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): frozenset({_U, _D}),
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/problems/{name}"): ANYBODY,
}
"""Every route, and the roles that may call it."""

PUBLIC: frozenset[Route] = frozenset(
    ("POST", f"/v1/{call}")
    for call in ("events", "identify", "track", "page", "screen", "group", "alias", "batch")
)
"""What a client key may call, which everybody knows who looks at a page that uses it."""
