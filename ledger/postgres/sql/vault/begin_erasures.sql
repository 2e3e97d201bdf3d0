-- Announce erasures; said twice is said once.
INSERT INTO erasure (event, subject, begun_at)
SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::bigint[])
ON CONFLICT DO NOTHING
