"""Commands: what may happen, and what became of it."""
