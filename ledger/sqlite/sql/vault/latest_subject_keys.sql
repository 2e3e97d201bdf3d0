-- The key of a person and class that new data is sealed under.
SELECT subject, retention, version, epoch, wrapped, logged
FROM subject_key
WHERE subject = ? AND retention = ?
ORDER BY version DESC
LIMIT 1
