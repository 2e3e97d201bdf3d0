-- Is this key still here, and its person not being erased?
SELECT k.subject, k.retention, k.version
FROM subject_key AS k
WHERE k.subject = ? AND k.retention = ? AND k.version = ?
    AND NOT EXISTS (SELECT 1 FROM erasing AS e WHERE e.subject = k.subject)
