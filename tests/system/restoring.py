"""A ledger with views whose stores are copied and brought back, in files or on a server."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg

from api.wiring import Bahi
from commands.privacy.erasing import Office, erase
from commands.privacy.recovering import recover
from commands.record import record
from commands.touchpoint import Outcome, Touchpoint
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import Erased
from ledger.event import Recorded
from ledger.identifiers import Identifier
from ledger.opening import Standing
from ledger.sealing import Blob, blobs
from ledger.settings import Settings
from tests.servers.postgres import find_programs

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WORDS: dict[str, dict[str, Any]] = {
    "order.placed": {"currency": "EUR", "amount_minor": 1250},
    "message.received": {"channel": "email", "message": "it hurts"},
}


def mail(name: str) -> Identifier:
    return Identifier("email", f"{name}@example.com")


def item(type_: str, name: str, at: datetime, message_id: str = "", also: str = "") -> Touchpoint:
    """Something that happened at our shop to somebody of that name, who may have another one."""
    named = (mail(name), mail(also)) if also else (mail(name),)
    payload = catalogue.parse(type_, WORDS.get(type_, {}))
    return Touchpoint(payload, at, "shop", message_id or str(uuid4()), named)


@dataclass
class Shop:
    """Where the stores of one ledger are, and what time it is there."""

    folder: Path
    server: str = ""
    now: datetime = NOW
    keys_lost: int = 0
    """By the last recovery."""
    mark: str = field(default_factory=lambda: uuid4().hex)

    @property
    def settings(self) -> Settings:
        if not self.server:
            return Settings(home=self.folder / "home")
        book, vault = (f"{self.server}?schema={schema}" for schema in self._schemas()[:2])
        return Settings(home=self.folder / "home", ledger=book, vault=vault)

    def _schemas(self) -> tuple[str, str, str]:
        return f"b{self.mark}", f"v{self.mark}", f"b{self.mark}_views"

    def open(self) -> Bahi:
        return Bahi.open(self.settings, lambda: self.now)

    def open_restored(self) -> tuple[Bahi, Standing]:
        return Bahi.open_restored(self.settings, lambda: self.now)

    def recover(self, *, views: bool = True) -> Standing:
        bahi, standing = self.open_restored()
        try:
            if views:
                self.keys_lost = bahi.recover(standing).keys_lost
            else:  # which take most of the time
                office = Office(bahi.desk)
                self.keys_lost = recover(office, standing, bahi.actor).keys_lost
        finally:
            bahi.close(in_order=False)
        return standing

    # ---- copies: `book`, `vault` and `views` where they are, the `keyring` always in its file

    def copy(self, *stores: str, to: str = "copy") -> None:
        """Copy stores, while nothing is open."""
        for store in stores:
            self._carry(store, self.folder / to, back=False)

    def restore(self, *stores: str, of: str = "copy") -> None:
        for store in stores:
            self._carry(store, self.folder / of, back=True)

    def _carry(self, store: str, kept: Path, *, back: bool) -> None:
        kept.mkdir(exist_ok=True)
        if store != "keyring" and self.server:
            schema = self._schemas()[("book", "vault", "views").index(store)]
            (self._load if back else self._dump)(schema, kept / store)
            return
        home = self.folder / "home"
        place = {"views": home / "book" / "views.db", "book": home / "book" / "book.db"}.get(
            store, home / store / f"{store}.{'json' if store == 'keyring' else 'db'}"
        )
        if back:
            for beside in place.parent.glob(f"{place.name}-*"):
                beside.unlink()
            shutil.copyfile(kept / store, place)
        else:
            shutil.copyfile(place, kept / store)

    def _dump(self, schema: str, file: Path) -> None:
        self._run("pg_dump", "--format=custom", f"--schema={schema}", f"--file={file}")

    def _load(self, schema: str, file: Path) -> None:
        with psycopg.connect(self.server, autocommit=True) as session:
            session.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())
        self._run("pg_restore", "--exit-on-error", str(file))

    def _run(self, program: str, *given: str) -> None:
        url = urlsplit(self.server)
        path = f"{find_programs()}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            [program, f"--dbname={url.geturl()}", *given],
            env={**os.environ, "PATH": path},
            check=True,
            capture_output=True,
        )


def take(bahi: Bahi, *items: Touchpoint) -> list[Outcome]:
    return list(record(bahi.ledger, items, clock=bahi.clock, future_tolerance=DAY))


def who(bahi: Bahi, name: str) -> UUID | None:
    return bahi.ledger.vault.look_up(mail(name))


def known(bahi: Bahi, name: str) -> UUID:
    found = who(bahi, name)
    assert found is not None
    return found


def erase_them(bahi: Bahi, *customers: UUID, classes: Sequence[Retention] | None = None) -> None:
    actor = bahi.actor()
    erase(bahi.office, customers, legal_basis="gdpr-17-1-b", actor=actor, classes=classes)


def events(bahi: Bahi) -> list[Recorded]:
    return list(bahi.ledger.book.read())


def readable(bahi: Bahi, customer: UUID) -> set[tuple[int, Retention]]:
    """Positions and classes of what opens of a customer, asked as somebody would who has got round us."""
    found = set()
    for one in events(bahi):
        for blob in blobs(one.event.personal):
            if isinstance(blob, Blob) and blob.subject == customer:
                try:
                    key = bahi.ledger.vault.key(customer, blob.retention, blob.key_version)
                except Erased:
                    continue
                bahi.ledger.sealer.unseal(one.event, blob, key)
                found.add((one.position, blob.retention))
    return found
