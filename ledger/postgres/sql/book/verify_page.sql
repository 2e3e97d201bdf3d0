-- Whole rows as they stand, for verification.
SELECT position, recorded_at, uuid_send(id), type, occurred_at, body, personal, leaf
FROM event
WHERE position > %(after)s AND position <= %(upto)s
ORDER BY position
LIMIT %(limit)s
