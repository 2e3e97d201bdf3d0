"""Long JSON arrays taken into their elements, unread: each can then be read, and refused, alone.

A parser would hold the whole process for as long as a long text takes it; and what is wrong in one element is no
concern of the others.
"""

import re

from ledger.errors import BadField, TooLarge, came
from streams.files.rows import MAX_DEPTH

_TOKENS = re.compile(rb'[\[\]{},]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BLANKS = b" \t\n\r"


def elements(text: bytes, field: str, most: int) -> list[bytes]:
    """The elements of a JSON array, each as its bytes; what is no JSON within one, is found on reading it.

    Raises `BadField` for what is no array, and `TooLarge` for more than `most`, or what is too deep to read.
    """
    text = text.strip(_BLANKS)
    if not text.startswith(b"["):
        raise BadField(field, "a JSON array", came(text))
    found: list[bytes] = []
    depth, begin = 0, 1
    for token in _TOKENS.finditer(text):
        at = token.start()
        match text[at]:
            case 0x5B | 0x7B:  # [ {
                depth += 1
                if depth > MAX_DEPTH + 1:
                    limit = f"JSON at most {MAX_DEPTH} levels deep"
                    raise TooLarge(field, limit, "more of them")
            case 0x5D | 0x7D:  # ] }
                depth -= 1
                if depth == 0:
                    return _whole(text, at, [*found, text[begin:at].strip(_BLANKS)], field)
            case 0x2C if depth == 1:  # ,
                if len(found) + 1 >= most:
                    raise TooLarge(field, f"at most {most:,} items", "more")
                found.append(text[begin:at].strip(_BLANKS))
                begin = at + 1
    raise BadField(field, "a JSON array to its end", "one that is cut")


def _whole(text: bytes, end: int, found: list[bytes], field: str) -> list[bytes]:
    if text[end:] != b"]":
        raise BadField(field, "a JSON array", "something else after it")
    if found == [b""]:
        return []
    if b"" in found:
        raise BadField(field, "an item between two commas", "nothing")
    return found
