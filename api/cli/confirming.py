"""How whoever asks for what cannot be undone says that they mean exactly this."""

import hashlib
import sys

from api.outcomes import Exit
from api.render import say

_DIGITS = 6


def digits_of(asked: str) -> str:
    """Six digits of what exactly is asked for: nothing else has them but by chance."""
    number = int.from_bytes(hashlib.sha256(asked.encode()).digest()[:8])
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def demand_confirmed(digits: str, yes: str | None, asking: str, nothing: str) -> None:
    """Whoever asks types the digits, or brings them. Ends the command where they differ.

    `asking` says what to type them for; `nothing`, what was not done.
    """
    typed = yes
    if typed is None:
        say(asking)
        typed = sys.stdin.readline().strip()
    if typed != digits:
        say(f"{nothing}: expected {digits}, came something else.")
        sys.exit(Exit.ANSWER_IS_NO)
