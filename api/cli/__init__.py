"""The command line `bahi`. Each file here is a group of commands; importing it adds them."""

from api.cli import demo, looking, proving, taking_in
from api.cli.app import app, main

__all__ = ["app", "demo", "looking", "main", "proving", "taking_in"]
