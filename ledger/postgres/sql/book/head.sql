-- The last position; no row in an empty book.
SELECT position FROM event ORDER BY position DESC LIMIT 1
