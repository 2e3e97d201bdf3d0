-- Every key of a subject that was lost.
SELECT subject, retention, version FROM lost_key WHERE subject = ?
