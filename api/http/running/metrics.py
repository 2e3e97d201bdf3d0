"""Figures for Prometheus. Every label comes from a closed set: routes as they are declared, never as they are called."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from commands.touchpoint import Outcome
from ledger.errors import BahiError

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

Figure = tuple[str, str, Mapping[str, float] | float]
"""Name, what it is, and the figure: by the value of a label where it has one, which is the name's last word."""
Reading = Callable[[], Iterable[Figure]]


class Metrics:
    """What has been counted since this process began, and what is asked for when somebody looks."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "bahi_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "bahi_request_seconds",
            "How long the answer took, until its last byte.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._taken_in = Counter(
            "bahi_items", "Items handed in, by what became of them.", ("fate",), registry=registry
        )
        self._refusals = Counter(
            "bahi_refusals", "Items refused, by why.", ("problem",), registry=registry
        )
        self._problems = Counter(
            "bahi_problems", "Requests answered so, by why.", ("problem",), registry=registry
        )
        self.followers = Gauge(
            "bahi_followers", "Who is being sent events as they come.", registry=registry
        )

    def answered(
        self, method: str, route: str, status: int, seconds: float, problem: str | None
    ) -> None:
        """Count a request; `route` as it is declared, `problem` the kind of its answer if that is one."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        if problem is not None:
            self._problems.labels(problem).inc()

    def took_in(self, outcome: Outcome, problem: str | None) -> None:
        """Count an item; `problem` is the kind of its refusal."""
        self._taken_in.labels(outcome.fate.value).inc()
        if problem is not None:
            self._refusals.labels(problem).inc()

    def read(self, reading: Reading) -> None:
        """Also tell these figures, read when somebody looks."""
        self._registry.register(_Read(reading))

    def exposition(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Read(Collector):
    """Figures that stand elsewhere."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        try:
            found = list(self._reading())
        except BahiError:  # a store is away: what was counted is told all the same
            return
        for name, meaning, figure in found:
            label = name.rpartition("_")[2]
            if isinstance(figure, Mapping):
                family = GaugeMetricFamily(name, meaning, labels=[label])
                for value, number in figure.items():
                    family.add_metric([value], number)
            else:
                family = GaugeMetricFamily(name, meaning, value=figure)
            yield family

    def describe(self) -> Iterator[Metric]:
        return iter(())
