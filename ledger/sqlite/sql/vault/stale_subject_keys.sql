-- A page of keys under older epochs, in order of their key.
SELECT subject, retention, version, epoch, wrapped
FROM subject_key
WHERE epoch < ? AND (subject, retention, version) > (?, ?, ?)
ORDER BY subject, retention, version
LIMIT ?
