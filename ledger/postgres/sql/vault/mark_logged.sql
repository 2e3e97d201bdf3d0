-- The book has the commitments to these keys. Each is looked up by its index, and then written where
-- it was found: nobody else writes meanwhile.
UPDATE subject_key AS k
SET logged = true
FROM unnest(%b::bytea[], %b::text[], %b::integer[]) AS g (subject, retention, version)
CROSS JOIN LATERAL (
    SELECT x.ctid
    FROM subject_key AS x
    WHERE x.subject = g.subject AND x.retention = g.retention AND x.version = g.version
    LIMIT 1
) AS found
WHERE k.ctid = found.ctid
