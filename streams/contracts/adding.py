"""What a schema may become: it may have more to say, and nothing that it said may change.

So whoever wrote a reader by an older one need never know of a newer.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_SAID = frozenset({"$id", "$schema", "title", "description"})
"""Words for people, and a schema's own name."""


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, more: bool, at: str = ""
) -> Iterator[str]:
    """What is otherwise in `after`, a line each; where there may be `more`, new optional fields are not.

    A field has its dotted name; an item of a list is `[]`.
    """
    for word in sorted(({*before} | {*after}) - _SAID - {"properties", "items"}):
        if before.get(word) != after.get(word):
            yield f"{at or 'value'}: {word}: expected {before.get(word)}, came {after.get(word)}"
    if ("items" in before) != ("items" in after):
        yield f"{at or 'value'}: items: expected {_some(before)}, came {_some(after)}"
    elif "items" in before:
        yield from changes(before["items"], after["items"], more=more, at=f"{at}[]")
    old, new = before.get("properties", {}), after.get("properties", {})
    for name in sorted({*old} | {*new}):
        field = f"{at}.{name}".lstrip(".")
        if name not in new:
            yield f"{field}: expected it to stay, came nothing"
        elif name in old:
            yield from changes(old[name], new[name], more=more, at=field)
        elif not more:
            yield f"{field}: expected no new field, came one"


def _some(schema: Mapping[str, Any]) -> str:
    return "some" if "items" in schema else "none"
