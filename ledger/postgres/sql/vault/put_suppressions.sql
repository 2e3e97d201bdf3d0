-- What arrives for these identifiers is refused until a moment.
INSERT INTO suppression AS s (digest, until)
SELECT * FROM unnest(%b::bytea[], %b::bigint[])
ON CONFLICT (digest) DO UPDATE SET until = greatest(s.until, excluded.until)
