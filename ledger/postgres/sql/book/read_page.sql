-- Events of a range of positions, in order.
SELECT position, recorded_at, body, personal
FROM event
WHERE position > %(after)s AND position <= %(upto)s
ORDER BY position
LIMIT %(limit)s
