"""Lines of a stream, never more than one of them in memory, that can be given back."""

from collections import deque
from collections.abc import Iterable
from typing import IO

from ledger.errors import TooLarge
from streams.files.rows import MAX_ROW_BYTES

_DISCARDED = 64 * 1024

Line = tuple[int, bytes | TooLarge]
"""Number, from 1, and the line with its break; for a line over the limit the refusal of its row."""


class Lines:
    """Lines in order, at most `MAX_ROW_BYTES` long; of a longer one the rest is passed over."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._number = 0
        self._given_back: deque[Line] = deque()

    def next(self) -> Line | None:
        """The next line; None at the end."""
        if self._given_back:
            return self._given_back.popleft()
        line = self._stream.readline(MAX_ROW_BYTES + 1)
        if not line:
            return None
        self._number += 1
        if len(line) <= MAX_ROW_BYTES or line.endswith(b"\n"):
            return self._number, line
        length = len(line)
        while not line.endswith(b"\n") and (line := self._stream.readline(_DISCARDED)):
            length += len(line)
        return self._number, TooLarge(
            "row", f"at most {MAX_ROW_BYTES:,} bytes", f"{length:,} bytes"
        )

    def give_back(self, lines: Iterable[Line]) -> None:
        """Have these lines come next, in their order."""
        self._given_back.extendleft(reversed(list(lines)))
