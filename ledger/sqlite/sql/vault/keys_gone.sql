-- The versions of the keys of a subject and class that are no more: up to which they were destroyed, and
-- each that was lost.
SELECT subject, retention, version
FROM (
    SELECT subject, retention, version FROM destroyed_key
    UNION ALL
    SELECT subject, retention, version FROM lost_key
)
WHERE subject = ? AND retention = ?
