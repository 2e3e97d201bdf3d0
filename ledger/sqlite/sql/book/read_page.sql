-- Events of a range of positions, in order.
SELECT position, recorded_at, body, personal
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
LIMIT :limit
