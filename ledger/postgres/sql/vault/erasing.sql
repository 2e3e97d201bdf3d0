-- Those of these people whose erasure has begun.
SELECT subject FROM erasing WHERE subject = ANY (%b::bytea[])
