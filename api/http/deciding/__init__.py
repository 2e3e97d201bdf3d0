"""Commands: what a rule allows is done, and answered with its position."""
