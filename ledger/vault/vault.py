"""The vault of one ledger: its rooms behind one door."""

from types import TracebackType
from typing import Self
from uuid import UUID

from ledger.errors import KeyringForeign
from ledger.vault.access import Access
from ledger.vault.erasing import Erasing
from ledger.vault.fence import Fence
from ledger.vault.letters import DeadLetters
from ledger.vault.links import Links
from ledger.vault.person_keys import PersonKeys
from ledger.vault.rewrap import Epochs
from ledger.vault.room import generation_of
from ledger.vault.staff import Staff
from ledger.vault.store import Questions, Rows


class Vault(Links, PersonKeys, Fence, Staff, DeadLetters, Access, Epochs, Erasing):
    """Identifiers, subject keys, staff, dead letters and callers of one ledger."""

    @property
    def ledger_id(self) -> UUID | None:
        """Which ledger the vault belongs to; None in a new one."""
        return self._ask(lambda rows, _: _owner(rows))

    def adopt(self, ledger_id: UUID) -> None:
        """Make a new vault part of a ledger. Raises `KeyringForeign` if it belongs to another."""

        def adopt(rows: Rows) -> None:
            rows.ask("adopt", ledger_id.bytes)
            if _owner(rows) != ledger_id:
                raise KeyringForeign(f"expected a vault of ledger {ledger_id}, came one of another")

        self._write(lambda rows, _: adopt(rows))

    def generation(self) -> int:
        """Grows with every write: a vault with a lower one than before is an older copy."""
        return self._ask(lambda rows, _: generation_of(rows))

    def count_from(self, generation: int) -> None:
        """Take this vault for one that was written so often at the least, as the one it stands in for was."""
        if self.generation() < generation:
            self._write(lambda rows, _: rows.ask("count_from", generation))

    def close(self) -> None:
        """Give back what is held open. The vault is not used afterwards."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _owner(rows: Questions) -> UUID | None:
    ((found, _),) = rows.ask("identity")
    return UUID(bytes=found) if found else None
