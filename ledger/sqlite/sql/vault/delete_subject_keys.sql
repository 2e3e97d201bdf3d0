-- Destroy a key.
DELETE FROM subject_key WHERE subject = ? AND retention = ? AND version = ?
