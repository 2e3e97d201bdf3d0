-- One key, to open with.
SELECT subject, retention, version, epoch, wrapped, logged
FROM subject_key
WHERE subject = ? AND retention = ? AND version = ?
