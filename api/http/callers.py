"""Who calls: the key of a request, and what it may do here.

Keys come as `Authorization: Bearer …`, or as the user of Basic, as Segment's libraries send a write key. What is
remembered of a key is a second old at the most: so long one that was revoked still works.
"""

import binascii
import time
from base64 import b64decode
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from api.http.problems import Problem
from api.http.roles import ANYBODY, MAY, PUBLIC, Role, Route
from api.wiring import Bahi

_FRESH_S = 1.0
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


class Callers:
    """The keys of a ledger, as requests bring them."""

    def __init__(self, bahi: Bahi) -> None:
        self._bahi = bahi
        self._known: dict[str, tuple[float, Caller]] = {}

    def caller(self, secret: str) -> Caller:
        """Whose key that is. Raises `Problem` for one that is not valid, or not any longer."""
        now = time.monotonic()
        seen_at, caller = self._known.get(secret, (float("-inf"), None))
        if caller is None or now - seen_at > _FRESH_S:
            caller = self._found(secret)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[secret] = now, caller
        return caller

    def _found(self, secret: str) -> Caller:
        self._known.pop(secret, None)
        vault = self._bahi.ledger.vault
        key = vault.admit(secret, self._bahi.clock())
        if key is None:
            raise unknown_key("expected a valid key, came one that is unknown, revoked or expired")
        actor = vault.staff(f"key:{key.id}")
        return Caller(key.id, Role(key.role), key.source, key.public, actor)


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
            except (binascii.Error, UnicodeDecodeError):
                raise unknown_key("expected a key as the user of Basic, came no Base64") from None
            return user
        case _:
            raise unknown_key("expected a key by Bearer or Basic, came another scheme")


def open_to_anybody(route: Route) -> bool:
    """Whether no key is asked for."""
    return MAY[route] == ANYBODY


def _forbidden(detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, "not-for-this-role", detail)


def _caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


Calling = Annotated[Caller, Depends(_caller)]
"""A route's argument: who calls it."""
