-- Announce erasures; said twice is said once.
INSERT INTO erasure (event, subject, begun_at, upto)
SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::bigint[], %b::text[])
ON CONFLICT DO NOTHING
