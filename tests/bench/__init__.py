"""Benchmarks: `make bench` compares each speed that matters with a baseline in the same run."""
