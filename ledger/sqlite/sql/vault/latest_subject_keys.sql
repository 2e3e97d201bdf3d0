-- The key of a person and class that new data is sealed under: none that is about to be destroyed.
SELECT subject, retention, version, epoch, wrapped, logged
FROM subject_key AS k
WHERE subject = ? AND retention = ?
    AND NOT EXISTS (
        SELECT 1 FROM destroyed_key AS d
        WHERE d.subject = k.subject AND d.retention = k.retention AND d.version >= k.version
    )
ORDER BY version DESC
LIMIT 1
