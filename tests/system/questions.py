"""The questions of docs/questions.md as they stand there: the day, the SQL, and the rows of its answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tests.system.cli import ROOT

PAGE = ROOT / "docs" / "questions.md"
_SECTION = re.compile(
    r"^### (?P<number>\d+)\. (?P<title>[^\n]+)\n\n\*[^\n]*as of (?P<day>[\d-]+)\.\*\n\n"
    r"```sql\n(?P<sql>.+?)```\n(?P<rest>.*?)(?=^##|\Z)",
    re.DOTALL | re.MULTILINE,
)
_COUNTED = re.compile(r"^(?:First \d+ of|All) (\d+) rows?\.$", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """One question: rows as they are shown, the names of the columns first, and how many there are."""

    number: int
    title: str
    day: str
    sql: str
    shown: list[list[str]]
    rows: int


def asked() -> Iterator[Asked]:
    for found in _SECTION.finditer(PAGE.read_text(encoding="utf-8")):
        lines = [line for line in found["rest"].splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        counted = _COUNTED.search(found["rest"])
        yield Asked(
            int(found["number"]),
            found["title"],
            found["day"],
            found["sql"],
            [row for place, row in enumerate(cells) if place != 1],
            int(counted[1]) if counted else -1,
        )


def shown(answer: pa.Table, rows: int) -> list[list[str]]:
    """The names of an answer's columns, then its first rows, as they stand on the page."""
    found = [list(row.values()) for row in answer.slice(0, rows).to_pylist()]
    return [answer.column_names, *([_text(value) for value in row] for row in found)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "hour"):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value).strip()
