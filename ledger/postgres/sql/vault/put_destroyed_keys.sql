-- Up to which version the keys of these subjects and classes were destroyed.
INSERT INTO destroyed_key AS k (subject, retention, version)
SELECT * FROM unnest(%b::bytea[], %b::text[], %b::integer[])
ON CONFLICT (subject, retention) DO UPDATE SET version = greatest(k.version, excluded.version)
