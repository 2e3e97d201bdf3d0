-- Up to which version the keys of a subject and class were destroyed, if any were.
SELECT subject, retention, version FROM destroyed_key WHERE subject = ? AND retention = ?
