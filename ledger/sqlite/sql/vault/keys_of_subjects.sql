-- Every key of a subject.
SELECT subject, retention, version, epoch, wrapped, logged FROM subject_key WHERE subject = ?
