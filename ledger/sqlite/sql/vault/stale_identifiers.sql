-- A page of links under older epochs, in order of their key.
SELECT digest, epoch, wrapped
FROM identifier
WHERE epoch < ?1 AND digest > ?3
ORDER BY digest
LIMIT ?2
