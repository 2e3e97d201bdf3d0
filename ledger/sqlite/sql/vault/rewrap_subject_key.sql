-- A key under a new epoch.
UPDATE subject_key SET epoch = ?, wrapped = ? WHERE subject = ? AND retention = ? AND version = ?
