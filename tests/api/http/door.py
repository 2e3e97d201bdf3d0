"""`bahi serve` as a process of its own, and callers who remember what they were answered."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx

from api.wiring import Bahi
from ledger.settings import Settings
from ledger.vault import ApiKey
from tests.api.doors import clean
from tests.system import nursery

_ROOT = Path(__file__).parents[3]


@dataclass
class Door:
    """A running server: where it listens, and what it has said so far."""

    process: subprocess.Popen[str]
    address: str
    said: list[str] = field(default_factory=list)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, and wait for its end; its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(30)


@contextmanager
def opened(settings: Settings, *options: str, **env: str) -> Iterator[Door]:
    """A server over the ledger that the settings name, on a free port."""
    given = {
        "BAHI_HOME": str(settings.home.absolute()),
        "BAHI_LEDGER": settings.ledger,
        "BAHI_VAULT": settings.vault,
        "PYTHONPATH": str(_ROOT),
        **env,
    }
    process = subprocess.Popen(
        [sys.executable, *nursery.WARNINGS, "-m", "tests.api", "serve", "--port", "0", *options],
        cwd=settings.home,
        env={**clean(), **given},
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    hearing: threading.Thread | None = None
    assert process.stderr is not None
    try:
        for line in process.stderr:
            said.append(line)
            if line.startswith("listening on "):
                break
        else:
            raise AssertionError("".join(said))
        door = Door(process, line.removeprefix("listening on ").partition(";")[0], said)
        hearing = threading.Thread(target=said.extend, args=(process.stderr,), daemon=True)
        hearing.start()
        yield door
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if hearing is not None:
            hearing.join()
        process.stderr.close()


def key_of(settings: Settings, role: str, source: str = "shop") -> str:
    """A key to a ledger, which is begun if there is none."""
    with Bahi.open(settings) as bahi:
        given = ApiKey(uuid4(), role, role, source, False, bahi.clock())
        return bahi.ledger.vault.issue(given)


class Callers:
    """Threads that hand in events one by one, each its own, until nobody answers."""

    def __init__(self, address: str, key: str, count: int) -> None:
        self.answered: dict[str, int] = {}
        """The position of each event that was answered to be in the book, by its message id."""
        self.otherwise: list[int] = []
        """Other answers."""
        self._address = address
        self._key = {"authorization": f"Bearer {key}"}
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until nobody answers any of them."""
        for thread in self._threads:
            thread.join()

    def _call(self, number: int) -> None:
        with httpx.Client(base_url=self._address, headers=self._key) as client:
            for place in range(1_000_000):
                message = f"{number}-{place}"
                event = {
                    "id": message,
                    "type": "email.opened",
                    "occurred_at": "2026-01-31T12:00:00Z",
                    "identifiers": {"user": f"u{place % 50}"},
                    "data": {"template": "spring"},
                }
                try:
                    answer = client.post("/v1/events", json=event)
                except httpx.HTTPError:
                    return
                if answer.status_code == 201:
                    self.answered[message] = answer.json()["position"]
                else:
                    self.otherwise.append(answer.status_code)
