-- Letters after a place in the order of keeping, without their content.
SELECT id, kept_at, door, reason, field, epoch, wrapped, coordinates
FROM dead_letter
WHERE (kept_at, id) > (?, ?)
ORDER BY kept_at, id
LIMIT ?
