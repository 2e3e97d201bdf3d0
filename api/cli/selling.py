"""Commands of those who sell: `deal` and `goal`."""

from typing import Annotated

import typer

from api.carrying_out import begins
from api.cli.app import SOURCE, AsOf, At, Json, KnownAt, MessageId, Purpose, app, opened
from api.cli.carrying_out import Said, carry_out, minor_units, parse
from api.cli.showing import show
from ledger.catalogue.sales import Metric
from ledger.errors import BadUsage
from ledger.restricted import SERVICE

deal = typer.Typer(help="Deals, and the pipelines they go through.", no_args_is_help=True)
app.add_typer(deal, name="deal")
goal = typer.Typer(help="What the company wants to reach.", no_args_is_help=True)
app.add_typer(goal, name="goal")

Deal = Annotated[str, typer.Argument(help="The deal's number, or its id.")]
Stage = Annotated[str, typer.Argument(help="A stage of its pipeline.")]
CloseBy = Annotated[
    str | None, typer.Option("--close-by", help="The day on which it is expected to be closed.")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, in one word.")]
Note = Annotated[str | None, typer.Option("--note", help="In your own words; it is sealed.")]
MarketOption = Annotated[str | None, typer.Option("--market", help="ISO country, such as DE.")]
CurrencyOption = Annotated[str | None, typer.Option("--currency", help="ISO 4217, such as EUR.")]
ItsCurrency = Annotated[
    str | None,
    typer.Option("--currency", help="ISO 4217, such as EUR; its pipeline's, if that has one."),
]


@deal.command("pipeline")
def deal_pipeline(
    pipeline: Annotated[str, typer.Argument(help="Its name.")],
    stages: Annotated[
        list[str],
        typer.Option("--stage", help="NAME=PERCENT of deals in it that are won; once a stage."),
    ],
    currency: CurrencyOption = None,
    market: MarketOption = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Lay down a pipeline, or change it: its stages, in their order."""
    defined = parse(
        "pipeline.defined",
        pipeline=pipeline,
        currency=currency,
        stages=[_stage(text) for text in stages],
    )
    said, tags = Said(at, message_id, json), {"market": market}
    with opened(current=False, begin=True) as bahi:
        carry_out(bahi, said, defined, f"Pipeline {pipeline} is defined", tags=tags)


def _stage(text: str) -> dict[str, str | int]:
    name, _, percent = text.rpartition("=")
    if not (name and percent.isascii() and percent.isdigit()):
        raise BadUsage("--stage: expected NAME=PERCENT, such as offer=40")
    return {"stage": name, "win_percent": int(percent)}


@deal.command("open")
def deal_open(
    number: Annotated[str, typer.Argument(help="The number that you give it.")],
    pipeline: Annotated[str, typer.Option("--pipeline", help="The pipeline that it goes through.")],
    stage: Annotated[
        str | None, typer.Option("--stage", help="Where it begins, if not in the first stage.")
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="What it may be worth, such as 1250.00.")
    ] = None,
    currency: ItsCurrency = None,
    close_by: CloseBy = None,
    customer: Annotated[
        str | None, typer.Option("--customer", help="With whom: an id, kind:value, or - for stdin.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="With which company: its number or id.")
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="What it came from.")] = None,
    market: MarketOption = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="What it is about; it is sealed.")
    ] = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Open a deal in a pipeline."""
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        first, its_currency = begins(
            bahi, SOURCE, message_id, said.moment(bahi), pipeline, stage, currency
        )
        to_open = parse(
            "deal.opened",
            pipeline=pipeline,
            stage=first,
            currency=its_currency,
            amount_minor=minor_units(amount, its_currency),
            expected_close=close_by,
            subject=subject,
        )
        carry_out(
            bahi,
            said,
            to_open,
            f"The deal is open in stage {first}",
            about={"deal": number, "account": account},
            new={"deal"},
            customer=customer,
            tags={"campaign": campaign, "market": market},
        )


@deal.command("move")
def deal_move(
    number: Deal,
    stage: Stage,
    close_by: CloseBy = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Move an open deal to another stage, onwards or back."""
    moved = parse("deal.moved", stage=stage, expected_close=close_by)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, moved, f"The deal is in stage {stage}", about={"deal": number})


@deal.command("price")
def deal_price(
    number: Deal,
    amount: Annotated[str, typer.Argument(help="What it may be worth, such as 1250.00.")],
    currency: Annotated[str, typer.Argument(help="The deal's currency, ISO 4217.")],
    close_by: CloseBy = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Say what an open deal is worth by now."""
    priced = parse(
        "deal.amount_changed",
        currency=currency,
        amount_minor=minor_units(amount, currency, amount_as="AMOUNT", currency_as="CURRENCY"),
        expected_close=close_by,
    )
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        answer = f"The deal is worth {amount} {currency}"
        carry_out(bahi, said, priced, answer, about={"deal": number})


@deal.command("win")
def deal_win(
    number: Deal,
    reason: Reason = None,
    note: Note = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """They said yes."""
    won = parse("deal.won", reason=reason, note=note)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, won, "The deal is won", about={"deal": number})


@deal.command("lose")
def deal_lose(
    number: Deal,
    reason: Reason = None,
    competitor: Annotated[
        str | None, typer.Option("--competitor", help="Who was chosen instead, in one word.")
    ] = None,
    note: Note = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """They said no, or nothing any more."""
    lost = parse("deal.lost", reason=reason, competitor=competitor, note=note)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        carry_out(bahi, said, lost, "The deal is lost", about={"deal": number})


@deal.command("reopen")
def deal_reopen(
    number: Deal,
    stage: Stage,
    reason: Reason = None,
    note: Note = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Take up again a deal that was won or lost, in a stage of its pipeline."""
    reopened = parse("deal.reopened", stage=stage, reason=reason, note=note)
    said = Said(at, message_id, json)
    with opened(current=False) as bahi:
        answer = f"The deal is open again, in stage {stage}"
        carry_out(bahi, said, reopened, answer, about={"deal": number})


@deal.command("show")
def deal_show(
    number: Deal,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    purpose: Purpose = SERVICE,
    json: Json = False,
) -> None:
    """One deal: where it stands, and how it came there."""
    show("deal", number, as_of, known_at, json=json, purpose=purpose)


@goal.command("set")
def goal_set(
    name: Annotated[str, typer.Argument(help="Its name; set again, it is changed.")],
    metric: Annotated[
        Metric, typer.Option("--metric", help="Which figure; revenue in its --currency.")
    ],
    target: Annotated[str, typer.Option("--target", help="How many, or how much revenue.")],
    first: Annotated[str, typer.Option("--from", help="The first day of the period.")],
    last: Annotated[str, typer.Option("--to", help="The last day of the period, included.")],
    currency: CurrencyOption = None,
    market: MarketOption = None,
    at: At = None,
    message_id: MessageId = None,
    json: Json = False,
) -> None:
    """Set a figure to be reached within a period, or change it."""
    if currency is None and not (target.isascii() and target.isdigit()):
        raise BadUsage("--target: expected a whole number, or an amount with its --currency")
    goal_ = parse(
        "goal.set",
        goal=name,
        metric=metric,
        target=int(target)
        if currency is None
        else minor_units(target, currency, amount_as="--target"),
        currency=currency,
        period_start=first,
        period_end=last,
    )
    said, tags = Said(at, message_id, json), {"market": market}
    with opened(current=False, begin=True) as bahi:
        carry_out(bahi, said, goal_, f"Goal {name} is set", tags=tags)
