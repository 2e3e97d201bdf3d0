-- Every position of a range.
SELECT position
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
LIMIT :limit
