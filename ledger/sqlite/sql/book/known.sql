-- Of the ids in one blob, 16 bytes each: those that are recorded, where, and their clear envelopes.
WITH RECURSIVE given (start) AS (
    SELECT 1 WHERE length(:ids) > 0
    UNION ALL
    SELECT start + 16 FROM given WHERE start + 16 <= length(:ids)
)
SELECT e.id, e.position, e.body
FROM given
CROSS JOIN event AS e ON e.id = substr(:ids, given.start, 16)
