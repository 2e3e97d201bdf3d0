-- One key, to open with.
SELECT epoch, wrapped, logged FROM subject_key WHERE subject = ? AND retention = ? AND version = ?
