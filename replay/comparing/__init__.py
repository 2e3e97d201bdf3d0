"""Looks held against each other: two days of a view, and what is against what might have been."""
