-- Is there any key of this person?
SELECT 1 FROM subject_key WHERE subject = ? LIMIT 1
