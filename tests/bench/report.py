"""A run of the benchmarks as a page: a table, each baseline's code, and a plot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BEGIN = "<!-- figures of `PUBLISH=1 make bench`: begin -->"
_END = "<!-- figures of `PUBLISH=1 make bench`: end -->"
_PAGE, _PLOT = "performance.md", "performance.svg"


def bound(ratio: float | None) -> str:
    """What a row is to reach, if anything was set."""
    return "" if ratio is None else f"{ratio:g} ×"


def told(peak: dict[str, Any]) -> str:
    """A line on memory."""
    verdict = "flat" if peak["flat"] else "missed: it grows"
    return (
        f"{peak['what']}: {peak['small_mib']:,.0f} MiB at {peak['events'] // 10:,} events, "
        f"{peak['large_mib']:,.0f} MiB at {peak['events']:,}: {verdict}"
    )


def publish(run: dict[str, Any], docs: Path) -> None:
    """Write plot and figures into the page, between its two marks; the words around them stay.

    Raises `ValueError` if the page has no such place.
    """
    page = docs / _PAGE
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{_PAGE}: expected {_BEGIN} and {_END}")
    figures = "\n".join(_figures(run))
    page.write_text(f"{before}{begin}\n\n{figures}\n{end}{after}", encoding="utf-8")
    _plot(run, docs / _PLOT)


def _figures(run: dict[str, Any]) -> Iterator[str]:
    yield f"![each ratio beside what it must reach]({_PLOT})"
    yield ""
    yield f"{run['date']}; {run['machine']}; {run['scale']} events; medians of {run['rounds']} rounds, in turn."
    yield ""
    yield "| what | against | events/s | baseline/s | ratio | must | aim | |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for row in run["results"]:
        yield (
            f"| {row['what']} | {row['baseline']} | {row['ours_per_s']:,.0f} | "
            f"{row['baseline_per_s']:,.0f} | {row['ratio']:.2f} × | {bound(row['must'])} | "
            f"{bound(row['aim'])} | {row['verdict']} |"
        )
    if run["memory"]:
        yield ""
    for peak in run["memory"]:
        yield f"- {told(peak)}"
    for row in run["results"]:
        yield ""
        yield f"<details><summary>{row['what']}: durability, and the baseline's code</summary>"
        yield ""
        yield (
            f"{row['durability']}. {row['events']:,} events a round, {row['baseline_events']:,} of the "
            f"baseline's; spread of ours {row['spread']:.0%}."
        )
        yield ""
        yield f"```python\n{row['baseline_code'].rstrip()}\n```"
        yield ""
        yield "</details>"
    yield ""


def _plot(run: dict[str, Any], path: Path) -> None:
    """Ratios as bars on a logarithmic scale, with a mark where each must be."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bahi"  # the same run draws the same file
    from matplotlib import pyplot

    rows = list(reversed(run["results"]))
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(rows) + 1.2), layout="constrained")
    colours = ["#b3452c" if row["verdict"] == "missed" else "#2c6fb3" for row in rows]
    axes.barh(range(len(rows)), [row["ratio"] for row in rows], color=colours)
    for place, row in enumerate(rows):
        axes.text(row["ratio"] * 1.05, place, f"{row['ratio']:.2g} ×", va="center", fontsize=8)
        if row["must"] is not None:
            axes.plot([row["must"]] * 2, [place - 0.45, place + 0.45], color="black", linewidth=2)
    axes.set_yticks(range(len(rows)), [row["what"] for row in rows], fontsize=8)
    axes.set_xscale("log")
    axes.axvline(1, color="grey", linewidth=0.5)
    axes.margins(x=0.15)
    axes.set_xlabel("our rate ÷ the baseline's; black: what it must reach", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
