"""Where a secret is wrapped for: in any other row of the vault it does not open."""

from ledger.keyring import framed


def link_context(digest: bytes) -> bytes:
    """The id behind an identifier."""
    return framed(b"identifier", digest)


def key_context(subject: bytes, retention: str, version: int) -> bytes:
    """A subject key."""
    return framed(b"subject_key", subject, retention.encode(), version.to_bytes(2))


def staff_context(actor: bytes) -> bytes:
    """The name behind an actor."""
    return framed(b"staff", actor)


def letter_context(letter: bytes) -> bytes:
    """The key of a dead letter."""
    return framed(b"dead_letter", letter)


def api_key_context(digest: bytes) -> bytes:
    """What a key to our doors may do."""
    return framed(b"api_key", digest)


def webhook_context(digest: bytes) -> bytes:
    """Who sends us webhooks, and the secret that they sign with."""
    return framed(b"webhook", digest)
