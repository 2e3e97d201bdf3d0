"""Ledgers for tests, in files and on a server."""

from tests.commands.conftest import folder

__all__ = ["folder"]
