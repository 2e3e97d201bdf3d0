"""What a process does that runs for weeks, whenever it has a moment."""

from collections.abc import Callable

from api.wiring import Bahi


class Rest:
    """Keeps history and the vault's epochs up, and hides from a server's SQL whom views do not show.

    What is amiss is said, each thing once.
    """

    def __init__(self, bahi: Bahi, say: Callable[[str], object]) -> None:
        self._bahi = bahi
        self._say = say
        self._said: set[str] = set()

    def __call__(self) -> None:
        bahi = self._bahi
        bahi.reading.hide()
        bahi.reading.keep()
        bahi.renew_at_rest()
        amiss = [f"{one}; `bahi views list` shows how they stand" for one in bahi.views.failures()]
        if bahi.overdue is not None:
            amiss.append(f"the vault's epoch is over, and a new one not done yet: {bahi.overdue}")
        for one in amiss:
            if one not in self._said:
                self._say(one)
            self._said.add(one)
