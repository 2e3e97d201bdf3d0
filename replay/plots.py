"""Three pictures of a history: the pipeline by week, who comes back, and to what people said yes.

Figures of matplotlib, drawn without a display and readable in print and to the colour-blind: what has an
order goes from light to dark, what has none has the colours of Okabe and Ito and a mark of its own.
Every point is what `History.view` says as of the end of that week.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import duckdb
import orjson
import pyarrow as pa
from duckdb import ColumnExpression, ConstantExpression

from ledger.errors import BadUsage
from ledger.money import minor_digits
from replay.clocks import Moment, read_moment, shown
from replay.notebook.answer import extra
from replay.notebook.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Eight colours that stay apart in every common kind of colour blindness: Okabe and Ito, 2008."""

_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_COLUMNS = 2
_TELLING = 20
"""Fewer people than that have no share worth a colour scale."""
_GREY = "#666666"
_PANEL_INCHES = (5.2, 2.6)

Picture = Callable[[History, Moment | None, str | None, Moment | None], "Figure"]
"""Draws a history as of a moment, of one market or of all, since a day or from the beginning."""


def pipeline(
    history: History,
    as_of: Moment | None = None,
    market: str | None = None,
    since: Moment | None = None,
) -> "Figure":
    """What was open at each week's end, by stage, stacked; a panel for each pipeline and currency.

    Amounts as they stood then, in main units; those without a currency are left out.
    """
    days, found = open_by_week(history, as_of, market, since)
    if not found:
        raise BadUsage("pipeline: expected deals with an amount by then, came none")
    stages = _stages(history, as_of)
    figure, axes = _panels(len(found))
    for axis, (of, series) in zip(axes, sorted(found.items()), strict=True):
        known = [stage for stage in stages.get(of[0], ()) if stage in series]
        order = [*known, *sorted(series.keys() - set(known))]
        axis.stackplot(
            _times(days),
            [series[stage] for stage in order],
            labels=order,
            colors=_shades(len(order)),
            edgecolor="white",
            linewidth=0.4,
        )
        axis.set_title(f"{of[0] or 'no pipeline'} · {of[1]}", loc="left", fontsize="medium")
        _legend(axis, backwards=True)
        _by_time(axis)
    return _titled(
        figure, "Open deals by stage, at each week's end", _told(days[-1], as_of), market
    )


def cohorts(
    history: History,
    as_of: Moment | None = None,
    market: str | None = None,
    since: Moment | None = None,
) -> "Figure":
    """Of those who first ordered in a month, the share who ordered again so many months later.

    A row a month of first orders; the last square of each row is a month that may not be over. Colours
    go up to the most that a month of twenty people or more has, since of one person it is all or none.
    """
    first = date.min if since is None else read_moment(since, "since").date().replace(day=1)
    found = _of_market(history.view("retention", as_of).inside, market).to_pylist()
    rows = [row for row in found if row["cohort"] >= first]
    months = sorted({row["cohort"] for row in rows})
    width = max((row["months_since"] for row in rows), default=0)
    if not width:
        raise BadUsage("cohorts: expected orders of two months at least, came fewer")
    shares: list[list[float | None]] = [[None] * width for _ in months]
    buyers = {row["cohort"]: row["buyers"] for row in rows}
    for row in rows:
        if row["months_since"]:
            shares[months.index(row["cohort"])][row["months_since"] - 1] = row["retained"] / 100
    figure = _figure(2.2 + 0.52 * width, 1.4 + 0.33 * len(months))
    axis = figure.subplots()
    numpy = extra("numpy")
    drawn = numpy.ma.masked_invalid(numpy.array(shares, dtype=float))
    large = [months.index(month) for month in months if buyers[month] >= _TELLING]
    most = max([float(drawn[place].max()) for place in large if drawn[place].count()], default=100)
    image = axis.imshow(drawn, cmap="Blues", vmin=0, vmax=most or 1, aspect="auto")
    for (down, across), share in numpy.ndenumerate(drawn):
        if not drawn.mask[down, across]:
            colour = "white" if share > 0.55 * most else "black"
            axis.text(across, down, f"{share:.0f}", ha="center", va="center", color=colour, size=7)
    axis.set_xticks(range(width), [str(n) for n in range(1, width + 1)])
    axis.set_yticks(range(len(months)), [f"{m:%b %Y}  ({buyers[m]:,})" for m in months])
    axis.set_xlabel("months after the month of the first order")
    axis.set_ylabel("first ordered in (people)")
    axis.tick_params(length=0, labelsize=8)
    axis.spines[:].set_visible(False)
    figure.colorbar(image, label="ordered again, %", fraction=0.03, extend="max")
    return _titled(figure, "Who comes back", _told(_last(history, as_of), as_of), market)


def consent(
    history: History,
    as_of: Moment | None = None,
    market: str | None = None,
    since: Moment | None = None,
) -> "Figure":
    """How many people had said yes to each purpose, on any channel, and could be written to, by week."""
    days, found = yes_by_week(history, as_of, market, since)
    if not found:
        raise BadUsage("consent: expected somebody who said yes by then, came nobody")
    figure = _figure(8, 3.8)
    axis = figure.subplots()
    for place, (purpose, counts) in enumerate(sorted(found.items(), key=lambda one: -one[1][-1])):
        axis.plot(
            _times(days),
            counts,
            label=purpose,
            color=OKABE_ITO[place % len(OKABE_ITO)],
            marker=_MARKS[place % len(_MARKS)],
            markevery=max(len(days) // 8, 1),
            markersize=4,
            linewidth=1.6,
        )
    axis.set_ylabel("people")
    _legend(axis)
    _by_time(axis)
    title = "Who may be written to, by purpose, at each week's end"
    return _titled(figure, title, _told(days[-1], as_of), market)


def open_by_week(
    history: History,
    as_of: Moment | None = None,
    market: str | None = None,
    since: Moment | None = None,
) -> tuple[list[date], dict[tuple[str, str], dict[str, list[float]]]]:
    """The ends of weeks, and what was open then: by pipeline and currency, and in those by stage."""
    days = _weeks(history, "type LIKE 'deal.%'", since, as_of)
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
    with duckdb.connect() as connection:
        for place, (_, rows) in enumerate(
            history.on_days("deal", _moments(days, as_of), where=_OPEN)
        ):
            for name, currency, stage, minor in _amounts(connection.from_arrow(rows), market):
                of_stage = found[name, currency].setdefault(stage, [0.0] * len(days))
                of_stage[place] = minor / 10 ** minor_digits(currency)
    return days, found


def yes_by_week(
    history: History,
    as_of: Moment | None = None,
    market: str | None = None,
    since: Moment | None = None,
) -> tuple[list[date], dict[str, list[int]]]:
    """The ends of weeks, and by purpose how many people might be written to then."""
    days = _weeks(history, "type LIKE 'consent.%'", since, as_of)
    people = None if market is None else _people_of(history, as_of, market)
    found: dict[str, list[int]] = {}
    with duckdb.connect() as connection:
        for place, (_, rows) in enumerate(
            history.on_days("permission", _moments(days, as_of), where=_YES)
        ):
            allowed = connection.from_arrow(rows)
            if people is not None:
                allowed = allowed.join(connection.from_arrow(people), "customer", how="semi")
            counts = allowed.aggregate("purpose, count(DISTINCT customer)").fetchall()
            for purpose, count in counts:
                found.setdefault(purpose, [0] * len(days))[place] = count
    return days, found


def encoded(figure: "Figure", suffix: str) -> bytes:
    """The picture as `.svg` or `.png`; the same figure gives the same bytes. Raises `BadUsage`."""
    demand_suffix(suffix)
    sink = BytesIO()
    settings = {"svg.hashsalt": "bahi", "svg.fonttype": "none"}
    with extra("matplotlib").rc_context(settings):
        when: dict[str, Any] = {"Date": None} if suffix == ".svg" else {"Software": None}
        figure.savefig(sink, format=suffix[1:], dpi=160, metadata=when)
    return sink.getvalue()


def demand_suffix(suffix: str) -> None:
    """A picture can be written so. Raises `BadUsage`."""
    if suffix not in {".svg", ".png"}:
        raise BadUsage(f"--out: expected a file named .svg or .png, came {suffix or 'neither'}")


def week_ends(first: date, last: date) -> list[date]:
    """The Sundays from the week of the first day on, and the last day itself."""
    sunday = first + timedelta(days=6 - first.weekday())
    days = []
    while sunday < last:
        days.append(sunday)
        sunday += timedelta(days=7)
    return [*days, last]


_OPEN = "state IN ('deal.opened', 'deal.reopened') AND currency IS NOT NULL"
_YES = "allowed AND purpose <> ''"


def _last(history: History, as_of: Moment | None) -> date:
    """The day up to which is drawn."""
    moment = history.now() if as_of is None else read_moment(as_of, "as_of")
    return moment.astimezone(UTC).date()


def _weeks(history: History, which: str, since: Moment | None, as_of: Moment | None) -> list[date]:
    """The ends of weeks since a day, else since the first event of a kind."""
    last = _last(history, as_of)
    if since is None:
        days = week_ends(
            min([*(row["day"] for row in history.view("daily", where=which)), last]), last
        )
    else:
        first = read_moment(since, "since").date()
        if first >= last:
            raise BadUsage(
                f"since: expected a day before {last}, the last that is drawn, came {first}"
            )
        days = week_ends(first, last)
    return days if len(days) > 1 else [last - timedelta(days=1), last]


def _moments(days: Sequence[date], as_of: Moment | None) -> list[Moment]:
    """When it is looked: at the end of each day, and at last as of when it is asked."""
    return [*days] if as_of is None else [*days[:-1], as_of]


def _amounts(
    deals: duckdb.DuckDBPyRelation, market: str | None
) -> Iterable[tuple[str, str, str, int]]:
    """Pipeline, currency, stage and the sum of what is open there, of one day's deals."""
    if market is not None:
        deals = deals.filter(ColumnExpression("market") == ConstantExpression(market))
    sums = "coalesce(pipeline, ''), currency, coalesce(stage, ''), sum(amount_minor)::BIGINT"
    return deals.aggregate(sums).fetchall()


def _people_of(history: History, as_of: Moment | None, market: str) -> pa.Table:
    """Whoever belongs to a market, by the last that was heard of it."""
    rows = history.view("customer_milestone", as_of).inside
    with duckdb.connect() as connection:
        mine = connection.from_arrow(rows).filter(
            ColumnExpression("market") == ConstantExpression(market)
        )
        connection.execute("SET arrow_lossless_conversion = true")
        return mine.project("customer").to_arrow_table()


def _of_market(rows: pa.Table, market: str | None) -> pa.Table:
    """The rows of one market, or those of all markets together."""
    import pyarrow.compute as pc  # slow to load

    markets = rows.column("market")
    return rows.filter(pc.is_null(markets) if market is None else pc.equal(markets, market))


def _stages(history: History, as_of: Moment | None) -> dict[str, list[str]]:
    """The stages of each pipeline in their order, as they were defined last."""
    rows = history.view("pipeline_stages", as_of)
    return {row["pipeline"]: [s["stage"] for s in orjson.loads(row["stages"])] for row in rows}


def _figure(width: float, height: float) -> "Figure":
    figure: Figure = extra("matplotlib.figure").Figure((width, height), layout="constrained")
    return figure


def _panels(count: int) -> tuple["Figure", "Sequence[Axes]"]:
    columns = min(count, _COLUMNS)
    lines = -(-count // columns)
    width, height = _PANEL_INCHES
    figure = _figure(width * columns, height * lines)
    axes = figure.subplots(lines, columns, sharex=True, squeeze=False).flatten()
    for axis in axes[count:]:
        axis.remove()
    return figure, list(axes[:count])


def _times(days: Sequence[date]) -> Any:
    """Days as an axis has them."""
    return extra("matplotlib.dates").date2num(days)


def _shades(count: int) -> list[Any]:
    """So many colours from light to dark: later stages are darker."""
    scale = extra("matplotlib").colormaps["cividis_r"]
    return [scale((place + 0.5) / count) for place in range(count)]


def _by_time(axis: "Axes") -> None:
    """Quiet lines, months below, amounts from nought."""
    dates, ticker = extra("matplotlib.dates"), extra("matplotlib.ticker")
    locator = dates.AutoDateLocator(maxticks=7)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axis.yaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    axis.set_ylim(bottom=0)
    axis.margins(x=0.01)
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)


def _legend(axis: "Axes", *, backwards: bool = False) -> None:
    """Beside the picture, in the order in which the eye meets them there."""
    axis.legend(
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        reverse=backwards,
        frameon=False,
        fontsize=8,
    )


def _told(last: date, as_of: Moment | None) -> str:
    """As of when a picture is."""
    return f"{last:%Y-%m-%d}" if as_of is None else shown(read_moment(as_of, "as_of"))


def _titled(figure: "Figure", title: str, last: str, market: str | None) -> "Figure":
    of = "" if market is None else f", market {market}"
    figure.suptitle(f"{title}{of}", x=0.01, ha="left", fontsize="large", fontweight="bold")
    figure.supxlabel(f"as of {last}", x=0.99, ha="right", fontsize=8, color=_GREY)
    return figure
