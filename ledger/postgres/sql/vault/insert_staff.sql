-- New members of staff.
INSERT INTO staff (id, digest, epoch, wrapped)
SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::integer[], %b::bytea[])
