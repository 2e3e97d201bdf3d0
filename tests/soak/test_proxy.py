"""Connections that are cut inside an append, between commit and answer, and while somebody listens."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from ledger.book import Book, Condition, Match, Receipt, Status
from ledger.postgres.address import Address
from ledger.postgres.connection import connect
from ledger.stores import open_book
from tests.ledger.samples import an_event, some_events
from tests.soak.proxy import Cut, Proxy

A_WHILE_S = 60
"""Long enough to be sure that something which has not happened by then never will."""


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    port = urlsplit(postgres_url).port
    assert port is not None
    with Proxy(port) as proxy:
        yield proxy


@pytest.fixture
def address(postgres_url: str) -> str:
    return f"{postgres_url}?schema=cut_{uuid4().hex}"


@pytest.fixture
def cuttable(address: str, proxy: Proxy) -> str:
    """Return the address of the same book by a way that can be cut."""
    port = urlsplit(address).port
    return address.replace(f":{port}/", f":{proxy.port}/") + "&sslmode=disable&gssencmode=disable"


# ---- the proxy does what it says


STANDS = {
    Cut.TORN: {0}, Cut.UNFINISHED: {0}, Cut.MIDWAY: {0, 1}, Cut.UNANSWERED: {1}, Cut.BROKEN_OFF: {1},
}  # fmt: skip
"""How many rows may stand after an insert that was cut so."""


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("how", Cut)
def test_a_request_is_cut_where_it_was_to_be(
    how: Cut, prepared: bool, postgres_url: str, proxy: Proxy
) -> None:
    table = f"cut_{uuid4().hex}"
    insert = f"INSERT INTO {table} VALUES (%s)"
    cuttable = postgres_url.replace(f":{urlsplit(postgres_url).port}/", f":{proxy.port}/")
    plain = {"autocommit": True, "sslmode": "disable", "gssencmode": "disable"}
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE TABLE {table} (n int)".encode())
        with psycopg.connect(cuttable, **plain) as client:  # type: ignore[arg-type]
            if prepared:  # said once, and called by its name from then on
                client.execute(insert.encode(), (0,), prepare=True)
                admin.execute(f"TRUNCATE {table}".encode())
            client.execute("SELECT 1")
            proxy.cut(how, b"INSERT")
            client.execute("SELECT 1")
            with pytest.raises(psycopg.OperationalError):
                client.execute(insert.encode(), (1,), prepare=prepared)
        assert proxy.done == {how: 1}
        # Until the server has noticed, a request may still be under way.
        there = "SELECT FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()"
        while admin.execute(there, (f"INSERT INTO {table}%",)).fetchone():
            pass
        (count,) = admin.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or ()
    assert count in STANDS[how]


# ---- an append is there once, wherever its connection is cut


@pytest.mark.parametrize("how", Cut)
def test_an_append_that_was_cut_is_answered_as_if_nothing_had_been(
    how: Cut, address: str, cuttable: str, proxy: Proxy
) -> None:
    deal = Match(tags=("deal:1",))
    with open_book(address) as direct, open_book(cuttable) as book:
        book.append(some_events(1, 3))
        proxy.cut(how)
        receipts = book.append(some_events(4, 6))
        again = {Status.DUPLICATE} if STANDS[how] == {1} else {Status.APPENDED}
        again |= {Status.APPENDED, Status.DUPLICATE} if how is Cut.MIDWAY else set()
        assert {receipt.status for receipt in receipts} <= again
        assert [receipt.position for receipt in receipts] == [4, 5, 6]
        proxy.cut(how)
        # Its own event is what the condition forbids: judged again, it would be refused.
        (receipt,) = book.append([an_event(7, tags=("deal:1",))], Condition((deal,)))
        assert receipt in {Receipt(status, 7) for status in again}
        assert proxy.done == {how: 2}
        wanted = [*some_events(1, 6), an_event(7, tags=("deal:1",))]
        assert [recorded.event for recorded in direct.read()] == wanted


def test_a_reading_that_is_broken_off_goes_on(address: str, cuttable: str, proxy: Proxy) -> None:
    with open_book(address) as direct, open_book(cuttable) as book:
        direct.append(some_events(1, 3_000))
        for words in (b"FROM event", b"COPY"):
            proxy.cut(Cut.BROKEN_OFF, words)
            read = [recorded.position for recorded in book.read()]
            columns = book.batches(0, ["position"], size=700)
            folded = [at for batch in columns for at in batch["position"].to_pylist()]
            assert read == folded == list(range(1, 3_001))
        assert proxy.done == {Cut.BROKEN_OFF: 2}


def test_a_server_that_vanished_while_it_was_asked_is_looked_for(address: str) -> None:
    # Nobody can take the machine away from under a test; what the system was told can be seen.
    with connect(Address.parse(address, "book")) as asked:
        told = socket.socket(fileno=os.dup(asked.fileno()))
        with told:
            assert told.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            waits = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
            assert [told.getsockopt(socket.IPPROTO_TCP, wait) for wait in waits] == [10, 5]
            assert told.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


# ---- a lost notification only delays


class Waiting:
    """Somebody who waits in a book for what comes after its head, for longer than anybody should."""

    def __init__(self, book: Book, after: int) -> None:
        self._heads: list[int] = []
        self._thread = threading.Thread(
            target=lambda: self._heads.append(book.wait(after, 10 * A_WHILE_S)), daemon=True
        )
        self._thread.start()
        time.sleep(
            0.1
        )  # by now it waits; if it does not, the test is easier than it was meant to be

    def head(self) -> int:
        """What it was told; 0 if nothing, for so long that nothing is to be expected any more."""
        self._thread.join(A_WHILE_S)
        return next(iter(self._heads), 0)


def test_a_notification_that_is_swallowed_only_delays(
    address: str, cuttable: str, proxy: Proxy
) -> None:
    with open_book(address) as writer, open_book(cuttable) as book:
        for n in range(1, 5):
            waiting = Waiting(book, n - 1)
            writer.append(some_events(n, n))
            assert waiting.head() == n
            proxy.deaf = True
        assert proxy.swallowed == 3


def test_whoever_listens_anew_looks_for_what_was_told_meanwhile(
    address: str, cuttable: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.postgres.book._POLL_S", 20 * A_WHILE_S)  # the signal, or nothing
    with open_book(address) as writer, open_book(cuttable) as book:
        for n in range(1, 7, 2):
            waiting = Waiting(book, n - 1)
            writer.append(some_events(n, n))
            assert waiting.head() == n
            waiting = Waiting(book, n)
            proxy.deaf = True
            writer.append(some_events(n + 1, n + 1))
            proxy.cut_all(b"LISTEN")
            proxy.deaf = False
            assert waiting.head() == n + 1
        assert proxy.done["at once"] > 0


def test_a_follower_whose_listener_is_cut_again_and_again_sees_everything_once(
    address: str, cuttable: str, proxy: Proxy
) -> None:
    last = 60
    seen: list[int] = []

    def follow() -> None:
        with open_book(cuttable) as book:
            while len(seen) < last:
                after = seen[-1] if seen else 0
                if book.wait(after, A_WHILE_S) > after:
                    seen.extend(recorded.position for recorded in book.read(after))

    open_book(address).close()
    follower = threading.Thread(target=follow)
    follower.start()
    with open_book(address) as writer:
        for n in range(1, last + 1):
            writer.append(some_events(n, n))
            if n % 10 == 0:
                proxy.cut_all(b"LISTEN")
            if n % 25 == 0:
                proxy.cut_all()
    follower.join(A_WHILE_S)
    assert seen == list(range(1, last + 1))
