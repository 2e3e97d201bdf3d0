"""Publishing beside the routes."""

from collections.abc import Callable, Iterator

from api.http.running.logs import Log
from api.http.running.metrics import Figure
from api.http.running.parts import Part
from api.wiring import Bahi
from streams.kafka.publishing import Publisher, Told


def publishing(bahi: Bahi, log: Log) -> Part:
    """Publishing, with how far it is."""
    publisher: Publisher | None = None

    def publish(told: Callable[[], bool]) -> None:
        nonlocal publisher
        publisher = Publisher(bahi.reading)
        publisher.run(told, Told(trouble=lambda what: log.warning("publishing", what=what)))

    def figures() -> Iterator[Figure]:
        if publisher is not None and (lag := publisher.lag()) is not None:
            yield (
                "bahi_published_position",
                "The position up to which events are out.",
                lag.position,
            )
            yield (
                "bahi_published_behind_seconds",
                "The age of the oldest that is not.",
                lag.behind_s,
            )

    return Part("publishing", publish, log, figures)
