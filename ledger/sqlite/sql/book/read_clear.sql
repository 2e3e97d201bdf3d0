-- The same without the sealed part, for whoever folds.
SELECT position, recorded_at, body
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
LIMIT :limit
