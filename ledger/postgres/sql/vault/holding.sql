-- Those of these people of whom there is any key.
SELECT DISTINCT subject FROM subject_key WHERE subject = ANY (%b::bytea[])
