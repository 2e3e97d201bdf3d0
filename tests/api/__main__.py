"""The command line, as its entry point starts it."""

from api.cli import main

main()
