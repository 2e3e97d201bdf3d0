"""Touchpoints in: events, Segment's calls, webhooks, and what of them was refused."""
