"""The doors: the command line as whoever types it sees it."""
