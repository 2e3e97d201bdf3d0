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
_JUDGING = frozenset({_A, _P})
_ASKING = frozenset({_S, _A, _P})
_FOLLOWING = frozenset({_S, _P})  # a service what came from its source
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
    ("POST", "/v1/i"): _TAKING_IN,
    ("POST", "/v1/t"): _TAKING_IN,
    ("POST", "/v1/p"): _TAKING_IN,
    ("POST", "/v1/s"): _TAKING_IN,
    ("POST", "/v1/g"): _TAKING_IN,
    ("POST", "/v1/a"): _TAKING_IN,
    ("POST", "/v1/b"): _TAKING_IN,
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
    # commands of selling and serving
    ("POST", "/v1/pipelines"): _DEALING,
    ("POST", "/v1/goals"): _DEALING,
    ("POST", "/v1/deals"): _DEALING,
    ("POST", "/v1/deals/search"): _DEALING,
    ("GET", "/v1/deals/{deal}"): _READING,
    ("POST", "/v1/deals/{deal}/move"): _DEALING,
    ("POST", "/v1/deals/{deal}/price"): _DEALING,
    ("POST", "/v1/deals/{deal}/win"): _DEALING,
    ("POST", "/v1/deals/{deal}/lose"): _DEALING,
    ("POST", "/v1/deals/{deal}/reopen"): _DEALING,
    ("POST", "/v1/tickets"): _DEALING,
    ("POST", "/v1/tickets/search"): _DEALING,
    ("GET", "/v1/tickets/{ticket}"): _READING,
    ("POST", "/v1/tickets/{ticket}/reply"): _DEALING,
    ("POST", "/v1/tickets/{ticket}/assign"): _DEALING,
    ("POST", "/v1/tickets/{ticket}/escalate"): _DEALING,
    ("POST", "/v1/tickets/{ticket}/resolve"): _DEALING,
    ("POST", "/v1/tickets/{ticket}/reopen"): _DEALING,
    ("POST", "/v1/tickets/{ticket}/close"): _DEALING,
    ("POST", "/v1/tasks"): _DEALING,
    ("POST", "/v1/tasks/search"): _DEALING,
    ("GET", "/v1/tasks/{task}"): _READING,
    ("POST", "/v1/tasks/{task}/schedule"): _DEALING,
    ("POST", "/v1/tasks/{task}/complete"): _DEALING,
    ("POST", "/v1/accounts"): _DEALING,
    ("POST", "/v1/accounts/search"): _DEALING,
    ("GET", "/v1/accounts/{account}"): _READING,
    ("POST", "/v1/accounts/{account}/identify"): _DEALING,
    ("POST", "/v1/accounts/{account}/join"): _DEALING,
    ("POST", "/v1/accounts/{account}/leave"): _DEALING,
    # commands of what people allow
    ("POST", "/v1/notices"): _CONSENTING,
    ("POST", "/v1/consents/request"): _CONSENTING,
    ("POST", "/v1/consents/give"): _CONSENTING,
    ("POST", "/v1/consents/refuse"): _CONSENTING,
    ("POST", "/v1/consents/withdraw"): _CONSENTING,
    ("POST", "/v1/consents/object"): _CONSENTING,
    ("POST", "/v1/consents/lift"): _CONSENTING,
    ("POST", "/v1/consents/unsubscribe"): _CONSENTING,
    ("POST", "/v1/consents/may"): _KNOWING,
    ("POST", "/v1/consents/history"): _CONSENTING,
    # commands of who is who
    ("POST", "/v1/merges"): _JUDGING,
    ("POST", "/v1/splits"): _JUDGING,
    # commands of what people ask about their data
    ("GET", "/v1/privacy/discovery"): _ASKING,
    ("POST", "/v1/privacy/requests"): _ASKING,
    ("GET", "/v1/privacy/requests"): _ANSWERING,
    ("GET", "/v1/privacy/requests/{request}"): _FOLLOWING,
    ("DELETE", "/v1/privacy/requests/{request}"): _FOLLOWING,
    ("POST", "/v1/privacy/requests/{request}/confirm"): _ANSWERING,
    ("POST", "/v1/privacy/requests/{request}/challenge"): _ANSWERING,
    ("POST", "/v1/privacy/requests/{request}/verify"): _ANSWERING,
    ("POST", "/v1/privacy/requests/{request}/extend"): _ANSWERING,
    ("POST", "/v1/privacy/requests/{request}/refuse"): _ANSWERING,
    ("POST", "/v1/privacy/requests/{request}/fulfil"): _ANSWERING,
    ("POST", "/v1/privacy/holds"): _ANSWERING,
    ("POST", "/v1/privacy/holds/release"): _ANSWERING,
    ("POST", "/v1/privacy/restrictions"): _ANSWERING,
    ("POST", "/v1/privacy/restrictions/lift"): _ANSWERING,
    ("POST", "/v1/privacy/erasures"): _ANSWERING,
    ("POST", "/v1/privacy/erasures/plan"): _ANSWERING,
    # how it stands
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): frozenset({_U, _D}),
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/problems/{name}"): ANYBODY,
}
"""Every route, and the roles that may call it."""

OVERSEEING: frozenset[Role] = frozenset({_U, _P, _D})
"""Who sees what was asked about people's data and done with it, and who opened it; a service is told of the
requests that are its own, and of no other."""

OVERSEEN: frozenset[str] = frozenset(
    {"erasure", "hold", "opened", "opened_by", "privacy_request", "privacy_due"}
)
"""The views that are for these alone, as is every question that asks one of them."""

LOOKING_DESPITE: frozenset[Role] = frozenset({_A, _U, _P})
"""Who may say that they look for a purpose for which also those are shown whose data is restricted: people who
can tell, and answer for it."""

_SEGMENTS = ("identify", "track", "page", "screen", "group", "alias", "batch")

WRITTEN: frozenset[Route] = frozenset(
    ("POST", f"/v1/{path}") for call in _SEGMENTS for path in (call, call[0])
)
"""What may be called with a key in the body, as `writeKey`: Segment's API has it so."""

PUBLIC: frozenset[Route] = WRITTEN | {("POST", "/v1/events")}
"""What a client key may call, which everybody knows who looks at a page that uses it."""
