"""Arrays that were packed in one go are read by PostgreSQL as the lists they were made of."""

from uuid import UUID

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.postgres import arrays

whole = st.integers(-(2**63), 2**63 - 1)
text = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=300)


def test_whatever_they_hold(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:

        @settings(max_examples=100)
        @given(
            st.lists(st.uuids(), max_size=5),
            st.lists(whole, max_size=5),
            st.lists(text, max_size=5),
            st.lists(st.binary(max_size=300), max_size=5),
            st.lists(st.none() | st.sampled_from([b"[]", b'{"a": [1]}', b'"\xc3\xa9"'])),
        )
        def check(
            ids: list[UUID],
            numbers: list[int],
            texts: list[str],
            strings: list[bytes],
            documents: list[bytes | None],
        ) -> None:
            packed = (
                arrays.uuids([one.bytes for one in ids]),
                arrays.numbers(numbers),
                arrays.texts(texts),
                arrays.byte_strings(strings),
                arrays.documents(documents),
            )
            read = connection.execute("SELECT %s, %s, %s, %s, %s::text[]", packed).fetchone()
            plain = [None if one is None else one.decode() for one in documents]
            assert read == (ids, numbers, texts, strings, plain)

        check()
