-- These keys were lost.
INSERT INTO lost_key (subject, retention, version)
SELECT * FROM unnest(%b::bytea[], %b::text[], %b::integer[])
ON CONFLICT DO NOTHING
