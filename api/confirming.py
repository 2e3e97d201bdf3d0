"""How whoever asks for what cannot be undone says that they mean exactly this, and nothing else."""

import hashlib

_DIGITS = 6


def digits_of(asked: str) -> str:
    """Six digits of what exactly is asked for: nothing else has them but by chance."""
    number = int.from_bytes(hashlib.sha256(asked.encode()).digest()[:8])
    return f"{number % 10**_DIGITS:0{_DIGITS}}"
