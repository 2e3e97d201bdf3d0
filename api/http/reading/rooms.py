"""The rooms that answer, in order."""

from api.http.reading import customers, events, timeline, views

ROOMS = (customers, timeline, views, events)
