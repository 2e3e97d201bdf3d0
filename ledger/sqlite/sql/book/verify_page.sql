-- Whole rows as they stand, for verification.
SELECT position, recorded_at, id, type, occurred_at, body, personal, leaf
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
LIMIT :limit
