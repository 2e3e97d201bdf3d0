"""The error tree is the one that is drawn at the top of its file, and its messages can be logged."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import ledger
from ledger import errors
from ledger.errors import BahiError, IdReused, came, came_safely
from tests.ledger.samples import event_id

LINE = re.compile(r"^ {4}(?P<indent>(?:│   | {4})*)(?:[├└]── )?(?P<name>[A-Z]\w+)(?: |$)")


def drawn() -> Iterator[tuple[str, str]]:
    """Yield each class of the drawing with the one that it hangs on."""
    parents = ["Exception"]
    for line in (errors.__doc__ or "").splitlines():
        if found := LINE.match(line):
            root = found["name"] == "BahiError"
            depth = 0 if root else 1 + len(found["indent"]) // 4
            parents[depth + 1 :] = [found["name"]]
            yield found["name"], parents[depth]


def standing(root: type[BahiError] = BahiError) -> Iterator[tuple[str, str]]:
    yield root.__name__, root.__bases__[0].__name__
    for inner in root.__subclasses__():
        yield from standing(inner)


def test_the_tree_is_the_drawing() -> None:
    for module in pkgutil.walk_packages(ledger.__path__, "ledger."):
        importlib.import_module(module.name)
    assert list(standing()) == list(drawn())


def test_every_error_says_what_it_means() -> None:
    for name, _ in standing():
        assert vars(getattr(errors, name))["__doc__"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "nothing"),
        ("Zoë", "text of 3 characters"),
        ("x" * 1_234_567, "text of 1,234,567 characters"),
        (b"\xff", "1 bytes"),
        (["Zoë"], "list of 1"),
        (("Zoë", 2), "tuple of 2"),
        ({"Zoë": 1}, "dict of 1"),
        (42, "int"),
        (True, "bool"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_came_is_told_without_the_value(value: object, message: str) -> None:
    assert came(value) == message


def test_a_safe_value_is_quoted_unless_it_is_long() -> None:
    assert came_safely("x" * 60) == repr("x" * 60)
    assert came_safely("x" * 61) == "text of 61 characters"


def test_a_reused_id_names_its_place_and_fields() -> None:
    error = IdReused(event_id(1), 7, ("type", "data"))
    assert (error.event_id, error.position, error.fields) == (event_id(1), 7, ("type", "data"))
    assert str(error) == (
        "id: expected the event already recorded at position 7, "
        f"came the same id {event_id(1)} with another type, data"
    )
