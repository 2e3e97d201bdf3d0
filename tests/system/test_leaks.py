"""The search for readable data finds what is planted, in each kind of file and each encoding."""

import gzip
import io
import sqlite3
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.system.leaks import ENCODINGS, Leak, Search
from tests.system.people import made

PERSON, *OTHERS = made(7, seed=1)
SEARCH = Search(text for person in (PERSON, *OTHERS) for text in person.texts())
NOISE = bytes(range(256)) * 40


def in_sqlite(folder: Path, content: bytes) -> None:
    with closing(sqlite3.connect(folder / "a.db")) as database:
        database.execute("CREATE TABLE t (b BLOB)")
        database.execute("INSERT INTO t VALUES (?)", (NOISE[:-40] + content + NOISE,))
        database.commit()


def in_a_log_of_sqlite(folder: Path, content: bytes) -> None:
    with closing(sqlite3.connect(folder / "b.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (b BLOB)")
        database.execute("INSERT INTO t VALUES (?)", (content,))
        database.commit()
        log = (folder / "b.db-wal").read_bytes()
    (folder / "b.db").unlink()
    (folder / "b.db-wal").write_bytes(log)


def in_parquet(folder: Path, content: bytes) -> None:
    table = pa.table({"n": [1, 2], "b": pa.array([b"", content], pa.binary())})
    pq.write_table(table, folder / "a.parquet", compression="zstd")


def in_zip(folder: Path, content: bytes) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.gz", gzip.compress(content))


def in_tar(folder: Path, content: bytes) -> None:
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("inner")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))


KINDS: dict[str, Callable[[Path, bytes], object]] = {
    "log": lambda folder, content: (folder / "a.log").write_bytes(NOISE + content + NOISE),
    "shm": lambda folder, content: (folder / "a.db-shm").write_bytes(bytes(32768) + content),
    "gzip": lambda folder, content: (folder / "a.gz").write_bytes(gzip.compress(content)),
    "zstd": lambda folder, content: (folder / "a.zst").write_bytes(pa.compress(content, "zstd", True)),
    "sqlite": in_sqlite,
    "wal": in_a_log_of_sqlite,
    "parquet": in_parquet,
    "zip": in_zip,
    "tar": in_tar,
}  # fmt: skip


UNPACKED = {
    "gzip": "a.gz (gzip)",
    "zstd": "a.zst (zstd)",
    "parquet": "a.parquet (parquet)",
    "zip": "a.zip (zip: inner.gz) (gzip)",
    "tar": "a.tar.gz (gzip) (tar: inner)",
}
"""What the search must have done to find it there: some packed files keep short texts as they are."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_text_is_found_in_each_kind_of_file(tmp_path: Path, kind: str) -> None:
    for number, (encoding, encode) in enumerate(ENCODINGS.items()):
        for place, pattern in enumerate(encode(PERSON.message)):
            folder = tmp_path / f"{number} {place}"
            folder.mkdir()
            KINDS[kind](folder, pattern)
            leaks = SEARCH.in_folder(folder)
            assert {leak.text for leak in leaks} == {PERSON.message}
            way = UNPACKED.get(kind, "")
            assert encoding in {leak.encoding for leak in leaks if leak.where.endswith(way)}


@pytest.mark.parametrize("person", range(7))
def test_each_text_is_found_in_each_script_form_and_encoding(person: int) -> None:
    for text in (PERSON, *OTHERS)[person].texts():
        for form in ("NFC", "NFD"):
            for encoding, encode in ENCODINGS.items():
                for pattern in encode(unicodedata.normalize(form, text)):
                    found = SEARCH.in_bytes(NOISE + pattern + NOISE, "here")
                    assert text in {leak.text for leak in found}, (text, form, encoding)


def test_digits_of_a_phone_number_are_found_without_their_blanks() -> None:
    digits = PERSON.phone.replace(" ", "")
    for written in (digits, digits[1:]):
        assert SEARCH.in_bytes(f"call {written} now".encode(), "a") == {
            Leak(PERSON.phone, "utf-8", "a")
        }


def test_a_text_split_between_two_pages_is_found_by_its_other_end() -> None:
    content = PERSON.name.encode()
    for at in range(1, len(content)):
        split = content[:at] + b"\x00\x00\x00\x07" + content[at:]
        assert Leak(PERSON.name, "utf-8", "") in SEARCH.in_bytes(split, "")


def test_a_name_of_a_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / f"{PERSON.user}.txt").write_bytes(b"")
    assert {leak.text for leak in SEARCH.in_folder(tmp_path)} == {PERSON.user}


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "others").write_text(str(made(500, seed=2)))
    assert SEARCH.in_folder(tmp_path) == set()
