"""What `--help` says of each command, on a screen a hundred columns wide."""

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from api.cli.app import app
from api.cli.start import load

COLUMNS = 100


def helps(command: object, name: str, above: Any = None) -> Iterator[tuple[str, str]]:
    """The help of every group of commands, under the words that ask for it."""
    if isinstance(command, TyperGroup):
        context = command.context_class(
            command, info_name=name, parent=above, terminal_width=COLUMNS, max_content_width=COLUMNS
        )
        yield context.command_path, command.get_help(context)
        for word, inner in command.commands.items():
            yield from helps(inner, word, context)


def test_the_first_sentence_of_every_command_is_whole() -> None:
    load()
    told = dict(helps(get_command(app), "bahi"))
    assert {"bahi", "bahi privacy", "bahi views"} <= told.keys()
    lines = [line for text in told.values() for line in text.partition("Commands:")[2].splitlines()]
    assert [line for line in lines if "..." in line or len(line) > COLUMNS] == []
