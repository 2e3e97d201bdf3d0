"""Who looked, worked out again from the events, in plain Python. Nothing of `projections/` is imported."""

from collections.abc import Mapping

from tests.projections.model import Column, Seen, Take, View


def _is(kind: str) -> Take:
    return lambda event: event["type"] == f"personal_data.{kind}"


def _when(how: str) -> Column:
    return Column(how, lambda event: event["occurred_at"])


def _looked(event: Seen) -> bool:
    return event["type"] in {"personal_data.opened", "personal_data.exported"}


_BY = {
    "actor": lambda event: event.get("actor"),
    "purpose": lambda event: event.get("purpose"),
    "day": lambda event: event["occurred_at"].date(),
}
_COUNTED = {
    "openings": Column("count", lambda event: event["position"], _is("opened")),
    "exported": Column("count", lambda event: event["position"], _is("exported")),
}

VIEWS: Mapping[str, View] = {
    "opened": View(
        {"customer": lambda event: event.get("customer"), **_BY},
        {
            **_COUNTED,
            "first_at": _when("min"),
            "last_at": _when("max"),
            "last_recipient": Column("arg_max", lambda event: event.get("recipient")),
        },
        _looked,
    ),
    "opened_by": View(
        _BY,
        {
            **_COUNTED,
            "of_nobody_known": Column(
                "count",
                lambda event: event["position"],
                lambda event: event.get("customer") is None,
            ),
            "first_at": _when("min"),
            "last_at": _when("max"),
        },
        _looked,
    ),
}
