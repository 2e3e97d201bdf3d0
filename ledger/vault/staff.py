"""Staff: the random ids that stand for them in the book, and their names."""

import unicodedata
from uuid import UUID

from ledger.errors import BadField
from ledger.identifiers import Identifier
from ledger.keyring import Keys, Wrapped
from ledger.vault.places import staff_context
from ledger.vault.room import Room
from ledger.vault.store import Questions, Rows


class Staff(Room):
    """Who stands behind an actor id."""

    def staff(self, name: str) -> UUID:
        """The actor id of a member of staff, or of a key of theirs; made if the name is new."""
        name = unicodedata.normalize("NFC", name).strip()
        if not name:
            raise BadField("actor", "the name of a member of staff", "nothing")
        digest = self._keyring.identifier_digest(Identifier("staff", name))

        def make(rows: Rows, keys: Keys) -> UUID:
            actor = _actor(rows, digest)
            if actor is None:
                actor = self._ids()
                wrapped = keys.wrap(name.encode(), staff_context(actor.bytes))
                rows.put("insert_staff", [(actor.bytes, digest, *wrapped)])
            return actor

        return self._ask(lambda rows, _: _actor(rows, digest)) or self._write(make)

    def staff_name(self, actor: UUID) -> str | None:
        """Who that is; None if it is nobody of ours."""

        def read(rows: Questions, keys: Keys) -> str | None:
            found = rows.ask("staff", actor.bytes)
            if not found:
                return None
            return keys.unwrap(Wrapped(*found[0]), staff_context(actor.bytes)).decode()

        return self._ask(read)


def _actor(rows: Questions, digest: bytes) -> UUID | None:
    found = rows.ask("find_staff", digest)
    return UUID(bytes=found[0][0]) if found else None
