"""The specification, run: what Bahi promises, given, when and then."""
