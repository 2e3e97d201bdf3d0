-- The events that had happened by then.
SELECT *
FROM {events}
WHERE {happened}
