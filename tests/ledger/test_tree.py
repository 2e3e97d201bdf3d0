"""The tree is RFC 6962's: public vectors, and its own definition written out naively."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tree import Tree

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6962.json").read_text())
SIZES = range(len(VECTORS["roots"]))
LEAVES = st.lists(st.binary(min_size=32, max_size=32), max_size=70)


def grown(leaves: list[bytes]) -> Tree:
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree


def naive_root(leaves: list[bytes]) -> bytes:
    """Return MTH of RFC 6962 §2.1, from leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(
        b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])
    ).digest()


@pytest.mark.parametrize("size", SIZES)
def test_the_public_vectors(size: int) -> None:
    inputs = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"][:size]]
    tree = grown([hashlib.sha256(b"\x00" + leaf).digest() for leaf in inputs])
    assert (tree.size, tree.root().hex()) == (size, VECTORS["roots"][size])


@given(LEAVES)
def test_every_root_on_the_way_is_the_one_by_definition(leaves: list[bytes]) -> None:
    tree = Tree()
    roots = [tree.root()]
    for leaf in leaves:
        tree.add(leaf)
        roots.append(tree.root())
    assert roots == [naive_root(leaves[:size]) for size in range(len(leaves) + 1)]


@given(LEAVES, LEAVES)
def test_a_packed_tree_grows_on_as_if_it_had_never_been_packed(
    before: list[bytes], after: list[bytes]
) -> None:
    packed = grown(before).pack()
    assert len(packed) == 32 * len(before).bit_count()
    tree = Tree.unpack(len(before), packed)
    for leaf in after:
        tree.add(leaf)
    assert tree == grown(before + after)


@pytest.mark.parametrize(
    ("size", "peaks", "message"),
    [
        (5, b"", "expected 64 bytes of peaks for 5 leaves, came 0"),
        (5, bytes(96), "expected 64 bytes of peaks for 5 leaves, came 96"),
        (0, bytes(32), "expected 0 bytes of peaks for 0 leaves, came 32"),
        (1, bytes(31), "expected 32 bytes of peaks for 1 leaves, came 31"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_peaks_that_cannot_be_of_that_size_are_refused(
    size: int, peaks: bytes, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Tree.unpack(size, peaks)
