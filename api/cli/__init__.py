"""The command line `bahi`. Each file here is a group of commands: importing it adds them, and `start` knows which."""

from api.cli.start import main

__all__ = ["main"]
