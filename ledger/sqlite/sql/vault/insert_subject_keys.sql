-- A new key, not in the book yet.
INSERT INTO subject_key (subject, retention, version, epoch, wrapped, logged)
VALUES (?, ?, ?, ?, ?, 0)
