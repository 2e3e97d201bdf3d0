-- A key under a new epoch, unless it was written meanwhile.
UPDATE subject_key SET epoch = ?, wrapped = ?
WHERE subject = ? AND retention = ? AND version = ? AND wrapped = ?
