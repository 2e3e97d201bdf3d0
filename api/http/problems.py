"""Problems, as RFC 9457 writes them: every answer that is no success is one of these.

`type` is a path of this server, where it says what that means. `detail` says what was expected and what came, and
quotes no value that could be somebody's.
"""

from collections.abc import Mapping
from copy import deepcopy
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

    status: HTTPStatus
    title: str
    meaning: str


KINDS: Mapping[str, Kind] = {
    "bad-field": Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "A field is wrong", "A field is missing, malformed or out of range."),
    "too-large": Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large", "A limit was passed; the detail names it."),
    "unknown-type": Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Unknown type", "The catalogue has no such type of event."),
    "reserved-type": Kind(HTTPStatus.FORBIDDEN, "Reserved type", "Only commands append this type of event."),
    "identity-conflict": Kind(HTTPStatus.CONFLICT, "Two people", "What was named belongs to two people."),
    "names-erased": Kind(HTTPStatus.GONE, "Erased", "It is about somebody who is erased, and was not kept."),
    "not-allowed": Kind(HTTPStatus.CONFLICT, "Not allowed now", "A rule forbids it as things stand; the detail says what it allows."),
    "id-reused": Kind(HTTPStatus.CONFLICT, "Id used before", "The id is in the book already, with something else."),
    "condition-failed": Kind(HTTPStatus.CONFLICT, "Others were quicker", "Things changed meanwhile: read again, and decide again."),
    "withheld": Kind(HTTPStatus.FORBIDDEN, "Restricted", "The data of this person is kept, and shown for few purposes."),
    "not-found": Kind(HTTPStatus.NOT_FOUND, "Not found", "There is nothing of that name."),
    "definition-refused": Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Definition refused", "A view or mapping cannot be used as it stands."),
    "fold-failed": Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "View stopped", "A view stopped at an event, and its rows are old."),
    "bad-usage": Kind(HTTPStatus.BAD_REQUEST, "Wrong usage", "Parameters make no sense, alone or together."),
    "book-altered": Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Book altered", "The book is not as it was written."),
    "store-unavailable": Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Try again later", "A store cannot be reached. The same again does no harm."),
    "keys-unavailable": Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Keys unavailable", "What is sealed cannot be read or written now."),
    "erased": Kind(HTTPStatus.GONE, "Erased", "The keys of this person were destroyed on purpose."),
    "no-key": Kind(HTTPStatus.UNAUTHORIZED, "No valid key", "A key is asked for, and none came that is valid."),
    "not-for-this-role": Kind(HTTPStatus.FORBIDDEN, "Not for this role", "The key is valid, and its role may not do this."),
    "foreign-scope": Kind(HTTPStatus.FORBIDDEN, "Somebody else's", "The key is valid, and this is another source's."),
    "foreign-origin": Kind(HTTPStatus.FORBIDDEN, "Not from this page", "The key is for other pages than the one that uses it."),
    "bad-signature": Kind(HTTPStatus.UNAUTHORIZED, "Bad signature", "The signature is missing, wrong, too old, or came before."),
    "too-many-requests": Kind(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests", "Come again after the seconds in Retry-After."),
    "unsupported-media-type": Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported content", "The content is of no type that is read here."),
    "malformed": Kind(HTTPStatus.BAD_REQUEST, "Malformed", "The body is not what its type says."),
    "not-there-yet": Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Not there yet", "Views have not come as far as the position that was asked for."),
    "method-not-allowed": Kind(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed", "There is such a path, and not for this method."),
    "too-slow": Kind(HTTPStatus.REQUEST_TIMEOUT, "Too slow", "The body did not come in time."),
    "internal": Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Our fault", "Something went wrong here. It is in our log under the request id."),
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
    errors.BadSignature: "bad-signature",
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
    HTTPStatus.REQUEST_TIMEOUT: "too-slow",
}

AGAIN_S = 1
"""The seconds in Retry-After where a store is away."""

_Answers = dict[int | str, dict[str, Any]]
"""Answers by status, as OpenAPI has them."""


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


class Answer(Response):
    """A problem as it is answered."""

    media_type = MEDIA_TYPE
    kind: str


def problem(
    status: HTTPStatus,
    kind: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Answer:
    """The answer that says so; what of `more` is None is left out."""
    answer = Answer(write(_document(status, kind, detail, more)), status, headers)
    answer.kind = kind
    return answer


def _document(
    status: HTTPStatus, kind: str, detail: str, more: Mapping[str, Any]
) -> dict[str, Any]:
    told = {key: value for key, value in more.items() if value is not None}
    return {
        "type": f"/problems/{kind}",
        "title": KINDS[kind].title,
        "status": status.value,
        "detail": detail,
        **told,
    }


def document_of(refusal: Refused) -> dict[str, Any]:
    """What a refused item is answered with, where it is one of several."""
    status, _ = outcome_of(refusal)
    return _document(status, kind_of(refusal), str(refusal), parts_of(refusal))


def of_error(error: BahiError) -> Answer:
    """What an error of ours is answered with. Where a store is away, nobody is told which, or why."""
    status, _ = outcome_of(error)
    kind = _OF_ERRORS[type(error)]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, errors.FoldFailed):
        again = {"Retry-After": str(AGAIN_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
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
    """Have everything that goes wrong answered with a problem; figures and log are told which, and the log why
    where it is our fault, since the answer does not say it.
    """

    def answered(request: Request, error: Exception) -> Response:
        answer = _answer_to(error)
        request.state.problem = answer.kind
        if isinstance(error, BahiError) and answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            request.state.fault = error
        return answer

    for kind in (BahiError, Problem, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answered)


def _answer_to(error: Exception) -> Answer:
    match error:
        case BahiError():
            return of_error(error)
        case Problem():
            return problem(
                error.status, error.kind, error.detail, headers=error.headers, **error.more
            )
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            status = HTTPStatus(error.status_code)
            kind = _OF_STATUS.get(status, "malformed")
            return problem(status, kind, KINDS[kind].meaning, headers=error.headers)
        case _:
            raise error


def documented(*kinds: str) -> _Answers:
    """The answers of a route that are problems of these kinds, as OpenAPI has them: for its `responses`."""
    found: _Answers = {}
    for kind in kinds:
        status, title, meaning = KINDS[kind]
        answer = found.setdefault(
            status.value,
            {
                "description": title,
                "content": {MEDIA_TYPE: {"schema": SCHEMA, "examples": {}}},
            },
        )
        example = {
            "type": f"/problems/{kind}",
            "title": title,
            "status": status.value,
            "detail": meaning,
        }
        answer["content"][MEDIA_TYPE]["examples"][kind] = {"summary": meaning, "value": example}
    return found


def both(some: _Answers, others: _Answers) -> _Answers:
    """Two tables of answers as one; of a status that is in both, the examples of both."""
    found = deepcopy({**some, **others})
    for status in some.keys() & others.keys():
        for media, content in some[status].get("content", {}).items():
            own = found[status].setdefault("content", {}).setdefault(media, dict(content))
            own["examples"] = {**content.get("examples", {}), **own.get("examples", {})}
    return found


SCHEMA: Mapping[str, Any] = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "A path of this server that says what it means."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was expected, and what came."},
        "field": {"type": "string", "description": "The dotted name of what was wrong."},
        "expected": {"type": "string"},
        "came": {"type": "string"},
        "position": {"type": "integer"},
        "latest": {
            "type": "object",
            "description": "What was done with the thing last, where that forbids what was asked; and by whom.",
        },
    },
}


def _invalid(error: RequestValidationError) -> Answer:
    """What of a request is not as documented: the first of it. What came is not quoted."""
    first = error.errors()[0]
    place, *within = first["loc"]
    if first["type"] == "extra_forbidden":  # its name may be anybody's address
        within.pop()
    where = ".".join(map(str, within)) or str(place)
    if first["type"] == "json_invalid":
        return problem(
            HTTPStatus.BAD_REQUEST, "malformed", "body: expected JSON, came something else"
        )
    detail = f"{where}: {first['msg']}"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad-field", detail, field=where)
