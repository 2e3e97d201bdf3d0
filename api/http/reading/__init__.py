"""Answers: customers, timelines, views and the stream of events, each for those who may."""
