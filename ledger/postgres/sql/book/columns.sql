-- A range of positions without the sealed part, for whoever folds. COPY, by which ADBC reads, takes
-- no parameters: the two numbers are written in.
SELECT position, recorded_at, body
FROM event
WHERE position > {after} AND position <= {upto}
ORDER BY position
