"""A mapping: the TOML file that says which columns of somebody's file make which touchpoint.

    source = "shop"                  # the system it came from; with the message id it makes the event's id

    [file]                           # optional: all of it is found in the file itself
    format = "csv"                   # csv, jsonl or parquet
    compression = "gzip"             # gzip or none
    delimiter = ";"                  # csv: one character, or "whitespace" for runs of blanks
    header = true                    # csv: false where there is none; columns are then "1", "2", "3" …
    encoding = "cp1252"              # csv and jsonl: UTF-8 unless said otherwise

    [event]
    type = "order.placed"            # one type for all rows, or { column = "kind", map = { buy = "order.placed" } }
    occurred_at = { column = "date", format = "%d.%m.%Y", zone = "Europe/Berlin" }
    message_id = ["order_no"]        # optional: columns that tell a row from every other of this source

    [identifiers]                    # who it is about, most trusted first: kind = column
    user = "customer_no"
    email = "mail"

    [references]                     # account, deal, ticket, order, task: by the number that the source uses
    order = "order_no"

    [tags]                           # campaign, market
    market = { value = "DE" }

    [fields]                         # attributes of the event type: name = cell
    amount_minor = { column = "total", money = { currency = "EUR", decimal = ",", grouping = "." } }
    currency = { value = "EUR" }
    quantity = "pieces"

A *cell* is a column's name, `{ column = "…" }` or `{ value = … }`. With a column may go
`map = { "in the file" = "what it means" }`; a text that is not in the map is refused, row by row.
Of JSON and nested Parquet a column is a dotted path into objects: `"customer.id"`. An empty cell is
an absent one, and blanks around a text do not count.

`occurred_at` and the fields that are times or dates take `format`: ISO 8601 without one, else
`unix_s`, `unix_ms`, or the directives of `strptime`. `zone` places times that carry none; without
it they are refused, row by row. Of a local time that comes twice the first is meant.

Fields may have `as` = text, integer, time, date or json where the catalogue's own type for them is
not meant. `money` turns an amount in main units into minor ones, exactly: `currency` is a code or
`{ column = "…" }` (default: the field `currency` of the same row), `decimals` the number of them
(default: the currency's, by ISO 4217), `decimal` and `grouping` the separators (default `.` and none).

A field that some of the mapped types do not have is left out for those.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

WHITESPACE = "whitespace"
"""The delimiter that stands for runs of blanks."""

Name = Annotated[str, Field(min_length=1, strict=True)]
Kind = Literal["text", "integer", "time", "date", "json"]


class _Part(BaseModel):
    """A table of the mapping: frozen, and a key that it does not have is an error that lists its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError(f"a table with some of {', '.join(cls._keys())} is expected here")  # noqa: TRY004
        for key in given:
            if key not in cls._keys():
                raise ValueError(f"there is no key {key!r}; the keys are {', '.join(cls._keys())}")
        return given

    @classmethod
    def _keys(cls) -> list[str]:
        return [info.alias or name for name, info in cls.model_fields.items()]


class FileShape(_Part):
    """How the file is written; what is absent is found by looking at its beginning."""

    format: Literal["csv", "jsonl", "parquet"] | None = None
    compression: Literal["gzip", "none"] | None = None
    delimiter: Name | None = None
    header: StrictBool = True
    encoding: Name | None = None


class Cell(_Part):
    """Where a value comes from: a column, perhaps translated, or the same for every row."""

    column: Name | None = None
    value: StrictStr | StrictBool | StrictInt | None = None
    map: dict[str, Name] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> "Cell":
        if (self.column is None) == (self.value is None):
            raise ValueError("give either column or value")
        if self.column is None and len(self.model_fields_set) > 1:
            raise ValueError("a value stands for itself; the other keys belong to a column")
        return self


def _constant(given: Any) -> Any:
    """A bare text that stands for itself, as a cell."""
    return {"value": given} if isinstance(given, str) else given


def _column(given: Any) -> Any:
    """A bare text that names a column, as a cell."""
    return {"column": given} if isinstance(given, str) else given


class Timed(_Part):
    """How a time is written: `format` and the zone of times that carry none."""

    column: Name
    format: Name | None = None
    zone: Name | None = None


class Money(_Part):
    """How an amount in main units is written."""

    currency: Annotated[Cell | None, BeforeValidator(_constant)] = None
    decimals: Annotated[int, Field(strict=True, ge=0, le=9)] | None = None
    decimal: Literal[".", ","] = "."
    grouping: Literal[".", ",", " ", "'", "’", "_"] | None = None

    @model_validator(mode="after")
    def _separators_differ(self) -> "Money":
        if self.decimal == self.grouping:
            raise ValueError(f"decimal and grouping cannot both be {self.decimal!r}")
        return self


class FieldCell(Cell):
    """A cell of the event's attributes, and how to read it."""

    kind: Kind | None = Field(default=None, alias="as")
    money: Money | None = None
    format: Name | None = None
    zone: Name | None = None

    @model_validator(mode="after")
    def _one_reading(self) -> "FieldCell":
        if self.money is not None and (self.kind or self.format or self.zone or self.map):
            raise ValueError("money goes with no as, format, zone or map")
        return self


Cells = dict[str, Annotated[Cell, BeforeValidator(_column)]]
FieldCells = dict[str, Annotated[FieldCell, BeforeValidator(_column)]]


class EventShape(_Part):
    """What happened, when, and what tells it from the rest."""

    type: Annotated[Cell, BeforeValidator(_constant)]
    occurred_at: Annotated[Timed, BeforeValidator(_column)]
    message_id: tuple[Name, ...] = ()


class Mapping(_Part):
    """A mapping that can be used: its parts, and `name`, by which errors call it.

    Made by `loading.py`, which also holds it against the catalogue.
    """

    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63}$")]
    file: FileShape = FileShape()
    event: EventShape
    identifiers: Cells = {}
    references: Cells = {}
    tags: Cells = {}
    fields: FieldCells = {}

    _name: str = PrivateAttr(default="mapping")

    @property
    def name(self) -> str:
        """The file it was read from."""
        return self._name

    @classmethod
    def named(cls, data: dict[str, Any], name: str) -> "Mapping":
        """The mapping that these tables spell; raises pydantic's `ValidationError`."""
        return cls.model_validate(data, context=name)

    def model_post_init(self, context: Any) -> None:
        """Keep the name, which stands beside the tables and not in them."""
        if isinstance(context, str):
            self._name = context

    def columns(self) -> dict[str, str]:
        """Each column that it reads, and the first place in the mapping that names it."""
        named = [(self.event.type.column, "event.type")]
        named.append((self.event.occurred_at.column, "event.occurred_at"))
        named += [(column, "event.message_id") for column in self.event.message_id]
        parts: dict[str, Cells] = {"identifiers": self.identifiers}
        parts |= {"references": self.references, "tags": self.tags, "fields": {**self.fields}}
        for part, cells in parts.items():
            for key, cell in cells.items():
                named.append((cell.column, f"{part}.{key}"))
                if isinstance(cell, FieldCell) and cell.money and cell.money.currency:
                    named.append((cell.money.currency.column, f"{part}.{key}.money.currency"))
        found: dict[str, str] = {}
        for name, where in named:
            if name is not None:
                found.setdefault(name, where)
        return found
