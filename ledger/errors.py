"""Everything that can go wrong, as one tree.

    BahiError
    ├── Refused                   this one item cannot be taken; at a door it becomes a dead letter
    │   ├── BadField              a field is missing, malformed or out of range
    │   ├── TooLarge              a limit was passed; the message names the limit
    │   ├── UnknownType           no such event type in the catalogue
    │   ├── ReservedType          a type that only commands may append
    │   ├── IdentityConflict      two customers who cannot be one person
    │   ├── NamesErased           it is about somebody who is erased; it is kept nowhere
    │   ├── NotAllowed            a rule forbids it as things stand; the message says what is allowed
    │   └── IdReused              this id is in the book already, with other clear fields
    ├── ConditionFailed           the book has moved on since the decision was read
    ├── BadSignature              what came is not signed by whom it says, or was signed too long ago
    ├── Withheld                  a person's data is restricted: it is kept, and not used
    ├── NotFound                  no such customer, view, event or dead letter
    ├── DefinitionRefused         a fold, question or mapping file that cannot be used as it stands
    ├── FoldFailed                a fold stopped at an event; the other folds went on
    ├── BadUsage                  settings or arguments that make no sense together
    ├── BookAltered               verification found the first position that is not as it was written
    ├── StoreUnavailable          a database cannot be reached, or cannot do now what was asked of it
    └── KeysUnavailable           sealed data cannot be read or written now
        ├── KeyringMissing        a book that is not empty, and no keyring for it
        ├── KeyringForeign        keyring, vault and book are not of one ledger
        ├── StoreRolledBack       a book or vault older than the keyring remembers
        └── Erased                the person's keys were destroyed on purpose

Messages name the field, what was expected and what came. They quote a value only where the field
is known to be safe; otherwise they give its type and length, so that an error can be logged.
"""

from datetime import datetime
from uuid import UUID

_NAMED_BY_KIND = 60
"""Longest safe value that is quoted whole, in characters."""


class BahiError(Exception):
    """The root of the tree; whoever catches it has caught everything that Bahi raises on purpose."""


class Refused(BahiError):
    """One item cannot be taken. Nothing of it was written; the others of its batch are not touched.

    `field` is the dotted name of what was wrong, `expected` and `came` are phrases for people.
    """

    def __init__(self, field: str, expected: str, came: str) -> None:
        super().__init__(f"{field}: expected {expected}, came {came}")
        self.field = field
        self.expected = expected
        self.came = came


class BadField(Refused):
    """A field is missing, malformed or out of range.

    `earliest` is given for a time that is too early, where that one would do.
    """

    def __init__(
        self, field: str, expected: str, came: str, *, earliest: datetime | None = None
    ) -> None:
        super().__init__(field, expected, came)
        self.earliest = earliest


class TooLarge(Refused):
    """A limit was passed."""


class UnknownType(Refused):
    """No such event type in the catalogue."""


class ReservedType(Refused):
    """A type that only commands may append, offered at a door."""


class IdentityConflict(Refused):
    """Two customers were to be one person, and something speaks against it."""


class NamesErased(Refused):
    """It is about somebody who is erased, or being erased: no dead letter is made of it."""


class NotAllowed(Refused):
    """A rule forbids it as things stand: a deal that is lost cannot be won before it is reopened."""


class IdReused(Refused):
    """The id is in the book already, with other clear fields.

    `position` is where; 0 if the other one is in the same batch and was not written either.
    """

    def __init__(self, event_id: UUID, position: int, fields: tuple[str, ...]) -> None:
        stands = f"already recorded at position {position}" if position else "given just before"
        super().__init__(
            "id",
            f"the event {stands}",
            f"the same id {event_id} with another {', '.join(fields)}",
        )
        self.event_id = event_id
        self.position = position
        self.fields = fields


class ConditionFailed(BahiError):
    """Events that the decision did not see were appended meanwhile: read and decide again."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"expected no matching event since the decision was read, "
            f"found one at position {position}"
        )
        self.position = position


class BadSignature(BahiError):
    """What came is not signed by its sender, or not lately: nothing of it is read or kept."""


class Withheld(BahiError):
    """A person's data is restricted: it is shown for few purposes, and this is none of them."""


class NotFound(BahiError):
    """Nothing of that name; `kind` says what was looked for."""

    def __init__(self, kind: str, name: str, hint: str = "") -> None:
        super().__init__(f"no {kind} {name}" + (f"; {hint}" if hint else ""))
        self.kind = kind


class DefinitionRefused(BahiError):
    """A fold, question or mapping that cannot be used: `where` in it, why, and what to write."""

    def __init__(self, name: str, where: str, why: str, instead: str = "") -> None:
        super().__init__(f"{name}: {where}: {why}" + (f"; {instead}" if instead else ""))
        self.name = name
        self.where = where
        self.why = why
        self.instead = instead


class FoldFailed(BahiError):
    """A fold could not take the event at `position`. Its rows stand as they were before it."""

    def __init__(self, fold: str, position: int, why: str) -> None:
        super().__init__(f"fold {fold} stopped before position {position}: {why}")
        self.fold = fold
        self.position = position


class BadUsage(BahiError):
    """Settings or arguments that make no sense, alone or together."""


class BookAltered(BahiError):
    """The book is not as it was written; `position` is the first place where that shows."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(f"position {position}: {what}")
        self.position = position
        self.what = what


class StoreUnavailable(BahiError):
    """A database cannot be reached, or cannot do now what was asked of it: try again later.

    Whether what was being written is written is not known; the same again finds out. `store` is the
    name of the database without user and password, `what` its own words without what was in a row.
    """

    def __init__(self, store: str, what: str) -> None:
        super().__init__(f"{store}: {what}")
        self.store = store
        self.what = what


class KeysUnavailable(BahiError):
    """Sealed data cannot be read or written now. It is not gone: `Erased` says so when it is."""


class KeyringMissing(KeysUnavailable):
    """The book has events and the keyring that belongs to it is not there."""


class KeyringForeign(KeysUnavailable):
    """Keyring, vault and book do not belong to the same ledger."""


class StoreRolledBack(KeysUnavailable):
    """A book or vault is older than the keyring's high-water mark; serving it could undo erasures."""


class Erased(KeysUnavailable):
    """The keys of this person were destroyed on purpose; nothing can bring the data back."""


def came(value: object) -> str:
    """What came, for a message: type and length, never the value itself."""
    if value is None:
        return "nothing"
    if isinstance(value, str | bytes):
        unit = "characters" if isinstance(value, str) else "bytes"
        return (
            f"text of {len(value):,} {unit}" if isinstance(value, str) else f"{len(value):,} {unit}"
        )
    if isinstance(value, list | tuple | dict):
        return f"{type(value).__name__} of {len(value):,}"
    return type(value).__name__


def came_safely(value: object) -> str:
    """What came, quoted: only for values that cannot identify anyone (type names, currencies)."""
    text = str(value)
    return repr(text) if len(text) <= _NAMED_BY_KIND else came(text)
