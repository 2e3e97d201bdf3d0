"""What each error means to a caller: an exit code on the command line, a status over HTTP.

One table, a line for each class; a test holds it to the error tree. A command that takes in many
items ends with `SOME_REFUSED` where items were refused; the table is for what ends a command.
"""

from enum import IntEnum
from http import HTTPStatus

from ledger import errors


class Exit(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    SOME_REFUSED = 3
    ANSWER_IS_NO = 4


OUTCOMES: dict[type[errors.BahiError], tuple[HTTPStatus, Exit]] = {
    errors.Refused: (HTTPStatus.UNPROCESSABLE_ENTITY, Exit.FAILED),
    errors.BadField: (HTTPStatus.UNPROCESSABLE_ENTITY, Exit.FAILED),
    errors.TooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Exit.FAILED),
    errors.UnknownType: (HTTPStatus.UNPROCESSABLE_ENTITY, Exit.FAILED),
    errors.ReservedType: (HTTPStatus.FORBIDDEN, Exit.FAILED),
    errors.IdentityConflict: (HTTPStatus.CONFLICT, Exit.FAILED),
    errors.NamesErased: (HTTPStatus.GONE, Exit.FAILED),
    errors.NotAllowed: (HTTPStatus.CONFLICT, Exit.FAILED),
    errors.IdReused: (HTTPStatus.CONFLICT, Exit.FAILED),
    errors.ConditionFailed: (HTTPStatus.CONFLICT, Exit.FAILED),
    errors.BadSignature: (HTTPStatus.UNAUTHORIZED, Exit.FAILED),
    errors.Withheld: (HTTPStatus.FORBIDDEN, Exit.ANSWER_IS_NO),
    errors.NotFound: (HTTPStatus.NOT_FOUND, Exit.WRONG_USAGE),
    errors.DefinitionRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, Exit.WRONG_USAGE),
    errors.FoldFailed: (HTTPStatus.INTERNAL_SERVER_ERROR, Exit.FAILED),
    errors.BadUsage: (HTTPStatus.BAD_REQUEST, Exit.WRONG_USAGE),
    errors.BookAltered: (HTTPStatus.INTERNAL_SERVER_ERROR, Exit.FAILED),
    errors.StoreUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, Exit.FAILED),
    errors.KeysUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, Exit.FAILED),
    errors.KeyringMissing: (HTTPStatus.SERVICE_UNAVAILABLE, Exit.FAILED),
    errors.KeyringForeign: (HTTPStatus.SERVICE_UNAVAILABLE, Exit.FAILED),
    errors.StoreRolledBack: (HTTPStatus.SERVICE_UNAVAILABLE, Exit.FAILED),
    errors.Erased: (HTTPStatus.GONE, Exit.ANSWER_IS_NO),
}


def outcome_of(error: errors.BahiError) -> tuple[HTTPStatus, Exit]:
    """Status and exit code of an error."""
    return OUTCOMES[type(error)]
