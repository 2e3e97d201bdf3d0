"""A person's figures as people read them: what there is one of in pairs, what there are more of in rows."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID

import pyarrow as pa
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from api.render import out, readable
from ledger.money import is_currency, minor_digits

_FIRST = (
    "customer_360",
    "customer_month",
    "customer_money",
    "customer_product",
    "customer_channel",
)
"""What is looked for first stands first; the others follow by name."""
_ROWS = 8
_WIDTH = 96
_SUMS = frozenset({"ordered", "refunded", "largest_order", "renewed"})
"""Columns that hold money although their names do not end in `_minor`."""
_LEFT_OUT = frozenset({"consent", "customer_dialogue", "opened"})
"""What is kept for questions and says nothing to people: of consent, `permission` says what follows, and
`bahi privacy opened` tells who looked."""
_SHORT = 60
_BARS = " ▁▂▃▄▅▆▇█"


def print_folds(folds: Mapping[str, pa.Table], accounts: Mapping[str, str]) -> None:
    """Every fold of one person, each under its name; what says nothing is left out. `accounts` are
    names by id.
    """
    for name in sorted(folds.keys() - _LEFT_OUT, key=lambda fold: (_place(fold), fold)):
        rows = [_saying(_named(row, accounts)) for row in folds[name].to_pylist()]
        rows = [row for row in rows if row]
        if not rows:
            continue
        out.print()
        out.print(Text(name, style="bold cyan"))
        if name == "customer_month":
            _print_months(folds[name].to_pylist())
        elif len(rows) == 1:
            _print_pairs(rows[0])
        else:
            _print_rows(rows)


def print_figures(view: str, row: Mapping[str, Any]) -> None:
    """One row of a view, a line a figure; those that say nothing are left out."""
    out.print()
    out.print(Text(view, style="bold cyan"))
    grid = Table.grid(padding=(0, 2))
    for name, value in row.items():
        if value not in (None, 0, False):
            grid.add_row(Text("  " + name, style="dim"), _cell(name, value, row.get("currency")))
    out.print(grid)


def told(data: Mapping[str, Any]) -> str:
    """What an event says, in a line: amounts in main units, of what is long only how much it is."""
    currency = data.get("currency")
    return ", ".join(_told(name, value, currency) for name, value in sorted(data.items()))


def _told(name: str, value: Any, currency: object) -> str:
    if isinstance(value, int) and isinstance(currency, str):
        if name.endswith("_minor"):
            return f"{name.removesuffix('_minor')} {money(value, currency)}"
        if name == "target":  # a goal's: of revenue, where there is a currency
            return f"{name} {money(value, currency)}"
    text = readable(value)
    if isinstance(value, list) or (isinstance(value, dict) and len(text) > _SHORT):
        return f"{len(value):,} {name.removesuffix('s') if len(value) == 1 else name}"
    return f"{name} {text[:_SHORT]}…" if len(text) > _SHORT else f"{name} {text}"


def money(amount_minor: int, currency: object) -> str:
    """An amount in main units, as in 4,998.00; in minor ones where the currency is not known."""
    digits = minor_digits(currency) if isinstance(currency, str) and is_currency(currency) else 0
    return f"{amount_minor / 10**digits:,.{digits}f}"


def _place(fold: str) -> int:
    return _FIRST.index(fold) if fold in _FIRST else len(_FIRST)


def _named(row: Mapping[str, Any], accounts: Mapping[str, str]) -> Mapping[str, Any]:
    account = str(row.get("account"))
    return {**row, "account": f"{account} {accounts[account]}"} if account in accounts else row


def _saying(row: Mapping[str, Any]) -> dict[str, str]:
    """What says something to people, in their words; ids and moments in one number do not."""
    currency = row.get("currency")
    return {
        name: _cell(name, value, currency)
        for name, value in row.items()
        if value not in (None, 0, False, "") and not isinstance(value, UUID)
    }


def _cell(name: str, value: Any, currency: object) -> str:
    if isinstance(value, int) and (name.endswith("_minor") or name in _SUMS):
        return money(value, currency)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return readable(value)


def _print_pairs(row: Mapping[str, str]) -> None:
    """Two figures a line, read down the left side first."""
    pairs = list(row.items())
    half = -(-len(pairs) // 2)
    grid = Table.grid(padding=(0, 2))
    for left, right in zip_longest(pairs[:half], pairs[half:], fillvalue=("", "")):
        grid.add_row(
            Text("  " + left[0], style="dim"),
            left[1].ljust(20),
            Text(right[0], style="dim"),
            right[1],
        )
    out.print(grid)


def _print_rows(rows: Sequence[Mapping[str, str]]) -> None:
    names = list(_fitting(rows))
    grid = Table.grid(padding=(0, 2))
    grid.add_row("", *(Text(name, style="dim") for name in names))
    for row in rows[:_ROWS]:
        grid.add_row("", *(_aligned(row.get(name, ""), rows, name) for name in names))
    out.print(grid)
    if len(rows) > _ROWS:
        out.print(f"  … and {len(rows) - _ROWS:,} more")


def _aligned(cell: str, rows: Sequence[Mapping[str, str]], name: str) -> Text:
    number = all(_is_number(row[name]) for row in rows if name in row)
    return Text(cell, justify="right" if number else "left")


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdigit()


def _fitting(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The columns that find room beside one another, in their order."""
    used = 2
    for name in dict.fromkeys(name for row in rows for name in row):
        used += 2 + max(cell_len(text) for text in (name, *(row.get(name, "") for row in rows)))
        if used > _WIDTH:
            return
        yield name


def _print_months(rows: Sequence[Mapping[str, Any]]) -> None:
    """How much happened, a bar a month; months without anything stand as gaps."""
    counted = {row["month"]: row["touchpoints"] or 0 for row in rows}
    first, last = min(counted), max(counted)
    most = max(counted.values())
    bars = ""
    month = first
    while month <= last:
        share = counted.get(month, 0) / most if most else 0
        bars += _BARS[-(-int(share * 1000) * (len(_BARS) - 1) // 1000)]
        month = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    out.print(f"  {first:%Y-%m} {bars} {last:%Y-%m}   touchpoints a month, at most {most:,}")
