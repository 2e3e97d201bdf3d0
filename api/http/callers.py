"""Who calls: the key of a request, and what it may do here.

Keys come as `Authorization: Bearer …`, or as the user of Basic, as Segment's libraries send a write key. What is
remembered of a key is a second old at the most: so long one that was revoked still works.

No key is compared with another: a keyed digest of it is looked up. None gets into a log or an answer.
"""

import asyncio
import time
from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Network
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.http.limits import FAILURES_AT_ONCE, FAILURES_S, Buckets
from api.http.problems import Problem
from api.http.roles import (
    ANYBODY,
    LOOKING_DESPITE,
    MAY,
    OVERSEEING,
    OVERSEEN,
    PUBLIC,
    Role,
    Route,
)
from api.wiring import Bahi
from ledger.errors import BahiError
from ledger.restricted import DESPITE

_FRESH_S = 1.0
_ROLES = frozenset(Role)
_REMEMBERED = 10_000
_ASKED = {"WWW-Authenticate": 'Bearer realm="bahi", Basic realm="bahi"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that is valid, and who acts by it."""

    key: UUID
    role: Role
    source: str
    """What it records as; its own is what came from this source."""
    public: bool
    """Whether everybody may know it, since it stands in a page."""
    actor: UUID
    origins: tuple[str, ...] = ()
    """The pages from which a browser may use it."""


class Callers:
    """The keys of a ledger, as requests bring them, and how often they may."""

    def __init__(self, bahi: Bahi) -> None:
        self._bahi = bahi
        self._known: dict[str, tuple[float, Caller]] = {}
        self._asked: dict[str, asyncio.Future[Caller]] = {}
        rate = bahi.settings.http_rate
        self._requests = Buckets(rate, 2 * rate)
        self._failures = Buckets(FAILURES_S, FAILURES_AT_ONCE)

    async def calling(self, request: Request, written: str | None = None) -> Caller:
        """Who sends this request; it counts for them. `written` is the key in its body, if one is there.

        Raises `Problem` for a key that is not valid, for whoever tries too many that are not, for a page that
        it is not for, and for one that is used too often: a page that it is for can read that answer.
        """
        secret = secret_of(request) if written is None else written
        caller = self._remembered(secret)
        if caller is None:
            caller = await self._tried(secret, address_of(request))
        request.state.origin = origin_of(request, caller)
        # Everybody has a client key: one of them is not to use up what the others may.
        whose = (caller.key, address_of(request)) if caller.public else caller.key
        request.state.whose = whose
        self._requests.demand(whose)
        self._requests.take(whose)
        return caller

    async def _tried(self, secret: str, address: str | None) -> Caller:
        """A key is looked up once for all who bring it at the same time: one sender has many connections."""
        asked = self._asked.get(secret)
        if asked is None:
            asked = self._asked[secret] = asyncio.ensure_future(self._looked_up(secret, address))
            asked.add_done_callback(lambda _: self._asked.pop(secret, None))
        return await asyncio.shield(asked)

    async def _looked_up(self, secret: str, address: str | None) -> Caller:
        if secret in self._known:  # its owner does not wait for others behind one address
            return await run_in_threadpool(self.caller, secret)
        self._failures.demand(address)
        self._failures.take(address)  # before the answer is there: many may come at once
        try:
            # The vault may be another machine's.
            caller = await run_in_threadpool(self.caller, secret)
        except BahiError:  # nobody can tell
            self._failures.give_back(address)
            raise
        self._failures.give_back(address)
        return caller

    def caller(self, secret: str) -> Caller:
        """Whose key that is. Raises `Problem` for one that is not valid, or not any longer."""
        caller = self._remembered(secret)
        if caller is None:
            caller = self._found(secret)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[secret] = time.monotonic(), caller
        return caller

    def _remembered(self, secret: str) -> Caller | None:
        seen_at, caller = self._known.get(secret, (float("-inf"), None))
        return caller if time.monotonic() - seen_at <= _FRESH_S else None

    def _found(self, secret: str) -> Caller:
        vault = self._bahi.ledger.vault
        key = vault.admit(secret, self._bahi.clock())
        if key is None or key.role not in _ROLES:
            self._known.pop(secret, None)
            raise unknown_key("expected a valid key, came one that is unknown, revoked or expired")
        actor = vault.staff(f"key:{key.id}")
        return Caller(key.id, Role(key.role), key.source, key.public, actor, key.origins)


def unknown_key(detail: str) -> Problem:
    """The answer to whoever brings no valid key."""
    return Problem(HTTPStatus.UNAUTHORIZED, "no-key", detail, headers=_ASKED)


def admitted(caller: Caller, route: Route) -> None:
    """Raises `Problem` for a caller who may not call this."""
    if caller.public and route not in PUBLIC:
        raise _forbidden("a client key hands in what happens in a browser, and nothing else")
    if caller.role not in MAY[route]:
        allowed = ", ".join(sorted(MAY[route]))
        raise _forbidden(f"expected a key of {allowed}, came one of {caller.role}")


def demand_purpose(caller: Caller, purpose: str) -> None:
    """Raises `Problem` for a purpose for which this role sees nobody whose data is restricted."""
    if purpose in DESPITE and caller.role not in LOOKING_DESPITE:
        allowed = ", ".join(sorted(LOOKING_DESPITE))
        raise _forbidden(f"for {purpose} expected a key of {allowed}, came one of {caller.role}")


def demand_oversight(caller: Caller, views: Collection[str]) -> None:
    """Raises `Problem` for views that this role does not see."""
    if not sees(caller, views):
        allowed = ", ".join(sorted(OVERSEEING))
        raise _forbidden(f"expected a key of {allowed}, came one of {caller.role}")


def sees(caller: Caller, views: Collection[str]) -> bool:
    """Whether this role sees all of these views."""
    return caller.role in OVERSEEING or OVERSEEN.isdisjoint(views)


def origin_of(request: Request, caller: Caller) -> str | None:
    """The page that a browser calls from with a client key; None where that is no browser.

    Raises `Problem` for a page that the key is not for.
    """
    origin = request.headers.get("origin")
    if not caller.public or (origin is None and not caller.origins):
        return None
    if origin not in caller.origins:
        raise Problem(
            HTTPStatus.FORBIDDEN, "foreign-origin", "expected a page of the key's, came another"
        )
    return origin


def secret_of(request: Request) -> str:
    """The key that a request brings. Raises `Problem`."""
    given = request.headers.get("authorization")
    if given is None:
        raise unknown_key("expected a key in Authorization, came none")
    scheme, _, rest = given.partition(" ")
    match scheme.casefold():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                user, _, _ = b64decode(rest.strip(), validate=True).decode().partition(":")
            except ValueError:  # also what is neither ASCII nor UTF-8
                raise unknown_key("expected a key as the user of Basic, came no Base64") from None
            return user
        case _:
            raise unknown_key("expected a key by Bearer or Basic, came another scheme")


def address_of(request: Request) -> str | None:
    """Where a request comes from; of IPv6 the network, since who has one has all of its addresses."""
    host = request.client.host if request.client else None
    if host is None or ":" not in host:
        return host
    return str(IPv6Network((host.partition("%")[0], 64), strict=False))


def open_to_anybody(route: Route) -> bool:
    """Whether no key is asked for."""
    return MAY[route] == ANYBODY


def _forbidden(detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, "not-for-this-role", detail)


async def _caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


Calling = Annotated[Caller, Depends(_caller)]
"""A route's argument: who calls it."""
