"""The command line `bahi`. Each file here is a group of commands; importing it adds them."""

from api.cli import (
    answering,
    beginning,
    consenting,
    demo,
    identifying,
    knowing,
    looking,
    proving,
    selling,
    serving,
    taking_in,
)
from api.cli.app import app, main

__all__ = [
    "answering",
    "app",
    "beginning",
    "consenting",
    "demo",
    "identifying",
    "knowing",
    "looking",
    "main",
    "proving",
    "selling",
    "serving",
    "taking_in",
]
