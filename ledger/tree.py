"""The RFC 6962 Merkle tree over the leaves, as its peaks: what is needed to grow it and no more.

A tree of n leaves is, from the left, one perfect subtree for each 1 in n's binary form. Their
roots are the peaks; a new leaf joins equal neighbours from the right, and the root of the whole is
the peaks hashed together from the right (RFC 6962 §2.1).
"""

import hashlib
from dataclasses import dataclass, field
from typing import Self

HASH_BYTES = 32


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Tree:
    """A growing tree: `size` leaves so far, and its peaks from left to right."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        """Take the next leaf hash (32 bytes)."""
        node = leaf
        joins = self.size
        while joins & 1:
            node = _join(self.peaks.pop(), node)
            joins >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root hash, 32 bytes; of an empty tree, the hash of nothing."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = _join(peak, node)
        return node

    def pack(self) -> bytes:
        """The peaks as bytes; with `size` they are the whole tree."""
        return b"".join(self.peaks)

    @classmethod
    def unpack(cls, size: int, peaks: bytes) -> Self:
        """The tree that `pack` wrote."""
        wanted = HASH_BYTES * size.bit_count()
        if len(peaks) != wanted:
            raise ValueError(
                f"expected {wanted} bytes of peaks for {size} leaves, came {len(peaks)}"
            )
        return cls(size, [peaks[at : at + HASH_BYTES] for at in range(0, wanted, HASH_BYTES)])
