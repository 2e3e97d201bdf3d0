-- New keys, not in the book yet.
INSERT INTO subject_key (subject, retention, version, epoch, wrapped, logged)
SELECT g.*, false
FROM unnest(%b::bytea[], %b::text[], %b::integer[], %b::integer[], %b::bytea[]) AS g
