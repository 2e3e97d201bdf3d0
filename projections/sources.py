"""What a fold may read: events, or the lines of their orders."""

from collections.abc import Set
from enum import StrEnum

from ledger import relation
from projections.functions import template

_OF_A_LINE = frozenset({"product", "quantity", "amount_minor"})
_OF_THE_WHOLE = frozenset({"moment", "lines", "data"})
"""What lines of one order have in common: `moment` would not say which of two is the later."""


class Source(StrEnum):
    """The relation after a fold's FROM."""

    EVENTS = "events"
    """One row an event."""
    ORDER_LINES = "order_lines"
    """One row a line of each `order.placed`: the columns of events but for `moment`, `lines` and
    `data`, with `product`, `quantity` and `amount_minor` of the line."""

    @property
    def sql(self) -> str:
        """The relation, for a FROM over `events`."""
        return "events" if self is Source.EVENTS else template("order_lines.sql")

    @property
    def columns(self) -> Set[str]:
        """The names that a fold may use."""
        every = relation.columns().keys()
        return every if self is Source.EVENTS else every - _OF_THE_WHOLE | _OF_A_LINE

    def needs(self, used: Set[str]) -> tuple[str, ...]:
        """The columns of `events` behind these, `position` always among them, in their order."""
        wanted = {*used, "position"}
        if self is Source.ORDER_LINES:
            wanted = wanted - _OF_A_LINE | {"type", "lines"}
        return tuple(column for column in relation.columns() if column in wanted)
