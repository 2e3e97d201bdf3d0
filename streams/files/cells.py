"""Cells read: closures that take a raw row and give one value, or None where the cell is empty.

Each is made once a mapping and called once a row. What it cannot read is a `BadField` under the
name of the event's field, with what was expected and the length of what came; never the value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Context, Decimal, DecimalException, Inexact
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from ledger.clock import from_us
from ledger.errors import BadField, came
from ledger.money import is_currency, minor_digits
from streams.files.loading import UNIX_FORMATS
from streams.files.mapping import Cell, FieldCell, Kind, Money
from streams.files.rows import Raw, parse_json

Read = Callable[[Raw], Any]

_REMEMBERED = 4_096
"""Texts of times and amounts that are kept read; files repeat them, and reading one is slow."""
_LARGEST = 18
"""Digits of a whole number that certainly fits into 64 bits."""
_EXACT = Context(prec=64, traps=[Inexact])
_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(?:\.0*)?")


def column(name: str) -> Read:
    """What stands in a column; blank text is None, and a dotted name walks into objects."""

    def flat(raw: Raw) -> Any:
        value = raw.get(name)
        return value.strip() or None if value.__class__ is str else value

    if "." not in name:
        return flat
    path = name.split(".")

    def walk(raw: Raw) -> Any:
        if name in raw:
            return flat(raw)
        value: Any = raw
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value.strip() or None if isinstance(value, str) else value

    return walk


def text(field: str, cell: Cell) -> Read:
    """Text of a cell, translated by its map; numbers and truths are written as JSON writes them."""
    if cell.column is None:
        constant = cell.value if isinstance(cell.value, str) else _written(field, cell.value)
        return lambda _raw: constant
    get = column(cell.column)

    def plain(raw: Raw) -> str | None:
        value = get(raw)
        if value.__class__ is not str and value is not None:
            value = _written(field, value)
        if value is not None:
            if "\x00" in value:
                raise BadField(field, "text without U+0000", came(value))
            if not value.isascii():
                _demand_unicode(field, value)
        return value  # type: ignore[no-any-return]

    if cell.map is None:
        return plain
    meanings = cell.map
    expected = (
        "one of " + ", ".join(meanings) if len(meanings) <= 12 else "a text that is in its map"
    )

    def translated(raw: Raw) -> str | None:
        value = plain(raw)
        if value is None:
            return None
        if value not in meanings:
            raise BadField(field, expected, came(value))
        return meanings[value]

    return translated


def _written(field: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal) and abs(Decimal(value).adjusted()) <= 2 * _LARGEST:
        return str(value)
    raise BadField(field, "text", came(value))


def _demand_unicode(field: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadField(field, "text in Unicode", "half of a surrogate pair") from None


def moment(field: str, name: str, format_: str | None, zone: str | None) -> Read:
    """A moment, in UTC. Naive times are placed in `zone`, and refused where there is none."""
    get = column(name)
    if format_ in UNIX_FORMATS:
        return partial(_unix, field, get, UNIX_FORMATS[format_])
    place = ZoneInfo(zone) if zone else None
    expected = f"a time written {format_}" if format_ else "a time in ISO 8601"

    @lru_cache(_REMEMBERED)
    def read(written: str) -> datetime:
        try:
            if format_ is None:
                at = datetime.fromisoformat(written)
            else:
                at = datetime.strptime(written, format_)  # noqa: DTZ007 — zone is looked at below
            if at.tzinfo is None and place is None:
                raise BadField(field, "a time with a zone, or a zone in the mapping", "one without")
            return (at if at.tzinfo else at.replace(tzinfo=place)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadField(field, expected, came(written)) from None

    def convert(raw: Raw) -> datetime | None:
        value = get(raw)
        if value is None:
            return None
        if isinstance(value, int) and format_ is not None:
            value = str(value)  # 20260131, where a column of days is one of numbers
        if not isinstance(value, str):
            raise BadField(field, expected, came(value))
        return read(value)

    return convert


def _unix(field: str, get: Read, units_a_second: int, raw: Raw) -> datetime | None:
    value = get(raw)
    if value is None:
        return None
    number = _number(value)
    if number is not None and _fits(number):
        try:
            return from_us(int(number * (1_000_000 // units_a_second)))
        except OverflowError:
            pass
    unit = "seconds" if units_a_second == 1 else "milliseconds"
    raise BadField(field, f"{unit} since 1970-01-01", came(value))


_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?")


def _number(value: Any) -> Decimal | None:
    if isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _day(field: str, cell: FieldCell) -> Read:
    """A date: ISO 8601 or as `format` says; its zone does not matter."""
    assert cell.column is not None
    get = column(cell.column)
    format_ = cell.format

    def convert(raw: Raw) -> date | None:
        value = get(raw)
        if value is None:
            return None
        try:
            if format_ is None:
                return date.fromisoformat(value)
            return datetime.strptime(str(value), format_).date()  # noqa: DTZ007
        except (ValueError, TypeError):
            expected = f"a date written {format_}" if format_ else "a date in ISO 8601"
            raise BadField(field, expected, came(value)) from None

    return convert


def _integer(field: str, name: str) -> Read:
    """A whole number; 3.0 is one, since tables with gaps are often kept as fractions."""
    get = column(name)

    def convert(raw: Raw) -> int | None:
        value = get(raw)
        if value is None or value.__class__ is int:
            return value
        if isinstance(value, str):
            found = _WHOLE.fullmatch(value)
            if found:
                return int(found[1])
        elif isinstance(value, Decimal) and _fits(value) and value == value.to_integral_value():
            return int(value)
        raise BadField(field, "a whole number", came(value))

    return convert


def _fits(number: Decimal) -> bool:
    """Whether it can be made an integer without filling memory with zeros."""
    return abs(number.adjusted()) <= _LARGEST


def _structure(field: str, name: str) -> Read:
    """A list or an object, or JSON text of one."""
    get = column(name)

    def convert(raw: Raw) -> Any:
        value = get(raw)
        return parse_json(value, field) if isinstance(value, str) else value

    return convert


def _places(code: str | None, stated: int | None) -> int:
    """Decimals of an amount: those that the mapping has `stated`, else the currency's."""
    if code is None and stated is not None:
        return stated
    if code is None or not is_currency(code):
        raise BadField("currency", "an ISO 4217 currency code such as EUR", came(code))
    return minor_digits(code) if stated is None else stated


def money(field: str, name: str, shape: Money, currency: Cell | None) -> Read:
    """Minor units, exactly. `currency` says whose, and so how many decimals there are to be."""
    get = column(name)
    group = re.escape(shape.grouping) if shape.grouping else None
    whole = (
        rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]{{1,18}}"
        if group
        else "[0-9]{1,18}"
    )
    amount = re.compile(rf"({whole})(?:{re.escape(shape.decimal)}([0-9]{{1,18}}))?")
    code_of = text("currency", currency) if currency else None

    @lru_cache(_REMEMBERED)
    def read(value: str | int | Decimal, digits: int) -> int:
        number = _number(value) if not isinstance(value, str) else None
        if isinstance(value, str) and (found := amount.fullmatch(value)):
            units = found[1].replace(shape.grouping, "") if shape.grouping else found[1]
            number = Decimal(f"{units}.{found[2] or 0}")
        if number is None or number.is_signed() or number.adjusted() > _LARGEST:
            example = f"12{shape.decimal}50" if digits else "1250"
            raise BadField(
                field, f"an amount of money such as {example}, not negative", came(value)
            )
        try:
            minor = _EXACT.multiply(number, Decimal(10**digits))
        except DecimalException:
            minor = Decimal("NaN")
        if minor != minor.to_integral_value():
            raise BadField(field, f"money with at most {digits} decimals", came(value))
        return int(minor)

    def convert(raw: Raw) -> int | None:
        value = get(raw)
        if value is None:
            return None
        code = code_of(raw) if code_of else None
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise BadField(field, "an amount of money", came(value))
        return read(value, _places(code, shape.decimals))

    return convert


def attribute(field: str, cell: FieldCell, kind: Kind, currency: Cell | None) -> Read:
    """One attribute of an event, read as the mapping says, else as the catalogue has it."""
    if cell.column is None:
        constant = cell.value
        return lambda _raw: constant
    if cell.money is not None:
        return money(field, cell.column, cell.money, cell.money.currency or currency)
    match cell.kind or kind:
        case "text":
            return text(field, cell)
        case "integer":
            return _integer(field, cell.column)
        case "time":
            return moment(field, cell.column, cell.format, cell.zone)
        case "date":
            return _day(field, cell)
        case "json":
            return _structure(field, cell.column)
