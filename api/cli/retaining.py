"""Commands about how long data is kept: `privacy retention`, `privacy record-of-processing`."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.text import Text

from api.cli.answering import privacy
from api.cli.app import Json, opened, progress_bar
from api.outcomes import Exit
from api.render import out, rich_table, say, write_json
from commands.privacy.processing import record_of_processing
from commands.privacy.retention import Due, due, let_go, read_rules
from ledger.errors import BadUsage
from ledger.settings import read_settings
from replay.clocks import parse_moment


@privacy.command("retention")
def privacy_retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List whose time is over; destroy nothing.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="With --dry-run: a day, also one that is still to come."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for a timer.")] = False,
    json: Json = False,
) -> None:
    """Let go of what was kept long enough by your rules: the keys of that class.

    Their file is `retention.toml` in BAHI_HOME, or what BAHI_RETENTION names; without one, the rules that
    are shipped. Who is held or restricted, or has a request open, stays, and is listed.
    """
    if as_of is not None and not dry_run:
        raise BadUsage(
            "--as-of: expected --dry-run with it, since what is destroyed is destroyed now"
        )
    rules = read_rules(read_settings().retention_file)
    with opened(current=False) as bahi:
        at = bahi.clock() if as_of is None else parse_moment(as_of, "--as-of")
        actor, zone = bahi.actor(), bahi.settings.office_zone
        found = due(bahi.office, rules, at, actor, zone)
        willing = [one for one in found if one.against is None]
        refused: dict[str, str] = {}
        gone = 0
        if not json:
            _print_due(found)
        if willing and not dry_run:
            _demand_confirmed(len(willing), yes=yes)
            with progress_bar("letting go") as told:
                answers = let_go(bahi.office, rules, willing, actor, zone)
                for done, (rule, answer) in enumerate(answers, 1):
                    gone += answer.refusal is None
                    if answer.refusal is not None:
                        refused[f"{answer.customer} {rule.name}"] = str(answer.refusal)
                    told(done, len(willing))
    if json:
        write_json({"due": [_shown(one) for one in found], "let_go": gone, "refused": refused})
    elif dry_run:
        out.print("Nothing was destroyed.")
    else:
        out.print(f"{gone:,} let go; `bahi privacy certificate` shows each.")
    for name, why in refused.items():
        say(f"  {name}: {why}")
    if refused or len(willing) < len(found):
        sys.exit(Exit.SOME_REFUSED)


@privacy.command("record-of-processing")
def privacy_record(json: Json = False) -> None:
    """The record of processing activities (GDPR Art. 30): what is kept of whom, why, and how long."""
    rules = read_rules(read_settings().retention_file)
    with opened(current=False) as bahi:
        record = record_of_processing(bahi.ledger.book, rules)
    if json:
        write_json(record)
    else:
        _print_record(record)


def _demand_confirmed(count: int, *, yes: bool) -> None:
    if yes:
        return
    say(f"This cannot be undone. Type {count} to let go of them:")
    if sys.stdin.readline().strip() != str(count):
        say("Nothing was destroyed.")
        sys.exit(Exit.ANSWER_IS_NO)


def _shown(one: Due) -> dict[str, Any]:
    return {
        "customer": str(one.customer),
        "class": one.retention.value,
        "rule": one.rule.name,
        "last": str(one.last.date()),
        "over_on": str(one.over_on),
        "stays": None if one.against is None else str(one.against),
    }


def _print_due(found: Sequence[Due]) -> None:
    if not found:
        out.print("Nobody's time is over.")
        return
    counted = Counter((one.rule.name, one.retention.value, one.rule.period) for one in found)
    out.print(
        rich_table(
            pa.Table.from_pylist(
                [
                    {"rule": rule, "class": kept, "period": period, "people": count}
                    for (rule, kept, period), count in sorted(counted.items())
                ]
            )
        )
    )
    for one in found:
        if one.against is not None:
            out.print(f"  {one.customer} {one.rule.name} stays: {one.against}", soft_wrap=True)


def _print_record(record: dict[str, Any]) -> None:
    controller = record["controller"] or {"name": "named in no [controller] of retention.toml"}
    _heading("Controller, Art. 30(1)(a)")
    for name, value in controller.items():
        out.print(f"  {name:<10} {value}", soft_wrap=True)
    _heading("Purposes and personal data, Art. 30(1)(b), (c)")
    for one in record["activities"]:
        out.print(
            f"  {one['domain']:<10} {one['events']:>9,} events: {one['purpose']}", soft_wrap=True
        )
        for kept, names in one["sealed"].items():
            out.print(f"    {kept:<9} {', '.join(names)}", soft_wrap=True)
    _heading("People")
    for name, what in record["people"].items():
        out.print(f"  {name:<10} {what}", soft_wrap=True)
    _heading("Where it comes from, and who was given it, Art. 30(1)(d), (e)")
    for one in record["sources"]:
        span = f"{one['first']} to {one['last']}"
        out.print(f"  {one['source']:<20} {one['events']:>9,} events, {span}", soft_wrap=True)
    out.print(f"  recipients: {', '.join(record['recipients']) or 'none so far'}", soft_wrap=True)
    out.print(f"  transfers: {record['transfers'] or 'none named'}", soft_wrap=True)
    _heading("How long it is kept, Art. 30(1)(f)")
    for one in record["retention"]:
        for rule in one["rules"]:
            out.print(
                f"  {one['class']:<10} {rule['period']:<6} {rule.get('why', '')}", soft_wrap=True
            )
        if not one["rules"]:
            out.print(f"  {one['class']:<10} no rule", soft_wrap=True)
    _heading("How it is kept safe, Art. 30(1)(g)")
    for what in record["security"]:
        out.print(f"  {what}", soft_wrap=True)


def _heading(text: str) -> None:
    out.print(Text(text, style="bold"))
