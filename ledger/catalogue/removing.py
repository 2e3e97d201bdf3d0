"""What may be removed of an event: the one rule, which the triggers of both stores state once more."""

from ledger.catalogue.model import Domain
from ledger.catalogue.privacy import Bytes

PROOFS = frozenset({Domain.PRIVACY, Domain.AUDIT})
"""What proves that privacy was kept, or who is whom: nothing of it is ever removed."""
_LIVES = frozenset({"account", "deal", "goal", "member", "pipeline", "schema", "task", "ticket"})
_WISHES = frozenset({"email.complained", "email.unsubscribed"})


def removable(kind: str, domain: str) -> frozenset[Bytes]:
    """The bytes of an event of this type and domain that two of us may remove.

    The envelope stays of whatever rules and permissions are decided by: without it, a life cycle would
    be another one, and a consent that was withdrawn would be given again.
    """
    if domain in PROOFS:
        return frozenset()
    decides = kind.partition(".")[0] in _LIVES or kind in _WISHES
    if domain == Domain.CONSENT or decides:
        return frozenset({"personal"})
    return frozenset({"body", "personal"})
