-- The book has the commitment to this key.
UPDATE subject_key SET logged = 1 WHERE subject = ? AND retention = ? AND version = ?
