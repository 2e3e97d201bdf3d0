-- A page of links under older epochs, in order of their key.
SELECT digest, epoch, wrapped
FROM identifier
WHERE epoch < %s AND digest > %b
ORDER BY digest
LIMIT %s
