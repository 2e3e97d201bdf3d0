"""Problems, as RFC 9457 writes them: every answer that is no success is one of these.

`type` is a path of this server, where it says what that means. `detail` says what was expected and what came, and
quotes no value that could be somebody's.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.http.answers import write
from api.outcomes import outcome_of
from ledger import errors
from ledger.errors import BahiError, IdReused, Refused

MEDIA_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """A kind of problem."""

    title: str
    meaning: str


KINDS: Mapping[str, Kind] = {
    "bad-field": Kind("A field is wrong", "A field is missing, malformed or out of range."),
    "too-large": Kind("Too large", "A limit was passed; the detail names it."),
    "unknown-type": Kind("Unknown type", "The catalogue has no such type of event."),
    "reserved-type": Kind("Reserved type", "Only commands append this type of event."),
    "identity-conflict": Kind("Two people", "What was named belongs to two people."),
    "names-erased": Kind("Erased", "It is about somebody who is erased, and was not kept."),
    "not-allowed": Kind("Not allowed now", "A rule forbids it as things stand; the detail says what it allows."),
    "id-reused": Kind("Id used before", "The id is in the book already, with something else."),
    "condition-failed": Kind("Others were quicker", "Things changed meanwhile: read again, and decide again."),
    "withheld": Kind("Restricted", "The data of this person is kept, and shown for few purposes."),
    "not-found": Kind("Not found", "There is nothing of that name."),
    "definition-refused": Kind("Definition refused", "A view or mapping cannot be used as it stands."),
    "fold-failed": Kind("View stopped", "A view stopped at an event, and its rows are old."),
    "bad-usage": Kind("Wrong usage", "Parameters make no sense, alone or together."),
    "book-altered": Kind("Book altered", "The book is not as it was written."),
    "store-unavailable": Kind("Try again later", "A store cannot be reached. The same again does no harm."),
    "keys-unavailable": Kind("Keys unavailable", "What is sealed cannot be read or written now."),
    "erased": Kind("Erased", "The keys of this person were destroyed on purpose."),
    "no-key": Kind("No valid key", "A key is asked for, and none came that is valid."),
    "not-for-this-role": Kind("Not for this role", "The key is valid, and its role may not do this."),
    "foreign-scope": Kind("Somebody else's", "The key is valid, and this is another source's."),
    "bad-signature": Kind("Bad signature", "The signature is missing, wrong, too old, or came before."),
    "too-many-requests": Kind("Too many requests", "Come again after the seconds in Retry-After."),
    "unsupported-media-type": Kind("Unsupported content", "The content is of no type that is read here."),
    "malformed": Kind("Malformed", "The body is not what its type says."),
    "not-there-yet": Kind("Not there yet", "Views have not come as far as the position that was asked for."),
    "method-not-allowed": Kind("Method not allowed", "There is such a path, and not for this method."),
    "internal": Kind("Our fault", "Something went wrong here. It is in our log under the request id."),
}  # fmt: skip
"""Every kind, by the last part of its `type`."""

_OF_ERRORS: Mapping[type[BahiError], str] = {
    errors.Refused: "bad-field",
    errors.BadField: "bad-field",
    errors.TooLarge: "too-large",
    errors.UnknownType: "unknown-type",
    errors.ReservedType: "reserved-type",
    errors.IdentityConflict: "identity-conflict",
    errors.NamesErased: "names-erased",
    errors.NotAllowed: "not-allowed",
    errors.IdReused: "id-reused",
    errors.ConditionFailed: "condition-failed",
    errors.Withheld: "withheld",
    errors.NotFound: "not-found",
    errors.DefinitionRefused: "definition-refused",
    errors.FoldFailed: "fold-failed",
    errors.BadUsage: "bad-usage",
    errors.BookAltered: "book-altered",
    errors.StoreUnavailable: "store-unavailable",
    errors.KeysUnavailable: "keys-unavailable",
    errors.KeyringMissing: "keys-unavailable",
    errors.KeyringForeign: "keys-unavailable",
    errors.StoreRolledBack: "keys-unavailable",
    errors.Erased: "erased",
}

_OF_STATUS: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type",
    HTTPStatus.BAD_REQUEST: "malformed",
}

_AGAIN_S = 1


class Problem(Exception):
    """An answer that is no success, of a kind that is not in the error tree."""

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.more = more


def problem(
    status: HTTPStatus,
    kind: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The answer that says so; what of `more` is None is left out."""
    told = {key: value for key, value in more.items() if value is not None}
    body = {
        "type": f"/problems/{kind}",
        "title": KINDS[kind].title,
        "status": status.value,
        "detail": detail,
        **told,
    }
    return Response(write(body), status, headers, MEDIA_TYPE)


def of_error(error: BahiError) -> Response:
    """What an error of ours is answered with. Where a store is away, nobody is told which, or why."""
    status, _ = outcome_of(error)
    kind = _OF_ERRORS[type(error)]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, errors.FoldFailed):
        again = {"Retry-After": str(_AGAIN_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        return problem(status, kind, KINDS[kind].meaning, headers=again)
    return problem(status, kind, str(error), **parts_of(error))


def kind_of(error: BahiError) -> str:
    """The last part of the `type` of an error of ours."""
    return _OF_ERRORS[type(error)]


def parts_of(error: BahiError) -> dict[str, Any]:
    """What a program may go by."""
    if not isinstance(error, Refused):
        return {}
    position = error.position if isinstance(error, IdReused) else None
    return {
        "field": error.field,
        "expected": error.expected,
        "came": error.came,
        "position": position or None,
    }


def answer_with_problems(app: FastAPI) -> None:
    """Have everything that goes wrong answered with a problem."""

    def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, BahiError)
        return of_error(error)

    def told(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problem(error.status, error.kind, error.detail, headers=error.headers, **error.more)

    def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _invalid(error)

    def of_status(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        kind = _OF_STATUS.get(status, "malformed")
        return problem(status, kind, KINDS[kind].meaning, headers=error.headers)

    app.add_exception_handler(BahiError, ours)
    app.add_exception_handler(Problem, told)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, of_status)


def _invalid(error: RequestValidationError) -> Response:
    """What of a request is not as documented: the first of it. What came is not quoted."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    if first["type"] == "json_invalid":
        return problem(
            HTTPStatus.BAD_REQUEST, "malformed", "body: expected JSON, came something else"
        )
    detail = f"{where}: {first['msg']}"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad-field", detail, field=where)
