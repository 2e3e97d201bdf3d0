"""Who looked at personal data, and what became of the stores."""

from uuid import UUID

from ledger.catalogue.fields import Code, ContentText, Count, Digest, Purpose
from ledger.catalogue.model import About, Domain, EventType, event


@event("personal_data.opened", domain=Domain.AUDIT, reserved=True, about=About.MAYBE)
class PersonalDataOpened(EventType):
    """Somebody opened a person's sealed data; appended before the data is shown.

    What was opened is the `correlation`, where it is a thing of its own: a dead letter, a request. What
    one actor opens again for the same purpose and reason within an hour is one event.
    """

    purpose: Purpose
    reason_given: ContentText | None = None


@event("personal_data.exported", domain=Domain.AUDIT, version=2, reserved=True)
class PersonalDataExported(EventType):
    """A person's data left as a file: an answer to their request, or a move to another system.

    Since version 2: the request that it answers, and the SHA-256 of the file.
    """

    purpose: Purpose
    recipient: Code
    reason_given: ContentText | None = None
    request: UUID | None = None
    archive_digest: Digest | None = None


@event("ledger.recovered", domain=Domain.AUDIT, reserved=True, about=About.NOBODY)
class LedgerRecovered(EventType):
    """Book or vault was brought back from an older copy: what came after that is lost, and here it says so.

    Size and root of the book and the generation of the vault, as they were remembered and as they were
    found. `erasings_lost` counts customers whose erasing the book had lost, `erased_again` the erasings that
    were carried out again in the vault.
    """

    remembered_size: Count
    remembered_root: Digest | None = None
    remembered_generation: Count
    found_size: Count
    found_root: Digest
    found_generation: Count
    erasings_lost: Count
    erased_again: Count
