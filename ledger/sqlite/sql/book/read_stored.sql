-- Rows of a range of positions, byte for byte, for whoever copies the book.
SELECT position, recorded_at, body, personal, leaf
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
LIMIT :limit
