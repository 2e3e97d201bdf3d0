"""What works beside the routes: each in a thread of its own, until it is told to stop or cannot go on."""

import threading
from collections.abc import Callable, Iterable

from api.http.running.logs import Log, where
from api.http.running.metrics import Figure

Work = Callable[[Callable[[], bool]], object]
"""Something that goes on until what it is given says that it is to stop."""


class Part:
    """One of them. That it cannot go on is said once, loudly, and stops nothing else."""

    def __init__(
        self,
        name: str,
        work: Work,
        log: Log,
        figures: Callable[[], Iterable[Figure]] = tuple,
    ) -> None:
        self.name = name
        self.figures = figures
        self._work = work
        self._log = log
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"bahi-{name}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell it to stop; what it has begun it may end. See `join`."""
        self._told.set()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work(self._told.is_set)
        except BaseException as error:  # noqa: BLE001 - nobody above would hear of it
            self._log.error("part stopped", part=self.name, **where(error))
