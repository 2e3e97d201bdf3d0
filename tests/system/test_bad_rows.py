"""A file with bad rows: the good ones are in, each bad one waits as a dead letter and says nothing."""

from pathlib import Path

from tests.system.cli import Scratch

MAPPING = """
source = "shop"
[event]
type = "order.placed"
occurred_at = "when"
message_id = ["no"]
[identifiers]
email = "mail"
[fields]
amount_minor = { column = "total", money = {} }
currency = "currency"
note = "note"
"""
MENDED = MAPPING.replace('"when"', '{ column = "when", zone = "Asia/Kolkata" }').replace(
    'currency = "currency"',
    'currency = { column = "currency", map = { EUR = "EUR", EURO = "EUR", CASHQUUX = "EUR" } }',
)

SECRET = "quuxwaldo"
"""Part of everything personal in the file: of mails, of notes, and of what slipped into wrong cells."""

TOO_LONG = "row: expected at most 1,048,576 bytes, came 41,943,"
BAD: list[tuple[bytes, str, str]] = [
    (b"b1,%s,,1.00,EUR,%s", "occurred_at", "occurred_at: expected a time, came nothing"),
    (
        b'b2,%s,2026-01-02T03:04:05Z,"12,5x",EUR,%s',
        "amount_minor",
        "amount_minor: expected an amount of money such as 12.50, not negative, came text of 5 ",
    ),
    (
        b"b3,%s,2026-01-02T03:04:05Z,1.00,CASHQUUX,%s",
        "currency",
        "currency: expected an ISO 4217 currency code such as EUR, came text of 8 characters",
    ),
    (
        b"b4,%s,2026-01-02T03:04:05,1.00,EUR,%s",
        "occurred_at",
        "occurred_at: expected a time with a zone, or a zone in the mapping, came one without",
    ),
    (b"b5,%s,2026-01-02T03:04:05Z,1.00,EUR,%s" + b"x" * 40 * 1024 * 1024, "row", TOO_LONG),
    (
        b"b6,%s,2026-01-02T03:04:05Z,1.00,EUR,a\x00%s",
        "note",
        "note: expected text without U+0000, came text of 11 characters",
    ),
    (
        b"b7,%s,2026-01-02T03:04:05Z,1.00,EUR,Ren\xe9 %s",
        "note",
        "note: expected text in utf-8, came another byte at 4",
    ),
    (
        b"b8,%s quuxwaldo,2026-01-02T03:04:05Z,1.00,EUR,%s",
        "identifiers.email",
        "identifiers.email: expected an e-mail address, came text of 32 characters",
    ),
    (
        b"b9,%s,2226-01-02T03:04:05Z,1.00,EUR,%s",
        "occurred_at",
        "occurred_at: expected at the latest ",
    ),
]


def row(number: int) -> bytes:
    return b"g%d,quuxwaldo%d@example.com,2026-01-02T03:04:05Z,2.50,EUR,quuxwaldo" % (number, number)


def written(folder: Path) -> Path:
    """Write the file: good rows before, between and after the bad ones, which are rows 2, 4, 6 …."""
    lines = [b"no,mail,when,total,currency,note", row(0)]
    for number, (line, _, _) in enumerate(BAD, 1):
        lines += [line.replace(b"%s", b"quuxwaldo%d@example.com" % number, 1), row(number)]
        lines[-2] = lines[-2].replace(b"%s", SECRET.encode())
    path = folder / "orders.csv"
    path.write_bytes(b"\r\n".join(lines))
    return path


def test_good_rows_are_in_and_bad_ones_wait_without_a_word_of_theirs(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    file = written(tmp_path)
    mapping, mended = tmp_path / "shop.toml", tmp_path / "mended.toml"
    mapping.write_text(MAPPING)
    mended.write_text(MENDED)
    good = len(BAD) + 1

    dry = scratch.run("import", file, "-m", mapping, "--dry-run", "--json", code=3)
    assert dry.json == {"read": good + len(BAD), "refused": len(BAD), "dry_run": True}
    first = scratch.run("import", file, "-m", mapping, "--json", code=3)
    counts = {"read": good + len(BAD), "refused": len(BAD), "customers": good}
    assert first.json == {**counts, "appended": good, "duplicates": 0}
    for told in (dry, first):
        for number, (_, _, message) in enumerate(BAD, 1):
            assert f"row {2 * number} (line {2 * number + 1}): {message}" in told.err
    listed = scratch.run("dead", "list", "--json")
    letters = {letter["row"]: letter for letter in listed.json}
    assert sorted(letters) == [2 * number for number in range(1, len(BAD) + 1)]
    for number, (_, field, message) in enumerate(BAD, 1):
        letter = letters[2 * number]
        assert (letter["door"], letter["line"]) == ("file:shop", 2 * number + 1)
        assert letter["field"] == field
        assert letter["reason"].startswith(message)

    again = scratch.run("import", file, "-m", mapping, "--json", code=3)
    assert again.json == {**counts, "appended": 0, "duplicates": good}
    stand = scratch.run("dead", "list", "--json").json
    assert [(letter["id"], letter["row"]) for letter in stand] == [
        (letter["id"], letter["row"]) for letter in listed.json
    ]

    # After a fix of the mapping: the unknown currency and the naive time.
    replayed = scratch.run("dead", "replay", "-m", mended, "--json", code=3)
    assert replayed.json == {"tried": len(BAD), "taken": 2, "refused": len(BAD) - 2}
    one = letters[4]["id"]
    mine = scratch.run("dead", "replay", one, "-m", mended, "--set", "total=12.50", "--json")
    assert mine.json == {"tried": 1, "taken": 1, "refused": 0}
    left = scratch.run("dead", "list", "--json")
    assert [letter["row"] for letter in left.json] == [2, 10, 12, 14, 16, 18]
    taken = scratch.run(
        "sql", "SELECT amount_minor, occurred_at::VARCHAR AS at FROM events WHERE position > 10 ORDER BY 1, 2",
        "--format", "json",
    )  # fmt: skip
    assert taken.json == [
        {"amount_minor": 100, "at": "2026-01-01 21:34:05"},
        {"amount_minor": 100, "at": "2026-01-02 03:04:05"},
        {"amount_minor": 1250, "at": "2026-01-02 03:04:05"},
    ]
    # The whole file once more, with the mended mapping: what was replayed is known by its id.
    last = scratch.run("import", file, "-m", mended, "--json", code=3)
    assert last.json["appended"] == 0
    everything = [dry, first, listed, again, replayed, mine, left, taken, last]
    for told in everything:
        assert SECRET not in (told.out + told.err).casefold()
        assert "cashquux" not in (told.out + told.err).casefold()
        assert "Traceback" not in told.err
    assert SECRET in scratch.run("dead", "show", letters[2]["id"], "--reason", "to mend it").out
