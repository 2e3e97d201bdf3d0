"""The vault: who is who, and the keys of each person, apart from the book.

Whatever a vault stores is either a keyed digest (to find it by) or wrapped under the keyring's
newest epoch (to read it by). What is destroyed in it cannot be computed again from anywhere: keys
and ids are random.

Every method is atomic. What it returns is committed, so a book may rely on it. Safe to share
between threads; processes that race are given the same answers.
"""

from ledger.vault.access import OVERLAP, ApiKey, Webhook
from ledger.vault.erasing import Belongings, DestroyedKey, Erasure, Receipt
from ledger.vault.letters import DEAD_LETTERS_KEPT, DeadLetter, KeptLetter
from ledger.vault.person_keys import SubjectKey
from ledger.vault.suppression import SUPPRESSED_FOR, Arrival
from ledger.vault.vault import Vault

__all__ = [
    "DEAD_LETTERS_KEPT",
    "OVERLAP",
    "SUPPRESSED_FOR",
    "ApiKey",
    "Arrival",
    "Belongings",
    "DeadLetter",
    "DestroyedKey",
    "Erasure",
    "KeptLetter",
    "Receipt",
    "SubjectKey",
    "Vault",
    "Webhook",
]
