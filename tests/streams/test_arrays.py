"""Arrays of JSON taken into their elements: the same as a parser finds, whatever stands in them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BadField, TooLarge
from streams.arrays import elements

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(['"', "\\", "],[", "{,"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.lists(values, max_size=5), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_elements_are_those_of_a_parser(
    given: list[Any], indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(given, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    found = elements(b" \r\n" + text + b"\n", "body", 5)
    assert [json.loads(one.decode(errors="surrogatepass")) for one in found] == given


def test_what_is_wrong_in_an_element_is_its_own() -> None:
    assert elements(rb'[{"a": NaN}, 1 2, "\x", {"b": 1}]', "body", 9) == [
        b'{"a": NaN}', b"1 2", rb'"\x"', b'{"b": 1}',
    ]  # fmt: skip
    assert elements(b"[ ]", "body", 9) == []
    assert elements(b'["\xff]"]', "body", 9) == [b'"\xff]"']


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"[", b"[1", b"[1,", b'["', b'["\\', b"[1]]", b"[1],", b"[1}", b"[,]", b"[1,]", b"[1,,2]"],
)  # fmt: skip
def test_what_is_no_array_is_none(text: bytes) -> None:
    with pytest.raises(BadField, match=r"^body: expected"):
        elements(text, "body", 9)


def test_too_many_and_too_deep_is_found_without_reading_on() -> None:
    with pytest.raises(TooLarge, match="at most 3 items"):
        elements(b"[1,2,3,4" + b"x" * 10, "body", 3)
    assert len(elements(b"[1,2,3]", "body", 3)) == 3
    with pytest.raises(TooLarge, match="32 levels"):
        elements(b"[" * 10_000, "body", 9)
