-- Positions of events of these types.
SELECT position
FROM event
WHERE type IN (SELECT value FROM json_each(:types))
  AND position > :after
  AND position <= :upto
ORDER BY position
LIMIT :limit
