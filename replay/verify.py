"""Reads the whole book again and says whether it is what was written.

Nothing is shared with whoever wrote it but the definitions of the leaf, and of the hash that takes its
place for what stands of an event from which bytes were removed: envelopes are parsed here
anew, columns and tags compared with them, the tree grown again from the bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import duckdb
import orjson
import pyarrow as pa

from ledger.book import Book, Row
from ledger.errors import BookAltered
from ledger.event import kept_hash, leaf_hash
from ledger.tree import Tree
from projections import Kind, State, Views

_LEAF_BYTES = 32
_APPROVERS = 2

Progress = Callable[[int], None]
"""Told the position that has been verified so far."""


class Redaction(NamedTuple):
    """Bytes that are gone: of the event at `position`, and where it stands that two approved of it."""

    position: int
    removed: tuple[str, ...]
    approved_at: int


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in order: events, tree heads compared, and the root over all events.

    `redactions` are those whose bytes are gone; `pending` the positions of events whose redaction was
    approved while some of those bytes are still there, or copies of them may be.
    """

    events: int
    checkpoints: int
    root: bytes
    redactions: tuple[Redaction, ...] = ()
    pending: tuple[int, ...] = ()


def verify_book(
    book: Book, *, remembered: tuple[int, bytes] | None = None, progress: Progress | None = None
) -> Verified:
    """Verify every event, every copy beside it and every tree head.

    `remembered` is a tree head (size, root) kept outside the book, by the keyring; a book that was
    altered together with its own checkpoints still fails against it.

    Raises `BookAltered` with the first position that is not as it was written. What only a tree
    head can tell is laid at the first position that this head covers and the one before does not.
    """
    heads = _heads(book, remembered)
    redactions = _Redactions()
    checked = 0
    tree = Tree()
    last_us = 0
    covered_from = 1
    for row in book.rows():
        if row.position != tree.size + 1:
            raise BookAltered(tree.size + 1, f"missing; the next event is at {row.position}")
        _verify_row(row, last_us)
        last_us = row.recorded_us
        redactions.take(row)
        tree.add(row.leaf)  # which is that of its bytes, where all of them are there
        roots = heads.pop(row.position, ())
        for root in roots:
            if root != tree.root():
                what = f"the events {covered_from} to {row.position} are not those of the tree head"
                raise BookAltered(covered_from, f"{what} written at {row.position}")
            checked += 1
        covered_from = row.position + 1 if roots else covered_from
        if progress and row.position % 10_000 == 0:
            progress(row.position)
    if heads:
        raise BookAltered(
            tree.size + 1, f"missing; a tree head was written over {max(heads)} events"
        )
    if progress:
        progress(tree.size)
    gone, pending = redactions.told()
    pending = tuple(sorted({*pending, *book.redacting()}))
    return Verified(tree.size, checked, tree.root(), gone, pending)


class _Gone(NamedTuple):
    """An event from which bytes are gone: which, and the hash of what stands of it."""

    id: bytes
    removed: tuple[str, ...]
    kept: bytes


class _Approval(NamedTuple):
    """Where two said it, of which event, what may go, and what is to stand."""

    position: int
    id: bytes
    removed: frozenset[str]
    kept: bytes | None


class _Redactions:
    """What is gone, and which events say that it may be."""

    def __init__(self) -> None:
        self._gone: dict[int, _Gone] = {}
        self._approved: dict[int, list[_Approval]] = {}

    def take(self, row: Row) -> None:
        """One more row, which is in order by itself."""
        if removed := _removed(row):
            kept = kept_hash(row.recorded_us, row.id, row.type, row.occurred_us, row.body)
            self._gone[row.position] = _Gone(row.id, removed, kept)
        if row.type == "event.redacted" and row.body is not None:
            try:
                self._approve(row.position, orjson.loads(row.body)["data"])
            except (AttributeError, KeyError, TypeError, ValueError):
                raise BookAltered(row.position, "its envelope cannot be read") from None

    def _approve(self, position: int, said: Mapping[str, Any]) -> None:
        if len(set(said["approvers"])) < _APPROVERS:
            raise BookAltered(position, "a redaction that two have not approved of")
        named = bytes.fromhex(said["redacted_id"].replace("-", ""))
        names = frozenset(said.get("removed", ("body", "personal")))
        approvals = self._approved.setdefault(said["redacted_position"], [])
        kept = said.get("kept")
        approvals.append(
            _Approval(position, named, names, None if kept is None else bytes.fromhex(kept))
        )

    def told(self) -> tuple[tuple[Redaction, ...], tuple[int, ...]]:
        """What is gone, and what is still to go. Raises `BookAltered` for what nobody approved of."""
        return tuple(self._redactions()), tuple(self._pending())

    def _redactions(self) -> Iterator[Redaction]:
        for position, gone in sorted(self._gone.items()):
            approvals = [a for a in self._approved.get(position, ()) if a.id == gone.id]
            allowed = {name for approval in approvals for name in approval.removed}
            if not allowed.issuperset(gone.removed):
                what = "its bytes are gone, and no redaction that two approved of says so"
                raise BookAltered(position, what)
            # Of the same bytes, the word that was given first: a later one may be somebody's excuse.
            whole = "body" in gone.removed
            said = [a.kept for a in approvals if ("body" in a.removed) is whole]
            if said[:1] != [gone.kept]:
                raise BookAltered(position, "what stands of it is not what its redaction left")
            yield Redaction(position, gone.removed, approvals[0].position)

    def _pending(self) -> Iterator[int]:
        for position, approvals in sorted(self._approved.items()):
            gone = self._gone[position].removed if position in self._gone else ()
            if not all(approval.removed.issubset(gone) for approval in approvals):
                yield position


def _removed(row: Row) -> tuple[str, ...]:
    """Which of its bytes are gone."""
    stored = (("body", row.body), ("personal", row.personal))
    return tuple(name for name, value in stored if value is None)


def _heads(book: Book, remembered: tuple[int, bytes] | None) -> dict[int, list[bytes]]:
    heads: dict[int, list[bytes]] = {}
    for size, root in book.checkpoints():
        heads.setdefault(size, []).append(root)
    if remembered is not None and remembered[0] > 0:
        heads.setdefault(remembered[0], []).append(remembered[1])
    return heads


def _verify_row(row: Row, last_us: int) -> None:
    """One row against itself. Raises `BookAltered`."""
    if row.body is not None and row.personal is not None:
        if leaf_hash(row.recorded_us, row.body, row.personal) != row.leaf:
            raise BookAltered(row.position, "its bytes are not those of its leaf")
    elif len(row.leaf) != _LEAF_BYTES:
        raise BookAltered(row.position, "its leaf is none")
    if row.recorded_us < last_us:
        raise BookAltered(row.position, "recorded before the event at the position before it")
    if row.body is None:
        if row.tags:
            raise BookAltered(row.position, "its envelope is gone, and a tag of it is here")
        return
    try:
        envelope = orjson.loads(row.body)
        copies = dict(_copies(envelope))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise BookAltered(row.position, "its envelope cannot be read") from None
    for name, expected in copies.items():
        if getattr(row, name) != expected:
            raise BookAltered(row.position, f"the column {name} differs from the envelope")


def _copies(envelope: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What the columns must hold, read from the envelope by other means than the writer's."""
    yield "id", bytes.fromhex(envelope["id"].replace("-", ""))
    yield "type", envelope["type"]
    moment = datetime.fromisoformat(envelope["occurred_at"])
    whole_seconds = int(moment.replace(microsecond=0).timestamp())
    yield "occurred_us", whole_seconds * 1_000_000 + moment.microsecond
    about = [envelope["customer"]] if "customer" in envelope else []
    if envelope["type"] in ("customers.merged", "customers.split"):
        about.append(envelope["data"]["other"])
    about += [envelope["another"]] if "another" in envelope else []
    yield "tags", frozenset([*envelope.get("tags", ()), *(f"customer:{one}" for one in about)])


def verify_views(book: Book, views: Views) -> dict[str, str | None]:
    """Each kept fold against a fresh one over the same events: None if equal, else what differs.

    A fold that is behind, or moves on meanwhile, is compared with the book up to where its rows
    stood as they were read; one that has failed is not as it should be, whatever its rows are.
    """
    found: dict[str, str | None] = {}
    kept: dict[int, dict[str, pa.Table]] = {}
    for line in views.list(book.head()):
        if line.state is State.FAILED and line.kind is Kind.FOLD:
            found[line.name] = str(line.failure).removeprefix(f"fold {line.name} ")
        elif line.kind is Kind.FOLD:
            position, rows = views.kept(line.name)
            kept.setdefault(position, {})[line.name] = rows
    for position, tables in kept.items():
        fresh = views.fresh(tables, book, position)
        found |= {name: _difference(rows, fresh[name]) for name, rows in tables.items()}
    return found


def _difference(kept: pa.Table, fresh: pa.Table) -> str | None:
    if kept.schema != fresh.schema:
        return "it is kept as an older definition has it"
    if kept.num_rows != fresh.num_rows:
        return f"{kept.num_rows:,} rows are kept, a fresh fold has {fresh.num_rows:,}"
    apart = _rows_apart(kept, fresh)
    return f"{apart:,} kept rows differ from a fresh fold" if apart else None


def _rows_apart(kept: pa.Table, fresh: pa.Table) -> int:
    """How many kept rows are not among the fresh ones, in whatever order they come."""
    with duckdb.connect() as connection:
        connection.register("kept", kept)
        connection.register("fresh", fresh)
        answer = connection.sql(
            "SELECT count(*) FROM (SELECT * FROM kept EXCEPT ALL SELECT * FROM fresh)"
        ).fetchall()
    return int(answer[0][0])
