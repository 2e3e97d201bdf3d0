"""Mappings that cannot work are refused when they are loaded, each with where, why and what instead."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import catalogue
from ledger.errors import BadField, BadUsage, DefinitionRefused, NotFound, Refused
from streams.files import load_mapping, parse_mapping, touchpoint_of

HEAD = 'source = "s"\n'
EVENT = '[event]\ntype = "order.placed"\noccurred_at = "at"\n'
PERSON = '[identifiers]\nuser = "who"\n'
FIELDS = '[fields]\namount_minor = { column = "total", money = {} }\ncurrency = "currency"\n'
WHOLE = HEAD + EVENT + PERSON + FIELDS
RAW = {"at": "2026-01-02T03:04:05Z", "who": "u1", "total": "12.50", "currency": "EUR", "extra": "x"}

KEYS = "source, file, event, identifiers, references, tags, fields"

REFUSED: list[tuple[str, str]] = [
    ("source = =", "m.toml: line 1, column 10: not TOML: Invalid value"),
    ("source = ", "m.toml: end of document: not TOML: Invalid value"),
    (EVENT + PERSON + FIELDS, "m.toml: source: missing; `bahi mapping FILE` drafts a whole one"),
    (WHOLE.replace('"s"', '"a b"'), "m.toml: source: String should match pattern '^[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63}$'"),
    (WHOLE + "[feilds]\n", f"m.toml: the file: there is no key 'feilds'; the keys are {KEYS}"),
    (HEAD + PERSON + FIELDS, "m.toml: event: missing; `bahi mapping FILE` drafts a whole one"),
    (WHOLE.replace('"order.placed"', '"order.palced"'),
     "m.toml: event.type: no event type 'order.palced'; one of order.cancelled, order.placed, order.refunded"),
    (WHOLE.replace('"order.placed"', '"customers.merged"'),
     "m.toml: event.type: only commands may append customers.merged; a type that a door may append"),
    (WHOLE.replace('"order.placed"', '{ column = "kind", map = { x = "order.palced" } }'),
     "m.toml: event.type.map.x: no event type 'order.palced'; one of order.cancelled, order.placed, order.refunded"),
    (WHOLE.replace('"order.placed"', '{ map = { x = "order.placed" } }'), "m.toml: event.type: give either column or value"),
    (WHOLE.replace('"order.placed"', '["order.placed"]'),
     "m.toml: event.type: a table with some of column, value, map is expected here"),
    (WHOLE.replace('"at"', "{}"), "m.toml: event.occurred_at.column: missing; `bahi mapping FILE` drafts a whole one"),
    (WHOLE.replace('"at"', '{ column = "at", zone = "Berlin" }'),
     "m.toml: event.occurred_at.zone: no time zone 'Berlin'; a name such as Europe/Berlin or UTC"),
    (WHOLE.replace('"at"', '{ column = "at", format = "%d.%m." }'),
     "m.toml: event.occurred_at.format: '%d.%m.' has no year; directives such as %Y-%m-%d"),
    (WHOLE.replace('"at"', '{ column = "at", format = "%Y%Q" }'),
     "m.toml: event.occurred_at.format: '%Y%Q' cannot be read back; directives such as %Y-%m-%d"),
    (WHOLE.replace('"at"', '{ column = "at", format = "unix_s", zone = "UTC" }'),
     "m.toml: event.occurred_at.zone: unix_s counts in UTC; leave zone out"),
    (WHOLE.replace('"at"', '{ column = "at", formt = "unix_s" }'),
     "m.toml: event.occurred_at: there is no key 'formt'; the keys are column, format, zone"),
    (WHOLE + '[file]\ndelimiter = ";;"\n',
     "m.toml: file.delimiter: ';;' cannot part cells; one character or \"whitespace\""),
    (WHOLE + '[file]\nencoding = "latin-99"\n',
     "m.toml: file.encoding: 'latin-99' is no encoding of text that can be read; utf-8, cp1252 …"),
    (WHOLE + '[file]\nencoding = "hex"\n',
     "m.toml: file.encoding: 'hex' is no encoding of text that can be read; utf-8, cp1252 …"),
    (WHOLE + '[file]\nencoding = "cp500"\n',
     "m.toml: file.encoding: 'cp500' is no encoding of text that can be read; utf-8, cp1252 …"),
    (WHOLE + '[file]\nformat = "xlsx"\n', "m.toml: file.format: Input should be 'csv', 'jsonl' or 'parquet'"),
    (WHOLE + '[file]\nheader = "no"\n', "m.toml: file.header: Input should be a valid boolean"),
    (HEAD + EVENT + FIELDS, 'm.toml: identifiers: order.placed is about a person; such as user = "customer_id"'),
    (WHOLE.replace('"who"', '{ value = "u1" }'),
     "m.toml: identifiers.user: one value for every row would be one person; a column"),
    (WHOLE.replace("user =", '"User Id" ='), "m.toml: identifiers.User Id: not a kind; small letters, digits and _"),
    (WHOLE.replace('"who"', '{ column = "who", value = "x" }'), "m.toml: identifiers.user: give either column or value"),
    (WHOLE + '[references]\nphone = "x"\n', "m.toml: references.phone: no such kind; one of account, deal, ticket, order, task"),
    (WHOLE + '[tags]\norder = "x"\n', "m.toml: tags.order: no such kind; one of campaign, market"),
    (WHOLE + '[tags]\nmarket = { value = "DE", map = { x = "y" } }\n',
     "m.toml: tags.market: a value stands for itself; the other keys belong to a column"),
    (WHOLE + 'reason = "x"\n',
     "m.toml: fields.reason: not a field of order.placed; one of address, amount_minor, currency, lines, note, quantity"),
    (WHOLE.replace('"order.placed"', '{ column = "kind" }') + 'colour = "x"\n',
     "m.toml: fields.colour: not a field of any event type"),
    (HEAD + EVENT + PERSON + '[fields]\ncurrency = "c"\n',
     "m.toml: fields.amount_minor: order.placed cannot be without it; map it"),
    (HEAD + EVENT + PERSON + '[fields]\namount_minor = { column = "t", money = {} }\n',
     'm.toml: fields.amount_minor.money: no currency; currency = "EUR", or a field currency'),
    (WHOLE.replace("money = {}", 'money = { currency = "EURO" }'),
     "m.toml: fields.amount_minor.money.currency: 'EURO' is not in ISO 4217; a code such as EUR"),
    (WHOLE.replace("money = {}", 'money = { currency = "USD" }').replace('= "currency"', '= { value = "EUR" }'),
     "m.toml: fields.amount_minor.money.currency: USD, but fields.currency is EUR; one of them"),
    (WHOLE.replace("money = {}", 'money = { decimal = ",", grouping = "," }'),
     "m.toml: fields.amount_minor.money: decimal and grouping cannot both be ','"),
    (WHOLE.replace("money = {}", "money = { decimals = 12 }"),
     "m.toml: fields.amount_minor.money.decimals: Input should be less than or equal to 9"),
    (WHOLE.replace("money = {}", 'money = {}, as = "integer"'),
     "m.toml: fields.amount_minor: money goes with no as, format, zone or map"),
    (WHOLE + 'note = { column = "x", money = {} }\n',
     "m.toml: fields.note.money: note is not an amount in minor units; a field such as amount_minor"),
    (WHOLE + 'note = { column = "x", zone = "UTC" }\n',
     "m.toml: fields.note: format and zone are for times and dates; leave them out"),
    (WHOLE + 'quantity = { column = "x", map = { a = "b" } }\n',
     "m.toml: fields.quantity.map: only texts have a map; leave it out"),
    (WHOLE + 'quantity = { column = "x", as = "number" }\n',
     "m.toml: fields.quantity.as: Input should be 'text', 'integer', 'time', 'date' or 'json'"),
    (HEAD + '[event]\ntype = "rate.published"\noccurred_at = "at"\n' + PERSON +
     '[fields]\ncurrency = "a"\nquote = "b"\nrate_millionths = "c"\nrate_date = "d"\n',
     "m.toml: identifiers: rate.published is about nobody; leave them out"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_mapping_that_cannot_work_is_refused(text: str, message: str) -> None:
    with pytest.raises(DefinitionRefused) as caught:
        parse_mapping(text, "m.toml")
    assert str(caught.value) == message


def test_a_mapping_is_loaded_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(WHOLE)
    mapping = load_mapping(path)
    assert mapping.name == "m.toml"
    assert list(mapping.columns()) == ["at", "who", "total", "currency"]
    path.write_bytes(WHOLE.encode() + b"# Caf\xe9")
    with pytest.raises(DefinitionRefused, match=r"^m.toml: byte \d+: not UTF-8$"):
        load_mapping(path)
    with pytest.raises(NotFound, match=r"^no mapping file .*; `bahi mapping FILE` drafts one$"):
        load_mapping(tmp_path / "absent.toml")


def taken(cell: str, value: Any, field: str = "amount_minor") -> Any:
    """Return what the field becomes when its cell is written so; or the message of its refusal."""
    text = WHOLE.replace('amount_minor = { column = "total", money = {} }\n', "")
    text += "" if field == "amount_minor" else "amount_minor = { value = 1 }\n"
    mapping = parse_mapping(f"{text}{field} = {cell}\n")
    try:
        return getattr(touchpoint_of({**RAW, "x": value}, mapping, row_id="1").payload, field)
    except Refused as refusal:
        return str(refusal)


def agree(found: object, expected: object) -> bool:
    """Whether they are equal; an ellipsis stands for the catalogue's own words."""
    if not (isinstance(found, str) and isinstance(expected, str)):
        return found == expected
    before, _, after = expected.partition("…")
    return found == expected or bool(after and found.startswith(before) and found.endswith(after))


MONEY = "amount_minor: expected an amount of money such as 12.50, not negative, came "


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        ("", "12.50", 1250),
        ("", " 12.5 ", 1250),
        ("", "12", 1200),
        ("", "12.5000", 1250),
        ("", "0.00", 0),
        ("", 12, 1200),
        ("", Decimal("12.5"), 1250),
        ("", "90071992547409.91", 2**53 - 1),
        ("", "90071992547409.92", "amount_minor: expected …, came int"),
        ("", "9" * 30, MONEY + "text of 30 characters"),
        ("", "1e3", MONEY + "text of 3 characters"),
        ("", "١٢", MONEY + "text of 2 characters"),
        ("", ".5", MONEY + "text of 2 characters"),
        ("", "1,250.00", MONEY + "text of 8 characters"),
        ("", Decimal(-1), MONEY + "Decimal"),
        ("", True, "amount_minor: expected an amount of money, came bool"),
        ('decimal = ","', "12,50", 1250),
        ('decimal = ","', "12.50", MONEY.replace("12.50", "12,50") + "text of 5 characters"),
        ('decimal = ","', Decimal("12.50"), 1250),
        ('decimal = ",", grouping = "."', "1.234.567,89", 123456789),
        ('decimal = ",", grouping = "."', "1234567,89", 123456789),
        ('decimal = ",", grouping = "."', "12.50", MONEY.replace("12.50", "12,50") + "text of 5 characters"),
        ('grouping = ","', "12,34,567.89", 123456789),
        ('grouping = ","', "12,50", MONEY + "text of 5 characters"),
        ('grouping = ","', "1,2345", MONEY + "text of 6 characters"),
        ('currency = "JPY", decimals = 0', "1250.00", 1250),
        ("decimals = 3", "1.234", 1234),
        ('currency = { column = "extra" }', "5", "currency: expected an ISO 4217 currency code such as EUR, came text of 1 characters"),
        ("decimals = 0", "1.2", "amount_minor: expected money with at most 0 decimals, came text of 3 characters"),
    ],
)  # fmt: skip
def test_money_is_exact_or_refused(shape: str, value: object, expected: object) -> None:
    assert agree(taken(f'{{ column = "x", money = {{ {shape} }} }}', value), expected)


@pytest.mark.parametrize(
    ("currency", "minor"), [("EUR", 500), ("JPY", 5), ("BHD", 5000), ("INR", 500)]
)
def test_decimals_are_those_of_the_rows_currency(currency: str, minor: int) -> None:
    mapping = parse_mapping(WHOLE)
    raw = {**RAW, "total": "5", "currency": currency}
    assert touchpoint_of(raw, mapping, row_id="1").payload.clear()["amount_minor"] == minor


@given(
    st.integers(0, 2**53 - 1),
    st.sampled_from([0, 2, 3]),
    st.sampled_from([".", ","]),
    st.booleans(),
)
def test_money_as_people_write_it_comes_back_to_the_minor_unit(
    minor: int, decimals: int, decimal: str, grouped: bool
) -> None:
    digits = str(minor).rjust(decimals + 1, "0")
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    if grouped:
        whole = f"{int(whole):_}".replace("_", "'")
    shape = f"decimal = '{decimal}', grouping = \"'\", decimals = {decimals}"
    text = whole + (decimal + fraction if fraction else "")
    assert taken(f'{{ column = "x", money = {{ {shape} }} }}', text) == minor


@pytest.mark.parametrize(
    ("field", "cell", "value", "expected"),
    [
        ("quantity", '"x"', "3", 3),
        ("quantity", '"x"', "3.0", 3),
        ("quantity", '"x"', Decimal("3.0"), 3),
        ("quantity", '"x"', "", None),
        ("quantity", '"x"', "  ", None),
        ("quantity", '"x"', "3.5", "quantity: expected a whole number, came text of 3 characters"),
        ("quantity", '"x"', Decimal("3.5"), "quantity: expected a whole number, came Decimal"),
        ("quantity", '"x"', Decimal("1e999999999"), "quantity: expected a whole number, came Decimal"),
        ("quantity", '"x"', "-3", "quantity: expected …, came -3"),
        ("quantity", "{ value = 4 }", None, 4),
        ("note", '"x"', True, "true"),
        ("note", '"x"', 7, "7"),
        ("note", '"x"', Decimal("1.10"), "1.10"),
        ("note", '"x"', "\ud800", "note: expected text in Unicode, came half of a surrogate pair"),
        ("note", '{ column = "x", map = { a = "b" } }', "a", "b"),
        ("note", '{ column = "x", map = { a = "b" } }', "c", "note: expected one of a, came text of 1 characters"),
        ("note", '{ column = "x", as = "date", format = "%d/%m/%y" }', "31/01/26",
         "note: expected …, came date"),
        ("lines", '"x"', '[{"product": "p", "quantity": 1, "amount_minor": 2}]', 1),
        ("lines", '"x"', [{"product": "p", "quantity": 1, "amount_minor": 2}], 1),
        ("lines", '"x"', "[", "lines: expected JSON, came something else at character 2"),
    ],
)  # fmt: skip
def test_cells_are_read_as_their_field_is(
    field: str, cell: str, value: object, expected: object
) -> None:
    found = taken(cell, value, field)
    assert agree(len(found) if isinstance(found, tuple) else found, expected)


def test_a_date_is_read_by_its_format() -> None:
    text = (
        HEAD
        + '[event]\ntype = "rate.published"\noccurred_at = "at"\n[fields]\ncurrency = { value = "EUR" }\n'
        + 'quote = { value = "USD" }\nrate_millionths = "rate"\n'
        + 'rate_date = { column = "day", format = "%d.%m.%Y" }\n'
    )
    raw = {"at": "2026-01-02T03:04:05Z", "rate": "1100000", "day": "31.01.2026"}
    touchpoint = touchpoint_of(raw, parse_mapping(text), row_id="1")
    assert touchpoint.payload == catalogue.parse(
        "rate.published",
        {
            "currency": "EUR",
            "quote": "USD",
            "rate_millionths": 1100000,
            "rate_date": date(2026, 1, 31),
        },
    )
    with pytest.raises(
        BadField, match=r"^rate_date: expected a date written %d.%m.%Y, came text of 10 characters$"
    ):
        touchpoint_of({**raw, "day": "2026-01-31"}, parse_mapping(text), row_id="1")


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ('"at"', "2026-03-29T10:00:00+05:30", "2026-03-29T04:30:00+00:00"),
        ('"at"', "2026-03-29T10:00:00", "occurred_at: expected a time with a zone, or a zone in the mapping, came one without"),
        ('{ column = "at", zone = "Asia/Kolkata" }', "2026-03-29", "2026-03-28T18:30:00+00:00"),
        ('{ column = "at", zone = "Asia/Kolkata" }', "2026-03-29T10:00:00Z", "2026-03-29T10:00:00+00:00"),
        ('{ column = "at", zone = "Europe/Berlin" }', "2026-10-25 02:30", "2026-10-25T00:30:00+00:00"),
        ('{ column = "at", format = "%d.%m.%Y %H:%M %z" }', "02.01.2026 10:00 +0200", "2026-01-02T08:00:00+00:00"),
        ('{ column = "at", format = "%Y%m%d", zone = "UTC" }', 20260102, "2026-01-02T00:00:00+00:00"),
        ('{ column = "at", format = "%Y%m%d", zone = "UTC" }', "20261302",
         "occurred_at: expected a time written %Y%m%d, came text of 8 characters"),
        ('{ column = "at", format = "unix_s" }', "1767322800", "2026-01-02T03:00:00+00:00"),
        ('{ column = "at", format = "unix_s" }', Decimal("1767322800.25"), "2026-01-02T03:00:00.250000+00:00"),
        ('{ column = "at", format = "unix_ms" }', 1767322800123, "2026-01-02T03:00:00.123000+00:00"),
        ('{ column = "at", format = "unix_ms" }', 10**18, "occurred_at: expected milliseconds since 1970-01-01, came int"),
        ('{ column = "at", format = "unix_s" }', Decimal("1e999999999"),
         "occurred_at: expected seconds since 1970-01-01, came Decimal"),
        ('{ column = "at", format = "unix_s" }', "now", "occurred_at: expected seconds since 1970-01-01, came text of 3 characters"),
        ('{ column = "at", zone = "Asia/Kolkata" }', "0001-01-01", "occurred_at: expected a time in ISO 8601, came text of 10 characters"),
    ],
)  # fmt: skip
def test_times_are_placed_in_utc_or_refused(cell: str, value: object, expected: str) -> None:
    mapping = parse_mapping(WHOLE.replace('"at"', cell))
    try:
        found = touchpoint_of({**RAW, "at": value}, mapping, row_id="1").occurred_at.isoformat()
    except BadField as refusal:
        found = str(refusal)
    assert found == expected


@given(
    st.datetimes(datetime.fromisoformat("1980-01-01"), datetime.fromisoformat("2037-01-01")),
    st.sampled_from(["Asia/Kolkata", "Europe/Berlin", "America/Sao_Paulo"]),
)
def test_a_local_time_is_the_first_of_its_name(at: datetime, zone: str) -> None:
    """Against the search for it: the earliest UTC minute that a clock in the zone shows so."""
    at = at.replace(second=0, microsecond=0)
    mapping = parse_mapping(WHOLE.replace('"at"', f'{{ column = "at", zone = "{zone}" }}'))
    found = touchpoint_of({**RAW, "at": at.isoformat()}, mapping, row_id="1").occurred_at
    candidates = (
        at.replace(tzinfo=UTC) + timedelta(minutes=m) for m in range(-15 * 60, 15 * 60, 15)
    )
    shown = [c for c in candidates if c.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == at]
    assert found == (shown[0] if shown else found)


MIXED = (
    HEAD
    + '[event]\ntype = { column = "kind", map = { buy = "order.placed", back = "order.refunded" } }\n'
    + 'occurred_at = "at"\n' + PERSON + '[references]\norder = "no"\n[tags]\nmarket = { value = "IN" }\n'
    + FIELDS + 'quantity = "pieces"\nreason = "why"\n'
)  # fmt: skip


def test_rows_of_several_types_take_the_fields_that_each_has() -> None:
    mapping = parse_mapping(MIXED)
    raw = {**RAW, "no": 7, "pieces": "2", "why": "broken"}
    bought = touchpoint_of({**raw, "kind": "buy"}, mapping, row_id="1")
    returned = touchpoint_of({**raw, "kind": "back"}, mapping, row_id="2")
    assert bought.payload.clear() == {"amount_minor": 1250, "currency": "EUR", "quantity": 2}
    assert returned.payload.clear() == {"amount_minor": 1250, "currency": "EUR", "reason": "broken"}
    assert [(r.kind, r.value) for r in bought.references] == [("order", "7")]
    assert bought.tags == {"market": "IN"}
    for kind, message in (
        ("lost", "type: expected one of buy, back, came text of 4 characters"),
        ("", "type: expected the name of an event type, came nothing"),
    ):
        with pytest.raises(Refused) as caught:
            touchpoint_of({**raw, "kind": kind}, mapping, row_id="3")
        assert str(caught.value) == message


def test_a_type_in_the_row_itself_must_be_one_that_a_door_may_append() -> None:
    mapping = parse_mapping(WHOLE.replace('"order.placed"', '{ column = "kind" }'))
    assert (
        touchpoint_of({**RAW, "kind": "order.placed"}, mapping, row_id="1").payload.TOPIC
        == "order.placed"
    )
    with pytest.raises(Refused, match=r"^type: expected one of .*, came text of 13 characters$"):
        touchpoint_of({**RAW, "kind": "order.Schmidt"}, mapping, row_id="1")
    with pytest.raises(
        Refused, match=r"^type: expected a type that a door may append, came 'customers.merged'$"
    ):
        touchpoint_of({**RAW, "kind": "customers.merged"}, mapping, row_id="1")


def test_a_row_without_any_id_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(BadUsage, match="nothing gives the row a message id"):
        touchpoint_of(RAW, parse_mapping(WHOLE))
