"""How whoever asks for what cannot be undone says that they mean exactly this."""

import sys

from api.outcomes import Exit
from api.render import say


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
