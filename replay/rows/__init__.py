"""Rows on their way out: as people see them, as other programs take them, and as files."""
