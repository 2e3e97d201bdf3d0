"""Who looked at personal data."""

from ledger.catalogue.fields import Code, ContentText
from ledger.catalogue.model import Domain, EventType, event


@event("personal_data.opened", domain=Domain.AUDIT, reserved=True)
class PersonalDataOpened(EventType):
    """Somebody opened a person's sealed data; appended before the data is shown."""

    purpose: Code
    reason_given: ContentText | None = None
