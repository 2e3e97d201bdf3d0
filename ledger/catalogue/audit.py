"""Who looked at personal data."""

from ledger.catalogue.fields import Code, ContentText, Purpose
from ledger.catalogue.model import About, Domain, EventType, event


@event("personal_data.opened", domain=Domain.AUDIT, reserved=True, about=About.MAYBE)
class PersonalDataOpened(EventType):
    """Somebody opened a person's sealed data; appended before the data is shown."""

    purpose: Purpose
    reason_given: ContentText | None = None


@event("personal_data.exported", domain=Domain.AUDIT, reserved=True)
class PersonalDataExported(EventType):
    """A person's data left as a file: an answer to their request, or a move to another system."""

    purpose: Purpose
    recipient: Code
    reason_given: ContentText | None = None
