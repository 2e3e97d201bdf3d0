-- The last position and its time; no row in an empty book.
SELECT position, recorded_at FROM event ORDER BY position DESC LIMIT 1
