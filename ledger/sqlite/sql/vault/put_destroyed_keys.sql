-- Up to which version the keys of a subject and class were destroyed.
INSERT INTO destroyed_key (subject, retention, version)
VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET version = max(version, excluded.version)
