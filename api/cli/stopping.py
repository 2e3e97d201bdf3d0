"""Commands that run until they are told to stop."""

import signal
from collections.abc import Callable


def told_to_stop() -> Callable[[], bool]:
    """Whether Ctrl-C was pressed, or the process was asked to end, since this was called; twice ends it."""
    signs = (signal.SIGINT, signal.SIGTERM)
    told: list[object] = []  # no Event: a sign may come while its lock is held, by us

    def stop(sign: int, _: object) -> None:
        for one in signs:  # who tells us twice will not wait for a server that is away
            signal.signal(one, signal.SIG_DFL)
        told.append(sign)

    for sign in signs:
        signal.signal(sign, stop)
    return lambda: bool(told)
