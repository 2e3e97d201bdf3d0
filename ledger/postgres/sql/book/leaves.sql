SELECT leaf
FROM event
WHERE position > %(after)s AND position <= %(upto)s
ORDER BY position
LIMIT %(limit)s
