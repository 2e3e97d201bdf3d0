"""Commands of what comes in from topics: `consume`."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import Json, app, opened, progress_bar
from api.cli.stopping import told_to_stop
from api.outcomes import Exit
from api.render import out, say, write_json
from ledger.errors import BadUsage
from ledger.settings import read_settings
from streams.files import Mapping, load_mapping
from streams.kafka.address import Kafka
from streams.kafka.consuming import Consumer, Taken, Told
from streams.kafka.messages import Format, Reader

SOURCE = "kafka"
"""The source of messages where neither the command line nor a mapping names one."""

_SAID_EVERY_S = 60.0


@app.command()
def consume(
    topics: Annotated[list[str], typer.Argument(help="Topics of others, all in one format.")],
    form: Annotated[
        Format, typer.Option("--format", help="How messages are to be read.")
    ] = Format.AUTO,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", "-m", help="The TOML file that says what JSON of others means."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="What system they come from; a mapping says it itself."),
    ] = None,
    group: Annotated[
        str,
        typer.Option("--group", help="Consumers that share the messages; else this ledger's own."),
    ] = "",
    once: Annotated[
        bool, typer.Option("--once", help="Until there are no more, not until told to stop.")
    ] = False,
    json: Json = False,
) -> None:
    """Take what others say on topics into the book, each message once.

    Until Ctrl-C, from the brokers of BAHI_KAFKA.
    """
    stopped = told_to_stop()
    meaning = None if mapping is None else load_mapping(mapping)
    named = _source(source, meaning)
    Kafka.of(read_settings())  # that they make sense, before a ledger is begun for their sake
    with opened(current=False, begin=True) as bahi, progress_bar("consuming") as progress:
        last_said = float("-inf")

        def far(taken: Taken) -> None:
            nonlocal last_said
            bahi.renew_at_rest()
            waiting = sum(taken.waiting.values())
            progress(taken.read, max(taken.read + waiting, 1))
            if not once and not waiting and time.monotonic() - last_said > _SAID_EVERY_S:
                say(f"{said(taken)}; Ctrl-C stops")
                last_said = time.monotonic()

        consumer = Consumer(
            bahi.ledger,
            bahi.settings,
            bahi.intake,
            topics,
            source=named,
            reader=Reader(named, form, meaning, bahi.actor()),
            group=group,
        )
        told = Told(far, lambda what: say(f"warning: {what}"))
        taken = consumer.run(stopped, told, once=once)
    if json:
        write_json(asdict(taken))
    else:
        out.print(said(taken))
    if once and taken.refused:
        sys.exit(Exit.SOME_REFUSED)


def said(taken: Taken) -> str:
    """What became of messages, in a line."""
    line = f"{taken.read:,} read, {taken.appended:,} appended, {taken.duplicates:,} known before"
    if taken.refused:
        line += f", {taken.refused:,} refused: `bahi dead list` says why"
    waiting = sum(taken.waiting.values())
    return f"{line}; {waiting:,} are waiting" if waiting else line


def _source(given: str | None, meaning: Mapping | None) -> str:
    if meaning is None:
        return given or SOURCE
    if given not in (None, meaning.source):
        raise BadUsage(f"--source: expected {meaning.source} as the mapping has it, came another")
    return meaning.source
