"""What PostgreSQL still holds of rows that were written anew or deleted is noise when their epoch is over."""

from uuid import UUID, uuid4

import psycopg
import pytest

from ledger.catalogue import Retention
from ledger.errors import KeysUnavailable
from ledger.keyring import Keyring, Wrapped
from ledger.stores import open_vault
from ledger.vault import Erasure
from ledger.vault.places import key_context
from tests.ledger.vault_samples import NOON, SOMEBODY, sql

BEN = UUID("bbbbbbbb-0000-4000-8000-000000000002")


def pages(url: str, schema: str) -> bytes:
    """The very bytes of the file in which the keys are."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CHECKPOINT")
        heap = admin.execute(
            f"SELECT pg_read_binary_file(pg_relation_filepath('{schema}.subject_key'))".encode()
        ).fetchone()
    assert heap is not None
    return bytes(heap[0])


def test_old_rows_open_no_more(keyring: Keyring, postgres_url: str) -> None:
    schema = f"vault_{uuid4().hex}"
    address = f"{postgres_url}?schema={schema}"
    query = "SELECT subject, retention, version, epoch, wrapped FROM subject_key ORDER BY subject"
    with open_vault(address, keyring) as vault:
        vault.subject_keys([(SOMEBODY, Retention.CONTENT), (BEN, Retention.CONTENT)])
        old = sql(address, query)
        erasure = Erasure(uuid4(), SOMEBODY)
        vault.announce([erasure], NOON)
        vault.destroy([erasure], NOON)
        assert [row[0] for row in sql(address, query)] == [BEN.bytes]
        # A file of the server, or a copy of one, still has what was deleted, and it opens ...
        for subject, retention, version, epoch, wrapped in old:
            assert bytes(wrapped) in pages(postgres_url, schema)
            keyring.keys().unwrap(Wrapped(epoch, wrapped), key_context(subject, retention, version))
        keyring.begin_epoch()
        vault.rewrap(keyring)
        # ... until the epoch is over: the bytes may be there, and nothing opens them.
        for subject, retention, version, epoch, wrapped in old:
            with pytest.raises(KeysUnavailable, match="came one of epoch 1"):
                keyring.keys().unwrap(
                    Wrapped(epoch, wrapped), key_context(subject, retention, version)
                )
            with pytest.raises(KeysUnavailable, match="altered"):
                keyring.keys().unwrap(Wrapped(2, wrapped), key_context(subject, retention, version))
