"""The shape of a column, judged by its cells: what kind of thing it holds and how that is written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger import catalogue
from ledger.money import is_currency
from streams.files.rows import Raw

_DAYS = (
    "%Y%m%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%d.%m.%y",
    "%m/%d/%y",
)
_HOURS = ("", " %H:%M", " %H:%M:%S")
_TURNED = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[0-9][0-9 ()/.-]{6,20}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_AMOUNTS: tuple[tuple[re.Pattern[str], tuple[tuple[str, str], ...]], ...] = (
    (re.compile(r"[0-9]+(\.[0-9]{1,4})?"), ()),
    (re.compile(r"[0-9]+(,[0-9]{1,2})?"), (("decimal", ","),)),
    (re.compile(r"[0-9]{1,3}(,[0-9]{2,3})*(\.[0-9]{1,4})?"), (("grouping", ","),)),
    (re.compile(r"[0-9]{1,3}(\.[0-9]{3})*(,[0-9]{1,4})?"), (("decimal", ","), ("grouping", "."))),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its shape: time, e-mail, phone, currency, event type, amount, integer, text, list or empty.

    `key` is its name in small letters with `_` between words. Of a time: `format` (None is ISO
    8601), `naive` where it carries no zone, and not `sure` where day and month may be swapped.
    """

    name: str
    key: str
    shape: str
    format: str | None = None
    naive: bool = False
    sure: bool = True
    separators: tuple[tuple[str, str], ...] = ()


def flat(raw: Raw, prefix: str = "") -> dict[str, Any]:
    """A raw row with dotted names for what stands in objects."""
    found: dict[str, Any] = {}
    for name, value in raw.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def key_of(name: str) -> str:
    """The name in small letters, with `_` between its words."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def column_of(name: str, cells: Sequence[Any]) -> Column:
    """The column of that name, its shape judged by these cells: all of them must have it."""
    key = key_of(name)
    present = [cell for cell in cells if cell is not None and str(cell).strip()]
    if any(isinstance(cell, list) for cell in present):
        return Column(name, key, "list")
    if not present:
        return Column(name, key, "empty")
    return _of_texts(name, key, [str(cell).strip() for cell in present], present)


def _of_texts(name: str, key: str, texts: list[str], cells: list[Any]) -> Column:
    timed = _time(name, key, texts, numeric=not isinstance(cells[0], str))
    if timed is not None:
        return timed
    topics = {model.TOPIC for model in catalogue.types()}
    for shape, fits in (
        ("e-mail", _EMAIL.fullmatch),
        ("phone", _PHONE.fullmatch),
        ("currency", is_currency),
        ("event type", topics.__contains__),
        ("integer", _WHOLE.fullmatch),
    ):
        if all(fits(text) for text in texts):
            return Column(name, key, shape)
    if all(isinstance(cell, int | Decimal) for cell in cells):
        return Column(name, key, "amount")
    for pattern, separators in _AMOUNTS:
        if all(pattern.fullmatch(text) for text in texts):
            return Column(name, key, "amount", separators=separators)
    return Column(name, key, "text")


def _time(name: str, key: str, texts: list[str], *, numeric: bool) -> Column | None:
    if all(_WHOLE.fullmatch(text) for text in texts):
        clock = re.search(r"time|date|_at$|^ts$|created|when|epoch|day", key)
        if clock and _every(texts, "%Y%m%d") and all(len(text) == 8 for text in texts):
            return Column(name, key, "time", "%Y%m%d", naive=True)
        for digits, unit in ((10, "unix_s"), (13, "unix_ms")):
            if clock and all(len(text) == digits for text in texts):
                return Column(name, key, "time", unit)
        return None
    if numeric:
        return None
    try:
        moments = [datetime.fromisoformat(text) for text in texts]
        return Column(name, key, "time", naive=any(moment.tzinfo is None for moment in moments))
    except ValueError:
        pass
    for day in _DAYS:
        for hour in _HOURS:
            if _every(texts, day + hour):
                turned = _TURNED.get(day)
                sure = turned is None or not _every(texts, turned + hour)
                return Column(name, key, "time", day + hour, naive=True, sure=sure)
    return None


def _every(texts: list[str], format_: str) -> bool:
    try:
        for text in texts:
            datetime.strptime(text, format_)  # noqa: DTZ007 — only whether it can be read
    except ValueError:
        return False
    return True
