"""Selling: pipelines, deals, and what the company wants to reach."""

from dataclasses import replace

from pydantic import Field

from api.carrying_out import begins
from api.http.deciding.routes import Command, Making, add, parsed
from api.http.guard import router as guarded
from ledger.catalogue import EventType
from ledger.catalogue.fields import Code
from ledger.catalogue.sales import (
    DealAmountChanged,
    DealLost,
    DealMoved,
    DealOpened,
    DealReopened,
    DealWon,
    GoalSet,
    PipelineDefined,
)

router = guarded()


def _begun(making: Making) -> EventType:
    """In the first stage of its pipeline and in its currency, unless it is said otherwise."""
    given = making.attributes
    stage, currency = begins(
        making.bahi,
        making.source,
        making.message_id,
        making.at,
        given["pipeline"],
        given["stage"],
        given["currency"],
    )
    return parsed(replace(making, attributes={**given, "stage": stage, "currency": currency}))


add(
    router,
    "deals",
    Command(
        "/v1/pipelines",
        PipelineDefined,
        "define_pipeline",
        {
            "pipeline": "inbound",
            "currency": "EUR",
            "stages": [
                {"stage": "lead", "win_percent": 10},
                {"stage": "offer", "win_percent": 40},
            ],
        },
        tags=("market",),
    ),
    Command(
        "/v1/deals",
        DealOpened,
        "open_deal",
        {
            "reference": "D-1042",
            "pipeline": "inbound",
            "amount_minor": 125_000,
            "identifiers": {"email": "anna@example.com"},
            "market": "DE",
        },
        creates="deal",
        about=("account",),
        tags=("campaign", "market"),
        more={"stage": (Code | None, Field(None, description="Else the first of its pipeline."))},
        made=_begun,
    ),
    Command(
        "/v1/deals/{deal}/move",
        DealMoved,
        "move_deal",
        {"stage": "offer", "expected_close": "2026-05-01"},
    ),
    Command(
        "/v1/deals/{deal}/price",
        DealAmountChanged,
        "price_deal",
        {"amount_minor": 140_000, "currency": "EUR"},
    ),
    Command("/v1/deals/{deal}/win", DealWon, "win_deal", {"reason": "price"}),
    Command(
        "/v1/deals/{deal}/lose", DealLost, "lose_deal", {"reason": "price", "competitor": "other"}
    ),
    Command(
        "/v1/deals/{deal}/reopen",
        DealReopened,
        "reopen_deal",
        {"stage": "lead", "reason": "they-called", "note": "Wants another offer."},
    ),
    Command(
        "/v1/goals",
        GoalSet,
        "set_goal",
        {
            "goal": "spring",
            "metric": "revenue",
            "target": 10_000_000,
            "currency": "EUR",
            "period_start": "2026-04-01",
            "period_end": "2026-06-30",
        },
        tags=("market",),
    ),
)
