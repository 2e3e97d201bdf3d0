"""The real command line with a Kafka to speak to, and topics of its own."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.soak.streams.published import Ledger, opened
from tests.soak.tables import SqliteStore
from tests.system.cli import Scratch


@dataclass(frozen=True)
class Streaming(Scratch):
    """A folder where runs find their ledger and their brokers."""

    bootstrap: str
    prefix: str = field(default_factory=lambda: f"s-{uuid4().hex[:12]}")
    partitions: int = 12

    def environment(self) -> dict[str, str]:
        """Return what a run sees."""
        return super().environment() | {
            "BAHI_KAFKA": self.bootstrap,
            "BAHI_KAFKA_PREFIX": self.prefix,
            "BAHI_KAFKA_PARTITIONS": str(self.partitions),
        }

    def publish(self) -> Any:
        """Publish until everything is out; how far that is."""
        return self.run("publish", "--once", "--json").json

    def ledger(self) -> Ledger:
        """The book by plain SQL, and its topics by another client library."""
        return opened(SqliteStore(self.book), self.bootstrap, self.prefix)
