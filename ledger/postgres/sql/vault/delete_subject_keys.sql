-- Destroy keys. Each is looked up by its index, and then deleted where it was found: nobody else writes
-- meanwhile.
DELETE FROM subject_key AS k
USING unnest(%b::bytea[], %b::text[], %b::integer[]) AS g (subject, retention, version)
CROSS JOIN LATERAL (
    SELECT x.ctid
    FROM subject_key AS x
    WHERE x.subject = g.subject AND x.retention = g.retention AND x.version = g.version
    LIMIT 1
) AS found
WHERE k.ctid = found.ctid
