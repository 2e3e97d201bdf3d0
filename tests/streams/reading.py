"""What the tests of files share: a shop's mapping, and reading told apart into good and bad."""

from pathlib import Path

from commands.touchpoint import Touchpoint
from ledger.errors import Refused
from streams.files import Mapping, Row, parse_mapping, read_file

SHOP = """
source = "shop"
[event]
type = "order.placed"
occurred_at = "when"
message_id = ["no"]
[identifiers]
user = "who"
[fields]
amount_minor = { column = "total", money = {} }
currency = "currency"
note = "note"
"""

HEADER = "no,who,when,total,currency,note"


def shop(*, zone: str | None = None, extra: str = "") -> Mapping:
    """Return the shop's mapping, perhaps with a zone for naive times, and more tables."""
    text = SHOP + extra
    if zone:
        text = text.replace('"when"', f'{{ column = "when", zone = "{zone}" }}')
    return parse_mapping(text, "shop.toml")


def good_row(number: int) -> str:
    return f"{number},u{number},2026-01-02T03:04:05Z,12.50,EUR,hello"


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, mapping: Mapping) -> list[Row]:
    return list(read_file(path, mapping))


def touchpoints(rows: list[Row]) -> list[Touchpoint]:
    return [row.item for row in rows if isinstance(row.item, Touchpoint)]


def refusals(rows: list[Row]) -> dict[int, str]:
    """Return the message of each refused row, by its line."""
    return {row.line: str(row.item) for row in rows if isinstance(row.item, Refused)}


def message_ids(rows: list[Row]) -> list[str]:
    return [touchpoint.message_id for touchpoint in touchpoints(rows)]
