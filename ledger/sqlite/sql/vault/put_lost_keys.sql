-- These keys were lost.
INSERT INTO lost_key (subject, retention, version) VALUES (?, ?, ?)
ON CONFLICT DO NOTHING
