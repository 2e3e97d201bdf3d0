-- Every key of these subjects.
SELECT subject, retention, version, epoch, wrapped, logged
FROM subject_key
WHERE subject = ANY (%b::bytea[])
