-- What stays of an event whose envelope was removed.
SELECT id, type, occurred_at
FROM event
WHERE position >= %(position)s AND position <= %(position)s
ORDER BY position
LIMIT 1
