-- One letter, whole.
SELECT id, kept_at, door, reason, field, epoch, wrapped, coordinates, content
FROM dead_letter
WHERE id = %b
