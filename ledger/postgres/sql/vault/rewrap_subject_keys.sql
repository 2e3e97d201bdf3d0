-- Keys under a new epoch, each unless it was written meanwhile. Looked up by the index, and then
-- written where it was found: nobody else writes meanwhile.
UPDATE subject_key AS r
SET epoch = g.epoch, wrapped = g.wrapped
FROM unnest(%b::integer[], %b::bytea[], %b::bytea[], %b::text[], %b::integer[], %b::bytea[])
    AS g (epoch, wrapped, subject, retention, version, old)
CROSS JOIN LATERAL (
    SELECT x.ctid
    FROM subject_key AS x
    WHERE x.subject = g.subject AND x.retention = g.retention AND x.version = g.version
        AND x.wrapped = g.old
    LIMIT 1
) AS found
WHERE r.ctid = found.ctid
