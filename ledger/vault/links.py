"""Who is who: identifiers, known as keyed digests, and the random ids that they stand for."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from ledger.catalogue import REFERENCE_KINDS
from ledger.errors import BadField, IdentityConflict, Refused, came
from ledger.identifiers import Identifier
from ledger.keyring import Keys, Wrapped
from ledger.naming import Limits, Named, Naming
from ledger.people import Persons
from ledger.vault.fence import demand_living, fenced_among
from ledger.vault.places import link_context
from ledger.vault.room import Room, generation_of
from ledger.vault.store import Questions, Row, Rows
from ledger.vault.suppression import Arrival, admitted, erased_lately, in_question

_Digests = Mapping[Identifier, bytes]


class Links(Room):
    """Identifiers of people and of things."""

    def resolve(
        self,
        wanted: Sequence[Sequence[Identifier]],
        persons: Persons,
        limits: Limits,
        *,
        keep: bool = True,
        arrivals: Sequence[Arrival] = (),
        gone: frozenset[UUID] = frozenset(),
    ) -> list[Named | Refused | None]:
        """Whom each item's normalised identifiers name; items see what earlier ones have linked.

        Without `keep`, nothing is linked: whoever is new has an id for this answer alone.

        None known: a new customer, to whom all of them are linked. Otherwise the customer of the most
        trusted one that is known, to whom the new ones are linked, unless their erasure has begun;
        with the customers whom the item shows to be the same person. What a limit forbids is left
        aside. The number of a thing among them: `BadField` in that place. No identifiers: None.
        With `arrivals`, one an item, `NamesErased` for what is about somebody erased lately. Of whom the
        book says that their erasure has begun, `gone`, is treated as if the vault said so.
        """
        digests = self._digests(identifier for item in wanted for identifier in item)
        if not digests:
            return [None for _ in wanted]

        def name(rows: Questions, keys: Keys) -> tuple[Naming, list[Named | Refused | None]]:
            naming = self._naming(rows, keys, digests, wanted, persons, limits, gone)
            return naming, _named(rows, keys, naming, digests, wanted, arrivals)

        generation, (naming, answers) = self._read(
            lambda rows, keys: (generation_of(rows), name(rows, keys))
        )
        if not (keep and naming.linked):
            return answers

        def link(rows: Rows, keys: Keys) -> list[Named | Refused | None]:
            # Others may have linked or erased them since; only under the lock is it so. Or we have,
            # and did not hear of it: then they are found, and named as when the items come again.
            now = (naming, answers) if generation_of(rows) == generation else name(rows, keys)
            new = [_link(keys, i, digests[i], owner) for i, owner in now[0].linked]
            rows.put("insert_identifiers", new)
            return now[1]

        return self._write(link)

    def _naming(
        self,
        rows: Questions,
        keys: Keys,
        digests: _Digests,
        wanted: Sequence[Sequence[Identifier]],
        persons: Persons,
        limits: Limits,
        gone: frozenset[UUID],
    ) -> Naming:
        links = _links(rows, keys, digests.values())
        owners = {i: links[digest] for i, digest in digests.items() if digest in links}
        people = {member for owner in owners.values() for member in persons.members(owner)}
        # Asked beforehand for everybody who may need it, since each question may be a trip.
        counted = _kinds(rows, keys, _changing(wanted, owners, persons))

        def counts(customer: UUID) -> Counter[str]:
            return (counted if customer in counted else _kinds(rows, keys, [customer]))[customer]

        return Naming(
            owners=owners,
            counts=counts,
            persons=persons,
            limits=limits,
            ids=self._ids,
            fenced=fenced_among(rows, keys, people) | (gone & people),
        )

    def kinds(self, owners: Iterable[UUID]) -> Counter[str]:
        """How many identifiers of each kind name any of these ids."""
        asked = list(owners)
        found = self._ask(lambda rows, keys: _kinds(rows, keys, asked))
        return sum(found.values(), Counter[str]())

    def look_up(self, identifier: Identifier) -> UUID | None:
        """Whom or what a normalised identifier names, if anybody ever told."""
        digest = self._keyring.identifier_digest(identifier)
        return self._ask(lambda rows, keys: _links(rows, keys, [digest])).get(digest)

    def references(self, wanted: Sequence[Identifier]) -> list[UUID]:
        """The ids of accounts, deals, tickets and orders, made where they are new.

        Raises `BadField` for an identifier of another kind.
        """
        for reference in wanted:
            if reference.kind not in REFERENCE_KINDS:
                raise BadField(
                    "references", "one of " + ", ".join(REFERENCE_KINDS), came(reference.kind)
                )
        if not wanted:
            return []
        digests = self._digests(wanted)
        links = self._ask(lambda rows, keys: _links(rows, keys, digests.values()))
        new = [reference for reference in digests if digests[reference] not in links]

        def make(rows: Rows, keys: Keys) -> dict[bytes, UUID]:
            found = _links(rows, keys, [digests[reference] for reference in new])
            made = {r: self._ids() for r in new if digests[r] not in found}
            rows.put("insert_identifiers", [_link(keys, r, digests[r], i) for r, i in made.items()])
            return found | {digests[reference]: owner for reference, owner in made.items()}

        if new:
            links |= self._write(make)
        return [links[digests[reference]] for reference in wanted]

    def assign(self, wanted: Mapping[Identifier, UUID], holders: Collection[UUID]) -> None:
        """Have each identifier name its new owner, where it names nobody or one of the `holders`.

        What has its new owner already is left. Raises `IdentityConflict` for one that names anybody
        else, and `Erased` for an owner who is erased or being erased; nothing is changed then.
        """
        digests = self._digests(wanted)

        def move(rows: Rows, keys: Keys) -> None:
            demand_living(rows, keys, wanted.values())
            found = {row[0]: row for row in rows.find("find_identifiers", _asked(digests.values()))}
            new, moved = [], []
            for identifier, owner in wanted.items():
                digest = digests[identifier]
                if digest not in found:
                    new.append(_link(keys, identifier, digest, owner))
                    continue
                stands = _owner(keys, *found[digest])
                if stands == owner:
                    continue
                if stands not in holders:
                    raise _anothers(identifier)
                _, _, epoch, blob, theirs = _link(keys, identifier, digest, owner)
                moved.append((epoch, blob, theirs, digest, found[digest][2]))
            rows.put("insert_identifiers", new)
            rows.put("rewrap_identifiers", moved)

        self._write(move)

    def identifier_digests(self, owner: UUID) -> list[bytes]:
        """Digests of everything that names this id."""

        def read(rows: Questions, keys: Keys) -> list[bytes]:
            asked = [(digest,) for digest in owner_digests(keys, [owner])]
            return sorted(digest for (digest,) in rows.find("identifiers_of_owners", asked))

        return self._ask(read)

    def _digests(self, identifiers: Iterable[Identifier]) -> _Digests:
        """Each identifier once; the HMAC key never changes, so any moment's keys will do."""
        return {i: self._keyring.identifier_digest(i) for i in dict.fromkeys(identifiers)}


def _named(
    rows: Questions,
    keys: Keys,
    naming: Naming,
    digests: _Digests,
    wanted: Sequence[Sequence[Identifier]],
    arrivals: Sequence[Arrival],
) -> list[Named | Refused | None]:
    """Whom each names, one after the other; what is about somebody erased lately is turned away."""
    asked = in_question(rows, wanted, arrivals, naming.owners) if arrivals else set()
    if not asked:
        return [naming.name(item) for item in wanted]
    of_asked = {identifier: digests[identifier] for identifier in asked}
    erased = erased_lately(rows, keys, of_asked, min(arrival.at for arrival in arrivals))
    answers: list[Named | Refused | None] = []
    for item, arrival in zip(wanted, arrivals, strict=True):
        by = admitted(item, arrival, erased, naming.owners)
        answers.append(by if isinstance(by, Refused) else naming.name(by))
    return answers


def _links(rows: Questions, keys: Keys, digests: Iterable[bytes]) -> dict[bytes, UUID]:
    return {row[0]: _owner(keys, *row) for row in rows.find("find_identifiers", _asked(digests))}


def _asked(digests: Iterable[bytes]) -> list[Row]:
    return [(digest,) for digest in digests]


def _owner(keys: Keys, digest: bytes, epoch: int, blob: bytes) -> UUID:
    return UUID(bytes=keys.unwrap(Wrapped(epoch, blob), link_context(digest)))


def _link(keys: Keys, identifier: Identifier, digest: bytes, owner: UUID) -> Row:
    epoch, blob = keys.wrap(owner.bytes, link_context(digest))
    return digest, identifier.kind, epoch, blob, keys.owner_digest(owner, epoch)


def _kinds(rows: Questions, keys: Keys, owners: Collection[UUID]) -> dict[UUID, Counter[str]]:
    """How many identifiers of each kind name each of these."""
    found = {owner: Counter[str]() for owner in owners}
    digests = owner_digests(keys, found)
    for digest, kind, count in rows.find("kinds_of_owners", [(digest,) for digest in digests]):
        found[digests[digest]][kind] += count
    return found


def _anothers(identifier: Identifier) -> IdentityConflict:
    expected = "one that names nobody else"
    return IdentityConflict(f"identifiers.{identifier.kind}", expected, "one that names another")


def owner_digests(keys: Keys, owners: Iterable[UUID]) -> dict[bytes, UUID]:
    """During a change of epochs, some links are found by the old one and some by the new."""
    return {keys.owner_digest(owner, epoch): owner for owner in owners for epoch in keys.epochs}


def _changing(
    wanted: Sequence[Sequence[Identifier]], owners: Mapping[Identifier, UUID], persons: Persons
) -> set[UUID]:
    """The customers of those people who may come by an identifier, or turn out to be one with others."""
    found: set[UUID] = set()
    for item in wanted:
        first, *others = dict.fromkeys(owners.get(identifier) for identifier in item) or [None]
        if any(
            other is None or first is None or frozenset({first, other}) not in persons.links
            for other in others
        ):
            known = filter(None, [first, *others])
            found.update(member for owner in known for member in persons.members(owner))
    return found
