-- Rows of a range of positions, byte for byte, for whoever copies the book. COPY, by which ADBC reads,
-- takes no parameters: the two numbers are written in.
SELECT position, recorded_at, body, personal, leaf
FROM event
WHERE position > {after} AND position <= {upto}
ORDER BY position
