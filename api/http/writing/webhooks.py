"""Webhooks of others: judged by their signature, then taken in like anything else.

Whoever sent it is told that it arrived, also of what was refused: that is kept here, and would be refused again.
"""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Path, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.http.guard import router as guarded
from api.http.problems import documented, kind_of
from api.http.serving import Serving, Shared
from commands.dead_letters import keep_refused
from commands.touchpoint import Fate, Touchpoint
from ledger.errors import NotFound, Refused
from ledger.vault import Webhook
from streams.imports import outcomes_of
from streams.webhooks import PROVIDERS, Delivery, Provider
from streams.webhooks.letters import DOOR, refused_item

router = guarded()

_MOST = 1024 * 1024
"""Bytes of a webhook."""


class Arrived(BaseModel):
    """What became of the things that a webhook told of."""

    appended: int = 0
    duplicates: int = 0
    refused: int = 0
    ignored: int = 0
    """Things that mean nothing here."""


@router.post(
    "/v1/webhooks/{source}",
    operation_id="take_webhook",
    tags=["touchpoints in"],
    responses=documented("bad-signature", "not-found"),
    max_body_size=_MOST,
)
async def take(
    source: Annotated[str, Path(description="What `bahi webhook add` was told.")],
    request: Request,
    serving: Shared,
) -> Arrived:
    """Take what a provider tells. Its signature is asked for, and no key."""
    vault = serving.bahi.ledger.vault
    known = await run_in_threadpool(vault.webhook, source)
    provider = None if known is None else PROVIDERS.get(known.provider)
    if known is None or provider is None:
        raise NotFound("source of webhooks", "of that name")
    delivery = Delivery(
        request.method,
        serving.called_as(request),
        dict(request.headers.items()),
        await request.body(),
        serving.bahi.clock(),
    )
    return await run_in_threadpool(partial(_taken, serving, provider, known, delivery))


def _taken(serving: Serving, provider: Provider, known: Webhook, delivery: Delivery) -> Arrived:
    vault, intake, source = serving.bahi.ledger.vault, serving.intake, known.source
    provider.demand_signed(delivery, known.secret.split())
    found, arrived = list(provider.items(delivery)), Arrived()
    actor = vault.staff(f"{DOOR}{source}")
    read: list[tuple[int, Touchpoint | Refused]] = []
    for index, item in enumerate(found):
        try:
            meaning = provider.meaning(item, source)
        except Refused as refusal:
            read.append((index, refusal))
            continue
        if meaning is None:
            arrived.ignored += 1
        else:
            read.append((index, replace(meaning, actor=actor)))
    refused = []
    outcomes = outcomes_of(serving.bahi.ledger, [one for _, one in read], intake)
    for (index, one), outcome in zip(read, outcomes, strict=True):
        problem = None if outcome.refusal is None else kind_of(outcome.refusal)
        serving.metrics.took_in(outcome, problem)
        arrived.appended += outcome.fate is Fate.APPENDED
        arrived.duplicates += outcome.fate is Fate.DUPLICATE
        if outcome.refusal is not None:
            arrived.refused += 1
            refused.append(
                refused_item(provider, found[index], one, outcome.refusal, index, intake)
            )
    keep_refused(
        serving.bahi.ledger, f"{DOOR}{source}", refused, clock=intake.clock, ids=intake.ids
    )
    return arrived
