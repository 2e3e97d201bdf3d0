-- Is there any key of this person?
SELECT subject FROM subject_key WHERE subject = ? LIMIT 1
