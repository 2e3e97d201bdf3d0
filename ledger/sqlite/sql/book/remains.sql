-- What stays of an event whose envelope was removed.
SELECT id, type, occurred_at FROM event WHERE position = ?
