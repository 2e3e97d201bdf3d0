"""A broker of a campaign's own, that is killed and comes back."""

import time
from collections import Counter
from types import TracebackType
from typing import Self

import psutil

from tests.servers import Kafka


class Broker:
    """Apache Kafka, and what may happen to it."""

    def __init__(self) -> None:
        self.kafka = Kafka()
        self.done: Counter[str] = Counter()

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap

    def kill(self, away_s: float) -> None:
        """End it with SIGKILL, and start it again after a while."""
        self.kafka.kill()
        time.sleep(away_s)
        self.kafka.start()
        self.done["broker killed"] += 1

    def restart(self) -> None:
        """Stop it in good order, under whoever is at work, and start it again."""
        self.kafka.restart()
        self.done["broker restarted"] += 1

    def hold(self, for_s: float) -> None:
        """Stop it in the middle of whatever it does, for so long."""
        assert self.kafka._process is not None
        process = psutil.Process(self.kafka._process.pid)
        process.suspend()
        time.sleep(for_s)
        process.resume()
        self.done["broker held"] += 1

    def __enter__(self) -> Self:
        self.kafka.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kafka.close()
