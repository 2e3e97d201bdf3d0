-- A page of keys under older epochs, in order of their key.
SELECT subject, retention, version, epoch, wrapped
FROM subject_key
WHERE epoch < ?1 AND (subject, retention, version) > (?3, ?4, ?5)
ORDER BY subject, retention, version
LIMIT ?2
